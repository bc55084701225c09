r"""RubyGems' version order (``Gem::Version#<=>``) as bytes.

``a`` comes before ``b`` for RubyGems exactly when ``order_key(a) < order_key(b)``.

The order: segments from left to right, each a number or letters (``1a2`` has three, ``-`` reads ``.pre.``); letters
come before numbers, and with regard to case; a version that ends goes on with zeroes.  Zeroes before the first letters
and at the end do not count (``1.0.a`` = ``1.a``, ``1.0`` = ``1``), zeroes elsewhere do.  An empty version is ``0``.

What comes next is told by one byte, and a row of zeroes looks ahead to what ends it, because an ended version is a row
of zeroes too: letters soon are below, letters later above that, then the end, then a number later, a number soon::

    key = segment* 03
    segment = 01 letters 00
            | 02 zeroes 01 letters 00           zeroes: how many, one byte, more is later
            | 04 zeroes number(n + 4)           zeroes: 255 less how many, one byte, more is earlier
            | number(n + 4)                     n above 0

Nothing is a prefix of anything else.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.versions.encoding import VERSION_LENGTH_MAX, TokenKeys, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "gem.1"  # the scheme and the revision of the layout above; another layout needs another number

_LETTERS: Final = 1
_ZEROES_THEN_LETTERS: Final = 2
_END: Final = b"\x03"
_ZEROES_THEN_NUMBER: Final = 4
_NUMBER_OFFSET: Final = 4
_ZEROES_MAX: Final = 255  # a version has at most VERSION_LENGTH_MAX segments
assert VERSION_LENGTH_MAX <= _ZEROES_MAX

_BLANKS: Final = " \t\r\n\f\v"  # what Ruby's \s is; str.strip() alone would also take Unicode's
_VERSION = re.compile(r"[0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")


def order_key(text: str) -> bytes:
    """Return the order key of a gem's version.

    Raises:
        InvalidVersion: it is longer than VERSION_LENGTH_MAX, or RubyGems would refuse it.

    >>> order_key("1.a") < order_key("1.0.pre2") == order_key("1-2") < order_key("1.0") == order_key("1")
    True
    """
    parts: list[bytes] = []
    zeroes = 0
    lettered = False
    for key in map(_segment_keys.__getitem__, _segments(text)):
        if not key:
            zeroes += 1
            continue
        if key[0] == _LETTERS:
            if zeroes and lettered:
                parts.append(bytes((_ZEROES_THEN_LETTERS, zeroes)))
            lettered = True
        elif zeroes:
            parts.append(bytes((_ZEROES_THEN_NUMBER, _ZEROES_MAX - zeroes)))
        parts.append(key)
        zeroes = 0
    return b"".join(parts) + _END


def parse(text: str) -> tuple[int | str, ...]:
    """Return the segments of a version as RubyGems tells them apart, with all zeroes.

    Raises:
        InvalidVersion: as for ``order_key``.

    >>> parse("1.0b2-x")
    (1, 0, 'b', 2, 'pre', 'x')
    """
    return tuple([int(segment) if segment[0] <= "9" else segment for segment in _segments(text)])


def _segments(text: str) -> list[str]:
    if len(text) > VERSION_LENGTH_MAX:
        raise InvalidVersion(text, f"it is longer than {VERSION_LENGTH_MAX} characters")
    stripped = text.strip(_BLANKS)
    if not stripped:
        return ["0"]
    if not _VERSION.fullmatch(stripped):
        raise InvalidVersion(text, "RubyGems takes a number, then .letters or .digits, then a hyphen and more")
    return _SEGMENT.findall(stripped.replace("-", ".pre."))


def _segment_key(segment: str) -> bytes:
    """Return the bytes of one segment: none for a zero, whose bytes depend on what follows."""
    if segment[0] > "9":
        return bytes((_LETTERS,)) + segment.encode("ascii") + b"\x00"
    value = int(segment)
    return number(value + _NUMBER_OFFSET) if value else b""


_segment_keys = TokenKeys(_segment_key)
