"""RubyGems' requirements, as ``Gem::Requirement`` reads them: ``~> 2.1, != 2.1.4``.

Pre-releases go by order, but for ``~>``: it stops before the pre-releases of the next version.  A list of requirements
may be one text; RubyGems itself takes its pieces one by one.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.ranges.comparators import SET_OF
from oakum.core.ranges.intervals import Intervals, between, intersection_of
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText

_REQUIREMENT = re.compile(
    r"(?:(=|!=|>=|<=|~>|>|<)\s*)?([0-9]+(?:\.[0-9a-zA-Z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)\Z"
)
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+")
_PESSIMISTIC: Final = "~>"


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    del by_order  # there is but one meaning
    told = piece.split(",")
    if len(told) > CONSTRAINT_COUNT_MAX:
        raise source.refusal(at, f"there are more than {CONSTRAINT_COUNT_MAX} requirements")
    sets = []
    for each in told:
        found = _REQUIREMENT.match(each.strip())
        place = at + len(each) - len(each.lstrip())
        if found is None:
            raise source.refusal(place, f"{shown(each.strip())} is no requirement that RubyGems knows")
        operator, place = found[1] or "=", place + found.start(2)
        key = source.key(found[2], place)
        sets.append(_compatible(source, key, found[2], place) if operator == _PESSIMISTIC else SET_OF[operator](key))
        at += len(each) + 1
    return source.range(intersection_of(sets))


def _compatible(source: RangeText, key: bytes, version: str, at: int) -> Intervals:
    """Return the versions from one on whose release is below that one's next."""
    numbers: list[int] = []
    for segment in _SEGMENT.findall(version.partition("-")[0]):  # a hyphen is read as letters, ".pre."
        if not segment.isdigit():
            break
        numbers.append(int(segment))
    if len(numbers) > 1:
        numbers.pop()
    numbers[-1] += 1
    release = ".".join(map(str, numbers))
    # No version is its lowest pre-release: 2.A is above 2.A.A, and that above 2.A.A.A.
    return between(key, source.edge(f"{release}.A", f"{release}.B", at))
