"""What hosts tell of their orders: stored once, believed for themselves only, journalled.

A host can speak of orders that we know, that we have replaced, or that we never gave (a forged one that it refused):
all are kept.  Anything a host may send is stored somehow, cut to size, so that its spool empties; a bad item harms no
other.  What an outcome makes of the host's state is ``core.planning.outcomes``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction

from oakum.core.planning.outcomes import FINAL_KINDS, Age, advance
from oakum.core.planning.values import HostState
from oakum.fleet.models import Host
from oakum.journal.services import append
from oakum.protocol.codec import to_plain
from oakum.protocol.messages import OUTCOME_COUNT_MAX, Outcome
from oakum.protocol.orders import OUTCOME_DEFERRED, OUTCOME_HELD, OUTCOME_KINDS
from oakum.protocol.trust import REFUSED_EXPIRED, parse_instant
from oakum.rollout.ids import parse_id
from oakum.rollout.models import Order, OrderState, OutcomeRecord, Rollout, RolloutHost

ID_LENGTH_MAX = 64
KIND_LENGTH_MAX = 20
REASON_LENGTH_MAX = 60
SENTENCE_LENGTH_MAX = 1_000
LOG_LENGTH_MAX = 20_000
HEALTH_COUNT_MAX = 100
PACKAGE_COUNT_MAX = 500  # kept of one outcome; the order's own list stands in the order
INTEGER_MAX = 2**63 - 1  # what JSON of every database holds
KIND_OTHER = "other"  # in journal kinds, for a word that this server does not know

_STAMPS = {HostState.STARTED: "started_at", HostState.APPLIED: "applied_at", HostState.SOAKED: "soaked_at"}

log = logging.getLogger("oakum.rollout")


def record_outcomes(*, host_id: UUID, outcomes: Sequence[Outcome], now: datetime) -> tuple[str, ...]:
    """Store at most OUTCOME_COUNT_MAX outcomes, oldest first, and return the ids that are safely stored.

    A repeated outcome is stored already.  One that the database refuses is left out, logged, and will be sent again.
    """
    assert len(outcomes) <= OUTCOME_COUNT_MAX
    host = Host.objects.only("id", "organisation_id", "hostname").get(id=host_id)
    stored = []
    with transaction.atomic():
        orders = _orders(host_id, outcomes)
        rollouts = _lock({order.rollout_id for order in orders.values()})
        for outcome in outcomes:
            try:
                with transaction.atomic():
                    _record(host, outcome, orders.get(outcome.order_id), rollouts, now)
            except (DatabaseError, ValueError) as error:
                log.exception("outcome_not_stored host=%s outcome=%.64r", host_id, outcome.outcome_id, exc_info=error)
            else:
                stored.append(outcome.outcome_id)
    return tuple(stored)


def _orders(host_id: UUID, outcomes: Sequence[Outcome]) -> dict[str, Order]:
    """Return the orders that are spoken of and are this host's own, by id as the host wrote it."""
    ids = {outcome.order_id: parse_id(outcome.order_id) for outcome in outcomes}
    known = Order.objects.filter(host_id=host_id).in_bulk([order_id for order_id in ids.values() if order_id])
    return {text: known[order_id] for text, order_id in ids.items() if order_id in known}


def _lock(rollout_ids: set[UUID]) -> Mapping[UUID, Rollout]:
    """Lock the rollouts, always in the same order, before anything of theirs is written."""
    rows = Rollout.objects.select_for_update(no_key=True).only("id", "number").filter(id__in=rollout_ids)
    return {row.id: row for row in rows.order_by("id")}


