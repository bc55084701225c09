"""The seam between the agent's loop and its actor: all that the actor may know and call.

It holds no behaviour.  ``tick`` fills it in, ``actor.work`` takes it, tests hand in their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Callable, FrozenSet, Optional

from oakum.protocol.messages import Outcome, PermitReply, PermitRequest
from oakum.protocol.trust import HostTrust, LocalPolicy


@dataclass(frozen=True)
class ActorContext:
    """What the actor works with.

    ``save_trust`` and ``report`` are durable before they return.  ``ask_permit`` sends once, without retries, and
    raises :class:`oakum.agent.errors.AgentError` when there is no answer; the caller counts the permit's lapse from
    before the call.  ``report`` raises :class:`oakum.agent.errors.HostError` when the spool is full.
    ``server_key`` is the pinned Ed25519 public key, 32 bytes.
    """

    state_dir: str
    host_id: str
    organisation_id: str
    server_key: bytes
    policy: LocalPolicy
    load_trust: Callable[[], HostTrust]
    save_trust: Callable[[HostTrust], None]
    ask_permit: Callable[[PermitRequest], PermitReply]
    report: Callable[[Outcome], None]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    log: Callable[..., None]
    # The ids of orders whose outcomes the server has not acknowledged; None where nobody can tell.
    unacknowledged: Optional[Callable[[], FrozenSet[str]]] = None
