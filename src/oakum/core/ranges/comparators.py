"""Plain comparators, the notation that every scheme has: ``>= 1.0, < 2.0 || = 3.1``.

A comma or a blank means *and*, ``||`` means *or*, a version without a comparator means that version, no comparator at
all or ``*`` means every version.  deb's ``<<`` and ``>>`` are read as ``<`` and ``>``, and ``<`` is less, never dpkg's
old less-or-equal.  Everything goes by the scheme's order alone: ``< 2.0`` holds the pre-releases of 2.0.

A version with a blank, a comma or a character of a comparator in it, one that begins as comparators and intervals
do elsewhere (``~``, ``^``, a bracket) or has a ``*``, can be written as VERS only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from oakum.core.ranges.intervals import (
    Intervals,
    above,
    at_least,
    at_most,
    below,
    exactly,
    intersection_of,
    other_than,
)
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText, everything

SET_OF: Final[Mapping[str, Callable[[bytes], Intervals]]] = {
    "": exactly,
    "=": exactly,
    "==": exactly,
    "!=": other_than,
    "<": below,
    "<<": below,
    "<=": at_most,
    ">": above,
    ">>": above,
    ">=": at_least,
}
_CONSTRAINT = re.compile(r"(<<|<=|<|>>|>=|>|==|=|!=)?\s*([^\s,|<>=!]*)[\s,]*")
_NO_FIRST: Final = "~^[]()"  # or "~> 1" would be the version "~" and "> 1" in schemes that take nearly any text
_LEADING = re.compile(r"[\s,]*")


def parse_comparators(source: RangeText, piece: str, at: int) -> Range:
    """Return the versions that every comparator of a piece of a text admits; ``at`` is the piece's offset in it.

    Raises:
        InvalidRange: it is no list of comparators and versions of the scheme.
    """
    if piece.strip() in ("", "*"):
        return everything(source.scheme)
    return source.range(intersection_of(_sets(source, piece, at)))


def _sets(source: RangeText, piece: str, at: int) -> Iterator[Intervals]:
    leading = _LEADING.match(piece)
    place = leading.end() if leading else 0
    for _ in range(CONSTRAINT_COUNT_MAX):
        if place == len(piece):
            return
        found = _CONSTRAINT.match(piece, place)
        assert found is not None, "every part of it may be absent"
        operator, version = found[1] or "", found[2]
        if not version or version[0] in _NO_FIRST or "*" in version:
            reason = f"no version follows {operator!r}" if operator else f"{piece[place]!r} begins no comparator"
            raise source.refusal(at + place, reason)
        yield SET_OF[operator](source.key(version, at + found.start(2)))
        place = found.end()
    raise source.refusal(at + place, f"there are more than {CONSTRAINT_COUNT_MAX} comparators")


def alternatives(source: RangeText) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of what ``||`` separates.

    Raises:
        InvalidRange: nothing stands on a side of it, or there is too much of it.
    """
    pieces = source.text.split("||")
    if len(pieces) > CONSTRAINT_COUNT_MAX:
        raise source.refusal(0, f"'||' separates more than {CONSTRAINT_COUNT_MAX} alternatives")
    at = 0
    for piece in pieces:
        if len(pieces) > 1 and not piece.strip():
            raise source.refusal(at, "an alternative is empty: write '*' for every version")
        yield at, piece
        at += len(piece) + len("||")
