r"""dpkg's version order (deb-version(7)) as bytes.

``a`` comes before ``b`` for ``dpkg --compare-versions`` exactly when ``order_key(a) < order_key(b)``.

The order: epoch, then upstream version, then revision.  A part is an endless row of pairs (text, number): the digits
that follow a text count as a number, and a part that ends goes on with empty texts and zeroes, so an absent revision
equals ``0``.  In a text ``~`` comes before the end, the end before letters, letters before everything else.

The bytes::

    key    = number(epoch) part(upstream) part(revision)
    part   = pair+ END                      END is 2: above "~", below every letter, and never begins a later pair,
    pair   = (table byte)* END number       because after a number a part either ends or goes on with a text
    number = value below 0xF0 as one byte
           | 0xEF+n, n big-endian bytes     for n up to 15
           | 0xFF, n as one byte, n bytes

Nothing is a prefix of anything else, so keys are self-delimiting: they may be concatenated, and ``key + b"\0"`` is the
successor of a key.

What dpkg itself refuses is refused here, and so are blanks around a version (dpkg trims them) and characters outside
printable ASCII (dpkg warns).  What else dpkg warns of, a first character that is no digit or a ``_``, it also compares;
such packages exist on hosts, and so they have keys.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "deb.1"  # the scheme and the revision of the layout above; another layout needs another number

# The column that keeps a version's text is that long, and 255 bytes of a number are more than fit in it.
VERSION_LENGTH_MAX: Final = 200
# dpkg keeps the epoch in a C int.
EPOCH_MAX: Final = 2**31 - 1
# A release with its sources has some 25,000 distinct versions, made of fewer tokens.  Each cache stays below 20 MB.
_TEXT_COUNT_MAX: Final = 65_536
_TOKEN_COUNT_MAX: Final = 65_536

_END: Final = 2
_TILDE: Final = 1
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FIRST_LETTER: Final = 3
_FIRST_OTHER: Final = _FIRST_LETTER + len(_LETTERS)
_SMALL_NUMBER_END: Final = 0xF0
_LONG_NUMBER: Final = 0xFF

_TOKEN = re.compile(r"[^0-9]+[0-9]*|[0-9]+")
_PRINTABLE = re.compile(r"[!-~]+\Z")
_EPOCH = re.compile(r"\+?[0-9]+\Z")  # strtol, which dpkg uses, takes a sign


def _table() -> dict[int, int]:
    others = [code for code in range(0x21, 0x7F) if chr(code) not in _LETTERS and chr(code) not in "~0123456789"]
    table = {ord(letter): _FIRST_LETTER + index for index, letter in enumerate(_LETTERS)}
    table |= {code: _FIRST_OTHER + index for index, code in enumerate(others)}
    return table | {ord("~"): _TILDE}


_BYTES: Final = bytes(_table().get(code, 0) for code in range(256))
_tokens: dict[str, bytes] = {}


@lru_cache(maxsize=_TEXT_COUNT_MAX)
def order_key(text: str) -> bytes:
    """Return the order key of a Debian version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or dpkg would refuse it.

    >>> order_key("1.0~rc1-1") < order_key("1.0") == order_key("0:1.0-0") < order_key("1.0a") < order_key("1:0.1")
    True
    """
    epoch, upstream, revision = split(text)
    return _number(epoch) + _part(upstream) + _part(revision)


def upstream_version(text: str) -> str:
    """Return the upstream part of a Debian version.

    Raises:
        InvalidVersion: as for ``order_key``.

    >>> upstream_version("2:1.0-rc1-3+b1")
    '1.0-rc1'
    """
    return split(text)[1]


def split(text: str) -> tuple[int, str, str]:
    """Return epoch, upstream version and revision, the last one empty where there is none.

    Raises:
        InvalidVersion: as for ``order_key``.
    """
    if len(text) > VERSION_LENGTH_MAX:
        raise InvalidVersion(text, f"it is longer than {VERSION_LENGTH_MAX} characters")
    if not _PRINTABLE.match(text):
        reason = "it has a character that is not printable ASCII" if text else "it is empty"
        raise InvalidVersion(text, reason)
    epoch, rest = _epoch(text)
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, ""
    elif not revision:
        raise InvalidVersion(text, "nothing follows the last hyphen")
    if not upstream:
        raise InvalidVersion(text, "there is no version before the revision")
    return epoch, upstream, revision


def _epoch(text: str) -> tuple[int, str]:
    before, colon, rest = text.partition(":")
    if not colon:
        return 0, text
    if not _EPOCH.match(before):
        raise InvalidVersion(text, "what stands before the colon is not a number")
    if not rest:
        raise InvalidVersion(text, "nothing follows the colon")
    epoch = int(before)
    if epoch > EPOCH_MAX:
        raise InvalidVersion(text, f"the epoch is above {EPOCH_MAX}")
    return epoch, rest


def _part(text: str) -> bytes:
    # An absent part is the pair ("", 0), or "1.0" and "1.0-0" would differ.
    return b"".join([_tokens.get(token) or _token(token) for token in _TOKEN.findall(text) or ("0",)]) + b"\x02"


def _token(token: str) -> bytes:
    """Return the bytes of one pair of text and digits, and remember them: versions share most of their tokens."""
    text = token.rstrip("0123456789")
    digits = token[len(text) :]
    key = text.encode("ascii").translate(_BYTES) + bytes((_END,)) + _number(int(digits or "0"))
    if len(_tokens) >= _TOKEN_COUNT_MAX:
        _tokens.clear()
    _tokens[token] = key
    return key


def _number(value: int) -> bytes:
    if value < _SMALL_NUMBER_END:
        return bytes((value,))
    length = (value.bit_length() + 7) // 8
    if _SMALL_NUMBER_END + length - 1 < _LONG_NUMBER:
        return bytes((_SMALL_NUMBER_END + length - 1,)) + value.to_bytes(length, "big")
    return bytes((_LONG_NUMBER, length)) + value.to_bytes(length, "big")
