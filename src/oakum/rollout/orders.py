"""Make the orders of a plan: the exact bytes that the signer signs.

Called by the executor with the rollout's lock held.  It decides nothing: hosts, versions and times are the plan's and
the spec's.  Nothing here signs, and an order that is not signed is never delivered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import F

from oakum.core.planning.values import HostId, Spec
from oakum.core.windows import Span
from oakum.fleet.models import Host
from oakum.protocol.orders import (
    VERB_APPLY,
    VERB_HOLD,
    OrderWindow,
    PackageChange,
    WorkOrder,
    order_payload,
    payload_hash,
)
from oakum.protocol.trust import render_instant
from oakum.rollout.models import Order, OrderState

HOLD_LIFE = timedelta(hours=24)
CREATE_CHUNK_COUNT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What all orders of one plan have in common, and each host's packages, worked out before the lock is taken."""

    spec: Spec
    changes: Mapping[UUID, tuple[PackageChange, ...]]
    plan_number: int
    plan_hash: str
    windows: tuple[Span, ...]
    ends_at: datetime | None
    now: datetime


def issue_orders(issue: Issue, host_ids: Sequence[HostId], *, verb: str) -> None:
    """Give each host one order of the next generation, and put its older ones out of force."""
    if not host_ids:
        return
    # In the order of ids, as check-ins lock them: the two wait for each other instead of deadlocking.
    hosts = list(Host.objects.select_for_update(no_key=True).filter(id__in=host_ids).order_by("id").only("id"))
    Host.objects.filter(id__in=[host.id for host in hosts]).update(order_generation=F("order_generation") + 1)
    generations = dict(Host.objects.filter(id__in=host_ids).values_list("id", "order_generation"))
    live = [OrderState.UNSIGNED, OrderState.SIGNED]
    Order.objects.filter(host_id__in=host_ids, state__in=live).update(state=OrderState.SUPERSEDED)
    changes = issue.changes if verb == VERB_APPLY else {}
    orders = [_order(issue, host_id, generations[host_id], verb, changes.get(host_id, ())) for host_id in host_ids]
    Order.objects.bulk_create(orders, batch_size=CREATE_CHUNK_COUNT)


def changes_of(spec: Spec, host_ids: Collection[HostId]) -> dict[UUID, tuple[PackageChange, ...]]:
    """Return what the spec brings to each of these hosts."""
    wanted = frozenset(host_ids)
    return {
        target.host_id: spec.change_sets[target.change_set].changes
        for ring in spec.rings
        for target in ring
        if target.host_id in wanted
    }


def _order(issue: Issue, host_id: UUID, generation: int, verb: str, changes: tuple[PackageChange, ...]) -> Order:
    is_apply = verb == VERB_APPLY
    ends_at = issue.ends_at if is_apply and issue.ends_at else issue.now + HOLD_LIFE
    spec = issue.spec
    content = WorkOrder(
        order_id=str(uuid4()),
        organisation_id=str(spec.organisation_id),
        host_id=str(host_id),
        generation=generation,
        verb=verb,
        rollout_id=str(spec.rollout_id),
        plan_number=issue.plan_number,
        plan_hash=issue.plan_hash,
        issued_at=render_instant(issue.now),
        expires_at=render_instant(ends_at),
        windows=tuple(_window(span) for span in issue.windows) if is_apply else (),
        packages=changes,
        health_delay_seconds=int(spec.health_delay.total_seconds()),
        soak_seconds=int(spec.soak.total_seconds()),
        reboot=spec.reboot,
    )
    payload = order_payload(content)
    return Order(
        id=UUID(content.order_id),
        organisation_id=spec.organisation_id,
        rollout_id=spec.rollout_id,
        host_id=host_id,
        generation=generation,
        verb=verb,
        plan_number=issue.plan_number,
        payload=payload,
        payload_hash=payload_hash(payload),
        issued_at=issue.now,
    )


def _window(span: Span) -> OrderWindow:
    return OrderWindow(starts_at=render_instant(span.starts_at), ends_at=render_instant(span.ends_at))


__all__ = ["VERB_APPLY", "VERB_HOLD", "Issue", "changes_of", "issue_orders"]
