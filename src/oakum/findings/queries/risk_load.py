"""Load the risk side of an organisation's findings for the package versions that its hosts have or had.

Grouped by source package and version: binary packages of one source share their findings.  The rows are ``risk_rows``'
to read; ``cache`` and ``indexed`` keep the result.  It knows no host and no deadline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion, Update, UpdateKind
from oakum.core.advisories import NOT_AFFECTED, AdvisoryRecord
from oakum.core.matching import Match
from oakum.core.priority import NOBODY_TOLD, KevListing, Stated, rate_severity
from oakum.core.ratings import Rating
from oakum.findings.queries.risk import (
    SEVERITY_RANKS,
    Affected,
    Answers,
    Hit,
    HitKey,
    Kernel,
    RatedAdvisory,
    Risk,
    SourceVersion,
    Threat,
    answers_of,
    key_of,
    make_group,
    published_version,
)
from oakum.findings.queries.risk_rows import (
    FindingRow,
    advisory_rows,
    finding_rows,
    source_versions,
    vulnerability_rows,
)
from oakum.findings.queries.values import SEVERITIES
from oakum.intel.models import Feed, KevEntry

KEV_KIND = "kev"
CVSS_VERSION_WITHOUT_PREFIX = 2  # its vectors name no version
NOBODY = "an unnamed source"

# An advisory as it is read or supposed: ref, title, severity, publication, CVEs in order.
Told = tuple[str, str, str, datetime | None, tuple[str, ...]]


def load_risk(*, organisation_id: UUID, package_version_ids: BitMap) -> Risk:
    """Load what is known of these package versions: imported feeds, and what this organisation's own hosts told.

    Another organisation's hosts are never heard.  Withdrawn advisories are left out, as are findings whose state says
    that they are none.
    """
    rows = list(finding_rows(organisation_id, package_version_ids))
    refs = {row.advisory_id: row.ref for row in rows}
    told: dict[int, Told] = {
        advisory_id: (refs[advisory_id], title, severity, published_at, cves)
        for advisory_id, title, severity, published_at, cves in advisory_rows(refs)
    }
    return _risk(organisation_id, package_version_ids, rows, told, _origins(organisation_id, rows))


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
        FindingRow(
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
    told: dict[int, Told] = {
        place: (record.ref, record.title, record.severity, record.published_at, tuple(sorted(record.cves)))
        for place, record in enumerate(records)
    }
    return _risk(organisation_id, package_version_ids, rows, told, {})


def _risk(
    organisation_id: UUID,
    covered: BitMap,
    rows: Iterable[FindingRow],
    told: Mapping[int, Told],
    origins: Mapping[str, str],
) -> Risk:
    kev_feed, intel_at = _feeds()
    advisories = _rated(told, _threats({cve for own in told.values() for cve in own[4]}, kev_feed))
    by_version: dict[int, list[FindingRow]] = defaultdict(list)
    for row in rows:
        if row.advisory_id in advisories:  # others are withdrawn
            by_version[row.package_version_id].append(row)
    versions = source_versions(by_version)
    groups = tuple(_groups(by_version, versions, _Making(advisories, origins)))
    return Risk(
        organisation_id=organisation_id,
        covered=covered,
        affected=BitMap(by_version),
        group_of={version_id: group for group in groups for version_id in group.names},
        groups=groups,
        kev_as_of=kev_feed.imported_at if kev_feed else None,
        intel_at=intel_at,
        kernels=kernels_of(groups, covered),
    )


def _feeds() -> tuple[Feed | None, datetime | None]:
    feeds = list(Feed.objects.exclude(imported_at=None))
    kev = next((feed for feed in feeds if feed.kind == KEV_KIND), None)
    return kev, max((feed.imported_at for feed in feeds if feed.imported_at), default=None)


class _Profiles:
    """What was told of vulnerabilities beside their names, each once: a few thousand stand behind all CVEs."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[Stated, Stated, Rating | None]] = {}

    def of(self, vector: str, score: float | None, automatable: str, impact: str, source: str) -> _Profile:
        """Return SSVC's two answers and the rating."""
        key = (vector, score, automatable, impact, source)
        if key not in self._known:
            self._known[key] = (
                _stated(automatable, source, ("yes", "no")),
                _stated(impact, source, ("partial", "total")),
                _rating(vector, score),
            )
        return self._known[key]


_Profile = tuple[Stated, Stated, Rating | None]


def _threats(cves: set[str], kev_feed: Feed | None) -> dict[str, Threat]:
    listings, profiles = _listings(kev_feed), _Profiles()
    found = {"": Threat(cve="")}
    for cve, vector, score, rated_by, automatable, impact, source in vulnerability_rows(cves):
        told = profiles.of(vector, score, automatable, impact, source)
        found[cve] = Threat(
            cve=cve,
            kev=listings.get(cve),
            automatable=told[0],
            technical_impact=told[1],
            rating=told[2],
            rated_by=rated_by,
        )
    for cve in cves - found.keys():
        found[cve] = Threat(cve=cve, kev=listings.get(cve))
    return found


def _rating(vector: str, score: float | None) -> Rating | None:
    if score is None:
        return None
    prefix, digit = vector[:5], vector[5:6]
    version = int(digit) if prefix == "CVSS:" and digit.isdigit() else CVSS_VERSION_WITHOUT_PREFIX
    return Rating(vector=vector, score=score, version=version if vector else 3)


