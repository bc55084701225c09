"""Patches of large organisations against those of small ones: the same answers, the offers read once for all alike."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oakum.catalogue.models import Update
from oakum.findings.index import keep_index
from oakum.findings.queries import PatchFilter, cache, indexed, patch, patch_hosts, patches
from oakum.fleet.models import Host, HostState
from oakum.identity.models import Organisation
from tests.factories import make_organisation
from tests.findings.test_queries_indexed import BOD, CHANGES, add_groups, make_fleet
from tests.findings.test_queries_oracle import make_world
from tests.findings.world import SIMPLE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Each test starts as a new process would."""
    indexed.forget_all()
    cache._entries.clear()
    yield
    indexed.forget_all()
    cache._entries.clear()


def send_offers(organisation: Organisation, dice: random.Random) -> None:
    """Let every host have sent what is stored of its offers, but for a few that cannot tell or are asked again."""
    lists = list(Host.objects.filter(organisation=organisation).values_list("offers", flat=True))
    for host in Host.objects.filter(organisation=organisation):
        offers = dice.choice(lists) if dice.random() < 0.3 else host.offers
        sent = hashlib.sha256(json.dumps(offers).encode()).hexdigest()
        status = "known"
        if dice.random() < 0.2:  # it sent that it cannot tell: the former list stays
            status, sent = "unknown", "cannot tell"
        elif dice.random() < 0.2:
            sent = ""
        Host.objects.filter(id=host.id).update(offers=offers, offers_hash=sent, offers_status=status)


def answers(organisation: Organisation, now: datetime) -> dict[str, Any]:
    """Return what pages of patches would show."""
    found: dict[str, Any] = {}
    for rules in (SIMPLE, BOD):
        own: dict[str, Any] = {"organisation_id": organisation.id, "rules": rules, "now": now}
        for name, wanted in {
            "all": PatchFilter(pending=None),
            "pending": PatchFilter(),
            "late": PatchFilter(overdue=True),
            "group": PatchFilter(group="web"),
            "search": PatchFilter(search="source1", pending=None),
            "cve": PatchFilter(cve="CVE-2026-3"),
        }.items():
            page = patches(**own, wanted=wanted, limit=500)
            found[f"{rules.pack.id} {name}"] = (page.rows, page.total_count, page.host_offers_unknown_count)
        for update_id in Update.objects.filter(organisation=organisation).values_list("id", flat=True)[:5]:
            one = patch(**own, update_id=update_id, limit=500)
            due_at = one.deadline.due_at if one.deadline else None  # of equal ones another may be named
            found[f"{rules.pack.id} {update_id}"] = (one.row, due_at, one.advisories, one.hosts, one.host_count)
        found[f"{rules.pack.id} report"] = sorted(map(repr, patch_hosts(**own)))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_patches_are_the_same_through_the_index_and_through_the_hosts_rows(
    monkeypatch: pytest.MonkeyPatch, now: datetime, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    organisation = make_world(seed, now)
    add_groups(organisation, dice)
    for _ in range(3):
        send_offers(organisation, dice)
        keep_index(now=now, is_whole=True)
        monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
        told = answers(organisation, now)
        monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 10_000)
        plain = answers(organisation, now)
        for key, expected in plain.items():
            assert told[key] == expected, key
        assert any(rows for key, (rows, *_) in told.items() if key.endswith("pending"))
        for _ in range(2):
            dice.choice(CHANGES)(organisation, dice, now)


def test_a_retired_hosts_offers_are_nobodys(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    organisation = make_world(5, now)
    monkeypatch.setattr(indexed, "PLAIN_HOST_COUNT_MAX", 0)
    keep_index(now=now, is_whole=True)
    Host.objects.filter(organisation=organisation).update(state=HostState.RETIRED)
    keep_index(now=now, is_whole=True)
    own: dict[str, Any] = {"organisation_id": organisation.id, "rules": SIMPLE, "now": now}
    assert not patches(**own).rows


def test_a_page_of_patches_reads_no_hosts_row_and_one_list_for_all_that_sent_the_same(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    organisation = make_organisation(now=now)
    make_fleet(monkeypatch, organisation, now)
    Host.objects.filter(organisation=organisation).update(offers_hash="the same", offers_status="known")
    own: dict[str, Any] = {"organisation_id": organisation.id, "rules": SIMPLE, "now": now}
    for list_count in (1, 0):  # and none at the second time
        with CaptureQueriesContext(connection) as queries:
            patches(**own)
        of_hosts = [each["sql"] for each in queries if 'FROM "fleet_host"' in each["sql"]]
        assert sum("AS text" in sql or 'AS "text"' in sql for sql in of_hosts) == list_count
        assert not any('"package_set"' in sql for sql in of_hosts)
        assert len(queries) < 30