def _record(host: Host, outcome: Outcome, order: Order | None, rollouts: Mapping[UUID, Rollout], now: datetime) -> None:
    body = _cleaned(to_plain(outcome))
    _, created = OutcomeRecord.objects.get_or_create(
        host_id=host.id,
        outcome_id=body["outcome_id"],
        defaults={
            "organisation_id": host.organisation_id,
            "rollout_id": order.rollout_id if order else None,
            "order_id": body["order_id"][:ID_LENGTH_MAX],
            "kind": body["kind"][:KIND_LENGTH_MAX],
            "reason": body["reason"][:REASON_LENGTH_MAX],
            "sentence": body["sentence"][:SENTENCE_LENGTH_MAX],
            "body": body,
            "told_at": _told_at(outcome, now),
            "received_at": now,
        },
    )
    if not created:
        return
    is_news, note = True, "" if order else "The server has given this host no such order."
    if order is not None:
        is_news, note = _apply(order, outcome, body, now)
    if is_news:
        _journal(host, rollouts.get(order.rollout_id) if order else None, body, note, now)


def _apply(order: Order, outcome: Outcome, body: Mapping[str, Any], now: datetime) -> tuple[bool, str]:
    """Move the host of a known order; return whether it is news for the journal, and why nothing moved."""
    row = RolloutHost.objects.get(rollout_id=order.rollout_id, host_id=order.host_id)
    age = Age.NEWEST if row.order_id == order.id else Age.REPLACED
    before = (row.state, row.reason)
    step = advance(HostState(row.state), kind=outcome.kind, reason=outcome.reason, age=age)
    if not step.note and outcome.kind != OUTCOME_HELD:
        row.state, row.reason = step.state, body["reason"][:REASON_LENGTH_MAX]
        row.sentence, row.health = body["sentence"][:SENTENCE_LENGTH_MAX], body["health"]
        row.accepted_at, row.changed_at = None, now
        if stamp := _STAMPS.get(step.state):
            setattr(row, stamp, now)
        if step.state is HostState.SOAKED:
            row.remedy, row.remedy_at = "", None
        if outcome.reason == REFUSED_EXPIRED:
            row.order_ends_at = None
        row.save()
    if outcome.kind in FINAL_KINDS:
        Order.objects.filter(id=order.id).exclude(state=OrderState.FINISHED).update(state=OrderState.FINISHED)
    is_news = outcome.kind != OUTCOME_DEFERRED or (row.state, row.reason) != before
    return is_news, step.note


def _journal(host: Host, rollout: Rollout | None, body: Mapping[str, Any], note: str, now: datetime) -> None:
    kind = body["kind"] if body["kind"] in OUTCOME_KINDS else KIND_OTHER
    payload = {name: body[name] for name in ("outcome_id", "order_id", "order_hash", "generation", "attempt", "at")}
    payload |= {"reason": body["reason"], "sentence": body["sentence"][:SENTENCE_LENGTH_MAX], "health": body["health"]}
    append(
        organisation_id=host.organisation_id,
        kind=f"rollout.outcome_{kind}",
        actor=f"host:{host.id}",
        subject=f"host:{host.id}",
        payload={"hostname": host.hostname, "rollout": rollout.number if rollout else None, "note": note, **payload},
        now=now,
    )


def _told_at(outcome: Outcome, now: datetime) -> datetime:
    try:
        return parse_instant(outcome.at)
    except ValueError:
        return now  # What the host wrote stands in the body.


def _cleaned(plain: Any) -> dict[str, Any]:
    """Return an outcome as databases can keep it: no NUL, no endless text, no endless lists."""
    body: dict[str, Any] = _without_nul(plain)
    for name in ("outcome_id", "order_id", "order_hash", "attempt", "at", "kind"):
        body[name] = body[name][:ID_LENGTH_MAX]
    body["sentence"] = body["sentence"][: 2 * SENTENCE_LENGTH_MAX]
    body["log"] = body["log"][-LOG_LENGTH_MAX:]
    body["health"] = [text[:SENTENCE_LENGTH_MAX] for text in body["health"][:HEALTH_COUNT_MAX]]
    body["packages"] = body["packages"][:PACKAGE_COUNT_MAX]
    body["generation"] = max(-INTEGER_MAX, min(INTEGER_MAX, body["generation"]))
    return body


def _without_nul(value: Any) -> Any:
    """Drop what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return value