def _stated(value: str, source: str, words: Sequence[str]) -> Stated:
    # Publishers differ in case; a word that nobody defined is no answer.
    word = value.strip().lower()
    return Stated(value=word, source=source or NOBODY) if word in words else NOBODY_TOLD


def _rated(told: Mapping[int, Told], threats: Mapping[str, Threat]) -> dict[int, RatedAdvisory]:
    """Rate every advisory once, not once a finding: it applies to many versions, and each says the same of it."""
    by_band: dict[tuple[float, int], str] = {}
    alike: dict[tuple[Answers, ...], tuple[Answers, ...]] = {}  # most have one, and few differ
    found = {}
    for advisory_id, (ref, title, word, published_at, cves) in told.items():
        own = rate_severity(told=word.strip().lower(), told_by=ref, rating=None, rated_by="")
        threats_of = tuple([threats[cve] for cve in cves or ("",)])
        answers = tuple([_answers(own.value, threat, by_band) for threat in threats_of])
        worst = min([SEVERITY_RANKS[one.severity or "unknown"] for one in answers])
        found[advisory_id] = RatedAdvisory(
            title=title,
            stated=own,
            severity=SEVERITIES[worst],
            published_at=published_at,
            cves=cves,
            threats=threats_of,
            answers=alike.setdefault(answers, answers),
            kev=any(one.kev is not None for one in answers),
        )
    return found


def _answers(severity: str, threat: Threat, by_band: dict[tuple[float, int], str]) -> Answers:
    rating = threat.rating
    if not severity and rating is not None:
        band = (rating.score, rating.version)
        if band not in by_band:
            by_band[band] = rate_severity(told="", told_by="", rating=rating, rated_by="").value
        severity = by_band[band]
    return answers_of(severity, threat.kev, threat.automatable.value, threat.technical_impact.value)


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


def _origins(organisation_id: UUID, rows: Sequence[FindingRow]) -> dict[str, str]:
    """Return where the updates behind hosts' own advisories come from, by advisory ref ("source version")."""
    if not any(row.owner_id for row in rows):
        return {}
    known = Update.objects.filter(organisation_id=organisation_id)
    return {
        f"{name} {version}": "security" if kind == UpdateKind.SECURITY else "other"
        for name, version, kind in known.values_list("source_name", "source_version", "kind")
    }


def _groups(
    by_version: Mapping[int, Sequence[FindingRow]], versions: Mapping[int, SourceVersion], making: _Making
) -> Iterator[Affected]:
    by_source: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for version_id in by_version:
        version = versions[version_id]
        by_source[(version.stream, version.source_name, version.source_version)].append(version_id)
    for kin in by_source.values():
        for ids in _alike(kin, by_version) if len(kin) > 1 else (kin,):
            rows = [row for version_id in ids for row in by_version[version_id]]
            names = {version_id: versions[version_id].name for version_id in ids}
            yield make_group(versions[ids[0]], names, making.hits(rows, versions[ids[0]]))


def _alike(kin: Sequence[int], by_version: Mapping[int, Sequence[FindingRow]]) -> Iterable[list[int]]:
    """Return the versions of one source version by the advisories that apply: each group has the very same."""
    members: dict[frozenset[HitKey], list[int]] = defaultdict(list)
    for version_id in kin:
        same = frozenset((row.feed, row.owner_id, row.ref) for row in by_version[version_id])
        members[same].append(version_id)
    return members.values()


class _Making:
    """Make hits of rows; what many of them share is worked out once."""

    def __init__(self, advisories: Mapping[int, RatedAdvisory], origins: Mapping[str, str]) -> None:
        self._advisories = advisories
        self._origins = origins
        self._keys: dict[tuple[str, str], bytes | None] = {}

    def hits(self, rows: Sequence[FindingRow], version: SourceVersion) -> tuple[Hit, ...]:
        """Return what applies to versions of one source version, by ref and feed."""
        # Binary packages of one source may have been seen on different days: the first sight counts for all of them.
        first: dict[HitKey, FindingRow] = {}
        for row in rows:
            key = (row.feed, row.owner_id, row.ref)
            if key not in first or row.since <= first[key].since:
                first[key] = row
        chosen = sorted(first.values(), key=lambda row: (row.ref, row.feed))
        return tuple([self._hit(row, version) for row in chosen])

    def _hit(self, row: FindingRow, version: SourceVersion) -> Hit:
        origin = self._origins.get(row.ref, "security") if row.owner_id else "security"
        fixed_key = self._fixed_key(row, version) if row.fixed_version else None
        return Hit(*row[1:8], self._advisories[row.advisory_id], fixed_key, origin)

    def _fixed_key(self, row: FindingRow, version: SourceVersion) -> bytes | None:
        """Return where the fix stands, in the publisher's terms; None if it cannot be ordered: it cures nothing."""
        own_terms = row.owner_id is not None and row.ref.startswith(f"{version.source_name} ")
        text = published_version(version.source_name, row.fixed_version) if own_terms else row.fixed_version
        known = (version.scheme, text)
        if known not in self._keys:
            self._keys[known] = key_of(*known)
        return self._keys[known]


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
