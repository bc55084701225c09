"""The views of large organisations against those of small ones: the same answers, out of the index.

Each test makes a world, looks at it through the index and through the hosts' own rows, changes it, and looks again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pyroaring import BitMap

from oakum.core.packs import load_pack
from oakum.findings.index import keep_index, note_finding_changes
from oakum.findings.models import Finding
from oakum.findings.queries import (
    FindingFilter,
    PatchFilter,
    Rules,
    cache,
    counts,
    digest,
    findings,
    host_report,
    indexed,
    patches,
    vulnerabilities,
    vulnerability,
)
from oakum.fleet.models import Group, Host, HostState
from oakum.identity.models import Organisation
from tests.draws import seeds
from tests.factories import make_host, make_organisation, make_version
from tests.findings.test_queries_oracle import SOURCE_COUNT, VERSIONS, make_world, package
from tests.findings.world import SIMPLE, make_advisory, make_finding, replace_packages

pytestmark = pytest.mark.django_db
BOD = Rules(pack=load_pack("cisa-bod-26-04"), stale_after=timedelta(days=1))


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test starts as a new process would."""
    indexed.forget_all()
    yield
    indexed.forget_all()


def answers(organisation: Organisation, rules: Rules, now: datetime) -> dict[str, Any]:
    """Return what pages would show; order among equals is nobody's promise, so rows are sorted."""
    own: dict[str, Any] = {"organisation_id": organisation.id, "rules": rules, "now": now}
    name = organisation.name
    filters = {
        "all": FindingFilter(),
        "late": FindingFilter(overdue=True),
        "group": FindingFilter(group="web"),
        "search": FindingFilter(search="host1"),
        "kev": FindingFilter(kev=True),
    }
    pages = {key: findings(**own, wanted=wanted, limit=500) for key, wanted in filters.items()}
    cves = vulnerabilities(**own, limit=500)
    found = digest(**own, wanted=FindingFilter(), limit=5)
    return {
        "name": name,
        "counts": astuple(counts(**own))[:-1],  # how old it is, is known to the index only now and then
        "pages": {key: sorted(map(repr, page.rows)) for key, page in pages.items()},
        "totals": {key: page.total_count for key, page in pages.items()},
        "unheard": {(page.host_unknown_count, page.host_silent_count) for page in pages.values()},
        "dues": {key: [row.deadline.due_at for row in page.rows] for key, page in pages.items()},
        "vulnerabilities": cves.rows,
        "one": [vulnerability(**own, cve=row.cve).host_count for row in cves.rows[:3]],
        "hosts": host_report(**own)[0],
        "patches": patches(**own, wanted=PatchFilter(pending=None), limit=500).rows,
        "quiet": (found.unheard, found.untold, found.reboot_host_count, found.restart_host_count),
        "closed": sorted(map(repr, found.closed.rows)),
    }


def check_same(monkeypatch: pytest.MonkeyPatch, organisation: Organisation, now: datetime) -> dict[str, Any]:
    """Look at the world both ways and compare."""
    keep_index(now=now, is_whole=True)
    told: dict[str, Any] = {}
    for rules in (SIMPLE, BOD):
        monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
        assert indexed.is_large(organisation.id)
        told = answers(organisation, rules, now)
        monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 10_000)
        assert not indexed.is_large(organisation.id)
        cache._entries.clear()  # the rows themselves are the oracle, not what was remembered of them
        plain = answers(organisation, rules, now)
        for key, expected in plain.items():
            assert told[key] == expected, key
    return told


