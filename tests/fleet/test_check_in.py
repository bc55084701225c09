"""Check-ins: batches, lost replies, copies of a host, wrong clocks."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oakum.core.errors import HostError, OperatorError
from oakum.fleet import queries, services
from oakum.fleet.models import Host
from oakum.fleet.services import AuthenticatedCheckIn, CheckedIn, CheckInRefused
from oakum.fleet.services.check_in import GENERATION_LEAP_MAX
from oakum.journal.models import Entry
from oakum.protocol.inventory import section_hash
from oakum.protocol.messages import ActiveOrder
from tests.factories import make_organisation
from tests.fleet.reports import SpeakingHost, enrol_host, payload_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(now: datetime) -> SpeakingHost:
    return enrol_host(make_organisation(now=now), now)


def row_of(host: SpeakingHost) -> Host:
    return Host.objects.get(id=host.id)


def kinds() -> list[str]:
    quiet = ("fleet.token_created", "fleet.host_enrolled", "catalogue.update_seen")
    return list(Entry.objects.exclude(kind__in=quiet).order_by("sequence", "at").values_list("kind", flat=True))


def test_an_unchanged_host_costs_nothing_but_its_row(host: SpeakingHost, now: datetime) -> None:
    assert host.report(now) == ("packages", "offers", "facts")
    later = now + timedelta(minutes=5)
    with CaptureQueriesContext(connection) as queries:
        assert host.report(later) == ()
    statements = [query["sql"].removeprefix("1 times: ").split()[0] for query in queries.captured_queries]
    assert [each for each in statements if each not in {"SAVEPOINT", "RELEASE", "BEGIN"}] == ["SELECT", "UPDATE"]
    row = row_of(host)
    assert row.last_seen_at == later
    assert row.inventory_at == later
    assert row.reported_at == now
    assert kinds() == []


def test_only_the_sections_that_differ_are_needed(host: SpeakingHost, now: datetime) -> None:
    host.report(now)
    host.facts = dataclasses.replace(host.facts, boot_id="another")
    assert host.report(now) == ("facts",)
    assert row_of(host).boot_id == "another"


def test_a_claim_that_does_not_fit_what_came_is_asked_for_again(host: SpeakingHost, now: datetime) -> None:
    host.report(now)
    honest = host.packages
    host.packages = dataclasses.replace(honest, packages=honest.packages[:2])
    result = host.check_in(now)
    assert isinstance(result, CheckedIn)
    assert result.need == ("packages",)
    host.packages = honest  # sends what it did not claim
    host.upload(now, "packages")
    assert row_of(host).packages_hash == section_hash(honest)


def test_a_repeated_request_gets_the_same_nonce_and_is_still_read(host: SpeakingHost, now: datetime) -> None:
    host.report(now)
    first = host.check_in(now, reply_arrives=False)
    host.facts = dataclasses.replace(host.facts, hostname="web02")
    again = host.check_in(now, reply_arrives=False)
    assert isinstance(first, CheckedIn)
    assert isinstance(again, CheckedIn)
    assert (first.nonce, first.sent_again, first.need) == (again.nonce, False, ())
    assert again.sent_again
    assert again.need == ("facts",)


def test_two_copies_are_quarantined_and_told_why(host: SpeakingHost, now: datetime) -> None:
    copy = host.copy()
    assert isinstance(host.check_in(now), CheckedIn)
    assert isinstance(copy.check_in(now), CheckedIn)
    found = host.check_in(now)
    assert isinstance(found, CheckInRefused)
    assert found.code == "host_quarantined"
    assert "Two machines" in found.sentence
    assert "enrol" in found.next_step
    assert row_of(host).state == "quarantined"
    also = copy.check_in(now)
    assert isinstance(also, CheckInRefused)
    assert kinds() == ["fleet.host_quarantined"]  # once, however often they knock
    with pytest.raises(HostError) as caught:
        host.upload(now)
    assert caught.value.code == "host_quarantined"


def test_a_person_lets_a_host_out_of_quarantine_once(host: SpeakingHost, now: datetime) -> None:
    organisation_id = row_of(host).organisation_id
    with pytest.raises(OperatorError):
        services.release_quarantine(organisation_id=organisation_id, host_id=host.id, actor="person:ann", now=now)
    copy = host.copy()
    for each in (host, copy, host):
        each.check_in(now)
    services.release_quarantine(organisation_id=organisation_id, host_id=host.id, actor="person:ann", now=now)
    for _ in range(3):  # its reply is lost twice
        assert isinstance(host.check_in(now, reply_arrives=False), CheckedIn)
    assert isinstance(host.check_in(now), CheckedIn)
    assert isinstance(host.check_in(now), CheckedIn)
    assert isinstance(copy.check_in(now), CheckInRefused)
    assert kinds() == ["fleet.host_quarantined", "fleet.host_released", "fleet.host_quarantined"]
    assert "enrol" in payload_of("fleet.host_released")["next_step"]


def test_a_retired_host_may_not_speak(host: SpeakingHost, now: datetime) -> None:
    services.retire_host(
        organisation_id=row_of(host).organisation_id, host_id=host.id, actor="person:ann", now=now, reason="sold"
    )
    result = host.check_in(now)
    assert isinstance(result, CheckInRefused)
    assert result.code == "host_retired"


def test_a_wrong_clock_is_stored_and_journalled_when_it_goes_wrong_and_when_it_is_right(
    host: SpeakingHost, now: datetime
) -> None:
    host.seconds_ahead = 299
    host.check_in(now)
    assert row_of(host).clock_skew_seconds == 299
    for seconds in (3_600, 3_700, 3_600):
        host.seconds_ahead = seconds
        host.check_in(now)
    assert row_of(host).clock_skew_seconds == 3_600
    host.seconds_ahead = 0
    host.check_in(now)
    told = Entry.objects.filter(kind="fleet.clock_wrong").order_by("sequence").values_list("payload__clock", flat=True)
    assert list(told) == ["wrong", "right"]


@pytest.mark.parametrize("sent_at", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_clock_that_is_ages_off_fits_into_the_column(host: SpeakingHost, now: datetime, sent_at: str) -> None:
    check_in = dataclasses.replace(host.check_in_value(now), sent_at=sent_at)
    (result,) = services.check_in_batch([AuthenticatedCheckIn(host_id=host.id, check_in=check_in)], now=now)
    assert isinstance(result, CheckedIn)
    assert abs(row_of(host).clock_skew_seconds) == 2**31 - 1


def test_what_the_host_is_doing_is_kept_as_last_said(host: SpeakingHost, now: datetime) -> None:
    active = (ActiveOrder(order_id="o1", order_hash="h", phase="soaking", detail="", at="2026-11-22T12:00:00Z"),)
    check_in = dataclasses.replace(host.check_in_value(now), active=active, policy_mode="apply", boot_id="b2")
    services.check_in_batch([AuthenticatedCheckIn(host_id=host.id, check_in=check_in)], now=now)
    row = row_of(host)
    assert [each["order_id"] for each in row.active_orders] == ["o1"]
    assert (row.policy_mode, row.boot_id) == ("apply", "b2")
    services.check_in_batch(
        [AuthenticatedCheckIn(host_id=host.id, check_in=dataclasses.replace(check_in, active=()))], now=now
    )
    assert row_of(host).active_orders == []


def test_what_a_host_says_of_its_work_never_shuts_it_out(host: SpeakingHost, now: datetime) -> None:
    odd = (ActiveOrder(order_id="o", order_hash="h", phase="levitating", detail="a\x00" + "b" * 5_000, at=""),)
    check_in = dataclasses.replace(host.check_in_value(now), active=odd)
    (result,) = services.check_in_batch([AuthenticatedCheckIn(host_id=host.id, check_in=check_in)], now=now)
    assert isinstance(result, CheckedIn)
    (kept,) = row_of(host).active_orders
    assert (kept["phase"], kept["detail"]) == ("levitating", "a" + "b" * 999)


def test_a_bad_item_harms_no_other(now: datetime) -> None:
    organisation = make_organisation(now=now)
    hosts = [enrol_host(organisation, now, f"web{number:02}") for number in range(3)]
    items = [AuthenticatedCheckIn(host_id=each.id, check_in=each.check_in_value(now)) for each in hosts]
    bad = dataclasses.replace(items[1].check_in, packages_hash="x")
    items[1] = AuthenticatedCheckIn(host_id=items[1].host_id, check_in=bad)
    stranger = AuthenticatedCheckIn(host_id=uuid4(), check_in=items[0].check_in)
    results = services.check_in_batch([*items, stranger, items[2]], now=now)
    codes = [result.code if isinstance(result, CheckInRefused) else "" for result in results]
    assert codes == ["", "check_in_invalid", "", "host_unknown", ""]
    assert isinstance(results[4], CheckedIn)
    assert results[4].sent_again  # the same check-in twice in one batch
    assert Host.objects.filter(last_seen_at=now).count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attempt", ""),
        ("attempt", "a" * 65),
        ("nonce", "n" * 65),
        ("nonce", "a b"),
        ("boot_id", "b" * 65),
        ("sent_at", "yesterday"),
        ("sent_at", "2026-11-22T12:00:00+01:00"),
        ("sent_at", "2026-13-22T12:00:00Z"),
        ("lists_updated_at", "2026"),
        ("generation_max", -1),
        ("generation_max", 2**63),
        ("policy_mode", ""),
        ("agent_version", "v" * 41),
        ("facts_hash", ""),
        ("active", (ActiveOrder("o", "h", "done", "", ""),) * 65),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(
    host: SpeakingHost, now: datetime, field: str, value: object
) -> None:
    check_in = dataclasses.replace(host.check_in_value(now), **{field: value})  # type: ignore[arg-type]
    (result,) = services.check_in_batch([AuthenticatedCheckIn(host_id=host.id, check_in=check_in)], now=now)
    assert isinstance(result, CheckInRefused)
    assert result.code == "check_in_invalid"
    assert field in result.sentence
    assert row_of(host).last_seen_at is None


def test_silence_is_journalled_once_and_so_is_the_return(host: SpeakingHost, now: datetime) -> None:
    organisation_id = row_of(host).organisation_id
    day = timedelta(days=1)

    def mark(at: datetime) -> int:
        return services.mark_stale(organisation_id=organisation_id, stale_after=day, now=at)

    host.check_in(now)
    assert mark(now + day) == 0
    assert mark(now + day + timedelta(seconds=1)) == 1
    assert mark(now + 2 * day) == 0
    assert kinds() == ["fleet.host_stale"]
    host.check_in(now + 3 * day)
    host.check_in(now + 3 * day)
    assert kinds() == ["fleet.host_stale", "fleet.host_returned"]
    assert mark(now + 5 * day) == 1


def test_a_site_that_falls_silent_is_one_entry(now: datetime) -> None:
    organisation = make_organisation(now=now)
    for number in range(25):
        enrol_host(organisation, now, f"web{number:02}")
    later = now + timedelta(days=3)
    assert services.mark_stale(organisation_id=organisation.id, stale_after=timedelta(days=1), now=later) == 25
    payload = payload_of("fleet.host_stale")
    assert payload["host_count"] == 25
    assert payload["hosts"][0].startswith("web00 (")


def test_a_server_restored_from_a_backup_counts_orders_on_from_where_the_host_stands(
    host: SpeakingHost, now: datetime
) -> None:
    host.report(now)
    Host.objects.filter(id=host.id).update(order_generation=3)  # as in the backup
    host.generation_max = 9
    host.check_in(now)
    assert row_of(host).order_generation == 9
    host.check_in(now)
    told = payload_of("fleet.order_generation_learned")
    assert (told["before"], told["after"]) == (3, 9)


@pytest.mark.parametrize("claimed", [0, 3, 3 + GENERATION_LEAP_MAX + 1, 2**63 - 1])
def test_an_order_generation_that_is_older_or_absurd_is_not_learned(
    host: SpeakingHost, now: datetime, claimed: int
) -> None:
    Host.objects.filter(id=host.id).update(order_generation=3)
    host.generation_max = claimed
    host.check_in(now)
    assert row_of(host).order_generation == 3


@pytest.mark.parametrize("hours", [1, 11, 13, 24, 49])  # the instant of the tests is noon: some cross midnight
def test_a_host_is_silent_as_soon_as_its_last_check_in_is_too_old(
    host: SpeakingHost, now: datetime, hours: int
) -> None:
    host.report(now)
    stale_after = timedelta(hours=hours)

    def silent(at: datetime) -> int:
        return queries.host_counts(organisation_id=row_of(host).organisation_id, now=at, stale_after=stale_after).silent

    assert silent(now + stale_after) == 0
    assert silent(now + stale_after + timedelta(seconds=1)) == 1
    host.check_in(now + stale_after)
    assert silent(now + stale_after + timedelta(seconds=1)) == 0
