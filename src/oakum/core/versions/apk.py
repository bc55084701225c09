r"""Alpine's version order (apk-package(5), apk-tools 3) as bytes.

A version is ``number{.number}{letter}{_suffix{number}}{~hash}{-rnumber}``: digits, further digits after dots, at most
one small letter, any number of suffixes, at most one commit hash (small hexadecimal digits), at most one revision.

Versions are compared token by token.  The first number, numbers after a suffix and the revision's go by value.  A
number after a dot goes by value too, unless either side begins with 0: then both go as text (``1.1 > 1.001 > 1.0``),
which is the same as saying that those with a leading zero come first, as text.  Where the tokens' kinds differ, or one
side ends::

    _alpha < _beta < _pre < _rc < end < -r < ~hash < suffix's number < _cvs < _svn < _git < _hg < _p < letter < .number

The bytes::

    key   = number(first) token* END
    token = suffix's byte | REVISION number | HASH text | NUMBER number | LETTER letter | DOT part
    part  = number | 0x00 text              with a leading zero; text is what follows that zero
    number as encoding.number; the byte of each kind is its place above (_alpha 1, … END 5, … DOT 15), so the byte that
    follows a text, which is ASCII, is below it

Keys are self-delimiting.

Refused is what ``apk version --check`` refuses: ``1.0bc``, ``5.7.1p1-r0`` (a digit after the letter), ``1.0_foo``,
``1.0-1``, ``1.0-r``.  apk-tools itself would go on and call two such versions equal from the first invalid token on.
It keeps numbers in 64 bits and wraps beyond; here they have any size.  apk-tools 2 knew no ``~hash`` and orders a few
versions with leading zeroes otherwise; the key is apk-tools 3's.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, digits
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "apk.1"  # the scheme and the revision of the layout above; another layout needs another number

_SUFFIXES: Final = {
    "alpha": b"\x01",
    "beta": b"\x02",
    "pre": b"\x03",
    "rc": b"\x04",
    "cvs": b"\x09",
    "svn": b"\x0a",
    "git": b"\x0b",
    "hg": b"\x0c",
    "p": b"\x0d",
}
_END: Final = b"\x05"
_REVISION: Final = b"\x06"
_HASH: Final = b"\x07"
_SUFFIX_NUMBER: Final = b"\x08"
_LETTER: Final = b"\x0e"
_DOT: Final = b"\x0f"
_LEADING_ZERO: Final = b"\x00"  # number() begins with it for 0 alone, and "0" is the shortest of these texts

_VERSION = re.compile(
    r"([0-9]+)((?:\.[0-9]+)*)([a-z]?)((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)(?:~([0-9a-f]+))?(?:-r([0-9]+))?\Z"
)
_SUFFIX = re.compile(r"_([a-z]+)([0-9]*)")


def order_key(text: str) -> bytes:
    """Return the order key of an Alpine version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or apk-tools calls it invalid.

    >>> order_key("1.2_rc1-r0") < order_key("1.2") < order_key("1.2-r1") < order_key("1.2_p1") < order_key("1.2a")
    True
    >>> order_key("8.2.0015") < order_key("8.2.002") < order_key("8.2.2")
    True
    """
    check_length(text)
    match = _VERSION.match(text)
    if match is None:
        raise InvalidVersion(text, "it is not number{.number}{letter}{_suffix{number}}{~hash}{-rnumber}")
    first, parts, letter, suffixes, commit, revision = match.groups()
    key = _numbers[first]
    if parts:
        key += b"".join([_parts[part] for part in parts[1:].split(".")])
    if letter:
        key += _LETTER + letter.encode("ascii")
    if suffixes:
        key += _tails[suffixes]
    if commit:
        key += _HASH + commit.encode("ascii")
    return key + _REVISION + _numbers[revision] + _END if revision else key + _END


def _part(text: str) -> bytes:
    if text[0] == "0":
        return _DOT + _LEADING_ZERO + text[1:].encode("ascii")
    return _DOT + digits(text)


def _tail(suffixes: str) -> bytes:
    return b"".join(
        _SUFFIXES[word] + (_SUFFIX_NUMBER + digits(value) if value else b"")
        for word, value in _SUFFIX.findall(suffixes)
    )


_numbers: Final = TokenKeys(digits)
_parts: Final = TokenKeys(_part)
_tails: Final = TokenKeys(_tail)
