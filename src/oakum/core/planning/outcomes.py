"""What does an outcome make of a host's state?  The state machine of one host in a rollout.

Outcomes come late, twice, out of order, or after we gave the host up: what happened on the host is believed in any
order, and a harm outweighs whatever was thought before.  It stores nothing (``rollout.services``) and never verifies:
only inventory does (``verification``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from oakum.core.planning.values import HostState
from oakum.protocol.orders import (
    OUTCOME_APPLIED,
    OUTCOME_DEFERRED,
    OUTCOME_FAILED,
    OUTCOME_HELD,
    OUTCOME_INTERRUPTED,
    OUTCOME_KINDS,
    OUTCOME_REFUSED,
    OUTCOME_ROLLBACK_FAILED,
    OUTCOME_ROLLED_BACK,
    OUTCOME_SOAKED,
    OUTCOME_STARTED,
)
from oakum.protocol.trust import REFUSED_EXPIRED

# After these the host does nothing more for the order, so it need not be delivered again.
FINAL_KINDS = frozenset(
    {
        OUTCOME_HELD,
        OUTCOME_REFUSED,
        OUTCOME_SOAKED,
        OUTCOME_ROLLED_BACK,
        OUTCOME_ROLLBACK_FAILED,
        OUTCOME_FAILED,
        OUTCOME_INTERRUPTED,
    }
)
# Final for that order, but not for the host: it gets a new one.
_RETRIED_REASONS = frozenset({REFUSED_EXPIRED})

_PROGRESS = {
    HostState.WAITING: 0,
    HostState.RELEASED: 1,
    HostState.DEFERRED: 1,
    HostState.WITHDRAWN: 1,
    HostState.LOST: 1,
    HostState.REFUSED: 1,
    HostState.STARTED: 2,
    HostState.APPLIED: 3,
    HostState.SOAKED: 4,
    HostState.VERIFIED: 5,
}
_FORWARD = {
    OUTCOME_STARTED: HostState.STARTED,
    OUTCOME_APPLIED: HostState.APPLIED,
    OUTCOME_SOAKED: HostState.SOAKED,
}
_HARMFUL = {
    OUTCOME_FAILED: HostState.FAILED,
    OUTCOME_INTERRUPTED: HostState.INTERRUPTED,
    OUTCOME_ROLLED_BACK: HostState.ROLLED_BACK,
    OUTCOME_ROLLBACK_FAILED: HostState.ROLLBACK_FAILED,
}
# Of two harms the graver stays.
_GRAVITY = {
    HostState.FAILED: 1,
    HostState.INTERRUPTED: 2,
    HostState.ROLLED_BACK: 3,
    HostState.ROLLBACK_FAILED: 4,
}
_UNSTARTED = frozenset({HostState.RELEASED, HostState.DEFERRED, HostState.LOST})


class Age(StrEnum):
    """Which order an outcome speaks of: the host's newest in the rollout, or one that was replaced since."""

    NEWEST = "newest"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The host's state after an outcome, and why it stays where it does."""

    state: HostState
    note: str = ""


def advance(state: HostState, *, kind: str, reason: str, age: Age) -> Step:
    """Return what ``kind`` (one of ``protocol.orders.OUTCOME_KINDS``) makes of ``state``.

    An order that was replaced by a hold or by a fresh one can still have been started before the host saw that: what
    was done counts, what was only said (refused, deferred) does not.
    """
    if kind not in OUTCOME_KINDS:
        return Step(state=state, note=f"This server does not know the outcome {kind[:40]!r}.")
    if kind in _HARMFUL:
        return _harm(state, _HARMFUL[kind])
    if kind in _FORWARD:
        return _forward(state, _FORWARD[kind])
    if kind == OUTCOME_HELD:
        return Step(state=state)
    if age is Age.REPLACED or state not in _UNSTARTED:
        return Step(state=state, note=f"The host is {state.value} by now.")
    if kind == OUTCOME_DEFERRED or reason in _RETRIED_REASONS:
        return Step(state=HostState.DEFERRED)
    assert kind == OUTCOME_REFUSED
    return Step(state=HostState.REFUSED)


def _harm(state: HostState, harm: HostState) -> Step:
    if _GRAVITY.get(state, 0) >= _GRAVITY[harm]:
        return Step(state=state, note=f"The host is {state.value} already.")
    return Step(state=harm)


def _forward(state: HostState, reached: HostState) -> Step:
    if state in _GRAVITY:
        return Step(state=state, note=f"The host is {state.value} already.")
    if _PROGRESS[state] >= _PROGRESS[reached]:
        return Step(state=state, note=f"The host is {state.value} by now.")
    return Step(state=reached)
