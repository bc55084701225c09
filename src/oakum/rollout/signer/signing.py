"""One step of signing: take unsigned orders, derive, and sign or refuse each, rollout by rollout.

Holds go first and are never held up.  A cap on signatures in a minute bounds what a mistake, or a thief, can set going
before somebody halts it.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from oakum.journal.services import append
from oakum.protocol.codec import to_plain
from oakum.protocol.dsse import seal
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, VERB_APPLY, VERB_HOLD
from oakum.rollout.models import Order, OrderState, Rollout
from oakum.rollout.signer.derive import Answer, Refuse, Sign, Wait, derive
from oakum.rollout.signer.key import SigningKey
from oakum.rollout.signer.reading import SpecReader, order_facts, read_hosts, read_plans, read_rollout

ACTOR = "signer"
ORDER_COUNT_MAX = 300  # looked at in one step: one plan's worth
# Of apply orders; holds do not count.  A wave of 500 hosts is signed within a minute.
ORDERS_PER_MINUTE_MAX = 600
MINUTE = timedelta(minutes=1)

log = logging.getLogger("oakum.signer")


class Signer:
    """Signs with one key.  What it keeps between steps only saves work, but for the cap's own memory."""

    def __init__(self, key: SigningKey, *, orders_per_minute_max: int = ORDERS_PER_MINUTE_MAX) -> None:
        """Begin with nothing signed."""
        self._key = key
        self._specs = SpecReader()
        self._signed_at: deque[datetime] = deque()
        self._cap = orders_per_minute_max

    def step(self, *, now: datetime) -> int:
        """Sign or refuse what waits, and return how many orders were signed."""
        by_rollout: dict[UUID, list[UUID]] = defaultdict(list)
        for order_id, rollout_id in _waiting(Q(verb=VERB_HOLD)):
            by_rollout[rollout_id].append(order_id)
        room = self._room(now)
        if room:
            for order_id, rollout_id in _waiting(Q(verb=VERB_APPLY, rollout__state="running"))[:room]:
                by_rollout[rollout_id].append(order_id)
        return sum(self._sign_rollout(rollout_id, ids, now) for rollout_id, ids in sorted(by_rollout.items()))

    def _room(self, now: datetime) -> int:
        """Return how many apply orders may be signed now, by the database and by our own memory."""
        while self._signed_at and self._signed_at[0] <= now - MINUTE:
            self._signed_at.popleft()
        if not Order.objects.filter(state=OrderState.UNSIGNED, verb=VERB_APPLY).exists():
            return 0
        stored = Order.objects.filter(signed_at__gt=now - MINUTE, verb=VERB_APPLY).count()
        return max(0, self._cap - max(stored, len(self._signed_at)))

    def _sign_rollout(self, rollout_id: UUID, order_ids: list[UUID], now: datetime) -> int:
        with transaction.atomic():
            rollout = Rollout.objects.select_for_update(no_key=True).defer("spec").get(id=rollout_id)
            orders = list(Order.objects.filter(id__in=order_ids, state=OrderState.UNSIGNED).order_by("issued_at", "id"))
            answers = self._derive(rollout, orders, now)
            signed = [order for order in orders if isinstance(answers[order.id], Sign)]
            for order in orders:
                self._settle(order, answers[order.id], now)
            Order.objects.bulk_update(signed, ["state", "envelope", "signed_at"], batch_size=100)
            if signed:
                _journal_signed(rollout, signed, now)
        self._signed_at.extend(now for order in signed if order.verb == VERB_APPLY)
        return len(signed)

    def _derive(self, rollout: Rollout, orders: list[Order], now: datetime) -> Mapping[UUID, Answer]:
        facts = read_rollout(rollout, self._specs)
        hosts = read_hosts([order.host_id for order in orders])
        plans = read_plans(rollout.id, {order.plan_number for order in orders})
        return {
            order.id: derive(
                order_facts(order), host=hosts[order.host_id], rollout=facts, plan=plans.get(order.plan_number), now=now
            )
            for order in orders
        }

    def _settle(self, order: Order, answer: Answer, now: datetime) -> None:
        match answer:
            case Sign():
                envelope = seal(
                    ORDER_PAYLOAD_TYPE, bytes(order.payload), public_key=self._key.public, sign=self._key.sign
                )
                order.state, order.envelope, order.signed_at = OrderState.SIGNED, to_plain(envelope), now
            case Refuse():
                order.state, order.unsignable_reason = OrderState.UNSIGNABLE, answer.sentence
                order.save(update_fields=["state", "unsignable_reason"])
                _journal_refused(order, answer, now)
            case Wait(reason=reason):
                log.info("order_waits order=%s reason=%s", order.id, reason)
            case _:
                assert_never(answer)


def _waiting(which: Q) -> list[tuple[UUID, UUID]]:
    rows = Order.objects.filter(which, state=OrderState.UNSIGNED).order_by("issued_at", "id")
    return list(rows.values_list("id", "rollout_id")[:ORDER_COUNT_MAX])


def _journal_signed(rollout: Rollout, signed: list[Order], now: datetime) -> None:
    """One entry for what was signed together: each order by its hash."""
    orders = [
        {
            "order_id": str(order.id),
            "host_id": str(order.host_id),
            "generation": order.generation,
            "verb": order.verb,
            "hash": order.payload_hash,
        }
        for order in signed
    ]
    append(
        organisation_id=rollout.organisation_id,
        kind="rollout.order_signed",
        actor=ACTOR,
        subject=f"rollout:{rollout.id}",
        payload={"number": rollout.number, "orders": orders},
        now=now,
    )


def _journal_refused(order: Order, answer: Refuse, now: datetime) -> None:
    log.error("order_unsignable order=%s reason=%s", order.id, answer.reason)
    append(
        organisation_id=order.organisation_id,
        kind="rollout.order_unsignable",
        actor=ACTOR,
        subject=f"host:{order.host_id}",
        payload={
            "order_id": str(order.id),
            "rollout_id": str(order.rollout_id),
            "reason": answer.reason,
            "sentence": answer.sentence,
        },
        now=now,
    )
