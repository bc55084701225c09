"""Half-open intervals of order keys, and the algebra of their sets.

An ``Interval`` is [low, high): ``low`` b"" is below every version, ``high`` None is above every version.  A set of
versions is a tuple of intervals in *normal form*: ascending, disjoint and with a gap between neighbours, so equal sets
are equal tuples.  ``union``, ``intersection``, ``complement`` and ``difference`` obey the laws of a Boolean algebra.

A key that is a proper prefix of other keys stands for all of them: an rpm version without a release equals the same
version with any release.  So ``exactly``, ``at_most`` and ``above`` end or begin behind the last key that begins so.

It does not know which scheme made a key (``core.ranges.value`` does); keys of different schemes must never meet here.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import attrgetter
from typing import Final

LOWEST: Final = b""
# Above every byte that may follow a complete key: what follows is a tag or a separator, never the bytes of a number.
_AFTER: Final = b"\xff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """All versions whose key is at least ``low`` and below ``high``; never empty."""

    low: bytes
    high: bytes | None

    def __post_init__(self) -> None:  # noqa: D105 - the class says it
        assert self.high is None or self.low < self.high, "an empty interval is no interval"

    def contains(self, key: bytes) -> bool:
        """Say whether a version is in the interval."""
        return self.low <= key and (self.high is None or key < self.high)


Intervals = tuple[Interval, ...]

NOTHING: Final[Intervals] = ()
EVERYTHING: Final[Intervals] = (Interval(low=LOWEST, high=None),)
_FEW: Final = 4  # sets that are sooner intersected one by one
_low = attrgetter("low")


def successor(key: bytes) -> bytes:
    """Return the lowest bound above a version and above every version that only adds a release to it.

    Keys are self-delimiting, so what begins with a whole key is the same version said more exactly, and nothing else
    lies between.
    """
    return key + _AFTER


def point(key: bytes) -> Interval:
    """Return the interval of one version."""
    return Interval(low=key, high=successor(key))


def exactly(key: bytes) -> Intervals:
    """Return the set of one version."""
    return (point(key),)


def other_than(key: bytes) -> Intervals:
    """Return all versions but one."""
    return complement(exactly(key))


def at_least(key: bytes) -> Intervals:
    """Return a version and all above it."""
    return (Interval(low=key, high=None),)


def above(key: bytes) -> Intervals:
    """Return all versions above one."""
    return (Interval(low=successor(key), high=None),)


def below(key: bytes) -> Intervals:
    """Return all versions below one."""
    return (Interval(low=LOWEST, high=key),) if key > LOWEST else NOTHING


def at_most(key: bytes) -> Intervals:
    """Return a version and all below it."""
    return (Interval(low=LOWEST, high=successor(key)),)


def between(low: bytes, high: bytes | None) -> Intervals:
    """Return the versions from ``low`` on and below ``high``: none where the bounds meet or cross."""
    return (Interval(low=low, high=high),) if high is None or low < high else NOTHING


def contains(intervals: Iterable[Interval], key: bytes) -> bool:
    """Say whether a version is in any of the intervals, in whatever order they are."""
    return any(interval.contains(key) for interval in intervals)


def holds(intervals: Sequence[Interval], key: bytes) -> bool:
    """Say whether a version is in a set in normal form; a binary search, so many intervals cost little."""
    index = bisect_right(intervals, key, key=_low) - 1
    if index < 0:
        return False
    high = intervals[index].high
    return high is None or key < high


def union(intervals: Iterable[Interval]) -> Intervals:
    """Return the versions in any of the intervals, in normal form: this is also how any intervals are brought to it."""
    joined: list[Interval] = []
    for each in sorted(intervals, key=_low):
        last = joined[-1] if joined else None
        if last is None or (last.high is not None and last.high < each.low):
            joined.append(each)
        elif last.high is not None and (each.high is None or each.high > last.high):
            joined[-1] = Interval(low=last.low, high=each.high)
    return tuple(joined)


def complement(intervals: Sequence[Interval]) -> Intervals:
    """Return all versions that are not in a set in normal form."""
    gaps: list[Interval] = []
    low: bytes | None = LOWEST
    for each in intervals:
        assert low is not None, "nothing follows an interval without an upper end"
        if low < each.low:
            gaps.append(Interval(low=low, high=each.low))
        low = each.high
    if low is not None:
        gaps.append(Interval(low=low, high=None))
    return tuple(gaps)


def intersection(one: Sequence[Interval], other: Sequence[Interval]) -> Intervals:
    """Return the versions in both of two sets in normal form."""
    shared: list[Interval] = []
    first = second = 0
    while first < len(one) and second < len(other):
        left, right = one[first], other[second]
        high = right.high if left.high is None or (right.high is not None and right.high < left.high) else left.high
        shared += between(max(left.low, right.low), high)
        if high == left.high:
            first += 1
        if high == right.high:
            second += 1
    return tuple(shared)


def intersection_of(sets: Iterable[Intervals]) -> Intervals:
    """Return the versions in every one of many sets in normal form; all versions where there is no set."""
    told = tuple(sets)
    if len(told) <= _FEW:
        return reduce(intersection, told) if told else EVERYTHING
    # One by one, a range of a thousand ``!=`` would take a million steps.
    return complement(union(gap for each in told for gap in complement(each)))


def difference(one: Sequence[Interval], other: Sequence[Interval]) -> Intervals:
    """Return the versions of the first set that are not in the second; both in normal form."""
    return intersection(one, complement(other))
