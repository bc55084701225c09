"""Maven's version ranges (its dependency mechanism's ``VersionRange``): ``[1.0,2.0)``, ``(,1.0],[1.2,)``, ``[1.5]``.

Several intervals are joined by commas; as Maven has it, they must ascend and not overlap.  A bare version is Maven's
*soft requirement*, which excludes nothing: as a set of versions it would be everything, and nobody means that who
writes one in an advisory.  So it is left to the plain comparators, where it means that version.
"""

from __future__ import annotations

from oakum.core.ranges.intervals import union
from oakum.core.ranges.native.brackets import Brackets, parse_brackets
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    del by_order  # there is but one meaning
    found: list[Brackets] = []
    place = 0
    for _ in range(CONSTRAINT_COUNT_MAX):
        place += len(piece[place:]) - len(piece[place:].lstrip())
        end = min((index for index in (piece.find(each, place) for each in "])") if index >= 0), default=-1) + 1
        if not end:
            raise source.refusal(at + place, "an interval needs its brackets")
        told = parse_brackets(source, piece[place:end], at + place)
        before = found[-1].high if found else None  # Maven lets anything follow an open end
        if before is not None and (told.low is None or told.low < before):
            raise source.refusal(at + place, "the intervals overlap or do not ascend")
        found.append(told)
        rest = piece[end:].lstrip()
        if not rest:
            return source.range(union(each.interval for each in found))
        if not rest.startswith(","):
            raise source.refusal(at + end, "a comma separates intervals")
        place = len(piece) - len(rest) + 1
    raise source.refusal(at + place, f"there are more than {CONSTRAINT_COUNT_MAX} intervals")
