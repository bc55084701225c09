"""The risk side of findings as values: vulnerabilities, the advisories that apply, and groups of affected versions.

It reads nothing (``risk_load``) and knows no host and no deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.core.priority import NOBODY_TOLD, KevListing, Stated
from oakum.core.ratings import Rating
from oakum.core.sources import published_sources
from oakum.core.versions import InvalidVersion, order_key
from oakum.findings.queries.values import SEVERITIES, AdvisoryView

ID_COUNT_MAX = 5_000  # ids in one statement: below what either database allows


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
    summary: str = ""
    kev: KevListing | None = None
    automatable: Stated = NOBODY_TOLD
    technical_impact: Stated = NOBODY_TOLD
    rating: Rating | None = None
    rated_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hit:
    """One advisory that applies to a group of package versions.

    ``key`` names it across feed generations.  ``fixed_key`` is None where no fix is known.  ``threats`` pairs each
    vulnerability with the severity that counts for it here.
    """

    key: tuple[str, UUID | None, str]
    since: datetime
    view: AdvisoryView
    fixed_key: bytes | None
    threats: tuple[tuple[Threat, Stated], ...]
    origin: str


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

    @property
    def severity_rank(self) -> int:
        """0 for the worst."""
        return SEVERITIES.index(self.severity)


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
    threats: Mapping[str, Threat]
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
    rated = [severity.value or "unknown" for hit in hits for _, severity in hit.threats]
    cves = sorted({threat.cve for hit in hits for threat, _ in hit.threats if threat.cve})
    fixed = max((hit for hit in hits if hit.fixed_key is not None), key=lambda hit: hit.fixed_key or b"", default=None)
    refs = [hit.view.ref for hit in hits]
    return Affected(
        stream=version.stream,
        source_name=version.source_name,
        source_version=version.source_version,
        source_key=version.source_key,
        scheme=version.scheme,
        names=names,
        hits=hits,
        cves=tuple(cves),
        severity=min(rated, key=SEVERITIES.index),
        kev=any(threat.kev is not None for hit in hits for threat, _ in hit.threats),
        fixed_version=fixed.view.fixed_version if fixed else "",
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
