"""Check-ins at the door: authenticated, batched, answered; every bad one refused in words."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.catalogue.models import Update
from oakum.catalogue.services import Ask, ask_for_notes
from oakum.fleet.models import Host
from oakum.gateway import workers
from oakum.gateway.check_ins import ORDER_BYTES_MAX, CheckIns, WaitingCheckIn, bounded
from oakum.gateway.replies import Answer
from oakum.identity.models import Organisation, Person
from oakum.journal.models import Entry
from oakum.policy.models import Settings
from oakum.protocol.codec import canonical_json, to_plain
from oakum.protocol.dsse import Envelope, Signature
from oakum.protocol.messages import BODY_BYTES_MAX, ORDER_COUNT_MAX, PATH_CHECK_IN, PATH_INVENTORY
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE
from oakum.rollout.models import Order, Rollout
from tests.factories import make_organisation, make_person
from tests.fleet.reports import SpeakingHost, enrol_host
from tests.gateway.driver import NOW, Door, Sender, headers_of


@pytest.fixture
def host(door: Door) -> SpeakingHost:
    return enrol_host(make_organisation(now=NOW), NOW)


def row_of(host: SpeakingHost) -> Host:
    return Host.objects.get(id=host.id)


def test_a_host_checks_in_uploads_what_is_needed_and_is_left_in_peace(door: Door, host: SpeakingHost) -> None:
    first = door.reply_of(door.check_in(host))
    assert first.need == ("packages", "offers", "facts")
    assert first.server_time == "2026-11-22T12:00:00Z"
    assert first.check_in_seconds == 15  # new offers: their release notes may be asked for soon
    uploaded = door.upload(host, *first.need)
    assert (uploaded.status, json.loads(uploaded.body)) == (200, {"stored": ["packages", "offers", "facts"]})
    second = door.reply_of(door.check_in(host))
    assert (second.need, second.orders, second.notes_wanted) == ((), (), ())
    assert second.nonce != first.nonce
    assert second.check_in_seconds == 300
    assert row_of(host).last_seen_at == NOW


def test_the_organisations_interval_is_in_the_reply(door: Door, host: SpeakingHost) -> None:
    Settings.objects.create(organisation_id=row_of(host).organisation_id, check_in_seconds=60)
    door.upload(host, *door.reply_of(door.check_in(host)).need)
    assert door.reply_of(door.check_in(host)).check_in_seconds == 60


def test_a_host_with_work_is_asked_to_come_back_sooner(door: Door, host: SpeakingHost) -> None:
    door.upload(host, *door.reply_of(door.check_in(host)).need)
    order = {"order_id": "o", "order_hash": "h", "phase": "soaking", "detail": "", "at": ""}
    assert door.reply_of(door.check_in(host, active=[order])).check_in_seconds == 15
    done = order | {"phase": "done"}
    assert door.reply_of(door.check_in(host, active=[done])).check_in_seconds == 300


def test_release_notes_that_are_wanted_of_this_host_are_in_the_reply(door: Door, host: SpeakingHost) -> None:
    door.upload(host)
    update = Update.objects.get()
    ask = Ask(
        update_id=update.id,
        host_id=host.id,
        package_name="libssl3",
        package_version=update.source_version,
        architecture="amd64",
        since_version="3.0.15-1~deb12u1",
    )
    ask_for_notes(organisation_id=row_of(host).organisation_id, asks=(ask,), now=NOW)
    (wanted,) = door.reply_of(door.check_in(host)).notes_wanted
    assert (wanted.source_name, wanted.package_name) == ("openssl", "libssl3")


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Oakum",
        b"Oakum x.y",
        b"Bearer abc",
        b"Oakum " + b"\xff" * 40,
        b"Oakum " + b"a" * 10_000,
        b"Oakum 00000000-0000-0000-0000-000000000000.",
    ],
)
def test_without_credentials_nothing_is_read(door: Door, authorization: bytes) -> None:
    for path in (PATH_CHECK_IN, PATH_INVENTORY):
        sender = Sender(iter([b"x" * 10_000]))
        headers = [(b"authorization", authorization), (b"content-type", b"application/json")]
        reply = door.run(door.ask("POST", path, headers, sender))
        assert reply.status == 401
        assert reply.error().code == "credentials_missing"
        assert reply.headers[b"connection"] == b"close"
        assert sender.read_count == 0


def test_a_wrong_secret_and_an_unknown_host_look_the_same(door: Door, host: SpeakingHost) -> None:
    wrong, stranger = host.copy(), host.copy()
    wrong.secret, stranger.id = "guess", uuid4()
    for sent in (wrong, stranger, wrong):  # known or not by the gateway's memory
        reply = door.check_in(sent)
        assert (reply.status, reply.error().code) == (401, "credentials_invalid")
        assert door.upload(sent).status == 401
        door.check_in(host)
    assert door.check_in(host).status == 200


def test_a_wrong_secret_of_a_known_host_costs_no_reading_and_no_question_to_the_database(
    door: Door, host: SpeakingHost
) -> None:
    door.check_in(host)
    wrong = host.copy()
    wrong.secret = "guess"
    sender = Sender(iter([b"x"] * 10))
    reply = door.run(door.ask("POST", PATH_INVENTORY, headers_of(wrong), sender))
    assert (reply.status, sender.read_count) == (401, 0)


def test_many_at_once_are_few_transactions_and_each_gets_its_own_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = make_organisation(now=NOW)
    hosts = [enrol_host(organisation, NOW, f"web{number:02}") for number in range(60)]
    batches: list[int] = []
    handle = CheckIns.handle

    def counted(self: CheckIns, waiting: Sequence[WaitingCheckIn]) -> Sequence[Answer]:
        batches.append(len(waiting))
        return handle(self, waiting)

    monkeypatch.setattr(CheckIns, "handle", counted)
    with Door() as fresh:  # built with the counting handler
        bad = hosts[7].copy()
        bad.secret = "guess"

        async def all_at_once() -> list[tuple[int, bytes]]:
            asked = []
            for host in [*hosts, bad]:
                body = canonical_json(host.check_in_value(NOW))
                asked.append(fresh.ask("POST", PATH_CHECK_IN, headers_of(host), Sender(iter([body]))))
            return [(reply.status, reply.body) for reply in await asyncio.gather(*asked)]

        replies = fresh.run(all_at_once())
    assert [status for status, _ in replies] == [200] * 60 + [401]
    assert len({json.loads(body)["nonce"] for _, body in replies[:60]}) == 60
    assert sum(batches) == 61
    assert len(batches) < 20
    assert Host.objects.filter(last_seen_at=NOW).count() == 60


def test_two_machines_with_one_identity_are_refused_with_the_next_step(door: Door, host: SpeakingHost) -> None:
    copy = host.copy()
    assert [door.check_in(each).status for each in (host, copy)] == [200, 200]
    found = door.check_in(host)
    assert (found.status, found.error().code) == (403, "host_quarantined")
    assert "enrol" in found.error().next_step
    assert door.check_in(copy).status == 403
    assert door.upload(host).status == 403
    assert Entry.objects.filter(kind="fleet.host_quarantined").count() == 1


def test_a_replayed_check_in_gets_the_same_answer_at_once_and_is_found_later(door: Door, host: SpeakingHost) -> None:
    body = canonical_json(host.check_in_value(NOW))
    first, again = (door.post(PATH_CHECK_IN, body, headers_of(host)) for _ in range(2))
    assert first.body == again.body
    host.heard(door.reply_of(first).nonce)
    door.check_in(host)
    replayed = door.post(PATH_CHECK_IN, body, headers_of(host))
    assert (replayed.status, replayed.error().code) == (403, "host_quarantined")


def test_a_wrong_clock_is_kept(door: Door, host: SpeakingHost) -> None:
    host.seconds_ahead = -86_400
    assert door.check_in(host).status == 200
    assert row_of(host).clock_skew_seconds == -86_400


def test_a_host_that_changes_its_name_stays_the_same(door: Door, host: SpeakingHost) -> None:
    from dataclasses import replace

    door.upload(host)
    host.facts = replace(host.facts, hostname="db01")
    assert door.reply_of(door.check_in(host)).need == ("facts",)
    assert door.upload(host, "facts").status == 200
    assert row_of(host).hostname == "db01"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", "array"),
        (b"\xff\xfe", ""),
        (b"null", "null"),
        (b"[" * 30_000, ""),
        (b'{"protocol": 1}', "nonce"),
    ],
)
def test_what_is_no_check_in_is_refused_with_the_place(door: Door, host: SpeakingHost, body: bytes, place: str) -> None:
    reply = door.post(PATH_CHECK_IN, body, headers_of(host))
    assert (reply.status, reply.error().code) == (422, "body_garbage")
    assert place in reply.error().sentence


def test_wrong_types_are_named(door: Door, host: SpeakingHost) -> None:
    for changes, place in (
        ({"nonce": 5}, "$.nonce"),
        ({"generation_max": "1"}, "$.generation_max"),
        ({"generation_max": True}, "$.generation_max"),
        ({"active": [{"order_id": "o"}]}, "$.active[0]"),
    ):
        reply = door.check_in(host, **changes)
        assert reply.status == 422
        assert place in reply.error().sentence
    reply = door.check_in(host, policy_mode="root")
    assert (reply.status, reply.error().code) == (422, "check_in_invalid")
    assert door.check_in(host, something_new=[1]).status == 200  # the wire is only ever added to


def test_another_version_of_the_protocol_is_told_so(door: Door, host: SpeakingHost) -> None:
    reply = door.check_in(host, protocol=2)
    assert (reply.status, reply.error().code) == (422, "protocol_unknown")


def test_half_a_character_is_no_text(door: Door, host: SpeakingHost) -> None:
    reply = door.check_in(host, agent_version="\ud800")
    assert (reply.status, reply.error().code) == (422, "body_garbage")


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            ["protocol", "nonce", "attempt", "sent_at", "boot_id", "facts_hash", "active", "generation_max"]
        ),
        plain_json,
        max_size=3,
    )
)
def test_whatever_stands_in_a_check_in_the_answer_is_a_reply_or_a_refusal(
    door: Door, host: SpeakingHost, changes: dict[str, Any]
) -> None:
    reply = door.check_in(host, **changes)
    assert reply.status in {200, 403, 422}, reply.body
    if reply.status != 200:
        reply.error()


def test_a_locked_database_is_a_refusal_that_says_when_to_come_back(door: Door, host: SpeakingHost) -> None:
    assert door.check_in(host).status == 200
    locked, done = threading.Event(), threading.Event()

    def hold_the_hosts() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("LOCK TABLE fleet_host")
            locked.set()
            assert done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold_the_hosts)
    holder.start()
    assert locked.wait(30)
    replies = [door.check_in(host), door.upload(host)]
    done.set()
    holder.join()
    for reply in replies:
        assert (reply.status, reply.error().code) == (503, "busy")
        assert reply.headers[b"retry-after"] == b"5"
    door.now += timedelta(minutes=1)
    assert [door.check_in(host).status, door.upload(host).status] == [200, 200]
    assert row_of(host).last_seen_at == door.now


def test_after_the_database_was_away_the_next_request_finds_it_again(door: Door, host: SpeakingHost) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite is a file: it is locked or there, never away")
    assert door.check_in(host).status == 200
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    reply = door.check_in(host)
    assert (reply.status, reply.error().code) == (503, "busy")
    assert reply.headers[b"retry-after"] == b"5"
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined] # PostgreSQL's: it may hold connections that were cut
    assert [door.check_in(host).status, door.upload(host).status] == [200, 200]


def test_too_many_waiting_and_too_long_waiting_are_turned_away(
    door: Door, host: SpeakingHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert door.check_in(host).status == 200
    before = row_of(host).nonce
    monkeypatch.setattr(workers, "WAIT_SECONDS_MAX", -1.0)
    reply = door.check_in(host)
    assert (reply.status, reply.error().code) == (503, "busy")
    assert row_of(host).nonce == before
    monkeypatch.undo()
    monkeypatch.setattr(door.gateway._check_ins, "_waiting_count_max", 0)
    assert door.check_in(host).status == 503


def test_a_large_check_in_is_refused(door: Door, host: SpeakingHost) -> None:
    headers = headers_of(host, (b"content-length", str(BODY_BYTES_MAX + 1).encode()))
    sender = Sender(iter([b" " * 1_000] * 1_000))
    declared = door.run(door.ask("POST", PATH_CHECK_IN, headers, sender))
    assert (declared.status, sender.read_count) == (413, 0)
    sender = Sender(iter([b" " * 1_000] * 1_000))
    streamed = door.run(door.ask("POST", PATH_CHECK_IN, headers_of(host), sender))
    assert streamed.status == 413
    assert sender.read_count <= BODY_BYTES_MAX + 1_000


def sign_order(host: SpeakingHost, generation: int, payload: bytes = b"{}") -> Envelope:
    """Store a signed order as the signer leaves it; the payload is nothing that a host would obey."""
    organisation = Organisation.objects.get()
    person = Person.objects.filter(name="ann").first() or make_person(organisation, now=NOW)
    rollout, _ = Rollout.objects.get_or_create(
        organisation=organisation,
        number=1,
        defaults={
            "name": "r",
            "state": "running",
            "spec": {},
            "approvals_required": 0,
            "requested_by": person,
            "created_at": NOW,
        },
    )
    encoded = base64.b64encode(payload).decode()
    envelope = Envelope(payloadType=ORDER_PAYLOAD_TYPE, payload=encoded, signatures=(Signature(keyid="k", sig="s"),))
    Order.objects.create(
        organisation=organisation,
        rollout=rollout,
        host_id=host.id,
        generation=generation,
        verb="apply",
        plan_number=1,
        payload=payload,
        payload_hash="h",
        state="signed",
        envelope=to_plain(envelope),
        issued_at=NOW,
    )
    return envelope


def test_a_hosts_newest_signed_order_is_in_its_reply_and_makes_it_come_back_soon(
    door: Door, host: SpeakingHost
) -> None:
    other = enrol_host(Organisation.objects.get(), NOW, "web02")
    sign_order(host, 1)
    envelope = sign_order(host, 2, b'{"newer": 1}')
    reply = door.reply_of(door.check_in(host))
    assert reply.orders == (envelope,)
    assert reply.check_in_seconds == 15
    assert door.reply_of(door.check_in(other)).orders == ()


def test_orders_that_do_not_fit_into_a_reply_wait_for_the_next_one() -> None:
    large = Envelope(payloadType="t", payload="a" * (ORDER_BYTES_MAX // 2), signatures=())
    huge = Envelope(payloadType="t", payload="a" * ORDER_BYTES_MAX * 2, signatures=())
    assert bounded([large] * 5) == (large, large)
    assert bounded([huge, large]) == (huge,)  # alone it goes, however large: else nobody would ever hear of it
    small = Envelope(payloadType="t", payload="a", signatures=())
    assert bounded([small] * 40) == (small,) * ORDER_COUNT_MAX
