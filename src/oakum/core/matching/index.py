"""Match package versions with ranges in memory: for a host or an SBOM, and beside SQL as its second opinion.

Set-based: for as many streams and names at once as the caller likes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from oakum.core.advisories import STATES
from oakum.core.matching.evidence import evidence_of
from oakum.core.matching.targets import is_stray_range, speaks_of_architecture, targets_of
from oakum.core.matching.values import Match, RangeFacts, Target, VersionFacts
from oakum.core.sources import published_names
from oakum.core.streams import LEVELS

_ABOVE_ALL: Final = b"\xff" * 17  # above every key: the longest number's mark is one such byte

_Name = tuple[str, str, str, str]  # stream, scheme, level, name


def names_of(versions: Iterable[VersionFacts]) -> frozenset[str]:
    """Return the names, of either level, whose ranges must be in the index to ``match`` these versions."""
    found: set[str] = set()
    for version in versions:
        found.add(version.name)
        found.update(published_names(version.source_name))
    return frozenset(found)


def match(versions: Iterable[VersionFacts], index: RangeIndex) -> Iterator[Match]:
    """Yield every match, once for each package version and advisory, in no particular order.

    Where several ranges of one advisory hold a version, the one on the binary package is told rather than the one on
    its source, then one with a fix rather than one without, then the state that leaves the most to do.
    """
    for version in versions:
        held = [each for target in targets_of(version) for each in index.holding(version, target)]
        if held:
            yield from matches_of(version, held)


def matches_of(version: VersionFacts, held: Iterable[RangeFacts]) -> Iterator[Match]:
    """Yield the matches of a package version with ranges that hold it, one for each advisory, as ``match`` chooses.

    For callers that have compared the keys elsewhere: in SQL.
    """
    targets = {(target.level, target.name): target for target in targets_of(version)}
    chosen: dict[tuple[str, object, str], RangeFacts] = {}
    for each in held:
        identity = (each.feed_name, each.organisation_id, each.ref)
        if is_stray_range(each) or (each.level, each.name) not in targets:
            continue
        if identity not in chosen or preference(each) > preference(chosen[identity]):
            chosen[identity] = each
    yield from (_match(version, each, targets[each.level, each.name]) for each in chosen.values())


def preference(each: RangeFacts) -> tuple[int, bool, int]:
    """Return what to choose by among ranges of one advisory that hold one version: the highest is told."""
    return (LEVELS.index(each.level), bool(each.fixed_version), -STATES.index(each.state))


class RangeIndex:
    """Ranges by stream, level and name, ascending by their upper end: those that may hold a key are a suffix."""

    def __init__(self, ranges: Iterable[RangeFacts]) -> None:
        """Sort the ranges."""
        by_name: dict[_Name, list[RangeFacts]] = {}
        for each in ranges:
            by_name.setdefault((each.stream, each.scheme, each.level, each.name), []).append(each)
        self._ranges: Mapping[_Name, Sequence[RangeFacts]] = {
            name: sorted(own, key=_upper_end) for name, own in by_name.items()
        }
        self._ends = {name: [_upper_end(each) for each in own] for name, own in self._ranges.items()}

    def holding(self, version: VersionFacts, target: Target) -> Iterator[RangeFacts]:
        """Yield the ranges that hold a package version under one of its targets."""
        name = (version.stream, version.scheme, target.level, target.name)
        own = self._ranges.get(name, ())
        for index in range(bisect_right(self._ends.get(name, ()), target.key), len(own)):
            if own[index].low <= target.key and speaks_of_architecture(own[index], version.architecture):
                yield own[index]


def _upper_end(each: RangeFacts) -> bytes:
    return _ABOVE_ALL if each.high is None else each.high


def _match(version: VersionFacts, found: RangeFacts, target: Target) -> Match:
    return Match(
        package_version_id=version.id,
        advisory_id=found.advisory_id,
        feed_name=found.feed_name,
        organisation_id=found.organisation_id,
        ref=found.ref,
        cves=found.cves,
        state=found.state,
        fixed_version=found.fixed_version,
        evidence=evidence_of(found, version, target),
    )
