"""How one host stands at this instant: silent, lost, back, to be taken out, pending, proof enough.

Each function looks at one host.  It counts nothing (``tally``) and decides nothing about the others (``planner``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from oakum.core.compliance import Remedy
from oakum.core.planning.values import MOVING, WITHDRAWABLE, HostProgress, HostState, Move, Spec

# A host that has spoken since, but not of its order, for this long after the last step it told of.  Generous: a big
# installation on a slow disk takes an hour, and what is given up too early is a needless halt.
STARTED_MAX = timedelta(hours=4)
SOAK_REPORT_GRACE = timedelta(hours=1)
# A host that speaks and has not started for this long, for an obstacle that does not pass (no room, a held lock, its
# own policy's window) or for none that it tells, is left behind: the others must not wait for it for ever.
RELEASED_MAX = timedelta(days=7)

_PENDING = frozenset({Remedy.PENDING_RESTART, Remedy.PENDING_REBOOT, Remedy.UNKNOWN})


def is_silent(host: HostProgress, spec: Spec, now: datetime) -> bool:
    """Say whether the host has not spoken for longer than the spec's ``lost_after``."""
    return host.last_seen_at is None or now - host.last_seen_at > spec.lost_after


def loss_of(host: HostProgress, spec: Spec, now: datetime) -> Move | None:
    """Return the move to LOST if the host owes us a sign, of itself or of its order, and is late with it.

    A host that soaked well may still be rebooting into what it installed, so its silence counts until it is verified.
    """
    if host.state not in MOVING and host.state is not HostState.SOAKED:
        return None
    if is_silent(host, spec, now):
        return Move(host_id=host.host_id, state=HostState.LOST, reason="silent", sentence=_silence(host))
    if _is_overdue(host, spec, now):
        sentence = f"The host speaks, but has not told what became of its order since it was {host.state.value}."
        return Move(host_id=host.host_id, state=HostState.LOST, reason="overdue", sentence=sentence)
    return None


def return_of(host: HostProgress, spec: Spec, now: datetime) -> Move | None:
    """Return the move of a LOST host back to the last step it told of, if nothing is late any more."""
    if host.state is not HostState.LOST:
        return None
    back = replace(host, state=_last_told(host))
    if loss_of(back, spec, now) is not None:
        return None
    return Move(host_id=host.host_id, state=back.state, reason="returned", sentence="The host is back.")


def withdrawal_of(host: HostProgress, now: datetime) -> Move | None:
    """Return the move to WITHDRAWN of a host that has not started and should not any more, in a running rollout."""
    if host.state is not HostState.WAITING and host.state not in WITHDRAWABLE:
        return None
    if not host.is_active:
        return withdraw(host, "not_active", "The host is quarantined or retired.")
    if host.released_at is not None and now - host.released_at > RELEASED_MAX:
        return withdraw(host, "not_started_in_time", f"The host has not started within {RELEASED_MAX.days} days.")
    return None


def withdraw(host: HostProgress, reason: str, sentence: str) -> Move:
    """Return the move to WITHDRAWN."""
    return Move(host_id=host.host_id, state=HostState.WITHDRAWN, reason=reason, sentence=sentence)


def is_unseen(host: HostProgress) -> bool:
    """Say whether the host told that its soak went well and no inventory has confirmed or denied it yet."""
    return host.state is HostState.SOAKED and host.remedy not in _PENDING


def is_pending(host: HostProgress) -> bool:
    """Say whether the versions are on disk and soaked, but older code still runs, or nobody can tell."""
    return host.state is HostState.SOAKED and host.remedy in _PENDING


def proof_due_at(host: HostProgress, soak: timedelta) -> datetime | None:
    """Return when a pending host counts as evidence all the same: one more soak after its own ended.

    Until then somebody may reboot it, and that is better evidence.  Waiting for ever would let one service that nobody
    may restart hold up every other host; what the ring did prove is that the versions install and stay healthy.
    """
    return host.soaked_at + soak if is_pending(host) and host.soaked_at is not None else None


def is_proof(host: HostProgress, soak: timedelta, now: datetime) -> bool:
    """Say whether the host is evidence that its versions do no harm."""
    if host.state is HostState.VERIFIED:
        return True
    due_at = proof_due_at(host, soak)
    return due_at is not None and due_at <= now


def _silence(host: HostProgress) -> str:
    if host.last_seen_at is None:
        return "The host has never been seen."
    return f"The host has been silent since {host.last_seen_at:%Y-%m-%d %H:%M} UTC."


def _is_overdue(host: HostProgress, spec: Spec, now: datetime) -> bool:
    if host.state is HostState.STARTED and host.started_at is not None:
        return now - host.started_at > STARTED_MAX
    if host.state is HostState.APPLIED and host.applied_at is not None:
        return now - host.applied_at > spec.soak + SOAK_REPORT_GRACE
    return False


def _last_told(host: HostProgress) -> HostState:
    if host.soaked_at is not None:
        return HostState.SOAKED
    if host.applied_at is not None:
        return HostState.APPLIED
    if host.started_at is not None:
        return HostState.STARTED
    return HostState.RELEASED
