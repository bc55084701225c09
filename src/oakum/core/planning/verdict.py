"""Judge rings: must the rollout stop, may the next ring start, what is waited for.

It looks at counts alone (``tally``), releases nobody (``planner``) and words nothing but the reason for a halt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oakum.core.planning.tally import Tally
from oakum.core.planning.values import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Nothing more may start; ``sentence`` says why, to people."""

    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Every host of the ring has come to something, and some host of it is evidence."""


@dataclass(frozen=True, slots=True)
class WaitForHosts:
    """Hosts of the ring have not come to anything yet."""


@dataclass(frozen=True, slots=True)
class WaitForSoak:
    """All that is missing is the end of the soak, and then inventory."""

    ends_at: datetime


@dataclass(frozen=True, slots=True)
class WaitForProof:
    """Everything is installed and soaked, and on no host does the new code run yet."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class WaitForPerson:
    """Nothing worked, and a person has said to go on: the ring is no evidence, so it never promotes by itself."""


RingVerdict = Promote | WaitForHosts | WaitForSoak | WaitForProof | WaitForPerson


def judge_harm(tallies: tuple[Tally, ...], limits: Limits) -> Halt | None:
    """Return the first reason to stop, the gravest kinds first, over all rings: a late failure counts as much.

    Judged before any waiting, because a failing ring that waits lets more hosts fail.
    """
    for judge in (_judge_unsignable, _judge_rollback_failed, _judge_ring_zero):
        for ring in tallies:
            halt = judge(ring)
            if halt is not None:
                return halt
    for ring in tallies:
        is_last = ring.ring == len(tallies) - 1
        halt = _judge_budgets(ring, limits) or (None if is_last else _judge_nothing_worked(ring))
        if halt is not None:
            return halt
    return None


def judge_ring(ring: Tally) -> RingVerdict:
    """Say whether the ring allows the next one to start.  The caller has ruled out harm.

    Silent hosts that never got an order do not hold a ring up: they join whichever ring is open when they return.
    """
    if ring.ready or ring.busy or ring.in_hand or ring.unseen:
        return WaitForHosts()
    if ring.applied:
        assert ring.soak_ends_at is not None
        return WaitForSoak(ends_at=ring.soak_ends_at)
    if ring.worked:
        return Promote()
    if ring.pending:
        assert ring.proof_due_at is not None
        return WaitForProof(due_at=ring.proof_due_at)
    return WaitForHosts() if ring.silent else WaitForPerson()


def _judge_unsignable(ring: Tally) -> Halt | None:
    if not ring.unsignable:
        return None
    return Halt(
        reason="order_unsignable",
        sentence=f"The order signer refused {_orders(ring.unsignable)} ({_names(ring)}): "
        "what it derives from the database is not what the plan says.",
    )


def _judge_rollback_failed(ring: Tally) -> Halt | None:
    if not ring.rollback_failed:
        return None
    return Halt(
        reason="rollback_failed",
        sentence=f"{_hosts(ring.rollback_failed)} of ring {ring.ring} could not be taken back ({_names(ring)}): "
        "while the way back does not work, nothing more goes forward.",
    )


def _judge_ring_zero(ring: Tally) -> Halt | None:
    if ring.ring != 0:
        return None
    if ring.rolled_back:
        return Halt(
            reason="rollback_in_ring_zero",
            sentence=f"{_hosts(ring.rolled_back)} of ring 0 went back to the versions before ({_names(ring)}).",
        )
    if ring.lost:
        return Halt(reason="lost_in_ring_zero", sentence=f"{_hosts(ring.lost)} of ring 0 lost ({_names(ring)}).")
    return None


def _judge_budgets(ring: Tally, limits: Limits) -> Halt | None:
    over_percent = ring.failures * 100 > limits.failure_percent_max * ring.host_count
    if ring.failures and (over_percent or ring.failures > limits.failure_count_max):
        return Halt(
            reason="failure_budget",
            sentence=f"{ring.failures} of {_hosts(ring.host_count)} in ring {ring.ring} failed ({_names(ring)}); the "
            f"budget is {limits.failure_percent_max} % and {_hosts(limits.failure_count_max)}.",
        )
    if ring.lost * 100 > limits.lost_percent_max * ring.host_count:
        return Halt(
            reason="lost_budget",
            sentence=f"{ring.lost} of {_hosts(ring.host_count)} in ring {ring.ring} lost ({_names(ring)}); the "
            f"budget is {limits.lost_percent_max} %.",
        )
    return None


def _judge_nothing_worked(ring: Tally) -> Halt | None:
    """Halt on a ring that came to an end without one host as evidence, whatever the budget allows.

    The last ring is spared: nothing comes after it that could be stopped, and its report tells what it came to.
    """
    unaccepted = ring.failures + ring.lost + ring.refused + ring.withdrawn
    if ring.unsettled or ring.worked or not unaccepted:
        return None
    return Halt(
        reason="nothing_worked",
        sentence=f"Ring {ring.ring} came to an end without one host that shows the new versions at work.",
    )


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"


def _orders(count: int) -> str:
    return f"{count} order" if count == 1 else f"{count} orders"


def _names(ring: Tally) -> str:
    more = ring.failures + ring.lost - len(ring.harmed_names)
    return ", ".join(ring.harmed_names) + (f" and {more} more" if more > 0 else "")
