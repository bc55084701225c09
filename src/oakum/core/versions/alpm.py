r"""pacman's version order (vercmp(8), libalpm) as bytes.

The order of ``[epoch:]version[-pkgrel]``: epoch, where none is 0, then version, then pkgrel.  A version or pkgrel is a
row of segments, runs of ASCII digits or of ASCII letters, with separators between them: anything else, and it counts
how many there are, not which.  At the first difference::

    letters without separator < end < digits without separator < .letters < .digits < ..letters < ..digits < …

so ``1.0rc1 < 1.0 < 1.0.rc1 < 1.0.1``; numbers go by value, letters by their ASCII codes, and ``~`` and ``^`` are
separators like others.

**Versions that end in separators.**  libalpm's relation is no order there: ``1.0. < 1.0.1 < 1.0..a < 1.0.``.  No key
can follow it.  Here such an end, however long, is one place between ``.letters`` and ``.digits``: as libalpm has it
against the end, against a single separator and what follows, and against another such end, but not against
``..letters``, which libalpm puts below it.  Everything else is exact.

The bytes::

    key     = number(epoch) label(version) [label(pkgrel)]
    label   = segment+ (END | TRAILING)
    segment = LETTERS letter+ | DIGITS number                          without separator
            | LETTERS_AFTER_ONE letter+ | DIGITS_AFTER_ONE number      after one
            | AFTER_MORE number(separators) (LETTERS letter+ | DIGITS number)
    LETTERS 1, END 2, DIGITS 3, LETTERS_AFTER_ONE 4, TRAILING 5, DIGITS_AFTER_ONE 6, AFTER_MORE 7; a letter is its ASCII
    code, so the byte that follows letters is below them;  number as encoding.number

**A version without pkgrel.**  pacman compares it only where both sides have one, which is no equivalence (``1.0``
equals ``1.0-1`` and ``1.0-2``).  Here its key is a *prefix* of the keys of the same version with any pkgrel, so a range
that ends before ``1.0`` leaves them all out, and one that ends with it, at ``key + b"\xff"``, takes them all in.  Keys
with a pkgrel are self-delimiting.

vercmp refuses nothing.  Refused here is what makepkg refuses in a package (PKGBUILD(5)): an epoch that is no number;
colons, slashes, hyphens, blanks and what is not printable ASCII in a version; and a part without digit and letter.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, digits, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "alpm.1"  # the scheme and the revision of the layout above; another layout needs another number

_LETTERS: Final = b"\x01"
_END: Final = b"\x02"
_DIGITS: Final = b"\x03"
_LETTERS_AFTER_ONE: Final = b"\x04"
_TRAILING: Final = b"\x05"
_DIGITS_AFTER_ONE: Final = b"\x06"
_AFTER_MORE: Final = b"\x07"

_EPOCH = re.compile(r"[0-9]+\Z")
_SEGMENT = re.compile(r"[^0-9A-Za-z]*(?:[0-9]+|[A-Za-z]+)")
_PARTS = re.compile(r"([^0-9A-Za-z]*)(.+)")


def order_key(text: str) -> bytes:
    r"""Return the order key of an Arch version, ``[epoch:]version[-pkgrel]``.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or no version as said above.

    >>> order_key("1.0rc1-1") < order_key("1.0-1") == order_key("0:1.00-1") < order_key("1.0.a-1")
    True
    >>> order_key("1.0.a-1") < order_key("1.0.1-1") < order_key("1:0.1-1")
    True
    >>> order_key("1.0") < order_key("1.0-1") < order_key("1.0") + b"\xff" < order_key("1.0.a-1")
    True
    """
    epoch, version, release = _split(text)
    try:
        key = _epochs[epoch] + _label(version)
        return key + _releases[release] if release else key
    except InvalidVersion as error:
        raise InvalidVersion(text, error.reason) from None


def _split(text: str) -> tuple[str, str, str]:
    check_length(text)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidVersion(text, "it has a blank or a character that is not printable ASCII")
    if "/" in text:
        raise InvalidVersion(text, "it has a slash")
    epoch, rest = "0", text
    if ":" in text:
        epoch, _, rest = text.partition(":")
        if not _EPOCH.match(epoch):
            raise InvalidVersion(text, "what stands before the colon is not a number")
        if ":" in rest:
            raise InvalidVersion(text, "it has more than one colon")
    version, hyphen, release = rest.partition("-")
    if not version:
        raise InvalidVersion(text, "there is no version before the pkgrel" if hyphen else "nothing follows the colon")
    if hyphen and not release:
        raise InvalidVersion(text, "nothing follows the hyphen")
    if "-" in release:
        raise InvalidVersion(text, "it has more than one hyphen, which neither version nor pkgrel may hold")
    return epoch, version, release


def _segment(text: str) -> bytes:
    """Return the bytes of one segment with the separators before it."""
    match = _PARTS.match(text)
    assert match is not None, "a segment has at least one digit or letter"
    count, value = len(match[1]), match[2]
    is_number = value.isdecimal()
    rest = digits(value) if is_number else value.encode("ascii")
    if count == 1:
        return (_DIGITS_AFTER_ONE if is_number else _LETTERS_AFTER_ONE) + rest
    start = _AFTER_MORE + number(count) if count else b""
    return start + (_DIGITS if is_number else _LETTERS) + rest


def _label(text: str) -> bytes:
    segments = b"".join([_segments[segment] for segment in _SEGMENT.findall(text)])
    if not segments:
        raise InvalidVersion(text, "a part of it has neither digit nor letter")
    return segments + (_END if text[-1].isalnum() else _TRAILING)


_epochs: Final = TokenKeys(digits)
_segments: Final = TokenKeys(_segment)
_releases: Final = TokenKeys(_label)
