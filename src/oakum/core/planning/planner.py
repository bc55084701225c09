"""What does the rollout do now?  One parent function that branches; its helpers compute.

Pure: a situation in, a plan out; planning again after the plan was carried out changes nothing (unless more than
MOVE_COUNT_MAX hosts had to move).  It stores nothing, makes no orders (``rollout.orders``), words nothing (``report``),
and is judged by ``check``, which shares no code with it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import islice

from oakum.core.planning.effects import carry_out
from oakum.core.planning.resume import REASON_STOPPED
from oakum.core.planning.standing import is_proof, is_silent, loss_of, return_of, withdraw, withdrawal_of
from oakum.core.planning.tally import Tally, tally
from oakum.core.planning.values import (
    MOVE_COUNT_MAX,
    MOVING,
    WITHDRAWABLE,
    HostProgress,
    HostState,
    Move,
    Pin,
    Plan,
    RolloutState,
    Situation,
)
from oakum.core.planning.verdict import Promote, judge_harm, judge_ring
from oakum.core.windows import effective, open_span

# An order lives for a day at most: one that a host missed must not lie about for weeks.  It is issued anew while the
# rollout runs.
ORDER_LIFE_MAX = timedelta(hours=24)
# Windows in one order; a day has fewer, unless a rule is odd (protocol.orders.WINDOW_COUNT_MAX is the wire's limit).
ORDER_WINDOW_COUNT_MAX = 16

REASON_EXPIRED = "expired"


def plan(situation: Situation) -> Plan:
    """Return what happens now.

    In this order: a stopped rollout takes back what has not started; a missing approval and harm halt; what is over
    ends; a ring that has proved itself opens the next; and only then, inside a window and outside every freeze, hosts
    are released.
    """
    still = Plan(state=situation.state, state_reason=situation.state_reason, ring_open=situation.ring_open)
    if situation.state in {RolloutState.HALTED, RolloutState.CANCELLED}:
        return replace(still, withdrawals=_take_back(situation, still))
    if situation.state in {RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED}:
        expired = situation.now >= situation.spec.expires_at
        return _stop(situation, still, RolloutState.CANCELLED, _expired(situation)) if expired else still
    if situation.state is not RolloutState.RUNNING:
        return still

    seen = _look(situation, still)
    if situation.approval_count < situation.approvals_required:
        return _stop(situation, seen, RolloutState.HALTED, _unapproved(situation))
    after = carry_out(situation, seen)
    tallies = tally(after)

    halt = judge_harm(tallies, situation.spec.limits)
    if halt is not None:
        return _stop(situation, seen, RolloutState.HALTED, halt.sentence)
    if not any(ring.unsettled for ring in tallies):
        return replace(seen, state=RolloutState.COMPLETED, state_reason="")
    if situation.now >= situation.spec.expires_at and not any(ring.at_work for ring in tallies):
        return _stop(situation, seen, RolloutState.CANCELLED, _expired(after))

    promoted = replace(seen, ring_open=_promote(situation.ring_open, tallies))
    return _release(replace(after, ring_open=promoted.ring_open), promoted, tallies)


def _look(situation: Situation, still: Plan) -> Plan:
    """Find the hosts that are lost, back, or to be taken out: what has happened, before what shall."""
    spec, now = situation.spec, situation.now
    losses: list[Move] = []
    returns: list[Move] = []
    withdrawals: list[Move] = []
    for host in situation.hosts:
        # A host that may not speak is taken out, not called lost: its silence is our own doing.
        move = withdrawal_of(host, now) or loss_of(host, spec, now) or return_of(host, spec, now)
        if move is None:
            continue
        found = {HostState.WITHDRAWN: withdrawals, HostState.LOST: losses}.get(move.state, returns)
        found.append(move)
        if len(losses) + len(returns) + len(withdrawals) == MOVE_COUNT_MAX:
            break
    return replace(still, losses=tuple(losses), returns=tuple(returns), withdrawals=tuple(withdrawals))


def _stop(situation: Situation, seen: Plan, state: RolloutState, reason: str) -> Plan:
    """Return the plan that stops: whoever came back just now stays lost, so that nobody is given back a start."""
    stopped = replace(seen, state=state, state_reason=reason, returns=())
    return replace(stopped, withdrawals=seen.withdrawals + _take_back(situation, stopped))


def _take_back(situation: Situation, planned: Plan) -> tuple[Move, ...]:
    """Return the withdrawals of hosts that hold an order and have not told that they started."""
    moved = {move.host_id for move in (*planned.withdrawals, *planned.losses, *planned.returns)}
    held = (
        withdraw(host, REASON_STOPPED, "The rollout was stopped before the host started.")
        for host in situation.hosts
        if host.state in WITHDRAWABLE and host.host_id not in moved
    )
    return tuple(islice(held, MOVE_COUNT_MAX - len(moved)))


def _promote(ring_open: int, tallies: tuple[Tally, ...]) -> int:
    """Return the newest ring that may be open: promotion is remembered, never taken back."""
    while ring_open + 1 < len(tallies) and isinstance(judge_ring(tallies[ring_open]), Promote):
        ring_open += 1
    return ring_open


def _release(situation: Situation, planned: Plan, tallies: tuple[Tally, ...]) -> Plan:
    """Add the hosts that get an order now, if a window is open."""
    spans = effective(situation.spec.windows, situation.freezes)
    if open_span(spans, situation.now) is None:
        return planned
    ends_at = min(situation.now + ORDER_LIFE_MAX, situation.spec.expires_at)
    windows = tuple(span for span in spans if span.ends_at > situation.now and span.starts_at < ends_at)
    moved_count = len(planned.losses) + len(planned.returns) + len(planned.withdrawals)
    reissues = [host for host in situation.hosts if _needs_reissue(host, situation)]
    room = MOVE_COUNT_MAX - moved_count
    reissued = heapq.nsmallest(room, reissues, key=_rank)
    wave_room = situation.spec.limits.wave_count_max - sum(ring.in_hand for ring in tallies)
    released = _next_wave(situation, max(0, min(wave_room, room - len(reissued))))
    if not reissued and not released:
        return planned
    return replace(
        planned,
        releases=tuple(host.host_id for host in released),
        reissues=tuple(host.host_id for host in reissued),
        order_windows=windows[:ORDER_WINDOW_COUNT_MAX],
        order_ends_at=ends_at,
    )


def _needs_reissue(host: HostProgress, situation: Situation) -> bool:
    if host.state not in WITHDRAWABLE or is_silent(host, situation.spec, situation.now):
        return False
    return host.order_ends_at is None or host.order_ends_at <= situation.now


def _next_wave(situation: Situation, count_max: int) -> list[HostProgress]:
    """Choose the next hosts of the open rings, first rings first, at most ``count_max``.

    From ring 1 on a version that no host has proved goes to one host at a time: its proof in ring 0 may have been a
    host that refused, was withdrawn, or failed within the budget, and a stream that nobody proved has its own first
    host.
    """
    if count_max == 0:
        return []
    if situation.ring_open == 0:
        return heapq.nsmallest(count_max, _ready(situation), key=_rank)
    proof = _Proof(situation)
    wave: list[HostProgress] = []
    for host in sorted(_ready(situation), key=_rank):
        if len(wave) == count_max:
            break
        if proof.admits(host):
            wave.append(host)
    return wave


def _ready(situation: Situation) -> Iterable[HostProgress]:
    return (
        host
        for host in situation.hosts
        if host.state is HostState.WAITING
        and host.ring <= situation.ring_open
        and host.is_active
        and not host.busy_with
        and not is_silent(host, situation.spec, situation.now)
    )


def _rank(host: HostProgress) -> tuple[int, int]:
    return host.ring, host.host_id.int


class _Proof:
    """Which versions some host has proved, and which are on trial on one."""

    def __init__(self, situation: Situation) -> None:
        spec, now = situation.spec, situation.now
        self._change_sets = spec.change_sets
        self._proved_sets = {host.change_set for host in situation.hosts if is_proof(host, spec.soak, now)}
        self._proved = {pin for index in self._proved_sets for pin in self._change_sets[index].pins()}
        on_trial = {
            host.change_set
            for host in situation.hosts
            if (host.state in MOVING or host.state is HostState.SOAKED) and not is_proof(host, spec.soak, now)
        }
        self._on_trial: set[Pin] = {pin for index in on_trial for pin in self._change_sets[index].pins()}

    def admits(self, host: HostProgress) -> bool:
        """Say whether the host may go, and take note that it goes."""
        if host.change_set in self._proved_sets:
            return True
        unproved = set(self._change_sets[host.change_set].pins()) - self._proved
        if not unproved:
            return True
        if unproved & self._on_trial:
            return False
        self._on_trial |= unproved
        return True


def _unapproved(situation: Situation) -> str:
    """Word that an approval has gone since the start: its author left or lost the role, or more are required now."""
    given, wanted = situation.approval_count, situation.approvals_required
    return f"Only {given} of {wanted} approvals hold today."


def _expired(situation: Situation) -> str:
    left = sum(host.state is HostState.WAITING or host.state in WITHDRAWABLE for host in situation.hosts)
    hosts = "1 host was" if left == 1 else f"{left} hosts were"
    return f"Its last window ended at {situation.spec.expires_at:%Y-%m-%d %H:%M} UTC before {hosts} reached."
