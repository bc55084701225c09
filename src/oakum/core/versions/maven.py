r"""Maven's version order (``ComparableVersion``) as bytes, made an order.

**The key defines the order.**  Maven's own relation is none: it has cycles, so that lists of versions cannot always be
sorted by it, and Maven 3 and 4 differ where notations mix.  The keys follow Maven 4, whose own test cases all hold.
Where it contradicts itself, or departs from Maven 3 (3.8, 3.9):

- ``.`` before a text counts as ``-`` always, not only before the last one (``1.0.foo-bar`` = ``1-foo-bar``);
- ``final``, ``ga`` and ``release`` are nothing, but what follows them is behind them: ``1.0.Final`` = ``1.0`` <
  ``1.0.Final-redhat-1`` < ``1.0.SP1``; Maven 3 drops the ``Final`` in the middle;
- ``rc3`` = ``rc-3`` is one item and above all of ``rc.2``, as in Maven 4; in Maven 3 it is below;
- ``rc0`` is above ``rc``, and ``1.0-1`` above ``1-1``, as in Maven 4; in Maven 3 they are equal.

The order: a version is a row of numbers and texts, told apart by ``.``, ``-`` and by where digits and letters meet,
which is as a hyphen.  In one place come ``alpha``, ``beta``, ``milestone``, ``rc`` (``cr``), ``snapshot``, the end,
``sp``, other texts in their own order, numbers behind a hyphen, numbers behind a dot.  A text that a number follows,
with or without a hyphen, comes right after that text alone; there ``a``, ``b`` and ``m`` are short for the first three.
Letter case, leading zeroes, and zeroes at the end or before a text make no difference.

The bytes::

    key  = item* 0C
    item = 01 | 03 | 05 | 07 | 09               alpha, beta, milestone, rc, snapshot
         | 02 | 04 | 06 | 08 | 0A number        the same, with a number
         | 0B | 0D                              final, ga, release, before what makes it lower, or higher, than nothing
         | 0E number                            final, ga, release, with a number
         | 0F | 10 number                       sp
         | 11 text (00 | 01 number)             another text in lower case, UTF-8
         | 12 number                            behind a hyphen
         | number(n + 13)                       behind a dot, or first; 13 is hexadecimal, as all these

Nothing is a prefix of anything else.

Maven compares anything.  Refused are what its model refuses in a version (``\ / : " < > | ? * [ ] ( ) { } ,``, so also
ranges and unresolved ``${...}``), blanks, and what cannot be printed.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from oakum.core.versions.encoding import TOKEN_COUNT_MAX, check_length, number
from oakum.core.versions.invalid import InvalidVersion

SCHEME: Final = "maven.1"  # the scheme and the revision of the layout above; another layout needs another number

_END: Final = b"\x0c"
_NOTHING_BELOW: Final = b"\x0b"
_NOTHING_ABOVE: Final = b"\x0d"
_NOTHING_NUMBERED: Final = b"\x0e"
_TEXT: Final = b"\x11"
_TEXT_END: Final = b"\x00"
_TEXT_END_NUMBERED: Final = b"\x01"
_HYPHEN_NUMBER: Final = b"\x12"
_DOT_OFFSET: Final = 0x13

# Each known text alone, and with a number behind it.
_BELOW: Final = {
    "alpha": (b"\x01", b"\x02"),
    "beta": (b"\x03", b"\x04"),
    "milestone": (b"\x05", b"\x06"),
    "rc": (b"\x07", b"\x08"),
    "cr": (b"\x07", b"\x08"),
    "snapshot": (b"\x09", b"\x0a"),
}
_ABOVE: Final = {"sp": (b"\x0f", b"\x10")}
_NOTHING: Final = frozenset({"final", "ga", "release"})
_SHORT: Final = {"a": "alpha", "b": "beta", "m": "milestone"}

_BANNED = re.compile(r"[\\/:\"<>|?*\[\](){},\s]")
# An item: a text and the number that belongs to it; a separator and a number; a separator that nothing follows.
_ITEM = re.compile(r"[.-]?[^0-9.-]+(?:-?[0-9]+)?|[.-]?[0-9]+|[.-]")
_PARTS = re.compile(r"([.-]?)([^0-9.-]*)-?([0-9]*)")


class _Kind(Enum):
    """What an item is, compared to nothing."""

    BELOW = auto()
    NOTHING = auto()
    ABOVE = auto()
    ZERO = auto()
    NUMBER = auto()


def order_key(text: str) -> bytes:
    """Return the order key of a Maven version.

    Raises:
        InvalidVersion: it is empty or longer than VERSION_LENGTH_MAX, or has a character that no version has in Maven.

    >>> order_key("1.0-M2") < order_key("1-rc1") < order_key("1.0-SNAPSHOT") < order_key("1.Final") == order_key("1.0")
    True
    >>> order_key("1.0") < order_key("1.0.SP1") < order_key("1.0-jre") < order_key("1.0-1") < order_key("1.0.1")
    True
    """
    check_length(text)
    if _BANNED.search(text) or not text.isprintable():
        raise InvalidVersion(text, "it has a blank or another character that no version has in Maven")
    # From the end, because what is nothing by itself takes its place from what follows it.
    parts = [_END]
    sign = 0  # of what follows, against nothing: below, equal, above
    zero_counts = False  # only before a number
    for item in reversed(_ITEM.findall(_headed(text.lower()))):
        kind, key = _read(item)
        if kind is _Kind.ZERO:
            if not zero_counts:
                continue
        elif kind is _Kind.NOTHING:
            if not sign:
                continue
            key = _NOTHING_BELOW if sign < 0 else _NOTHING_ABOVE
            zero_counts = False
        else:
            sign = -1 if kind is _Kind.BELOW else 1
            zero_counts = kind is _Kind.NUMBER
        parts.append(key)
    return b"".join(reversed(parts))


def _headed(text: str) -> str:
    """Return the text with the zero that Maven reads before a separator that stands first."""
    return f"0{text}" if text[0] in ".-" else text


@lru_cache(maxsize=TOKEN_COUNT_MAX)
def _read(item: str) -> tuple[_Kind, bytes]:
    """Return what an item is, and its bytes, which for NOTHING depend on what follows."""
    parts = _PARTS.match(item)
    assert parts is not None, "both expressions read the same items"
    separator, word, digits = parts.groups()
    value = int(digits or 0)
    if word:
        return _word(word, value if digits else None)
    key = _HYPHEN_NUMBER + number(value) if separator == "-" else number(value + _DOT_OFFSET)
    return _Kind.NUMBER if value else _Kind.ZERO, key


def _word(word: str, value: int | None) -> tuple[_Kind, bytes]:
    """Return the same for a text, with the number that belongs to it."""
    if value is not None:
        word = _SHORT.get(word, word)
    if word in _NOTHING:
        return (_Kind.ABOVE, _NOTHING_NUMBERED + number(value)) if value else (_Kind.NOTHING, b"")
    alone, numbered = _BELOW.get(word) or _ABOVE.get(word) or _other(word)
    return _Kind.BELOW if word in _BELOW else _Kind.ABOVE, alone if value is None else numbered + number(value)


def _other(word: str) -> tuple[bytes, bytes]:
    key = _TEXT + word.encode("utf-8")
    return key + _TEXT_END, key + _TEXT_END_NUMBERED
