"""The verbs of rollouts: plan, decide, grant start permits, record outcomes.

What a rollout does by itself is the executor's (``execute``, run by ``loops``); signing is a process of its own
(``signer``).
"""

from oakum.rollout.services.decisions import HaltAnswer, approve, cancel, halt, pause, reject, resume, start
from oakum.rollout.services.outcomes import record_outcomes
from oakum.rollout.services.permits import grant_permit
from oakum.rollout.services.planning import plan_rollout

__all__ = [
    "HaltAnswer",
    "approve",
    "cancel",
    "grant_permit",
    "halt",
    "pause",
    "plan_rollout",
    "record_outcomes",
    "reject",
    "resume",
    "start",
]
