"""A range: a set of versions of one scheme, as its notation means it, and the text that is read into one.

Almost every range is a set of intervals.  Two notations need a little more, and it is kept here as data, not as code:

- npm and cargo let a pre-release in only where the range itself names a pre-release of the same version, so what
  holds for pre-releases is a second set of intervals;
- PEP 440's ``===`` asks for a spelling, so a few texts may be in or out whatever the order says.

``|`` and ``&`` keep both exact.  It reads no notation itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from oakum.core.ranges.intervals import EVERYTHING, Intervals, holds, intersection, union
from oakum.core.ranges.invalid import InvalidRange
from oakum.core.versions import InvalidVersion, npm, order_key

RANGE_LENGTH_MAX: Final = 65_536  # the longest published one, an enumeration, has some 20,000 characters
CONSTRAINT_COUNT_MAX: Final = 2_000  # as many as a range has events at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A set of versions of one scheme.

    ``intervals`` holds for all versions, or for releases only where ``prereleases`` is told; both are in normal form.
    ``spelled`` is what is said of single texts in lower case, before any order is asked.  ``named`` are the versions
    that bound the intervals, by key, as far as they have a text; it is no part of what the range means.
    """

    scheme: str
    intervals: Intervals
    prereleases: Intervals | None = None
    spelled: tuple[tuple[str, bool], ...] = ()
    named: Mapping[bytes, str] = field(default_factory=dict, compare=False, repr=False)

    def contains(self, version: str) -> bool:
        """Say whether a version is in the range.

        Raises:
            InvalidVersion: the text is no version of the range's scheme.
        """
        if self.spelled:
            for text, is_in in self.spelled:
                if text == version.lower():
                    return is_in
        key = order_key(self.scheme, version)
        if self.prereleases is not None and is_prerelease(version):
            return holds(self.prereleases, key)
        return holds(self.intervals, key)

    def __or__(self, other: Range) -> Range:
        """Return the versions in either range."""
        return self._with(other, lambda one, two: union([*one, *two]), lambda one, two: one or two)

    def __and__(self, other: Range) -> Range:
        """Return the versions in both ranges."""
        return self._with(other, intersection, lambda one, two: one and two)

    def _with(
        self,
        other: Range,
        combine: Callable[[Intervals, Intervals], Intervals],
        decide: Callable[[bool, bool], bool],
    ) -> Range:
        assert self.scheme == other.scheme, "keys of different schemes never meet in one set"
        prereleases = None
        if self.prereleases is not None or other.prereleases is not None:
            prereleases = combine(self._prerelease_intervals(), other._prerelease_intervals())
        texts = dict.fromkeys([text for text, _ in self.spelled + other.spelled])
        return Range(
            scheme=self.scheme,
            intervals=combine(self.intervals, other.intervals),
            prereleases=prereleases,
            spelled=tuple((text, decide(self._says(text), other._says(text))) for text in texts),
            named={**self.named, **other.named},
        )

    def _prerelease_intervals(self) -> Intervals:
        return self.intervals if self.prereleases is None else self.prereleases

    def _says(self, text: str) -> bool:
        try:
            return self.contains(text)
        except InvalidVersion:
            return False


def everything(scheme: str) -> Range:
    """Return all versions of a scheme."""
    return Range(scheme=scheme, intervals=EVERYTHING)


def is_prerelease(version: str) -> bool:
    """Say whether a valid version of npm or cargo is a pre-release; npm's looser syntax covers both."""
    return npm.parse(version)[3] is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeText:
    """A range's text while it is read: it makes keys of the versions in it and refusals that name the place."""

    scheme: str
    text: str
    named: dict[bytes, str] = field(default_factory=dict)

    def key(self, version: str, at: int) -> bytes:
        """Return the key of a version that the text names, or implies, at an offset.

        Raises:
            InvalidRange: it is no version of the scheme.
        """
        try:
            key = order_key(self.scheme, version)
        except InvalidVersion as error:
            raise self.refusal(at, str(error)) from error
        self.named.setdefault(key, version)
        return key

    def edge(self, one: str, other: str, at: int) -> bytes:
        """Return what the keys of two versions have in common.

        It is at or below every key that begins so and above every other lower key, hence a bound where no version is:
        between a release and all its pre-releases there is no lowest one to name.

        Raises:
            InvalidRange: one of the two is no version of the scheme.
        """
        first, second = self.key(one, at), self.key(other, at)
        pairs = enumerate(zip(first, second, strict=False))
        return first[: next((index for index, (left, right) in pairs if left != right), len(first))]

    def range(self, intervals: Intervals, prereleases: Intervals | None = None) -> Range:
        """Return a range that was read from the text."""
        return Range(scheme=self.scheme, intervals=intervals, prereleases=prereleases, named=self.named)

    def refusal(self, at: int, reason: str) -> InvalidRange:
        """Return the refusal of the text for what stands at an offset."""
        return InvalidRange(self.text, at, reason)
