"""Readers of release notes: one host an update, another when one fails, further back when an older host comes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from oakum.catalogue.models import NotesState, Update
from oakum.catalogue.queries import notes_wanted
from oakum.catalogue.services import record_notes, see_updates
from oakum.core.election import ELECTION_TIMEOUT, NOT_OFFERED, NOTES_ATTEMPT_MAX, OFFERED_WITHIN, TIMED_OUT
from oakum.findings.loops import elect_step
from oakum.findings.services import elect_note_readers, electing
from oakum.fleet.models import Host, HostState
from oakum.identity.models import Organisation
from oakum.protocol.inventory import Offer
from oakum.protocol.messages import NOTES_REQUEST_COUNT_MAX, ChangelogEntry, NotesRequest, NotesUpload
from tests.factories import Package, make_host, make_organisation

pytestmark = pytest.mark.django_db

INSTALLED: Package = ("libssl3", "3.0-1", "openssl", "3.0-1")
OFFERED: Package = ("libssl3", "3.0-3", "openssl", "3.0-3")
BIGGER: Package = ("openssl", "3.0-3", "openssl", "3.0-3")


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's database is a new one: what this process remembers of others does not hold."""
    monkeypatch.setattr(electing, "_waiting", {})
    monkeypatch.setattr(electing, "_looked_again_at", {})


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def offered(
    organisation: Organisation,
    now: datetime,
    hostname: str = "web01",
    *packages: Package,
    installed: Package = INSTALLED,
) -> Host:
    """Make a host that is offered these packages, and let it say so."""
    offers = [(package, installed[1]) for package in packages or (OFFERED,)]
    host = make_host(organisation, now=now, hostname=hostname, packages=[installed], offers=offers)
    see_updates(
        organisation_id=organisation.id,
        host_id=host.id,
        stream="debian:12",
        offers=[
            Offer(
                name=name,
                architecture="amd64",
                installed_version=installed[1],
                candidate_version=version,
                source_name=source,
                source_version=source_version,
                origins=(),
            )
            for (name, version, source, source_version), _ in offers
        ],
        now=now,
    )
    return host


def asked(host: Host) -> tuple[NotesRequest, ...]:
    return notes_wanted([host.id]).get(host.id, ())


def answer(host: Host, now: datetime, *versions: str, problem: str = "") -> None:
    (request, *_) = asked(host)
    entries = tuple(
        ChangelogEntry(version=version, distribution="", urgency="", date="", text=version) for version in versions
    )
    upload = NotesUpload(
        protocol=1,
        source_name=request.source_name,
        source_version=request.source_version,
        problem=problem,
        entries=entries,
    )
    record_notes(organisation_id=host.organisation_id, host_id=host.id, upload=upload, now=now)


def test_one_host_is_asked_for_one_update(organisation: Organisation, now: datetime) -> None:
    hosts = [offered(organisation, now, f"web0{number}") for number in range(3)]
    report = elect_note_readers(now=now)
    assert (report.asked_count, report.waiting_count) == (1, 0)
    requests = [request for host in hosts for request in asked(host)]
    assert requests == [
        NotesRequest(
            source_name="openssl",
            source_version="3.0-3",
            package_name="libssl3",
            package_version="3.0-3",
            architecture="amd64",
            since_version="3.0-1",
        )
    ]
    assert elect_note_readers(now=now).asked_count == 0


def test_notes_reach_back_to_the_oldest_version_in_the_organisation(organisation: Organisation, now: datetime) -> None:
    offered(organisation, now, "young")
    offered(organisation, now, "old", installed=("libssl3", "2.9-1", "openssl", "2.9-1"))
    make_host(organisation, now=now, hostname="newer", packages=[("libssl3", "3.1-1", "openssl", "3.1-1")])
    other = make_organisation(now=now, name="Other")
    make_host(other, now=now, hostname="theirs", packages=[("libssl3", "1.0-1", "openssl", "1.0-1")])
    elect_note_readers(now=now)
    assert Update.objects.get().notes_since_version == "2.9-1"


def test_a_host_that_is_away_is_not_asked(organisation: Organisation, now: datetime) -> None:
    host = offered(organisation, now - timedelta(hours=2))
    assert elect_note_readers(now=now).waiting_count == 1
    assert "1 updates" in elect_step(now + electing.RETRY_AFTER)
    Host.objects.filter(id=host.id).update(last_seen_at=now)
    assert elect_note_readers(now=now + 2 * electing.RETRY_AFTER).asked_count == 1


@pytest.mark.parametrize("state", [HostState.QUARANTINED, HostState.RETIRED])
def test_a_host_that_may_not_speak_is_not_asked(organisation: Organisation, now: datetime, state: HostState) -> None:
    host = offered(organisation, now)
    Host.objects.filter(id=host.id).update(state=state)
    assert elect_note_readers(now=now).asked_count == 0


