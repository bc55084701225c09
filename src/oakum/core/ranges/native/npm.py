"""npm's ranges, as node-semver reads them: ``^1.2``, ``~1.2.3``, ``1.x``, ``1.2 - 2.3``, ``>=1 <2 || 3``.

As npm means it, a pre-release is in only where a comparator of the same alternative names a pre-release of the same
three numbers; by order, it is in wherever it lies, and a range that leaves numbers open begins with the pre-releases
of its first version (node-semver's ``includePrerelease``).

Oddities kept: an alternative that admits every release overrules the others, and with them what they say of
pre-releases; ``>*`` and ``<*`` admit nothing.  Build metadata is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from oakum.core.ranges.intervals import (
    EVERYTHING,
    LOWEST,
    NOTHING,
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
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText

_NUMBER_MAX: Final = 2**53 - 1  # JavaScript counts no further, and node-semver refuses what is above
_ZERO: Final = "0.0.0"
# No two parts that match blanks stand side by side, or a long row of them would take quadratic time.
_HYPHEN = re.compile(rf"[v=\s]*{PARTIAL}\s+-(?=\s)[v=\s]*{PARTIAL}\s*\Z")
_COMPARATOR = re.compile(rf"(\^|~>?|>=|<=|>|<|=)?[v=\s]*{PARTIAL}(?=\s|\Z)")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alternative:
    sets: tuple[Intervals, ...]
    prerelease_of: tuple[Partial, ...]  # the versions whose pre-releases it names


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    alternatives: list[_Alternative] = []
    for each in piece.split("||"):
        if len(alternatives) == CONSTRAINT_COUNT_MAX:
            raise source.refusal(at, f"there are more than {CONSTRAINT_COUNT_MAX} alternatives")
        alternatives.append(_Reading(source=source, by_order=by_order).alternative(each, at))
        at += len(each) + len("||")
    found = [intersection_of(each.sets) for each in alternatives]
    intervals = union(interval for each in found for interval in each)
    if by_order:
        return source.range(intervals)
    if EVERYTHING in found:
        return source.range(EVERYTHING, NOTHING)
    named = [_prereleases(source, each, at) for each in alternatives]
    pairs = zip(found, named, strict=True)
    return source.range(intervals, union(each for one, other in pairs for each in intersection(one, other)))


def _prereleases(source: RangeText, alternative: _Alternative, at: int) -> Intervals:
    return union(
        interval
        for each in alternative.prerelease_of
        for interval in between(
            source.key(f"{each.floor()}{LOWEST_PRERELEASE}", at),
            source.key(each.floor(), at),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    source: RangeText
    by_order: bool

    def alternative(self, piece: str, at: int) -> _Alternative:
        """Read what stands between two ``||``."""
        hyphen = _HYPHEN.match(piece)
        if hyphen is not None:
            low, high = self._partial(hyphen, 1, at), self._partial(hyphen, 5, at)
            ends = tuple(each for each in (low, high) if each.prerelease)
            return _Alternative(sets=(self._from(low, at), self._up_to(high, at)), prerelease_of=ends)
        sets: list[Intervals] = []
        named: list[Partial] = []
        for comparator, partial, place in self._comparators(piece, at):
            sets.append(self._set(comparator, partial, place))
            if partial.prerelease:
                named.append(partial)
        return _Alternative(sets=tuple(sets), prerelease_of=tuple(named))

    def _comparators(self, piece: str, at: int) -> Iterator[tuple[str, Partial, int]]:
        place = 0
        for _ in range(CONSTRAINT_COUNT_MAX):
            word = _WORD.search(piece, place)
            if word is None:
                return
            place = word.start()
            found = _COMPARATOR.match(piece, place)
            comparator = (found[1] or "") if found else ""
            if found is None or (comparator[:1] not in ("^", "~") and not is_orderly(found, 2)):
                raise self.source.refusal(at + place, f"{shown(word[0])} is no comparator that npm knows")
            yield comparator, self._partial(found, 2, at), at + found.start(2)
            place = found.end()
        raise self.source.refusal(at + place, f"there are more than {CONSTRAINT_COUNT_MAX} comparators")

    def _partial(self, found: re.Match[str], group: int, at: int) -> Partial:
        partial = partial_of(found, group)
        if any(each is not None and each > _NUMBER_MAX for each in (partial.major, partial.minor, partial.patch)):
            raise self.source.refusal(at + found.start(group), f"it has a number above {_NUMBER_MAX}")
        return partial

    def _set(self, comparator: str, partial: Partial, at: int) -> Intervals:
        if partial.major is None:
            return NOTHING if comparator in ("<", ">") else EVERYTHING
        if comparator == "^":
            return between(self._low(partial, at), self.source.key(partial.caret_next(), at))
        if comparator.startswith("~"):
            return between(self._low(partial, at), self.source.key(partial.tilde_next(), at))
        if not partial.is_whole():
            return self._open(comparator, partial, at)
        if comparator == ">=":
            return at_least(self._low(partial, at))
        key = self.source.key(partial.text, at)
        return {"<": below, "<=": at_most, ">": above}.get(comparator, exactly)(key)

    def _open(self, comparator: str, partial: Partial, at: int) -> Intervals:
        """Return what a comparator with a version of one or two numbers admits."""
        low, high = self._low(partial, at), self.source.key(partial.next(), at)
        if comparator == ">":
            return at_least(high) if self.by_order else at_least(self._without_prerelease(partial.next(), at))
        if comparator == ">=":
            return at_least(low)
        if comparator == "<":
            return below(self.source.key(f"{partial.floor()}{LOWEST_PRERELEASE}", at))
        return below(high) if comparator == "<=" else between(low, high)

    def _without_prerelease(self, text: str, at: int) -> bytes:
        return self.source.key(text.removesuffix(LOWEST_PRERELEASE), at)

    def _low(self, partial: Partial, at: int) -> bytes:
        """Return where what is at least a version begins; npm takes ``>=0.0.0`` for everything, pre-releases too."""
        if not self.by_order and partial.text == _ZERO:
            return LOWEST
        open_low = self.by_order and not partial.is_whole()
        return self.source.key(f"{partial.text}{LOWEST_PRERELEASE if open_low else ''}", at)

    def _from(self, low: Partial, at: int) -> Intervals:
        """Return what the left side of a hyphen admits."""
        if low.major is None:
            return EVERYTHING
        if self.by_order and not low.prerelease:
            return at_least(self.source.key(f"{low.text}{LOWEST_PRERELEASE}", at))
        return at_least(self._low(low, at))

    def _up_to(self, high: Partial, at: int) -> Intervals:
        """Return what the right side of a hyphen admits."""
        if high.major is None:
            return EVERYTHING
        if not high.is_whole() or (self.by_order and not high.prerelease):
            return below(self.source.key(high.next(), at))
        return at_most(self.source.key(high.text, at))
