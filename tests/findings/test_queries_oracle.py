"""The view against a plain reading of the rows: the same findings, deadlines and numbers, whatever the world.

The plain reading walks every host, package and advisory and asks ``core.priority`` each time; it is slow and short.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.packs import load_pack
from oakum.core.priority import (
    NO_DUE_AT,
    NOBODY_TOLD,
    Deadline,
    KevListing,
    RiskFacts,
    Stated,
    deadline,
    earliest,
    rate_severity,
)
from oakum.core.ratings import Rating
from oakum.findings.models import Finding
from oakum.findings.queries import (
    FindingFilter,
    PatchFilter,
    Rules,
    counts,
    findings,
    host_summaries,
    patches,
    vulnerabilities,
)
from oakum.fleet.models import Host
from oakum.fleet.queries import contexts
from oakum.identity.models import Organisation
from oakum.intel.models import KevEntry, Vulnerability
from tests.draws import seeds
from tests.factories import make_host, make_organisation, make_version
from tests.findings.world import (
    list_in_kev,
    make_advisory,
    make_feed,
    make_finding,
    make_update,
    rate,
)

pytestmark = pytest.mark.django_db

SOURCE_COUNT = 6
VERSIONS = ("1.0-1", "1.1-1", "1.2-1")
Key = tuple[UUID, str, str]  # host, source, version


def package(source: int, binary: str, version: str) -> tuple[str, str, str, str]:
    return (f"{binary}{source}", version, f"source{source}", version)


def make_world(seed: int, now: datetime) -> Organisation:
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    organisation, other = make_organisation(now=now), make_organisation(now=now, name="Other")
    make_intelligence(chance, now, organisation, other)
    for number in range(chance.randint(1, 12)):
        versions = [chance.choice(VERSIONS) for _ in range(SOURCE_COUNT)]
        packages = [package(source, binary, version) for source, version in enumerate(versions) for binary in "ab"]
        offers = [
            (package(source, "a", "1.2-1"), version)
            for source, version in enumerate(versions)
            if version != "1.2-1" and chance.random() < 0.7
        ]
        host = make_host(organisation, now=now, hostname=f"host{number}", packages=packages, offers=offers)
        host.enrolled_at = now - timedelta(days=chance.randint(0, 60))
        host.reachability = chance.choice(["", "public", "isolated"])
        host.packages_status = chance.choice(["known", "known", "known", "unknown"])
        host.save()
    first = Host.objects.filter(organisation=organisation)[0]
    for source in range(SOURCE_COUNT):
        make_update(organisation, f"source{source}", "1.2-1", now=now, host=first)
    return organisation


def make_intelligence(chance: random.Random, now: datetime, organisation: Organisation, other: Organisation) -> None:
    cves = [f"CVE-2026-{number}" for number in range(12)]
    for cve in cves:
        rate(
            cve,
            automatable=chance.choice(["", "yes", "no"]),
            impact=chance.choice(["", "partial", "total"]),
            score=chance.choice([None, 0.0, 3.1, 5.0, 8.0, 9.9]),
        )
        if chance.random() < 0.3:
            list_in_kev(cve, on=date(2026, 11, 22) - timedelta(days=chance.randint(0, 100)), now=now)
    own = make_feed("host-notes", kind="host", now=now)
    for number in range(chance.randint(1, 14)):
        owner = chance.choice([None, None, organisation, other])
        advisory = make_advisory(
            f"DSA-{number}",
            now=now,
            cves=chance.sample(cves, chance.randint(0, 3)),
            severity=chance.choice(["", "low", "high"]),
            feed=own if owner else None,
            organisation=owner,
        )
        source, fixed = chance.randrange(SOURCE_COUNT), chance.choice(["1.1-1", "1.2-1", ""])
        for version in VERSIONS:
            if not fixed or version < fixed:
                for binary in "ab":  # seen on different days: the first sight counts for both
                    row = make_version(package(source, binary, version), now=now)
                    make_finding(advisory, [row], since=now - timedelta(days=chance.randint(0, 60)), fixed=fixed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """What a plain reading says of one row."""

    deadlines: tuple[Deadline, ...]
    cves: frozenset[str]
    severity: str
    kev: bool
    remedy: str

    @property
    def due_at(self) -> datetime | None:
        return earliest(self.deadlines).due_at


def plain_reading(organisation: Organisation, rules: Rules, now: datetime) -> dict[Key, Plain]:
    told = contexts(organisation_id=organisation.id)
    found: dict[Key, Plain] = {}
    for host in Host.objects.filter(organisation=organisation):
        by_source: dict[Key, list[Finding]] = defaultdict(list)
        for version in PackageVersion.objects.filter(id__in=list(BitMap.deserialize(bytes(host.package_set)))):
            for finding in Finding.objects.filter(package_version=version).select_related("advisory"):
                if finding.organisation_id in {None, organisation.id}:
                    by_source[(host.id, version.source_name, version.source_version)].append(finding)
        reach = told[host.id]
        reachability = Stated(
            value=reach.reachability, source=reach.reachability_source, defaulted=reach.reachability_source == "default"
        )
        for key, rows in by_source.items():
            found[key] = read_row(rows, host, reachability, rules, now)
    return found


def read_row(rows: list[Finding], host: Host, reachability: Stated, rules: Rules, now: datetime) -> Plain:
    since: dict[str, datetime] = {}
    for row in rows:
        since[row.advisory_ref] = min(row.since, since.get(row.advisory_ref, row.since))
    facts = [
        (facts_of(row, cve, reachability, now), since[row.advisory_ref])
        for row in rows
        for cve in row.advisory.cves or [""]
    ]
    rated = ["critical", "high", "medium", "low", ""]
    fix = any(row.fixed_version for row in rows)
    return Plain(
        deadlines=tuple(
            deadline(rules.pack, one, detected_at=max(known_since, host.enrolled_at)) for one, known_since in facts
        ),
        cves=frozenset(cve for row in rows for cve in row.advisory.cves),
        severity=min((one.severity.value for one, _ in facts), key=rated.index) or "unknown",
        kev=any(one.kev for one, _ in facts),
        remedy="unknown" if host.packages_status == "unknown" else "missing" if fix else "no_fix",
    )


def facts_of(row: Finding, cve: str, reachability: Stated, now: datetime) -> RiskFacts:
    known = Vulnerability.objects.filter(cve=cve).first()
    listed = KevEntry.objects.filter(cve=cve).first()
    rating = None
    if known and known.cvss_score is not None:
        rating = Rating(vector=known.cvss_vector, score=known.cvss_score, version=3)
    told = row.advisory.severity
    return RiskFacts(
        cve=cve,
        advisory=row.advisory_ref,
        severity=rate_severity(told=told, told_by=row.advisory_ref, rating=rating, rated_by="NVD"),
        kev=KevListing(listed_on=listed.added_on, forensic_triage=listed.forensic_triage) if listed else None,
        kev_as_of=now if KevEntry.objects.exists() else None,
        automatable=stated(known.ssvc_automatable if known else ""),
        technical_impact=stated(known.ssvc_technical_impact if known else ""),
        reachability=reachability,
    )


def stated(value: str) -> Stated:
    return Stated(value=value, source="CISA") if value else NOBODY_TOLD


@pytest.mark.parametrize("pack_id", ["cisa-bod-26-04", "severity-simple"])
@pytest.mark.parametrize("seed", seeds(12))
def test_the_view_says_what_the_rows_say(now: datetime, seed: int, pack_id: str) -> None:
    organisation = make_world(seed, now)
    rules = Rules(pack=load_pack(pack_id), stale_after=timedelta(days=1))
    plain = plain_reading(organisation, rules, now)
    page = findings(organisation_id=organisation.id, rules=rules, now=now, limit=500)
    assert page.total_count == len(page.rows) == len(plain)
    for row in page.rows:
        expected = plain[(row.host_id, row.package, row.version)]
        assert row.deadline.due_at == expected.due_at
        assert row.deadline.due_at in {one.due_at for one in expected.deadlines if one.cve == row.deadline.cve}
        assert set(row.deadline.forensic_triage_cves) == {
            cve for one in expected.deadlines for cve in one.forensic_triage_cves
        }
        assert set(row.cves) == expected.cves
        assert (row.severity, row.kev, row.remedy.value) == (expected.severity, expected.kev, expected.remedy)
        assert row.overdue == ((expected.due_at or NO_DUE_AT) < now)
    dues = [row.deadline.due_at or NO_DUE_AT for row in page.rows]
    assert dues == sorted(dues)
    check_numbers(organisation, rules, now, plain)
    check_vulnerabilities(organisation, rules, now, plain)
    check_patches(organisation, rules, now, plain)


def check_numbers(organisation: Organisation, rules: Rules, now: datetime, plain: dict[Key, Plain]) -> None:
    numbers = counts(organisation_id=organisation.id, rules=rules, now=now)
    late = {key for key, row in plain.items() if (row.due_at or NO_DUE_AT) < now}
    soon = {key for key, row in plain.items() if now <= (row.due_at or NO_DUE_AT) <= now + timedelta(days=7)}
    assert (numbers.open, numbers.overdue, numbers.due_soon) == (len(plain), len(late), len(soon))
    assert numbers.kev == sum(row.kev for row in plain.values())
    assert numbers.host_affected == len({key[0] for key in plain})
    assert numbers.host_overdue == len({key[0] for key in late})
    for summary in host_summaries(organisation_id=organisation.id, rules=rules, now=now):
        own = {key: row for key, row in plain.items() if key[0] == summary.host_id}
        assert (summary.open, summary.overdue) == (len(own), len(late & own.keys()))
        due = min((row.due_at or NO_DUE_AT for row in own.values()), default=NO_DUE_AT)
        assert (summary.worst_due_at or NO_DUE_AT) == due


def check_vulnerabilities(organisation: Organisation, rules: Rules, now: datetime, plain: dict[Key, Plain]) -> None:
    page = vulnerabilities(organisation_id=organisation.id, rules=rules, now=now, limit=500)
    assert {row.cve for row in page.rows} == {cve for row in plain.values() for cve in row.cves}
    for row in page.rows:
        own = {key: [one for one in each.deadlines if one.cve == row.cve] for key, each in plain.items()}
        dues = {key: min(one.due_at or NO_DUE_AT for one in each) for key, each in own.items() if each}
        assert row.host_count == len({key[0] for key in dues})
        assert (row.due_at or NO_DUE_AT) == min(dues.values())
        assert row.host_overdue_count == len({key[0] for key, due in dues.items() if due < now})


def check_patches(organisation: Organisation, rules: Rules, now: datetime, plain: dict[Key, Plain]) -> None:
    page = patches(organisation_id=organisation.id, rules=rules, now=now, wanted=PatchFilter(pending=None), limit=500)
    assert page.total_count == SOURCE_COUNT
    hosts = list(Host.objects.filter(organisation=organisation))
    for row in page.rows:
        offered = {
            host.id
            for host in hosts
            for offer in host.offers
            if PackageVersion.objects.get(id=offer["id"]).source_name == row.source_name
        }
        assert row.host_pending_count == len(offered)
        cured = [
            one
            for key, each in plain.items()
            if key[0] in offered and key[1] == row.source_name
            for one in each.deadlines
            if fixed_by(one.advisory, row.source_name, key[2])
        ]
        assert (row.due_at or NO_DUE_AT) == min((one.due_at or NO_DUE_AT for one in cured), default=NO_DUE_AT)
        assert set(row.cves) == {one.cve for one in cured if one.cve}


def fixed_by(ref: str, source_name: str, version: str) -> bool:
    rows = Finding.objects.filter(
        advisory_ref=ref, package_version__source_name=source_name, package_version__source_version=version
    )
    return any(row.fixed_version for row in rows)


def test_filters_part_the_whole(now: datetime) -> None:
    organisation = make_world(3, now)
    rules = Rules(pack=load_pack("severity-simple"), stale_after=timedelta(days=1))

    def count(wanted: FindingFilter) -> int:
        return findings(organisation_id=organisation.id, rules=rules, now=now, wanted=wanted).total_count

    total = count(FindingFilter())
    assert total == count(FindingFilter(overdue=True)) + count(FindingFilter(overdue=False))
    assert total == count(FindingFilter(kev=True)) + count(FindingFilter(kev=False))
    assert total == sum(count(FindingFilter(severity=one)) for one in ("critical", "high", "medium", "low", "unknown"))
    assert total == sum(count(FindingFilter(host_ids=(host.id,))) for host in Host.objects.all())
