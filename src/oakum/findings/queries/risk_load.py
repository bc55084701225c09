"""Load the risk side of an organisation's findings for the package versions that its hosts have or had.

Grouped by source package and version: binary packages of one source share their findings.  ``cache`` keeps the result.
It knows no host and no deadline.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar, cast
from uuid import UUID

from django.db.models import Q
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion, Update, UpdateKind
from oakum.core.advisories import NOT_AFFECTED, AdvisoryRecord
from oakum.core.matching import Match
from oakum.core.priority import NOBODY_TOLD, KevListing, Stated, rate_severity
from oakum.core.ratings import Rating
from oakum.findings.models import Finding
from oakum.findings.queries.risk import (
    ID_COUNT_MAX,
    Affected,
    Hit,
    Kernel,
    Risk,
    SourceVersion,
    Threat,
    chunks,
    key_of,
    make_group,
    published_version,
)
from oakum.findings.queries.values import SEVERITIES, AdvisoryView
from oakum.intel.models import Advisory, Feed, KevEntry, Vulnerability

V = TypeVar("V")
KEV_KIND = "kev"
CVSS_VERSION_WITHOUT_PREFIX = 2  # its vectors name no version


def load_risk(*, organisation_id: UUID, package_version_ids: BitMap) -> Risk:
    """Load what is known of these package versions: imported feeds, and what this organisation's own hosts told.

    Another organisation's hosts are never heard.  Withdrawn advisories are left out, as are findings whose state says
    that they are none.
    """
    rows = list(_finding_rows(organisation_id, package_version_ids))
    advisories = _advisories({row.advisory_id for row in rows})
    return _risk(organisation_id, package_version_ids, rows, advisories, _origins(organisation_id, rows))


def suppose_risk(
    *,
    organisation_id: UUID,
    package_version_ids: BitMap,
    records: Sequence[AdvisoryRecord],
    matches: Iterable[Match],
    now: datetime,
) -> Risk:
    """Return the risk as if these matches were all findings there are; nothing is stored.

    Matches name their record by its place.  What is known of the CVEs (ratings, KEV) is what is imported now.
    """
    rows = [
        _Row(
            package_version_id=each.package_version_id,
            owner_id=None,
            feed=each.feed_name,
            ref=each.ref,
            state=each.state,
            fixed_version=each.fixed_version,
            evidence=each.evidence,
            since=now,
            advisory_id=each.advisory_id,
        )
        for each in matches
        if each.state != NOT_AFFECTED
    ]
    advisories = {
        place: _Advisory(
            title=record.title,
            severity=record.severity.strip().lower(),
            published_at=record.published_at,
            cves=tuple(sorted(record.cves)),
        )
        for place, record in enumerate(records)
    }
    return _risk(organisation_id, package_version_ids, rows, advisories, {})


def _risk(
    organisation_id: UUID,
    covered: BitMap,
    rows: Sequence[_Row],
    advisories: Mapping[int, _Advisory],
    origins: Mapping[str, str],
) -> Risk:
    kev_feed, intel_at = _feeds()
    threats = _threats({cve for advisory in advisories.values() for cve in advisory.cves}, kev_feed)
    affected = BitMap(row.package_version_id for row in rows)
    versions = _versions(affected)
    groups = tuple(_groups(rows, advisories, threats, versions, origins))
    return Risk(
        organisation_id=organisation_id,
        covered=covered,
        affected=affected,
        group_of={version_id: group for group in groups for version_id in group.names},
        groups=groups,
        threats=threats,
        kev_as_of=kev_feed.imported_at if kev_feed else None,
        intel_at=intel_at,
        kernels=kernels_of(groups, covered),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    package_version_id: int
    owner_id: UUID | None
    feed: str
    ref: str
    state: str
    fixed_version: str
    evidence: str
    since: datetime
    advisory_id: int


@dataclass(slots=True, kw_only=True)
class _Advisory:
    title: str
    severity: str
    published_at: datetime | None
    cves: tuple[str, ...]
    rated: tuple[tuple[Threat, Stated], ...] = ()
    worst: str = ""


def _finding_rows(organisation_id: UUID, ids: BitMap) -> Iterator[_Row]:
    # No look at the advisory's generation: findings follow a new one when the assess loop has matched it.  Until then
    # the former word stands, or each import would make every host look clean for a while.
    visible = (
        Finding.objects.filter(Q(organisation_id=None) | Q(organisation_id=organisation_id))
        .filter(advisory__withdrawn_at=None)
        .exclude(state=NOT_AFFECTED)
    )
    for chunk in chunks(ids):
        for row in visible.filter(package_version_id__in=chunk).values_list(
            "package_version_id",
            "organisation_id",
            "feed_name",
            "advisory_ref",
            "state",
            "fixed_version",
            "evidence",
            "since",
            "advisory_id",
        ):
            yield _Row(
                package_version_id=row[0],
                owner_id=row[1],
                # A few words, said a hundred thousand times.
                feed=sys.intern(row[2]),
                ref=sys.intern(row[3]),
                state=sys.intern(row[4]),
                fixed_version=sys.intern(row[5]),
                evidence=row[6],
                since=row[7],
                advisory_id=row[8],
            )


def _advisories(ids: set[int]) -> dict[int, _Advisory]:
    found: dict[int, _Advisory] = {}
    for chunk in chunks(sorted(ids)):
        rows = Advisory.objects.filter(id__in=chunk)
        for row_id, title, severity, published_at, cves in rows.values_list(
            "id", "title", "severity", "published_at", "cves"
        ):
            found[row_id] = _Advisory(
                title=title,
                severity=severity.strip().lower(),
                published_at=published_at,
                cves=tuple(sorted(cves)),
            )
    return found


def _feeds() -> tuple[Feed | None, datetime | None]:
    feeds = list(Feed.objects.exclude(imported_at=None))
    kev = next((feed for feed in feeds if feed.kind == KEV_KIND), None)
    return kev, max((feed.imported_at for feed in feeds if feed.imported_at), default=None)


def _threats(cves: set[str], kev_feed: Feed | None) -> dict[str, Threat]:
    listings = _listings(kev_feed)
    found = {cve: Threat(cve=cve, kev=listings.get(cve)) for cve in cves}
    found[""] = Threat(cve="")
    wanted = sorted(cves)
    for start in range(0, len(wanted), ID_COUNT_MAX):
        for row in Vulnerability.objects.filter(cve__in=wanted[start : start + ID_COUNT_MAX]):
            found[row.cve] = Threat(
                cve=row.cve,
                summary=row.summary,
                kev=listings.get(row.cve),
                automatable=_stated(row.ssvc_automatable, row.ssvc_source, ("yes", "no")),
                technical_impact=_stated(row.ssvc_technical_impact, row.ssvc_source, ("partial", "total")),
                rating=_rating(row),
                rated_by=row.cvss_source,
            )
    return found


def _rating(row: Vulnerability) -> Rating | None:
    if row.cvss_score is None:
        return None
    prefix, digit = row.cvss_vector[:5], row.cvss_vector[5:6]
    version = int(digit) if prefix == "CVSS:" and digit.isdigit() else CVSS_VERSION_WITHOUT_PREFIX
    return Rating(vector=row.cvss_vector, score=row.cvss_score, version=version if row.cvss_vector else 3)


def _stated(value: str, source: str, words: Sequence[str]) -> Stated:
    # Publishers differ in case; a word that nobody defined is no answer.
    word = value.strip().lower()
    return Stated(value=word, source=source or "an unnamed source") if word in words else NOBODY_TOLD


def _listings(feed: Feed | None) -> dict[str, KevListing]:
    if feed is None:
        return {}
    rows = KevEntry.objects.filter(feed=feed, generation=feed.generation)
    listed: dict[str, KevListing] = {}
    fields = ("cve", "added_on", "due_on", "forensic_triage", "ransomware")
    cve: str
    added_on: date
    for cve, added_on, due_on, triage, ransomware in rows.values_list(*fields):
        listed[cve] = KevListing(listed_on=added_on, due_on=due_on, forensic_triage=triage, ransomware=ransomware)
    return listed


def _origins(organisation_id: UUID, rows: Sequence[_Row]) -> dict[str, str]:
    """Return where the updates behind hosts' own advisories come from, by advisory ref ("source version")."""
    if not any(row.owner_id for row in rows):
        return {}
    known = Update.objects.filter(organisation_id=organisation_id)
    return {
        f"{name} {version}": "security" if kind == UpdateKind.SECURITY else "other"
        for name, version, kind in known.values_list("source_name", "source_version", "kind")
    }


