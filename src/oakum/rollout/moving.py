"""Do to the rows of hosts what a plan says, with the rollout's lock held.

The same as ``core.planning.effects.carry_out`` does to values; ``tests/rollout`` holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from oakum.core.planning.values import HostId, HostState, Move, Plan, Situation
from oakum.rollout.models import Order, RolloutHost
from oakum.rollout.orders import VERB_APPLY, VERB_HOLD, Issue, issue_orders

UPDATE_CHUNK_COUNT = 100
SENTENCE_LENGTH_MAX = 1_000
_FIELDS = (
    "state",
    "reason",
    "sentence",
    "order_id",
    "generation",
    "order_ends_at",
    "released_at",
    "accepted_at",
    "changed_at",
)


class StaleSituationError(Exception):
    """What the plan rests on has changed meanwhile: no fault; the transaction is given up and planned anew."""


def move_hosts(situation: Situation, made: Plan, issue: Issue) -> None:
    """Issue the plan's orders and holds, and move its hosts.

    Raises:
        StaleSituationError: a host is not any more where the plan found it.
    """
    found = {host.host_id: host for host in situation.hosts}
    held = [move.host_id for move in made.withdrawals if found[move.host_id].state is not HostState.WAITING]
    orders = issue_orders(issue, (*made.releases, *made.reissues), verb=VERB_APPLY)
    orders |= issue_orders(issue, held, verb=VERB_HOLD)
    moves = {move.host_id: move for move in (*made.withdrawals, *made.losses, *made.returns)}
    wanted = [*made.releases, *made.reissues, *moves]
    rows = _rows(issue.spec.rollout_id, wanted)
    if {row.host_id: row.state for row in rows} != {host_id: found[host_id].state for host_id in wanted}:
        raise StaleSituationError
    for row in rows:
        host_id = HostId(row.host_id)
        if host_id in moves:
            _move(row, moves[host_id])
        else:
            _release(row, made, situation)
        if host_id in orders:
            _give(row, orders[host_id])
        row.changed_at = situation.now
    RolloutHost.objects.bulk_update(rows, _FIELDS, batch_size=UPDATE_CHUNK_COUNT)


def _rows(rollout_id: UUID, host_ids: Sequence[HostId]) -> list[RolloutHost]:
    return list(RolloutHost.objects.filter(rollout_id=rollout_id, host_id__in=host_ids).only("host_id", *_FIELDS))


def _move(row: RolloutHost, move: Move) -> None:
    row.state, row.reason, row.sentence = move.state, move.reason, move.sentence[:SENTENCE_LENGTH_MAX]
    if move.state is HostState.WITHDRAWN:
        row.order_ends_at = None
    if move.reason == "returned":
        row.accepted_at = None


def _release(row: RolloutHost, made: Plan, situation: Situation) -> None:
    row.state = HostState.RELEASED if row.state == HostState.WAITING else row.state
    row.released_at = row.released_at or situation.now
    row.order_ends_at = made.order_ends_at


def _give(row: RolloutHost, order: Order) -> None:
    row.order_id, row.generation = order.id, order.generation
