"""Count a ring: how many of its hosts stand where, in the groups that decisions are made on.

It judges nothing (``verdict``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from oakum.core.planning.standing import is_proof, is_silent, is_unseen, proof_due_at
from oakum.core.planning.values import HARMS, REASON_UNSIGNABLE, HostProgress, HostState, Situation


@dataclass(slots=True, kw_only=True)
class Tally:
    """One ring's counts.  Mutable while ``tally`` fills it in, and not changed after.

    Waiting hosts stand in exactly one of ``ready``, ``busy`` and ``silent``; hosts that soaked in one of ``unseen``,
    ``pending`` and ``patient`` (pending for longer than anybody need wait); what came to
    nothing in ``accepted`` or one of its own.
    """

    ring: int
    host_count: int = 0
    ready: int = 0
    busy: int = 0
    silent: int = 0
    released: int = 0
    deferred: int = 0
    started: int = 0
    applied: int = 0
    unseen: int = 0
    pending: int = 0
    patient: int = 0
    verified: int = 0
    refused: int = 0
    withdrawn: int = 0
    rolled_back: int = 0
    rollback_failed: int = 0
    failed: int = 0  # failed or interrupted
    unsignable: int = 0
    lost: int = 0
    accepted: int = 0
    soak_ends_at: datetime | None = None
    proof_due_at: datetime | None = None
    deferred_names: list[str] = field(default_factory=list)
    harmed_names: list[str] = field(default_factory=list)

    @property
    def in_hand(self) -> int:
        """Hosts that may be changing, or begin to at any moment."""
        return self.released + self.deferred + self.started

    @property
    def at_work(self) -> int:
        """Hosts of which more is to be heard."""
        return self.started + self.applied + self.unseen + self.pending

    @property
    def worked(self) -> int:
        """Hosts that are evidence."""
        return self.verified + self.patient

    @property
    def failures(self) -> int:
        """Hosts that count against the failure budget."""
        return self.rolled_back + self.rollback_failed + self.failed + self.unsignable

    @property
    def unsettled(self) -> int:
        """Hosts that may still come to something."""
        return self.ready + self.busy + self.silent + self.released + self.deferred + self.at_work


# Names in a report: enough to act on, few enough to read.
NAME_COUNT_MAX = 5

# What came to nothing; an approver who resumes the rollout has accepted it.
_ENDED = HARMS | {HostState.REFUSED, HostState.WITHDRAWN}


def tally(situation: Situation) -> tuple[Tally, ...]:
    """Count every ring of the situation, in order."""
    tallies = tuple(Tally(ring=ring) for ring in range(len(situation.spec.rings)))
    for host in situation.hosts:
        _count(tallies[host.ring], host, situation)
    return tallies


def harm_count(situation: Situation) -> int:
    """Return how many failures and losses stand against the rollout, accepted ones left out."""
    return sum(host.state in HARMS and not host.is_accepted for host in situation.hosts)


def _count(ring: Tally, host: HostProgress, situation: Situation) -> None:
    ring.host_count += 1
    group = _group(host, situation)
    setattr(ring, group, getattr(ring, group) + 1)
    if group == "applied" and host.applied_at is not None:
        ring.soak_ends_at = _later(ring.soak_ends_at, host.applied_at + situation.spec.soak)
    elif group == "pending":
        ring.proof_due_at = _later(ring.proof_due_at, proof_due_at(host, situation.spec.soak))
    elif group == "deferred" and len(ring.deferred_names) < NAME_COUNT_MAX:
        ring.deferred_names.append(host.name)
    elif host.state in HARMS and not host.is_accepted and len(ring.harmed_names) < NAME_COUNT_MAX:
        ring.harmed_names.append(host.name)


def _group(host: HostProgress, situation: Situation) -> str:
    state = host.state
    if host.is_accepted and state in _ENDED:
        return "accepted"
    if state is HostState.WAITING:
        return _waiting_group(host, situation)
    if state is HostState.SOAKED:
        return _soaked_group(host, situation)
    if state is HostState.FAILED and host.reason == REASON_UNSIGNABLE:
        return "unsignable"
    return "failed" if state is HostState.INTERRUPTED else state.value


def _waiting_group(host: HostProgress, situation: Situation) -> str:
    if is_silent(host, situation.spec, situation.now):
        return "silent"
    return "busy" if host.busy_with else "ready"


def _soaked_group(host: HostProgress, situation: Situation) -> str:
    if is_unseen(host):
        return "unseen"
    return "patient" if is_proof(host, situation.spec.soak, situation.now) else "pending"


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
