"""What is kept ready for the pages of large organisations: nobody waits for it, and what pages say stays true."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from oakum.findings.index import keep_index, rebuild_index
from oakum.findings.queries import (
    FindingFilter,
    counts,
    digest,
    findings,
    host_report,
    indexed,
    keep_ready,
    large_organisations,
)
from oakum.fleet.models import Host, HostState, OrdinalBlock
from oakum.identity.models import Organisation
from oakum.intel.models import Feed, KevEntry
from oakum.web.readiness import Readiness
from tests.draws import seeds
from tests.factories import make_host, make_organisation
from tests.findings.test_queries_indexed import BOD, CHANGES, add_groups, check_same, make_fleet
from tests.findings.test_queries_oracle import make_world, package
from tests.findings.world import SIMPLE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test starts as a new process would."""
    indexed.forget_all()
    yield
    indexed.forget_all()


def own(organisation: Organisation, now: datetime) -> dict[str, Any]:
    return {"organisation_id": organisation.id, "rules": SIMPLE, "now": now}


def list_as_exploited(cve: str, now: datetime) -> None:
    feed, _ = Feed.objects.get_or_create(name="kev", kind="kev", defaults={"generation": 1, "generation_next": 2})
    KevEntry.objects.create(feed=feed, generation=1, cve=cve, name=cve, added_on=date(2026, 1, 2))
    Feed.objects.filter(id=feed.id).update(imported_at=now)


@pytest.mark.parametrize("seed", seeds(3))
def test_what_is_kept_ready_says_the_same_through_a_random_history(
    monkeypatch: pytest.MonkeyPatch, now: datetime, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    organisation = make_world(seed, now)
    add_groups(organisation, dice)
    for step in range(6):
        at = now + timedelta(days=step)
        keep_index(now=at, is_whole=True)
        monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
        keep_ready(organisation_id=organisation.id, rules=dice.choice((SIMPLE, BOD)), now=at)
        check_same(monkeypatch, organisation, at)
        for _ in range(dice.randint(1, 3)):
            dice.choice(CHANGES)(organisation, dice, at)
        if dice.random() < 0.5:
            list_as_exploited(f"CVE-2026-{dice.randrange(100)}-{step}", at)


def test_a_page_never_loads_what_is_kept_ready_and_learns_of_a_listing_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    keep_ready(**own(organisation, now))
    loaded_at = indexed.kept_of(organisation.id).loaded_at
    list_as_exploited("CVE-2026-1", now)
    later = now + timedelta(seconds=5)
    assert counts(**own(organisation, later)).kev == 0
    assert indexed.kept_of(organisation.id).loaded_at == loaded_at
    keep_ready(**own(organisation, later))
    assert indexed.kept_of(organisation.id).loaded_at == later
    assert counts(**own(organisation, later + timedelta(seconds=1))).kev == 10
    assert indexed.kept_of(organisation.id).loaded_at == later


def test_without_anybody_who_keeps_it_ready_a_page_loads_it_by_itself(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    keep_ready(**own(organisation, now))
    list_as_exploited("CVE-2026-1", now)
    assert counts(**own(organisation, now + indexed.KEPT_READY_FOR + timedelta(seconds=1))).kev == 10


def test_a_page_that_has_waited_long_enough_is_answered_from_the_hosts_rows(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    monkeypatch.setattr(indexed, "WAIT_SECONDS_MAX", 0.01)
    with indexed.kept_of(organisation.id).lock:  # as the thread holds it that loads for the first time
        assert counts(**own(organisation, now)).open == 30
    assert indexed.kept_of(organisation.id).standing is None


def test_a_host_that_was_retired_a_moment_ago_breaks_no_page(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    organisation = make_organisation(now=now)
    hosts = make_fleet(monkeypatch, organisation, now)
    findings(**own(organisation, now))
    for number, is_new_process in ((3, False), (4, True)):
        Host.objects.filter(id=hosts[number].id).update(state=HostState.RETIRED)
        if is_new_process:
            indexed.forget_all()
        assert findings(**own(organisation, now), limit=100).total_count == 30  # as it was indexed last
        digest(**own(organisation, now), wanted=FindingFilter())
        host_report(**own(organisation, now))
    keep_index(now=now, is_whole=True)
    assert findings(**own(organisation, now)).total_count == 24


def test_a_host_that_left_while_the_index_was_built_anew_is_counted_no_more(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    hosts = make_fleet(monkeypatch, organisation, now)
    assert counts(**own(organisation, now)).host == 10
    Host.objects.filter(id=hosts[0].id).update(state=HostState.RETIRED)
    rebuild_index(now=now)
    found = counts(**own(organisation, now))
    assert (found.host, found.open, found.host_unknown) == (9, 27, 0)


def test_the_largest_organisations_are_kept_ready_first(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    organisations = [make_organisation(now=now, name=name) for name in ("one", "two", "three")]
    for number, organisation in enumerate(organisations):
        OrdinalBlock.objects.create(organisation=organisation, start=65_536 * (number + 5), used_count=number + 2)
        for each in range(number + 2):
            make_host(organisation, now=now, hostname=f"host{each}", packages=[package(0, "a", "1.0-1")])
    keep_index(now=now, is_whole=True)
    monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 2)
    one, two, three = (each.id for each in organisations)
    assert large_organisations(limit=5) == (three, two)
    assert large_organisations(limit=1) == (three,)
    assert one not in large_organisations(limit=5)


@pytest.mark.django_db(transaction=True)
def test_the_servers_thread_has_it_ready_before_anybody_asks(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    OrdinalBlock.objects.create(organisation=organisation, start=0, used_count=10)
    thread = Readiness(clock=lambda: now)
    thread.start()
    try:
        ready = threading.Event()
        for _ in range(500):
            if indexed.kept_of(organisation.id).ready_at is not None:
                ready.set()
                break
            time.sleep(0.01)
        assert ready.is_set()
    finally:
        thread.stop()
    assert counts(**own(organisation, now)).open == 30
