"""May this host start now?  The answer to its last question before the first irreversible step.

Pure: the caller holds the rollout's lock, which a halt takes too, and stores the answer.  It does not judge whether the
order is right (``rollout.signer.derive`` did before signing, ``protocol.trust`` does on the host).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oakum.core.planning.values import WITHDRAWABLE, HostState, RolloutState
from oakum.core.windows import Span

# How long a permit may be used, on the host's own monotonic clock, counted from the sending of its question.
LAPSE_SECONDS = 10

SENTENCES = {
    "order_unknown": "The server knows no such order for this host.",
    "host_not_active": "The host is quarantined or retired.",
    "order_not_signed": "The order is not signed, or no longer in force.",
    "order_superseded": "A newer order for this host exists.",
    "order_differs": "The order's hash is not the one that was signed.",
    "order_expired": "The order has expired.",
    "rollout_halted": "The rollout is halted.",
    "rollout_paused": "The rollout is paused.",
    "rollout_not_running": "The rollout is not running.",
    "failure_unjudged": "A failure has just been told, and the rollout has not judged it yet.",
    "host_not_released": "The rollout does not wait for this host to start.",
    "outside_window": "The maintenance window is not open.",
    "frozen": "A freeze is on.",
    "too_many_questions": "The host has asked too often for one order.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitFacts:
    """What the server knows at the instant of the question, read under the rollout's lock.

    ``harm_count`` is how many failures stand against the rollout now, ``harm_count_judged`` how many its newest plan
    knew of: between a failure and the plan that judges it nobody starts.
    """

    host_is_active: bool
    order_is_signed: bool
    order_is_newest: bool
    hash_matches: bool
    order_ends_at: datetime
    order_windows: tuple[Span, ...]
    rollout_state: RolloutState
    host_state: HostState
    freezes: tuple[Span, ...]
    harm_count: int
    harm_count_judged: int


def judge_permit(facts: PermitFacts, *, now: datetime) -> str:
    """Return the first reason (a key of SENTENCES) not to let the host start, empty if it may.

    The rollout's state comes right after what makes the question void: a host that asks during a halt is told so.
    """
    checks = (
        ("host_not_active", facts.host_is_active),
        ("order_differs", facts.hash_matches),
        ("order_superseded", facts.order_is_newest),
        (_stopped(facts.rollout_state), facts.rollout_state is RolloutState.RUNNING),
        ("failure_unjudged", facts.harm_count <= facts.harm_count_judged),
        ("order_not_signed", facts.order_is_signed),
        ("order_expired", now < facts.order_ends_at),
        ("host_not_released", facts.host_state in WITHDRAWABLE),
        ("frozen", not any(span.contains(now) for span in facts.freezes)),
        ("outside_window", any(span.contains(now) for span in facts.order_windows)),
    )
    return next((reason for reason, holds in checks if not holds), "")


def _stopped(state: RolloutState) -> str:
    if state is RolloutState.HALTED:
        return "rollout_halted"
    return "rollout_paused" if state is RolloutState.PAUSED else "rollout_not_running"
