"""Maven's version ranges (its dependency mechanism's ``VersionRange``): ``[1.0,2.0)``, ``(,1.0],[1.2,)``, ``[1.5]``.

Several intervals are joined by commas; as Maven, they must ascend and not overlap.  A bare version is Maven's *soft
requirement*, which excludes nothing: as a set of versions it would be everything, and nobody means that who writes one
in an advisory.  So it is left to the plain comparators, where it means that version.
"""

from __future__ import annotations

from oakum.core.ranges.intervals import Interval, union
from oakum.core.ranges.native.brackets import parse_brackets
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    del by_order  # there is but one meaning
    found: list[Interval] = []
    place = 0
    for _ in range(CONSTRAINT_COUNT_MAX):
        place += len(piece[place:]) - len(piece[place:].lstrip())
        end = min((index for index in (piece.find(each, place) for each in "])") if index >= 0), default=-1) + 1
        if not end:
            raise source.refusal(at + place, "an interval needs its brackets")
        interval = parse_brackets(source, piece[place:end], at + place)
        if found and (found[-1].high is None or interval.low < found[-1].high):
            raise source.refusal(at + place, "the intervals overlap or do not ascend")
        found.append(interval)
        rest = piece[end:].lstrip()
        if not rest:
            return source.range(union(found))
        if not rest.startswith(","):
            raise source.refusal(at + end, "a comma separates intervals")
        place = len(piece) - len(rest) + 1
    raise source.refusal(at + place, f"there are more than {CONSTRAINT_COUNT_MAX} intervals")