def _versions(ids: BitMap) -> dict[int, SourceVersion]:
    found: dict[int, SourceVersion] = {}
    for chunk in chunks(ids):
        rows = PackageVersion.objects.filter(id__in=chunk)
        for row in rows.values_list(
            "id", "stream", "name", "source_name", "source_version", "source_order_key", "scheme"
        ):
            found[row[0]] = SourceVersion(
                stream=row[1],
                name=row[2],
                source_name=row[3],
                source_version=row[4],
                source_key=bytes(row[5]),
                scheme=row[6],
            )
    return found


class _Shared:
    """Equal values as one object: a few thousand instants and keys stand behind hundreds of thousands of findings."""

    def __init__(self) -> None:
        self._known: dict[object, object] = {}

    def of(self, value: V) -> V:
        """Return the first of all values that equal this one."""
        return cast("V", self._known.setdefault(value, value))


def _groups(
    rows: Sequence[_Row],
    advisories: Mapping[int, _Advisory],
    threats: Mapping[str, Threat],
    versions: Mapping[int, SourceVersion],
    origins: Mapping[str, str],
) -> Iterator[Affected]:
    by_version: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        by_version[row.package_version_id].append(row)
    members: dict[tuple[str, str, str, frozenset[object]], list[int]] = defaultdict(list)
    shared = _Shared()
    for version_id, own in by_version.items():
        version = versions[version_id]
        same = frozenset((row.feed, row.owner_id, row.ref) for row in own)
        members[(version.stream, version.source_name, version.source_version, same)].append(version_id)
    for ids in members.values():
        hits = _hits(
            [row for version_id in ids for row in by_version[version_id]],
            advisories,
            threats,
            origins,
            versions[ids[0]],
            shared,
        )
        names = {version_id: versions[version_id].name for version_id in ids}
        yield make_group(versions[ids[0]], names, hits)


