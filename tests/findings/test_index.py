"""The index against a plain reading of the hosts' rows, over random histories, cuts and rebuilds."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pyroaring import BitMap

from oakum.findings.index import hosts_of, hosts_of_each, keep_index, note_finding_changes, rebuild_index
from oakum.findings.index.changes import KEPT_COUNT
from oakum.findings.index.shards import SHARD_ORDINAL_COUNT, TOLD_FIELDS
from oakum.findings.models import FindingChange, GroupHosts, IndexedHost, IndexShard, PackageHosts
from oakum.fleet.models import Group, Host, HostChange, HostState
from oakum.fleet.services import delete_group, remove_from_group, retire_host, set_host
from oakum.identity.models import Organisation
from oakum.journal.services import seal
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db
VERSION_IDS = range(1, 13)
Indexed = dict[int, set[int]]


def make_bare_host(organisation: Organisation, ordinal: int, ids: set[int], now: datetime) -> Host:
    return Host.objects.create(
        organisation=organisation,
        ordinal=ordinal,
        secret_hash=f"{ordinal:064}",
        enrolled_at=now,
        last_seen_at=now,
        hostname=f"host{ordinal}",
        packages_status="known",
        package_set=BitMap(ids).serialize(),
        running_old_set=BitMap().serialize(),
    )


def plain_reading(organisation: Organisation) -> Indexed:
    """Walk every host and package: slow and short."""
    found: Indexed = defaultdict(set)
    for host in Host.objects.filter(organisation=organisation).exclude(state=HostState.RETIRED):
        for version_id in BitMap.deserialize(bytes(host.package_set)) if host.package_set else ():
            found[version_id].add(host.ordinal)
    return dict(found)


def indexed(organisation: Organisation) -> Indexed:
    return {key: set(hosts) for key, hosts in hosts_of_each(organisation_id=organisation.id).items()}


def check_both_sides_agree() -> None:
    """In every committed state the bitmaps say what the indexed hosts beside them say, in each shard."""
    for shard in IndexShard.objects.all():
        own: Indexed = defaultdict(set)
        for row in IndexedHost.objects.filter(shard=shard, generation=shard.generation):
            for version_id in BitMap.deserialize(bytes(row.package_set)) if row.package_set else ():
                own[version_id].add(row.ordinal)
        rows = PackageHosts.objects.filter(shard=shard, generation=shard.generation)
        bitmaps = {row.package_version_id: set(BitMap.deserialize(bytes(row.hosts))) for row in rows}
        assert {key: hosts for key, hosts in bitmaps.items() if hosts} == own
        assert all(row.revision <= shard.revision for row in rows)


class CutError(Exception):
    """The process dies here."""


def cut_after(statement_count: int) -> Callable[..., Any]:
    """Let so many statements through, and none after."""
    left = [statement_count]

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: Any, context: Any) -> Any:
        if not left[0]:
            raise CutError
        left[0] -= 1
        return execute(sql, params, many, context)

    return wrapper


class Histories(RuleBasedStateMachine):
    """Hosts come, change, are set aside and retired; the index is kept, cut off and made anew in between."""

    @initialize()
    def begin(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
        self.organisations = [make_organisation(now=self.now, name=name) for name in ("One", "Two")]
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    def _some(self, dice: random.Random) -> Host | None:
        hosts = list(Host.objects.exclude(state=HostState.RETIRED).order_by("ordinal"))
        return dice.choice(hosts) if hosts else None

    @rule(ids=st.sets(st.sampled_from(VERSION_IDS)), owner=st.integers(0, 1), far=st.booleans())
    def enrol(self, ids: set[int], owner: int, far: bool) -> None:  # noqa: FBT001
        self.count += 1
        make_bare_host(self.organisations[owner], self.count + far * SHARD_ORDINAL_COUNT, ids, self.now)

    @rule(dice=st.randoms(use_true_random=False), ids=st.sets(st.sampled_from(VERSION_IDS)))
    def report(self, dice: random.Random, ids: set[int]) -> None:
        host = self._some(dice)
        if host is not None:
            before = BitMap.deserialize(bytes(host.package_set))
            Host.objects.filter(id=host.id).update(package_set=BitMap(ids).serialize())
            HostChange.objects.create(
                organisation_id=host.organisation_id,
                host=host,
                at=self.now,
                added=(BitMap(ids) - before).serialize(),
                removed=(before - BitMap(ids)).serialize(),
            )

    @rule(dice=st.randoms(use_true_random=False), state=st.sampled_from(HostState.values))
    def put_aside(self, dice: random.Random, state: str) -> None:
        host = self._some(dice)
        if host is not None:
            Host.objects.filter(id=host.id).update(state=state)

    @rule()
    def look(self) -> None:
        keep_index(now=self.now)

    @rule()
    def sweep(self) -> None:
        keep_index(now=self.now, is_whole=True)
        for organisation in self.organisations:
            assert indexed(organisation) == plain_reading(organisation)
        assert keep_index(now=self.now, is_whole=True).row_count == 0

    @rule(statements=st.integers(0, 40), is_rebuild=st.booleans())
    def die(self, statements: int, is_rebuild: bool) -> None:  # noqa: FBT001
        with suppress(CutError), transaction.atomic(), connection.execute_wrapper(cut_after(statements)):
            if is_rebuild:
                rebuild_index(now=self.now)
            else:
                keep_index(now=self.now, is_whole=True)

    @rule()
    def make_anew(self) -> None:
        rebuild_index(now=self.now)
        for organisation in self.organisations:
            assert indexed(organisation) == plain_reading(organisation)
        generations = set(IndexShard.objects.values_list("generation", flat=True))
        assert set(PackageHosts.objects.values_list("generation", flat=True)) <= generations

    @invariant()
    def agree(self) -> None:
        check_both_sides_agree()


def test_the_index_says_what_the_hosts_said_whatever_happens() -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


@pytest.mark.django_db(transaction=True)
def test_a_cut_at_any_statement_leaves_both_sides_in_agreement(now: datetime, organisation: Organisation) -> None:
    hosts = [make_bare_host(organisation, number, {1, 2, number % 7}, now) for number in range(5)]
    keep_index(now=now, is_whole=True)
    for host in hosts:
        Host.objects.filter(id=host.id).update(package_set=BitMap({1, 3, 4 + host.ordinal}).serialize())
    for statements in range(60):
        with suppress(CutError), connection.execute_wrapper(cut_after(statements)):
            keep_index(now=now, is_whole=True)
        check_both_sides_agree()
    assert indexed(organisation) == plain_reading(organisation)


def test_one_changed_host_writes_its_own_rows_and_no_others(now: datetime, organisation: Organisation) -> None:
    hosts = [make_bare_host(organisation, number, {1, 2, 3, 100 + number}, now) for number in range(50)]
    keep_index(now=now, is_whole=True)
    Host.objects.filter(id=hosts[7].id).update(package_set=BitMap({1, 2, 4, 107}).serialize())
    report = keep_index(now=now, is_whole=True)
    # Versions 3 and 4, and what was indexed of the host itself.
    assert (report.host_count, report.row_count, report.built_count, report.group_count) == (1, 3, 0, 0)
    (shard,) = IndexShard.objects.all()
    written = PackageHosts.objects.filter(shard=shard, revision=shard.revision)
    assert sorted(written.values_list("package_version_id", flat=True)) == [3, 4]
    assert keep_index(now=now, is_whole=True).row_count == 0


def test_a_look_finds_what_hosts_report_and_people_decide_without_a_sweep(
    now: datetime, organisation: Organisation
) -> None:
    for number in range(4):
        make_bare_host(organisation, number, {1, 2}, now)
    keep_index(now=now, is_whole=True)
    reported, retired, rebooted, _ = Host.objects.order_by("ordinal")
    Host.objects.filter(id=reported.id).update(package_set=BitMap({1, 5}).serialize())
    HostChange.objects.create(
        organisation=organisation, host=reported, at=now, added=BitMap([5]).serialize(), removed=BitMap([2]).serialize()
    )
    retire_host(organisation_id=organisation.id, host_id=retired.id, actor="ann", now=now)
    Host.objects.filter(id=rebooted.id).update(kernel_running="6.1.0-40-amd64", reported_at=now)
    seal(now=now)
    report = keep_index(now=now + timedelta(seconds=1))
    assert report.host_count == 3
    assert indexed(organisation) == plain_reading(organisation) == {1: {0, 2, 3}, 2: {2, 3}, 5: {0}}
    assert "6.1.0-40-amd64" in IndexedHost.objects.get(host_id=rebooted.id).told
    assert IndexedHost.objects.get(host_id=retired.id).has_left


def test_a_person_s_word_about_a_host_reaches_the_index(now: datetime, organisation: Organisation) -> None:
    host = make_bare_host(organisation, 3, {1}, now - timedelta(hours=2))
    keep_index(now=now, is_whole=True)
    set_host(organisation_id=organisation.id, host_id=host.id, actor="ann", now=now, reachability="public")
    seal(now=now)
    assert keep_index(now=now + timedelta(seconds=1)).host_count == 1
    assert IndexedHost.objects.get(host_id=host.id).told.split("|")[TOLD_FIELDS.index("reachability")] == "public"


def test_one_changed_group_writes_its_own_row_and_no_other(now: datetime, organisation: Organisation) -> None:
    hosts = [make_bare_host(organisation, number, {1}, now) for number in range(6)]
    groups = [Group.objects.create(organisation=organisation, name=name) for name in ("web", "db")]
    groups[0].hosts.add(*hosts[:3])
    groups[1].hosts.add(*hosts[3:])
    keep_index(now=now, is_whole=True)
    assert keep_index(now=now).group_count == 0
    remove_from_group(organisation_id=organisation.id, name="web", host_ids=[hosts[0].id], actor="ann", now=now)
    seal(now=now)
    report = keep_index(now=now)
    assert (report.group_count, report.row_count) == (1, 0)
    assert set(BitMap.deserialize(bytes(GroupHosts.objects.get(group_id=groups[0].id).hosts))) == {1, 2}
    delete_group(organisation_id=organisation.id, name="db", actor="ann", now=now)
    seal(now=now)
    assert keep_index(now=now).group_count == 1
    assert GroupHosts.objects.count() == 1


def test_many_changed_hosts_are_taken_in_short_transactions(now: datetime, organisation: Organisation) -> None:
    for number in range(40):
        make_bare_host(organisation, number, {1}, now)
    keep_index(now=now, is_whole=True)
    for host in Host.objects.all():
        own = range(1_000 + host.ordinal * 100, 1_100 + host.ordinal * 100)
        Host.objects.filter(id=host.id).update(package_set=BitMap(own).serialize())
    report = keep_index(now=now, is_whole=True)
    assert report.host_count == 40
    (shard,) = IndexShard.objects.all()
    by_revision: dict[int, int] = defaultdict(int)
    for revision in PackageHosts.objects.filter(shard=shard).values_list("revision", flat=True):
        by_revision[revision] += 1
    assert max(by_revision.values()) <= 900
    assert indexed(organisation) == plain_reading(organisation)


def test_nobody_sees_another_organisations_hosts(now: datetime, organisation: Organisation) -> None:
    other = make_organisation(now=now, name="Other")
    make_bare_host(organisation, 1, {1}, now)
    make_bare_host(other, 2, {1, 2}, now)
    keep_index(now=now, is_whole=True)
    assert set(hosts_of(organisation_id=organisation.id, version_ids=[1, 2])) == {1}
    assert set(hosts_of(organisation_id=other.id, version_ids=[1, 2])) == {2}
    assert not hosts_of(organisation_id=UUID(int=0), version_ids=[1])


def test_the_log_of_finding_changes_keeps_the_newest(now: datetime, organisation: Organisation) -> None:
    make_bare_host(organisation, 1, {1}, now)
    FindingChange.objects.bulk_create([FindingChange(at=now, package_versions=b"") for _ in range(KEPT_COUNT)])
    note_finding_changes([1, 2], now=now)
    keep_index(now=now, is_whole=True)
    assert FindingChange.objects.count() == KEPT_COUNT
    assert set(BitMap.deserialize(bytes(FindingChange.objects.latest("id").package_versions))) == {1, 2}
