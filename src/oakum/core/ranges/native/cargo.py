"""Cargo's requirements, as the ``semver`` crate reads them: ``1.2`` is ``^1.2``, ``~1.2.3``, ``1.*``, ``>=1, <2``.

As cargo means it, a pre-release is in only where a comparator names a pre-release of the same three numbers, and a
comparator that leaves numbers open never admits one of the versions it begins with; by order, a pre-release is in
wherever it lies.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.ranges.intervals import (
    EVERYTHING,
    NOTHING,
    Interval,
    Intervals,
    above,
    at_least,
    at_most,
    below,
    between,
    exactly,
    intersection,
    intersection_of,
    union,
)
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.native.partial import LOWEST_PRERELEASE, PARTIAL, Partial, is_orderly, partial_of
from oakum.core.ranges.value import Range, RangeText

_COMPARATOR_COUNT_MAX: Final = 32  # cargo's own maximum
_NUMBER_MAX: Final = 2**64 - 1
_COMPARATOR = re.compile(rf"(?:(\^|~|>=|<=|>|<|=)\s*)?{PARTIAL}\Z")


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    told = piece.split(",")
    if len(told) > _COMPARATOR_COUNT_MAX:
        raise source.refusal(at, f"cargo knows no more than {_COMPARATOR_COUNT_MAX} comparators")
    sets: list[Intervals] = []
    prerelease_sets: list[Intervals] = []
    named: list[Interval] = []
    for each in told:
        place = at + len(each) - len(each.lstrip())
        comparator, partial = _comparator(source, each.strip(), place)
        releases, prereleases = _sets(source, comparator, partial, place)
        sets.append(releases)
        prerelease_sets.append(prereleases)
        if partial.prerelease:
            low = source.key(f"{partial.floor()}{LOWEST_PRERELEASE}", place)
            named += between(low, source.key(partial.floor(), place))
        at += len(each) + 1
    if by_order:
        return source.range(intersection_of(sets))
    return source.range(intersection_of(sets), intersection(intersection_of(prerelease_sets), union(named)))


def _comparator(source: RangeText, told: str, at: int) -> tuple[str, Partial]:
    found = _COMPARATOR.match(told)
    if found is None or not is_orderly(found, 2):
        raise source.refusal(at, f"{shown(told)} is no comparator that cargo knows")
    partial = partial_of(found, 2)
    if any(each is not None and each > _NUMBER_MAX for each in (partial.major, partial.minor, partial.patch)):
        raise source.refusal(at + found.start(2), f"it has a number above {_NUMBER_MAX}")
    is_wild = any(each in ("x", "X", "*") for each in found.group(2, 3, 4) if each)
    if partial.major is None and found[1]:
        raise source.refusal(at, "a wild card alone takes no comparator")
    return found[1] or ("*" if is_wild else "^"), partial


def _sets(source: RangeText, comparator: str, partial: Partial, at: int) -> tuple[Intervals, Intervals]:
    """Return what a comparator admits of releases, and what of pre-releases that it may admit at all."""
    if partial.major is None:
        return EVERYTHING, EVERYTHING
    if partial.is_whole() and comparator != "*":
        admitted = _whole(source, comparator, partial, at)
        return admitted, admitted
    low = source.key(f"{partial.floor()}{LOWEST_PRERELEASE}", at)
    if comparator == "^":
        admitted = between(low, source.key(partial.caret_next(), at))
        return admitted, admitted
    high = source.key(partial.next(), at)
    if comparator == ">=":
        return at_least(low), at_least(high)
    if comparator == "<=":
        return below(high), below(low)
    if comparator in (">", "<"):
        admitted = at_least(high) if comparator == ">" else below(low)
        return admitted, admitted
    return between(low, high), NOTHING


def _whole(source: RangeText, comparator: str, partial: Partial, at: int) -> Intervals:
    key = source.key(partial.text, at)
    if comparator == "^":
        return between(key, source.key(partial.caret_next(), at))
    if comparator == "~":
        return between(key, source.key(partial.tilde_next(), at))
    return {"<": below, "<=": at_most, ">": above, ">=": at_least, "=": exactly}[comparator](key)