def _hits(
    rows: Sequence[_Row],
    advisories: Mapping[int, _Advisory],
    threats: Mapping[str, Threat],
    origins: Mapping[str, str],
    version: SourceVersion,
    shared: _Shared,
) -> tuple[Hit, ...]:
    # Binary packages of one source may have been seen on different days: the first sight counts for all of them.
    first: dict[tuple[str, UUID | None, str], _Row] = {}
    for row in sorted(rows, key=lambda one: one.since, reverse=True):
        first[(row.feed, row.owner_id, row.ref)] = row
    hits = [
        _hit(shared.of(key), row, advisories[row.advisory_id], threats, origins, version, shared)
        for key, row in first.items()
    ]
    return tuple(sorted(hits, key=lambda hit: (hit.view.ref, hit.view.feed)))


def _hit(
    key: tuple[str, UUID | None, str],
    row: _Row,
    advisory: _Advisory,
    threats: Mapping[str, Threat],
    origins: Mapping[str, str],
    version: SourceVersion,
    shared: _Shared,
) -> Hit:
    if not advisory.rated:
        # Once an advisory, not once a finding: it applies to many versions, and each says the same of it.
        advisory.rated = tuple(_rated(row.ref, advisory, threats))
        advisory.worst = min((one.value or "unknown" for _, one in advisory.rated), key=SEVERITIES.index)
    view = AdvisoryView(
        ref=row.ref,
        feed=row.feed,
        title=advisory.title,
        severity=advisory.worst,
        cves=advisory.cves,
        state=row.state,
        fixed_version=row.fixed_version,
        evidence=row.evidence,
        since=shared.of(row.since),
        published_at=advisory.published_at,
        told_by_hosts=row.owner_id is not None,
    )
    return Hit(
        key=key,
        since=view.since or row.since,
        view=view,
        fixed_key=shared.of(_fixed_key(row, version)),
        threats=advisory.rated,
        origin=origins.get(row.ref, "security") if row.owner_id else "security",
    )


def _rated(ref: str, advisory: _Advisory, threats: Mapping[str, Threat]) -> Iterator[tuple[Threat, Stated]]:
    for threat in [threats[cve] for cve in advisory.cves] or [threats[""]]:
        yield (
            threat,
            rate_severity(told=advisory.severity, told_by=ref, rating=threat.rating, rated_by=threat.rated_by),
        )


def _fixed_key(row: _Row, version: SourceVersion) -> bytes | None:
    """Return where the fix stands, in the publisher's terms; None if it cannot be ordered: it cures nothing."""
    own_terms = row.owner_id is not None and row.ref.startswith(f"{version.source_name} ")
    text = published_version(version.source_name, row.fixed_version) if own_terms else row.fixed_version
    return key_of(version.scheme, text)


def kernels_of(groups: Sequence[Affected], installed: BitMap) -> dict[int, Kernel]:
    """Return every installed kernel image of a source that has findings: several of one source stand side by side."""
    sources = {(group.stream, group.source_name) for group in groups if _image_release(group.names.values())}
    found: dict[int, Kernel] = {}
    for stream, source_name in sorted(sources):
        rows = PackageVersion.objects.filter(stream=stream, source_name=source_name)
        for row_id, name, key in rows.values_list("id", "name", "source_order_key"):
            release = _image_release((name,))
            if release and row_id in installed:
                found[row_id] = Kernel(
                    release=release, source_name=source_name, source_key=bytes(key), package_version_id=row_id
                )
    return found


IMAGE_PREFIXES = ("linux-image-unsigned-", "linux-image-")


def _image_release(names: Iterable[str]) -> str:
    """Return the release in the first name of a kernel image; the metapackages (linux-image-amd64) name none."""
    for name in names:
        for prefix in IMAGE_PREFIXES:
            release = name.removeprefix(prefix)
            if release != name and release[:1].isdigit():
                return release
    return ""
