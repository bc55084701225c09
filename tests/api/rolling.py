"""What loop, signer and hosts do between two calls of the API, by the rooms' own verbs.

Signing is the one thing that is written into the rows: the signer is a process with a key of its own.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from oakum.core.planning.permits import LAPSE_SECONDS
from oakum.protocol.messages import Outcome, PermitReply, PermitRequest
from oakum.protocol.trust import render_instant
from oakum.rollout.loops import execute_step
from oakum.rollout.models import Order, OrderState, RolloutHost
from oakum.rollout.services import grant_permit, record_outcomes

assert timedelta(seconds=LAPSE_SECONDS) < timedelta(minutes=1)


def step(now: datetime) -> None:
    """Let the executor look once, and the signer sign what it ordered."""
    execute_step(now)
    Order.objects.filter(state=OrderState.UNSIGNED).update(state=OrderState.SIGNED, signed_at=now)


def order_of(number: int, hostname: str) -> Order:
    row = RolloutHost.objects.get(rollout__number=number, host__hostname=hostname)
    assert row.order_id is not None
    return Order.objects.get(id=row.order_id)


def ask_permit(number: int, hostname: str, now: datetime) -> PermitReply:
    """Have a host ask whether it may start."""
    order = order_of(number, hostname)
    request = PermitRequest(1, str(order.id), order.payload_hash, order.generation, uuid.uuid4().hex)
    return grant_permit(host_id=order.host_id, request=request, now=now)


def tell(
    number: int,
    hostname: str,
    kind: str,
    now: datetime,
    *,
    reason: str = "",
    sentence: str = "",
    health: tuple[str, ...] = (),
) -> None:
    """Have a host tell what came of its order."""
    order = order_of(number, hostname)
    outcome = Outcome(
        outcome_id=uuid.uuid4().hex,
        order_id=str(order.id),
        order_hash=order.payload_hash,
        generation=order.generation,
        attempt="a" * 32,
        kind=kind,
        reason=reason,
        sentence=sentence,
        at=render_instant(now),
        health=health,
    )
    assert record_outcomes(host_id=order.host_id, outcomes=[outcome], now=now) == (outcome.outcome_id,)