def add_groups(organisation: Organisation, dice: random.Random) -> None:
    hosts = list(Host.objects.filter(organisation=organisation))
    for name, reachability in (("web", "public"), ("db", "")):
        group = Group.objects.create(organisation=organisation, name=name, reachability=reachability)
        group.hosts.add(*dice.sample(hosts, len(hosts) // 2))


def change_packages(organisation: Organisation, dice: random.Random, now: datetime) -> None:
    host = dice.choice(list(Host.objects.filter(organisation=organisation)))
    source = dice.randrange(SOURCE_COUNT)
    installed = BitMap.deserialize(bytes(host.package_set))
    rows = {version: make_version(package(source, "a", version), now=now) for version in VERSIONS}
    old = [row for row in rows.values() if row.id in installed]
    new = rows[dice.choice(VERSIONS)]
    replace_packages(host, old, [new], at=now)
    if dice.random() < 0.5:  # what was replaced still runs
        Host.objects.filter(id=host.id).update(running_old_set=BitMap([new.id]).serialize())


def change_host(organisation: Organisation, dice: random.Random, now: datetime) -> None:
    fields: dict[str, Any] = dice.choice(
        [
            {"reachability": "public"},
            {"reachability": "isolated"},
            {"packages_status": "unknown"},
            {"state": HostState.QUARANTINED},
            {"state": HostState.RETIRED},
            {"stale_status": "unknown"},
            {"last_seen_at": None},
            {"last_seen_at": now - timedelta(days=3)},
        ]
    )
    host = dice.choice(list(Host.objects.filter(organisation=organisation)))
    Host.objects.filter(id=host.id).update(**fields)


def change_group(organisation: Organisation, dice: random.Random, now: datetime) -> None:
    group = dice.choice(list(Group.objects.filter(organisation=organisation)))
    host = dice.choice(list(Host.objects.filter(organisation=organisation)))
    if group.hosts.filter(id=host.id).exists():
        group.hosts.remove(host)
    else:
        group.hosts.add(host)
    Group.objects.filter(id=group.id).update(reachability=dice.choice(["", "public", "internal"]))


def change_findings(organisation: Organisation, dice: random.Random, now: datetime) -> None:
    source = dice.randrange(SOURCE_COUNT)
    version = make_version(package(source, "a", dice.choice(VERSIONS)), now=now)
    if dice.random() < 0.5:
        advisory = make_advisory(f"DSA-9-{dice.random()}", now=now, cves=["CVE-2026-3", "CVE-2026-77"], severity="high")
        make_finding(advisory, [version], since=now - timedelta(days=dice.randrange(50)), fixed="1.2-1")
    else:
        Finding.objects.filter(package_version=version).delete()
    note_finding_changes([version.id], now=now)


def enrol(organisation: Organisation, dice: random.Random, now: datetime) -> None:
    versions = [package(source, "a", dice.choice((*VERSIONS, "1.3-1"))) for source in range(SOURCE_COUNT)]
    host = make_host(organisation, now=now, hostname=f"new{dice.randrange(1000)}", packages=versions)
    Host.objects.filter(id=host.id).update(enrolled_at=now - timedelta(days=dice.randrange(90)))


CHANGES: tuple[Callable[[Organisation, random.Random, datetime], None], ...] = (
    change_packages,
    change_host,
    change_group,
    change_findings,
    enrol,
)


@pytest.mark.parametrize("seed", seeds(4))
def test_both_ways_say_the_same_through_a_random_history(
    monkeypatch: pytest.MonkeyPatch, now: datetime, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    organisation = make_world(seed, now)
    add_groups(organisation, dice)
    check_same(monkeypatch, organisation, now)
    for step in range(6):
        for _ in range(dice.randint(1, 3)):
            dice.choice(CHANGES)(organisation, dice, now)
        check_same(monkeypatch, organisation, now + timedelta(days=step))


def make_fleet(monkeypatch: pytest.MonkeyPatch, organisation: Organisation, now: datetime) -> list[Host]:
    """Ten hosts with three packages each, all affected, one of them public; looked at through the index."""
    monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
    hosts = [
        make_host(
            organisation,
            now=now,
            hostname=f"host{number}",
            packages=[package(each, "a", "1.0-1") for each in (0, 1, 2)],
        )
        for number in range(10)
    ]
    Host.objects.filter(id=hosts[0].id).update(reachability="public")
    for each in (0, 1, 2):
        advisory = make_advisory(f"DSA-{each}", now=now, cves=[f"CVE-2026-{each}"], severity="high")
        make_finding(advisory, [make_version(package(each, "a", "1.0-1"), now=now)], since=now, fixed="1.1-1")
    keep_index(now=now, is_whole=True)
    return hosts


def slices_by_package(organisation: Organisation, now: datetime) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for one in indexed.look(organisation_id=organisation.id, rules=SIMPLE, now=now).slices:
        found.setdefault(one.group.source_name, set()).add(id(one))
    return found


def test_one_new_advisory_makes_anew_what_it_affects_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    before = slices_by_package(organisation, now)
    version = make_version(package(1, "a", "1.0-1"), now=now)
    make_finding(make_advisory("DSA-9", now=now, cves=["CVE-2026-9"]), [version], since=now, fixed="1.2-1")
    note_finding_changes([version.id], now=now)
    assert keep_index(now=now, is_whole=True).row_count == 0
    after = slices_by_package(organisation, now)
    assert (before["source0"], before["source2"]) == (after["source0"], after["source2"])
    assert not before["source1"] & after["source1"]
    assert vulnerability(organisation_id=organisation.id, cve="CVE-2026-9", rules=SIMPLE, now=now).host_count == 10


def test_one_changed_host_makes_anew_what_it_lost_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    hosts = make_fleet(monkeypatch, organisation, now)
    before = slices_by_package(organisation, now)
    old, new = (make_version(package(2, "a", version), now=now) for version in ("1.0-1", "1.1-1"))
    replace_packages(hosts[4], [old], [new], at=now)
    # Both versions' bitmaps, and what was indexed of the host.
    assert keep_index(now=now, is_whole=True).row_count == 3
    after = slices_by_package(organisation, now)
    assert (before["source0"], before["source1"]) == (after["source0"], after["source1"])
    assert counts(organisation_id=organisation.id, rules=SIMPLE, now=now).open == 29


def test_one_changed_group_touches_the_hosts_whose_kind_it_changes(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    hosts = make_fleet(monkeypatch, organisation, now)
    before = slices_by_package(organisation, now)
    Group.objects.create(organisation=organisation, name="plain").hosts.add(hosts[3])
    report = keep_index(now=now, is_whole=True)
    assert (report.row_count, report.group_count) == (0, 1)
    assert slices_by_package(organisation, now) == before  # it says nothing of reachability
    Group.objects.create(organisation=organisation, name="dmz", reachability="public").hosts.add(hosts[3])
    report = keep_index(now=now, is_whole=True)
    assert (report.row_count, report.group_count) == (0, 1)
    (row,) = findings(
        organisation_id=organisation.id, rules=SIMPLE, now=now, wanted=FindingFilter(group="plain", package="source0")
    ).rows
    assert row.deadline.due_at is not None
    public = indexed.look(organisation_id=organisation.id, rules=SIMPLE, now=now).fleet.public
    assert set(public) == {hosts[0].ordinal, hosts[3].ordinal}


def test_pages_write_nothing_and_ask_the_same_few_questions_whatever_the_fleet(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    own: dict[str, Any] = {"organisation_id": organisation.id, "rules": SIMPLE, "now": now}
    counts(**own)
    asked = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            counts(**own)
        written = [each["sql"] for each in queries if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
        assert not written
        asked.append(len(queries))
        for number in range(30):
            make_host(organisation, now=now, hostname=f"more{number}", packages=[package(0, "a", "1.0-1")])
        keep_index(now=now, is_whole=True)
        counts(**own)
    assert asked[0] == asked[1] <= 20


def test_an_organisation_without_an_index_is_read_from_its_hosts(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
    make_host(organisation, now=now, packages=[package(0, "a", "1.0-1")])
    assert not indexed.is_large(organisation.id)
    assert counts(organisation_id=organisation.id, rules=SIMPLE, now=now).host == 1
