"""Say whether a host may speak at all.

A quarantined or retired host holds a good secret; that proves who it is, not that it is wanted.
"""

from __future__ import annotations

from typing import Protocol, TypeVar
from uuid import UUID

from oakum.core.errors import HostError
from oakum.fleet.models import Host, HostState
from oakum.fleet.nonce import CLONE_NEXT_STEP


def refusal_of_state(state: str, reason: str) -> tuple[str, str, str]:
    """Return code, sentence and next step for a host in a state other than active."""
    if state == HostState.QUARANTINED:
        return "host_quarantined", f"This host is in quarantine. {reason}".strip(), CLONE_NEXT_STEP
    return "host_retired", "This host was retired and is not managed any more.", "Enrol it again to manage it."


class _Speaker(Protocol):
    @property
    def state(self) -> str: ...
    @property
    def state_reason(self) -> str: ...


SpeakerT = TypeVar("SpeakerT", bound=_Speaker)


def checked_speaker(host: SpeakerT | None) -> SpeakerT:
    """Return ``host`` if it may speak.

    Raises:
        HostError: host_unknown (None was given), host_quarantined or host_retired.
    """
    if host is None:
        raise HostError(code="host_unknown", sentence="This host is not known here.", next_step="Enrol it again.")
    if host.state != HostState.ACTIVE:
        code, sentence, next_step = refusal_of_state(host.state, host.state_reason)
        raise HostError(code=code, sentence=sentence, next_step=next_step)
    return host


def organisation_of_speaker(*, host_id: UUID) -> UUID:
    """Return the organisation of a host that may speak.

    Raises:
        HostError: host_unknown, host_quarantined or host_retired.
    """
    rows = Host.objects.filter(id=host_id).only("id", "organisation_id", "state", "state_reason")
    return checked_speaker(rows.first()).organisation_id