def test_the_server_itself_is_asked_last(organisation: Organisation, now: datetime) -> None:
    local = offered(organisation, now, "server")
    Host.objects.filter(id=local.id).update(is_local=True)
    other = offered(organisation, now, "web01")
    elect_note_readers(now=now)
    assert (len(asked(local)), len(asked(other))) == (0, 1)


def test_hosts_of_another_organisation_are_never_asked(organisation: Organisation, now: datetime) -> None:
    host = offered(organisation, now)
    other = make_organisation(now=now, name="Other")
    make_host(other, now=now, hostname="theirs", packages=[INSTALLED], offers=[(OFFERED, "3.0-1")])
    Host.objects.filter(id=host.id).update(offers=[])
    assert elect_note_readers(now=now).asked_count == 0


def test_after_a_timeout_another_host_is_asked(organisation: Organisation, now: datetime) -> None:
    first, second = offered(organisation, now, "web01"), offered(organisation, now, "web02")
    elect_note_readers(now=now)
    before, after = (first, second) if asked(first) else (second, first)
    later = now + ELECTION_TIMEOUT
    Host.objects.update(last_seen_at=later)
    report = elect_note_readers(now=later)
    assert (report.lapsed_count, report.asked_count) == (1, 1)
    assert (len(asked(before)), len(asked(after))) == (0, 1)
    assert Update.objects.get().notes_problem == TIMED_OUT


def test_after_as_many_failures_the_notes_are_absent_with_the_reason(organisation: Organisation, now: datetime) -> None:
    host = offered(organisation, now)
    for number in range(NOTES_ATTEMPT_MAX + 2):
        at = now + number * ELECTION_TIMEOUT
        Host.objects.filter(id=host.id).update(last_seen_at=at)
        elect_note_readers(now=at)
    update = Update.objects.get()
    assert (update.notes_state, update.notes_attempt_count) == (NotesState.ABSENT, NOTES_ATTEMPT_MAX)
    assert update.notes_problem == TIMED_OUT
    assert asked(host) == ()


def test_a_failed_package_is_followed_by_another_of_the_source(organisation: Organisation, now: datetime) -> None:
    host = offered(organisation, now, "web01", OFFERED, BIGGER)
    names = []
    for number in range(2):
        at = now + number * electing.RETRY_AFTER
        elect_note_readers(now=at)
        names.append(asked(host)[0].package_name)
        answer(host, at, problem="no changelog in it")
    assert sorted(names) == ["libssl3", "openssl"]


def test_no_host_is_asked_for_more_than_one_reply_carries(organisation: Organisation, now: datetime) -> None:
    packages: list[Package] = [(f"p{number}", "2", f"s{number}", "2") for number in range(NOTES_REQUEST_COUNT_MAX + 3)]
    host = offered(organisation, now, "web01", *packages)
    report = elect_note_readers(now=now)
    assert (report.asked_count, report.waiting_count) == (NOTES_REQUEST_COUNT_MAX, 3)
    answer(host, now, "2")
    later = now + electing.RETRY_AFTER
    assert elect_note_readers(now=later).asked_count == 1


def test_what_nobody_is_offered_any_more_is_given_up(organisation: Organisation, now: datetime) -> None:
    host = offered(organisation, now)
    Host.objects.filter(id=host.id).update(offers=[])
    elect_note_readers(now=now + OFFERED_WITHIN)
    assert Update.objects.get().notes_state == NotesState.WANTED
    elect_note_readers(now=now + OFFERED_WITHIN + timedelta(minutes=1))
    update = Update.objects.get()
    assert (update.notes_state, update.notes_problem) == (NotesState.ABSENT, NOT_OFFERED)


def test_an_older_host_has_the_notes_read_from_further_back(organisation: Organisation, now: datetime) -> None:
    host = offered(organisation, now)
    elect_note_readers(now=now)
    answer(host, now, "3.0-3", "3.0-2")
    assert Update.objects.get().notes_state == NotesState.KNOWN
    make_host(organisation, now=now, hostname="older", packages=[("libssl3", "2.0-1", "openssl", "2.0-1")])
    elect_note_readers(now=now + electing.AGAIN_EVERY - timedelta(seconds=1))
    assert asked(host) == ()
    elect_note_readers(now=now + electing.AGAIN_EVERY)
    assert [request.since_version for request in asked(host)] == ["2.0-1"]
    answer(host, now, "3.0-3", "3.0-2", "2.5-1")
    Host.objects.update(last_seen_at=now + timedelta(hours=1))
    elect_note_readers(now=now + timedelta(hours=1))
    assert asked(host) == ()
    assert Update.objects.get().notes_state == NotesState.KNOWN


def test_the_loop_says_what_it_waits_for(organisation: Organisation, now: datetime) -> None:
    assert elect_step(now) == "updates without release notes"
    offered(organisation, now)
    assert elect_step(now) == "updates without release notes"
