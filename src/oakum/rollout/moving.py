"""Do to the rows of hosts what a plan says, with the rollout's lock held: set by set, so that the lock is held briefly.

The same as ``core.planning.effects.carry_out`` does to values; ``tests/rollout`` holds the two together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from oakum.core.planning.values import WITHDRAWABLE, HostId, HostState, Move, Plan, Situation
from oakum.fleet.models import Host
from oakum.rollout.models import Order, RolloutHost
from oakum.rollout.orders import VERB_APPLY, VERB_HOLD, Issue, issue_orders

SENTENCE_LENGTH_MAX = 1_000


class StaleSituationError(Exception):
    """What the plan rests on has changed meanwhile: no fault; the transaction is given up and planned anew."""


def move_hosts(situation: Situation, made: Plan, issue: Issue) -> None:
    """Issue the plan's orders and holds, and move its hosts.

    Raises:
        StaleSituationError: a host is not any more where the plan found it.
    """
    moved = {move.host_id for move in made.withdrawals}
    waiting = {host.host_id for host in situation.hosts if host.host_id in moved and host.state is HostState.WAITING}
    held = [move.host_id for move in made.withdrawals if move.host_id not in waiting]
    issue_orders(issue, (*made.releases, *made.reissues), verb=VERB_APPLY)
    issue_orders(issue, held, verb=VERB_HOLD)
    now = situation.now
    given = {**_newest_order(), "order_ends_at": made.order_ends_at, "changed_at": now}
    _update(issue, made.releases, [HostState.WAITING], state=HostState.RELEASED, released_at=now, **given)
    _update(issue, made.reissues, WITHDRAWABLE, released_at=Coalesce("released_at", now), **given)
    _move(situation, made, issue)
    _update(issue, held, [HostState.WITHDRAWN], **_newest_order())


def _newest_order() -> dict[str, Subquery]:
    """Return the fields that name the order just issued to a host."""
    orders = Order.objects.filter(host_id=OuterRef("host_id")).order_by("-generation")
    hosts = Host.objects.filter(id=OuterRef("host_id"))
    return {
        "order_id": Subquery(orders.values("id")[:1]),
        "generation": Subquery(hosts.values("order_generation")[:1]),
    }


def _move(situation: Situation, made: Plan, issue: Issue) -> None:
    """Move the hosts that are withdrawn, lost or back, those with the same words in one statement."""
    moves = {move.host_id: move for move in (*made.withdrawals, *made.losses, *made.returns)}
    groups: dict[tuple[HostState, HostState, str, str], list[HostId]] = defaultdict(list)
    for host in situation.hosts:
        if move := moves.get(host.host_id):
            groups[host.state, move.state, move.reason, move.sentence].append(host.host_id)
    for (before, state, reason, sentence), host_ids in groups.items():
        move = Move(host_id=host_ids[0], state=state, reason=reason, sentence=sentence)
        _update(issue, host_ids, [before], **_fields(move, situation.now))


def _fields(move: Move, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "state": move.state,
        "reason": move.reason,
        "sentence": move.sentence[:SENTENCE_LENGTH_MAX],
        "changed_at": now,
    }
    if move.state is HostState.WITHDRAWN:
        fields["order_ends_at"] = None
    if move.reason == "returned":
        fields["accepted_at"] = None
    return fields


def _update(issue: Issue, host_ids: Sequence[HostId], before: Iterable[HostState], **fields: Any) -> None:
    if not host_ids:
        return
    rows = RolloutHost.objects.filter(
        rollout_id=issue.spec.rollout_id, host_id__in=host_ids, state__in=[state.value for state in before]
    )
    if rows.update(**fields) != len(host_ids):
        raise StaleSituationError
