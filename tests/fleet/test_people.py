"""What people say of hosts, and the lists that they read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet import queries, services
from oakum.fleet.loops import stale_step
from oakum.fleet.models import Host
from oakum.identity.models import Organisation
from oakum.journal.models import Entry
from tests.factories import make_host, make_organisation
from tests.fleet.reports import FACTS, By, enrol_host

pytestmark = pytest.mark.django_db
BASH = ("bash", "5.2.15-2+b7", "bash", "5.2.15-2")


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def names(page: queries.HostPage) -> list[str]:
    return [row.hostname for row in page.rows]


def test_a_host_says_something_itself_and_takes_it_back(organisation: Organisation, now: datetime) -> None:
    host = make_host(organisation, now=now)
    by = By(organisation_id=organisation.id, actor="person:ann", now=now)
    services.set_host(**by, host_id=host.id, reachability="public", criticality="critical")
    services.set_host(**by, host_id=host.id, reachability="public")  # nothing new: no entry
    view = queries.host(organisation_id=organisation.id, host_id=host.id, now=now)
    assert (view.row.context.reachability, view.row.context.reachability_source) == ("public", "host")
    services.set_host(**by, host_id=host.id, reachability="")
    view = queries.host(organisation_id=organisation.id, host_id=host.id, now=now)
    assert (view.row.context.reachability, view.row.context.criticality) == ("internal", "critical")
    payloads = list(Entry.objects.filter(kind="fleet.host_set").order_by("sequence").values_list("payload", flat=True))
    assert [each["after"] for each in payloads if each is not None] == [
        {"reachability": "public", "criticality": "critical"},
        {"reachability": ""},
    ]
    with pytest.raises(OperatorError, match="orbital"):
        services.set_host(**by, host_id=host.id, reachability="orbital")


def test_groups_speak_for_their_hosts(organisation: Organisation, now: datetime) -> None:
    hosts = [make_host(organisation, now=now, hostname=f"web{number}") for number in range(3)]
    by = By(organisation_id=organisation.id, actor="person:ann", now=now)
    services.set_group(**by, name="dmz", reachability="public")
    services.set_group(**by, name="lab", environment="development", reachability="isolated")
    ids = [host.id for host in hosts]
    assert services.add_to_group(**by, name="dmz", host_ids=ids[:2]) == 2
    assert services.add_to_group(**by, name="dmz", host_ids=ids) == 1
    services.add_to_group(**by, name="lab", host_ids=ids[:1])
    told = queries.contexts(organisation_id=organisation.id)
    assert (told[ids[0]].reachability, told[ids[0]].environment) == ("public", "development")
    assert told[ids[1]].reachability_source == "group dmz"
    assert services.remove_from_group(**by, name="dmz", host_ids=ids[1:]) == 2
    assert queries.contexts(organisation_id=organisation.id, host_ids=ids)[ids[1]].reachability == "internal"
    page = queries.hosts(organisation_id=organisation.id, now=now, group="dmz")
    assert names(page) == ["web0"]
    assert page.rows[0].groups == ("dmz", "lab")
    services.delete_group(**by, name="dmz")
    assert [each.name for each in queries.groups(organisation_id=organisation.id)] == ["lab"]
    assert Host.objects.count() == 3


def test_a_group_is_renamed_and_described_and_keeps_its_hosts(organisation: Organisation, now: datetime) -> None:
    host = make_host(organisation, now=now)
    by = By(organisation_id=organisation.id, actor="person:ann", now=now)
    made = services.set_group(**by, name="web")
    services.add_to_group(**by, name="web", host_ids=[host.id])
    assert services.set_group(**by, name="web", new_name="front", description="the shop") == made
    view = queries.group(organisation_id=organisation.id, name="front")
    assert (view.description, view.host_count) == ("the shop", 1)
    services.set_group(**by, name="db")
    for wrong in ("front", " ", "x" * 81, "a\nb\x00"):
        with pytest.raises(OperatorError):
            services.set_group(**by, name="db", new_name=wrong)
    with pytest.raises(NotFoundError):
        queries.group(organisation_id=organisation.id, name="web")


def test_nothing_of_another_organisation_can_be_seen_or_touched(organisation: Organisation, now: datetime) -> None:
    other = make_organisation(now=now, name="Other")
    host = make_host(other, now=now, packages=[BASH])
    mine = By(organisation_id=organisation.id, actor="person:ann", now=now)
    services.set_group(organisation_id=other.id, name="web", actor="person:bob", now=now)
    for attempt in (
        lambda: services.set_host(**mine, host_id=host.id, reachability="public"),
        lambda: services.retire_host(**mine, host_id=host.id),
        lambda: services.release_quarantine(**mine, host_id=host.id),
        lambda: services.delete_group(**mine, name="web"),
        lambda: services.add_to_group(**mine, name="web", host_ids=[]),
        lambda: queries.host(organisation_id=organisation.id, host_id=host.id, now=now),
        lambda: queries.host_packages(organisation_id=organisation.id, host_id=host.id),
        lambda: queries.host_offers(organisation_id=organisation.id, host_id=host.id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    services.set_group(**mine, name="own")
    with pytest.raises(NotFoundError):
        services.add_to_group(**mine, name="own", host_ids=[host.id])
    assert queries.hosts(organisation_id=organisation.id, now=now).total_count == 0
    assert queries.contexts(organisation_id=organisation.id, host_ids=[host.id]) == {}
    assert queries.host_changes(organisation_id=organisation.id, host_id=host.id) == ()


def test_lists_by_state_search_and_page(organisation: Organisation, now: datetime) -> None:
    for number in range(5):
        make_host(organisation, now=now, hostname=f"web{number}")
    rows = {host.hostname: host for host in Host.objects.all()}
    Host.objects.filter(id=rows["web0"].id).update(last_seen_at=now - timedelta(days=2))
    Host.objects.filter(id=rows["web1"].id).update(last_seen_at=None)
    Host.objects.filter(id=rows["web2"].id).update(state="quarantined", reboot_required="yes")
    Host.objects.filter(id=rows["web3"].id).update(state="retired")
    Host.objects.filter(id=rows["web4"].id).update(packages_status="unknown")

    def listed(**filters: Any) -> list[str]:
        return names(queries.hosts(organisation_id=organisation.id, now=now, **filters))

    assert listed() == ["web0", "web1", "web2", "web4"]
    assert listed(state="all") == ["web0", "web1", "web2", "web3", "web4"]
    assert listed(state="silent") == ["web0"]
    assert listed(state="silent", stale_after=timedelta(days=3)) == []
    assert listed(state="never") == ["web1"]
    assert listed(state="quarantined") == listed(state="reboot") == ["web2"]
    assert listed(state="retired") == ["web3"]
    assert listed(state="unknown") == ["web4"]
    assert listed(search="EB1") == ["web1"]
    assert listed(limit=2, offset=1) == ["web1", "web2"]
    page = queries.hosts(organisation_id=organisation.id, now=now, limit=1)
    assert page.total_count == 4
    assert page.rows[0].presence == queries.PRESENCE_SILENT
    with pytest.raises(OperatorError):
        listed(state="asleep")
    counts = queries.host_counts(organisation_id=organisation.id, now=now)
    assert (counts.total, counts.seen, counts.silent, counts.never) == (4, 2, 1, 1)
    assert (counts.quarantined, counts.packages_unknown, counts.reboot_required) == (1, 1, 1)


def test_one_host_with_all_that_it_said(organisation: Organisation, now: datetime) -> None:
    speaking = enrol_host(organisation, now)
    before = queries.host(organisation_id=organisation.id, host_id=speaking.id, now=now)
    assert before.facts is None
    assert before.row.presence == queries.PRESENCE_NEVER
    assert before.row.package_count is None
    speaking.report(now)
    view = queries.host(organisation_id=organisation.id, host_id=speaking.id, now=now)
    assert view.facts == FACTS
    assert view.row.presence == queries.PRESENCE_SEEN
    assert (view.row.package_count, view.row.offer_count) == (3, 1)
    assert view.repositories[0].origin.codename == "bookworm"
    (offer,) = queries.host_offers(organisation_id=organisation.id, host_id=speaking.id)
    assert (offer.name, offer.installed_version, offer.candidate_version) == (
        "libssl3",
        "3.0.15-1~deb12u1",
        "3.0.17-1~deb12u2",
    )
    page = queries.host_packages(organisation_id=organisation.id, host_id=speaking.id, search="openssl", limit=1)
    assert page.total_count == 2
    assert [(row.name, row.held, row.running_old) for row in page.rows] == [("libssl3", False, False)]
    page = queries.host_packages(organisation_id=organisation.id, host_id=speaking.id, offset=0)
    assert [row.name for row in page.rows if row.held] == ["bash"]


def test_ids_and_rows_by_id(organisation: Organisation, now: datetime) -> None:
    hosts = [make_host(organisation, now=now, hostname=name) for name in ("b", "a")]
    services.retire_host(organisation_id=organisation.id, host_id=hosts[0].id, actor="person:ann", now=now)
    assert queries.host_ids(organisation_id=organisation.id) == (hosts[1].id,)
    rows = queries.hosts_by_id(organisation_id=organisation.id, host_ids=[each.id for each in hosts], now=now)
    assert [(row.hostname, row.state) for row in rows] == [("a", "active"), ("b", "retired")]
    assert queries.host_by_name(organisation_id=organisation.id, name="b", now=now) == ()
    with pytest.raises(NotFoundError):
        queries.host(organisation_id=organisation.id, host_id=uuid4(), now=now)


def test_the_loop_marks_the_silent_of_every_organisation_by_its_own_limit(
    organisation: Organisation, now: datetime
) -> None:
    patient = make_organisation(now=now, name="Patient")
    for each in (organisation, patient):
        make_host(each, now=now - timedelta(days=2))
    limits = {organisation.id: timedelta(days=1), patient.id: timedelta(days=7)}
    step = stale_step(limits.__getitem__)
    assert step(now).startswith("1 host")
    assert step(now).startswith("0 host")
    assert Entry.objects.get(kind="fleet.host_stale").organisation_id == organisation.id
