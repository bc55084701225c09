"""Which package versions an advisory applies to, with the comparison that held, in words.

A package version matches a range when the stream and a source name of it are the range's, the schemes are one, and its
source version's key lies in [low, high).  Binaries that hold no code never match.  Nothing else is looked at: whether
a host has the package, whether the fix is offered to it, what a host says of either.

Pure, and set-based: the caller passes the versions and ranges of one stream, for as many names at once as it likes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from oakum.core.advisories import AFFECTED, DEFERRED, END_OF_LIFE, NOT_AFFECTED, UNDER_INVESTIGATION, WILL_NOT_FIX
from oakum.core.sources import codeless_reason, published_names, published_sources
from oakum.core.versions import InvalidVersion, order_key

# Whatever changes what matches, or the words of the evidence, raises this: stored findings are then matched anew.
REVISION: Final = 1
EVIDENCE_LENGTH_MAX: Final = 500
_ABOVE_ALL: Final = b"\xff"  # above every key: no epoch begins so


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """A package version of one stream."""

    id: int
    scheme: str
    name: str
    source_name: str
    source_version: str
    source_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFacts:
    """An affected range of one stream.  ``organisation_id`` is set for what that organisation's own hosts told."""

    advisory_id: int
    feed_name: str
    organisation_id: UUID | None
    ref: str
    scheme: str
    name: str
    low: bytes
    high: bytes | None
    fixed_version: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A finding: one package version, one advisory."""

    package_version_id: int
    advisory_id: int
    feed_name: str
    organisation_id: UUID | None
    ref: str
    state: str
    fixed_version: str
    evidence: str

    @property
    def key(self) -> tuple[int, str, UUID | None, str]:
        """What makes a finding one, across the generations of a feed."""
        return (self.package_version_id, self.feed_name, self.organisation_id, self.ref)


_NO_FIX: Final = {
    AFFECTED: "no fixed version is known",
    DEFERRED: "the publisher has deferred the fix",
    WILL_NOT_FIX: "the publisher will not fix it",
    END_OF_LIFE: "the package gets no more fixes",
    UNDER_INVESTIGATION: "the publisher is still looking into it",
}


def names_of(versions: Iterable[VersionFacts]) -> frozenset[str]:
    """Return the source names whose ranges must be in the index to ``match`` these versions."""
    return frozenset(name for source in {each.source_name for each in versions} for name in published_names(source))


def match(versions: Iterable[VersionFacts], index: RangeIndex) -> Iterator[Match]:
    """Yield every match, once for each package version and advisory, in no particular order.

    Where several ranges of one advisory hold a version, one with a fix is told rather than one without.
    """
    by_source: dict[tuple[str, str, str, bytes], list[VersionFacts]] = {}
    for version in versions:
        if not codeless_reason(version.name):
            source = (version.scheme, version.source_name, version.source_version, version.source_key)
            by_source.setdefault(source, []).append(version)
    for (scheme, name, text, key), binaries in by_source.items():
        for found, evidence in _matches_of_source(index, scheme, name, text, key):
            yield from (_match(binary, found, evidence) for binary in binaries)


class RangeIndex:
    """Ranges of one stream by scheme and name, ascending by their upper end: those that may hold a key are a suffix."""

    def __init__(self, ranges: Iterable[RangeFacts]) -> None:
        """Sort the ranges, leaving out those that say "not affected"."""
        by_name: dict[tuple[str, str], list[RangeFacts]] = {}
        for each in ranges:
            if each.state != NOT_AFFECTED:
                by_name.setdefault((each.scheme, each.name), []).append(each)
        self._ranges: Mapping[tuple[str, str], Sequence[RangeFacts]] = {
            name: sorted(own, key=_upper_end) for name, own in by_name.items()
        }
        self._ends = {name: [_upper_end(each) for each in own] for name, own in self._ranges.items()}

    def holding(self, scheme: str, name: str, key: bytes) -> Iterator[RangeFacts]:
        """Yield the ranges of a source package that hold a key."""
        own = self._ranges.get((scheme, name), ())
        start = bisect_right(self._ends.get((scheme, name), ()), key)
        return (own[index] for index in range(start, len(own)) if own[index].low <= key)


def _upper_end(each: RangeFacts) -> bytes:
    return _ABOVE_ALL if each.high is None else each.high


def _matches_of_source(
    index: RangeIndex, scheme: str, name: str, text: str, key: bytes
) -> Iterator[tuple[RangeFacts, str]]:
    """Yield the ranges that hold a source version under any of its published names, one for each advisory."""
    found: dict[tuple[str, UUID | None, str], tuple[RangeFacts, str]] = {}
    for published in published_sources(name, text):
        own_key = key if published.version == text else _key_or_none(scheme, published.version)
        if own_key is None:
            continue
        for each in index.holding(scheme, published.name, own_key):
            identity = (each.feed_name, each.organisation_id, each.ref)
            if identity not in found or (each.fixed_version and not found[identity][0].fixed_version):
                built_as = "" if published.name == name else f" (signed as {name} {text})"
                found[identity] = (each, _evidence(each, f"{published.name} {published.version}{built_as}"))
    yield from found.values()


def _key_or_none(scheme: str, text: str) -> bytes | None:
    try:
        return order_key(scheme, text)
    except InvalidVersion:
        return None


def _match(version: VersionFacts, found: RangeFacts, evidence: str) -> Match:
    return Match(
        package_version_id=version.id,
        advisory_id=found.advisory_id,
        feed_name=found.feed_name,
        organisation_id=found.organisation_id,
        ref=found.ref,
        state=found.state,
        fixed_version=found.fixed_version,
        evidence=evidence,
    )


def _evidence(found: RangeFacts, installed: str) -> str:
    """Word the comparison that held.

    The installed version and the fixed one stand in full wherever they fit: they are what a reader checks.
    """
    feed = f"(feed {found.feed_name})"
    if found.fixed_version and found.organisation_id is not None:
        text = f"{installed} is older than {found.fixed_version}, which hosts tell is a security update {feed}"
    elif found.fixed_version:
        text = f"{installed} is older than {found.fixed_version}, fixed by {found.ref} {feed}"
    elif found.high is not None:
        text = f"{installed} is among the versions that {found.ref} names as affected {feed}"
    else:
        text = f"{installed} is affected by {found.ref}; {_NO_FIX[found.state]} {feed}"
    return text if len(text) <= EVIDENCE_LENGTH_MAX else f"{text[: EVIDENCE_LENGTH_MAX - 1]}…"
