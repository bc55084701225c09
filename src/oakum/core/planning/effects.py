"""What a plan does to a situation: the one definition that planner, report and simulation share.

The executor (``rollout.execute``) does the same to rows; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import replace

from oakum.core.planning.values import HostId, HostProgress, HostState, Move, Plan, Situation


def carry_out(situation: Situation, plan: Plan) -> Situation:
    """Return the situation right after ``plan`` was carried out, at the same instant."""
    moves: dict[HostId, Move] = {move.host_id: move for move in (*plan.withdrawals, *plan.losses, *plan.returns)}
    released, reissued = frozenset(plan.releases), frozenset(plan.reissues)
    hosts = situation.hosts
    if plan.moves_hosts:
        hosts = tuple(
            _moved(host, moves.get(host.host_id), plan, situation)
            if host.host_id in moves or host.host_id in released or host.host_id in reissued
            else host
            for host in hosts
        )
    return replace(situation, state=plan.state, state_reason=plan.state_reason, ring_open=plan.ring_open, hosts=hosts)


def _moved(host: HostProgress, move: Move | None, plan: Plan, situation: Situation) -> HostProgress:
    if move is not None:
        # A loss that was accepted is over once the host is back: the next one counts again.
        is_accepted = host.is_accepted and move.reason != "returned"
        order_ends_at = None if move.state is HostState.WITHDRAWN else host.order_ends_at
        return replace(host, state=move.state, reason=move.reason, is_accepted=is_accepted, order_ends_at=order_ends_at)
    return replace(
        host,
        state=HostState.RELEASED if host.state is HostState.WAITING else host.state,
        released_at=host.released_at or situation.now,
        order_ends_at=plan.order_ends_at,
    )
