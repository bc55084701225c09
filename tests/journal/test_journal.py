"""The journal: what is sealed stays as it was, and an export proves it without the server."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.journal import lease, queries, services
from oakum.journal.format import checkpoint_text
from oakum.journal.models import Entry, LoopRun
from oakum.journal.signature import signature_holds
from oakum.journal.verify import Verdict, verify
from oakum.protocol.dsse import key_id

ORGANISATION = uuid4()
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()


def append(now: datetime, number: int = 0, kind: str = "rollout.halted") -> None:
    with transaction.atomic():
        services.append(
            organisation_id=ORGANISATION,
            kind=kind,
            actor="person:ann",
            subject="rollout:1",
            payload={"number": number, "why": "a unit failed ü"},
            now=now,
        )


def sign_head(now: datetime) -> None:
    head = Entry.objects.exclude(position=None).order_by("-position").first()
    assert head is not None
    assert head.position is not None
    text = checkpoint_text(chain=head.chain, position=head.position, hash_=head.hash, at=now)
    services.add_checkpoint(
        chain=head.chain,
        position=head.position,
        hash_=head.hash,
        key_id=key_id(PUBLIC),
        signature=base64.b64encode(KEY.sign(text)).decode(),
        now=now,
    )


def export() -> list[str]:
    return list(queries.export_lines(organisation_id=ORGANISATION, signer_key=PUBLIC.hex()))


def judged(lines: list[str]) -> Verdict:
    return verify(lines, public_key=PUBLIC, verify_signature=signature_holds)


@pytest.fixture
def sealed(db: None, now: datetime) -> list[str]:
    for number in range(6):
        append(now + timedelta(seconds=number), number)
    services.seal(now=now)
    sign_head(now)
    append(now, 99)
    return export()


def test_an_export_of_an_untouched_journal_holds_and_counts_what_is_not_yet_sealed(sealed: list[str]) -> None:
    verdict = judged(sealed)
    assert verdict.holds
    assert (verdict.entry_count, verdict.signed_count, verdict.unsealed_count) == (6, 6, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("actor", "person:eve"), ("at", "2026-11-22T12:00:01Z"), ("payload", {"number": 7}), ("kind", "rollout.started")],
)
def test_a_changed_entry_is_named(sealed: list[str], field: str, value: object) -> None:
    line = json.loads(sealed[3])
    line["entry"][field] = value
    sealed[3] = json.dumps(line)
    verdict = judged(sealed)
    assert not verdict.holds
    assert verdict.position == 3
    assert verdict.entry_id == line["entry"]["id"]


def test_an_erased_payload_breaks_nothing(sealed: list[str]) -> None:
    line = json.loads(sealed[3])
    line["entry"]["payload"] = None
    sealed[3] = json.dumps(line)
    assert judged(sealed).holds


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines[:3], lines[2], *lines[3:]],
        lambda lines: lines[1:],
        lambda _: [],
        lambda lines: [*lines[:2], "{", *lines[2:]],
    ],
    ids=["taken out", "swapped", "doubled", "no header", "empty", "garbage"],
)
def test_entries_taken_out_put_in_or_reordered_are_found(
    sealed: list[str], tamper: Callable[[list[str]], list[str]]
) -> None:
    assert not judged(tamper(sealed)).holds


def test_a_chain_rewritten_from_the_start_fails_at_the_checkpoint(
    sealed: list[str], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who owns the database but not the signer's key cannot rewrite what a checkpoint covers."""
    del sealed, monkeypatch
    Entry.objects.filter(position=2).update(actor="person:eve")
    Entry.objects.update(position=None, previous_hash="", hash="")
    services.seal(now=now)
    verdict = judged(export())
    assert not verdict.holds
    assert "checkpoint" in verdict.problem


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_changed_character_in_a_sealed_entry_is_found(sealed: list[str], data: Any) -> None:
    number = data.draw(st.integers(1, 7))
    line = sealed[number]
    index = data.draw(st.integers(0, len(line) - 1))
    changed = line[:index] + data.draw(st.sampled_from('0aZ"}')) + line[index + 1 :]
    try:
        same = json.loads(changed) == json.loads(line)
    except ValueError:
        same = False
    assert judged([*sealed[:number], changed, *sealed[number + 1 :]]).holds == same


@pytest.mark.django_db
def test_positions_are_dense_per_chain_and_sealing_again_changes_nothing(now: datetime) -> None:
    for number in range(5):
        append(now, number)
    assert services.seal(now=now, limit=3) == 3
    assert services.seal(now=now) == 2
    assert services.seal(now=now) == 0
    assert list(Entry.objects.order_by("sequence").values_list("position", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.django_db
def test_a_page_shows_the_newest_first_and_goes_on_where_it_ended(now: datetime) -> None:
    for number in range(5):
        append(now, number, kind="rollout.halted" if number % 2 else "fleet.host_enrolled")
    services.seal(now=now)
    append(now, 5)
    first = queries.entries(organisation_id=ORGANISATION, limit=3)
    assert [entry.position for entry in first.entries] == [None, 5, 4]
    second = queries.entries(organisation_id=ORGANISATION, limit=3, before_position=first.before_position)
    assert [entry.position for entry in second.entries] == [3, 2, 1]
    assert second.before_position is None
    assert len(queries.entries(organisation_id=ORGANISATION, kind="fleet").entries) == 3
    assert queries.entries(organisation_id=uuid4()).entries == ()


@pytest.mark.django_db
def test_a_lease_keeps_a_second_runner_out_until_it_lapses(now: datetime) -> None:
    ran: list[str] = []

    def step(_: datetime) -> str:
        ran.append("ran")
        return "the next hour"

    assert lease.run_leased("seal", step, holder="one", clock=lambda: now)
    assert not lease.run_leased("seal", step, holder="two", clock=lambda: now)
    assert lease.run_leased("seal", step, holder="two", clock=lambda: now + lease.LEASE * 2)
    assert len(ran) == 2
    assert LoopRun.objects.get(name="seal").waits_for == "the next hour"


@pytest.mark.django_db
def test_a_failing_loop_is_recorded_and_tried_again(now: datetime) -> None:
    def step(_: datetime) -> str:
        raise RuntimeError("the disk is full")

    lease.run_leased("seal", step, holder="one", clock=lambda: now)
    (run,) = queries.loop_runs()
    assert "the disk is full" in run.problem
    assert run.succeeded_at is None
