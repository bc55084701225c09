"""What people may tell a rollout to do, in which of its states, and in which role.

It carries out nothing (``rollout.services``).  Who requested a rollout never approves it, whatever their role.
"""

from __future__ import annotations

from enum import StrEnum

from oakum.core.planning.values import RolloutState


class Verb(StrEnum):
    """What a person may say."""

    APPROVE = "approve"
    REJECT = "reject"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    HALT = "halt"
    CANCEL = "cancel"


_LIVE = frozenset({RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED})
_FROM = {
    # More approvals than needed do no harm, and a rollout whose approver has left needs another one.
    Verb.APPROVE: _LIVE | {RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED},
    Verb.REJECT: frozenset({RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED}),
    Verb.START: frozenset({RolloutState.APPROVED}),
    Verb.PAUSE: frozenset({RolloutState.RUNNING}),
    Verb.RESUME: frozenset({RolloutState.PAUSED, RolloutState.HALTED}),
    Verb.HALT: frozenset({RolloutState.RUNNING, RolloutState.PAUSED}),
    Verb.CANCEL: _LIVE | {RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED},
}
_OPERATOR, _APPROVER = "operator", "approver"


def is_possible(verb: Verb, state: RolloutState) -> bool:
    """Say whether ``verb`` makes sense in ``state``."""
    return state in _FROM[verb]


def role_needed(verb: Verb, state: RolloutState) -> str:
    """Return the least role (``identity``'s word) that may say ``verb``.

    A halt means that something went wrong: going on is an approval, not an operation.
    """
    if verb in {Verb.APPROVE, Verb.REJECT}:
        return _APPROVER
    return _APPROVER if verb is Verb.RESUME and state is RolloutState.HALTED else _OPERATOR


def possible_verbs(state: RolloutState) -> tuple[Verb, ...]:
    """Return what may be said in ``state``, in the order in which it is offered."""
    return tuple(verb for verb in Verb if is_possible(verb, state))
