r"""The order of dotted Windows versions, as winget's client has it (its ``Version`` class), as bytes.

It serves file versions, what programs write under Add or Remove Programs, and packages of winget alike.  The order:

* Blanks around are dropped, and so is what stands before the first digit if no dot comes earlier (``v1.2`` and
  ``Version 1.2`` are ``1.2``).
* The rest is split at dots.  A part is the number it begins with, 0 where it begins with none, and what follows it.  A
  number of more than 64 bits is none: the part is 0 and the whole text.
* Parts go by number, then by text without regard to letter case, where no text is above any text
  (``1.0-beta < 1.0``).  The shorter version goes on with zeroes, so ``1`` equals ``1.0.0``, and ``1.0.beta < 1``.
* ``latest`` is above and ``unknown`` below every other version.
* ``< 1.0`` and ``> 1.0``, which winget stores where it only knows a bound, stand right below and right above ``1.0``.

The bytes::

    key   = UNKNOWN | (KNOWN | LATEST) part* END bound
    part  = BELOW zeroes text NUL               the number 0 and a text
          | ABOVE 0xFF-zeroes number (TEXT text NUL | NO_TEXT)
    UNKNOWN 0, KNOWN 1, LATEST 2;  BELOW 1, END 2, ABOVE 3;  TEXT 1, NO_TEXT 2;  bound: less 1, none 2, greater 3
    zeroes is the count of zero parts before this one, in one byte: the more there are, the nearer a part is to the
    end's endless zeroes, from below or from above;  text is case-folded UTF-8;  number as encoding.number

Keys are self-delimiting.  Refused are an empty version, ``< unknown``, which winget refuses, and characters that do not
print.  winget folds letter case by Unicode's tables, as Python does, and reads a sign before a number of a later part
(``1.-5``) as C's ``strtoull``: as a number near 2^64.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import TokenKeys, check_length, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "windows.1"  # the scheme and the revision of the layout above; another layout needs another number

NUMBER_MAX: Final = 2**64 - 1

_UNKNOWN: Final = b"\x00"
_KNOWN: Final = b"\x01"
_LATEST: Final = b"\x02"
_BELOW: Final = b"\x01"
_END: Final = b"\x02"
_ABOVE: Final = b"\x03"
_TEXT: Final = b"\x01"
_NO_TEXT: Final = b"\x02"
_TEXT_END: Final = b"\x00"
_ZEROES_END: Final = 0xFF  # more than a version of VERSION_LENGTH_MAX characters can hold

_BOUNDS: Final = {"< ": b"\x01", "> ": b"\x03"}
_EXACT: Final = b"\x02"

_PREAMBLE = re.compile(r"[^0-9.]+(?=[0-9])")
_PART = re.compile(r"([+-]?[0-9]+)?(.*)\Z", re.DOTALL)


def order_key(text: str) -> bytes:
    """Return the order key of a Windows version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, empty, or winget would refuse it.

    >>> order_key("1-RC") == order_key("v1-rc.0") < order_key("< 1.0") < order_key("1.0") < order_key("> 1.0")
    True
    >>> order_key("unknown") < order_key("1.0-rc") < order_key("1.0.0.1") < order_key("latest")
    True
    """
    check_length(text)
    if not text.isprintable():
        raise InvalidVersion(text, "it has a character that does not print")
    base = text.strip(" ")
    if not base:
        raise InvalidVersion(text, "it is blank")
    bound = _BOUNDS.get(base[:2])
    if bound is not None:
        base = base[2:]
    preamble = _PREAMBLE.match(base)
    parts = (base[preamble.end() :] if preamble else base).split(".")
    keys = [_parts[part] for part in parts]
    while keys and not keys[-1]:
        keys.pop()
    start = _KNOWN
    if len(keys) == 1:
        word = parts[0].strip(" ").lower()
        if word == "unknown":
            if bound is not None:
                raise InvalidVersion(text, "an unknown version bounds nothing")
            return _UNKNOWN
        start = _LATEST if word == "latest" else _KNOWN
    return start + _joined(keys) + _END + (bound or _EXACT)


def _joined(keys: list[bytes]) -> bytes:
    """Return the parts' bytes with the zero parts, whose bytes are empty, counted into the part that follows them."""
    if b"" not in keys:
        return b"".join(keys)
    joined: list[bytes] = []
    zeroes = 0
    for key in keys:
        if not key:
            zeroes += 1
            continue
        kind = key[:1]
        joined += (kind, bytes((zeroes if kind == _BELOW else _ZEROES_END - zeroes,)), key[2:])
        zeroes = 0
    return b"".join(joined)


def _part(text: str) -> bytes:
    """Return the bytes of a part with no zeroes before it; of a part that is zero, none."""
    stripped = text.strip(" ")
    match = _PART.match(stripped)
    assert match is not None, "the pattern matches anything"
    value, rest = int(match[1] or "0"), match[2]
    if abs(value) > NUMBER_MAX:
        value, rest = 0, stripped
    value %= NUMBER_MAX + 1
    folded = rest.casefold().encode() + _TEXT_END if rest else b""
    if not value:
        return _BELOW + b"\x00" + folded if folded else b""
    return _ABOVE + bytes((_ZEROES_END,)) + number(value) + (_TEXT + folded if folded else _NO_TEXT)


_parts: Final = TokenKeys(_part)
