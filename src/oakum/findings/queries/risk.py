"""The risk side of findings as values: vulnerabilities, the advisories that apply, and groups of affected versions.

It reads nothing (``risk_load``) and knows no host and no deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from pyroaring import BitMap

from oakum.core.priority import NOBODY_TOLD, KevListing, Stated, rate_severity
from oakum.core.ratings import Rating
from oakum.core.sources import published_sources
from oakum.core.versions import InvalidVersion, order_key
from oakum.findings.queries.values import SEVERITIES, AdvisoryView

ID_COUNT_MAX = 5_000  # ids in one statement: below what either database allows
ANSWERS_COUNT_MAX = 65_536
SEVERITY_RANKS = {word: rank for rank, word in enumerate(SEVERITIES)}

HitKey = tuple[str, UUID | None, str]  # feed, owner, ref


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceVersion:
    """A binary package version, and the source it was built from."""

    stream: str
    name: str
    source_name: str
    source_version: str
    source_key: bytes
    scheme: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Threat:
    """A vulnerability as far as anybody has told; ``cve`` is empty for an advisory that names none."""

    cve: str
    kev: KevListing | None = None
    automatable: Stated = NOBODY_TOLD
    technical_impact: Stated = NOBODY_TOLD
    rating: Rating | None = None
    rated_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What a pack can tell apart of a rated vulnerability: thousands of CVEs share a few dozen, each one object."""

    severity: str
    kev: KevListing | None
    automatable: str
    technical_impact: str


@lru_cache(maxsize=ANSWERS_COUNT_MAX)
def answers_of(severity: str, kev: KevListing | None, automatable: str, technical_impact: str) -> Answers:
    """Return the one object for these answers."""
    return Answers(severity=severity, kev=kev, automatable=automatable, technical_impact=technical_impact)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RatedAdvisory:
    """What all findings of one advisory share.  ``threats`` are its vulnerabilities; one without a CVE if it has none.

    ``stated`` is the publisher's own severity; ``severity`` is the worst over its vulnerabilities, ``answers`` theirs.
    """

    title: str
    stated: Stated
    severity: str
    published_at: datetime | None
    cves: tuple[str, ...]
    threats: tuple[Threat, ...]
    answers: tuple[Answers, ...]
    kev: bool

    def severity_of(self, threat: Threat) -> Stated:
        """Return the severity that counts for one of its vulnerabilities, and who says so."""
        if self.stated.value or threat.rating is None:
            return self.stated
        return rate_severity(told="", told_by="", rating=threat.rating, rated_by=threat.rated_by)


class Hit(NamedTuple):
    """One advisory that applies to a group of package versions.  A tuple: nothing else is made as often.

    ``fixed_key`` is None where no fix is known.  ``owner_id`` is the organisation whose own hosts told of it, None for
    a feed.
    """

    owner_id: UUID | None
    feed: str
    ref: str
    state: str
    fixed_version: str
    evidence: str
    since: datetime
    advisory: RatedAdvisory
    fixed_key: bytes | None
    origin: str

    @property
    def key(self) -> HitKey:
        """Its name across feed generations."""
        return self.feed, self.owner_id, self.ref

    @property
    def view(self) -> AdvisoryView:
        """What pages show of it: made when it is asked for, as few ever are."""
        return AdvisoryView(
            ref=self.ref,
            feed=self.feed,
            title=self.advisory.title,
            severity=self.advisory.severity,
            cves=self.advisory.cves,
            state=self.state,
            fixed_version=self.fixed_version,
            evidence=self.evidence,
            since=self.since,
            published_at=self.advisory.published_at,
            told_by_hosts=self.owner_id is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affected:
    """Package versions of one source version to which the very same advisories apply.

    ``source_key`` is the version's own, as the package manager orders it.  ``names`` maps package version ids to binary
    package names.  Compared by identity: one group, one object.
    """

    stream: str
    source_name: str
    source_version: str
    source_key: bytes
    scheme: str
    names: Mapping[int, str]
    hits: tuple[Hit, ...]
    cves: tuple[str, ...]
    severity: str
    kev: bool
    fixed_version: str
    search_text: str
    severity_rank: int  # 0 for the worst
    # What follows from it alone, remembered as long as it lives.  Nothing in it may lead back here: no cycles.
    memo: dict[object, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Everything known of the risk of one set of package versions.  ``covered`` are the ids that were asked about.

    ``groups_by_digest`` and ``memo`` remember what follows from it, and grow; the rest never changes.
    """

    organisation_id: UUID
    covered: BitMap
    affected: BitMap
    group_of: Mapping[int, Affected]
    groups: tuple[Affected, ...]
    kev_as_of: datetime | None
    intel_at: datetime | None
    kernels: Mapping[int, Kernel]
    groups_by_digest: dict[bytes, tuple[Affected, ...]] = field(default_factory=dict)
    memo: dict[object, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """An installed kernel image: its release (``uname -r``) and where its source version stands."""

    release: str
    source_name: str
    source_key: bytes
    package_version_id: int


def chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """Yield ``ids`` in lists short enough for one statement."""
    wanted = list(ids)
    for start in range(0, len(wanted), ID_COUNT_MAX):
        yield wanted[start : start + ID_COUNT_MAX]


def make_group(version: SourceVersion | Affected, names: Mapping[int, str], hits: tuple[Hit, ...]) -> Affected:
    """Return a group with what follows from its hits: worst severity, all CVEs, the version that cures the most."""
    rank = min([SEVERITY_RANKS[hit.advisory.severity] for hit in hits])
    cves = tuple(sorted({cve for hit in hits for cve in hit.advisory.cves}))
    fixed_key, fixed_version = None, ""
    for hit in hits:
        if hit.fixed_key is not None and (fixed_key is None or hit.fixed_key > fixed_key):
            fixed_key, fixed_version = hit.fixed_key, hit.fixed_version
    refs = [hit.ref for hit in hits]
    return Affected(
        stream=version.stream,
        source_name=version.source_name,
        source_version=version.source_version,
        source_key=version.source_key,
        scheme=version.scheme,
        names=names,
        hits=hits,
        cves=cves,
        severity=SEVERITIES[rank],
        severity_rank=rank,
        kev=any(hit.advisory.kev for hit in hits),
        fixed_version=fixed_version,
        search_text="\n".join([version.source_name, *names.values(), *refs, *cves]).lower(),
    )


def cure_key(*, scheme: str, source_name: str, source_version: str, source_key: bytes) -> bytes:
    """Return what a source version must be compared with fixes by.

    That is its own order key, but for a source that only signs what another one has built: advisories name the other
    one's versions (linux-signed-amd64 6.1.140+1 brings what linux 6.1.140-1 fixes).
    """
    text = published_version(source_name, source_version)
    return source_key if text == source_version else key_of(scheme, text) or source_key


def published_version(source_name: str, version: str) -> str:
    """Return a source version in the terms of whoever publishes advisories for it."""
    return published_sources(source_name, version)[-1].version


def key_of(scheme: str, version: str) -> bytes | None:
    """Return a version's order key, None where it is empty or none of the scheme."""
    if not version:
        return None
    try:
        return order_key(scheme, version)
    except InvalidVersion:
        return None
