"""What people say of a host, and whether it may speak at all."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet.context import CRITICALITIES, ENVIRONMENTS, REACHABILITIES
from oakum.fleet.models import Host, HostState
from oakum.fleet.nonce import CLONE_NEXT_STEP
from oakum.journal.services import append

ANSWERS = {"reachability": REACHABILITIES, "environment": ENVIRONMENTS, "criticality": CRITICALITIES}


def checked_answers(given: dict[str, str | None]) -> dict[str, str]:
    """Return the answers that are given (None: leave as it is; empty: say nothing any more).

    Raises:
        OperatorError: an answer that is none of the field's words.
    """
    answers = {field: value for field, value in given.items() if value is not None}
    for field, value in answers.items():
        if value and value not in ANSWERS[field]:
            raise OperatorError(
                code=f"{field}_unknown",
                sentence=f"{value!r} is no {field}.",
                next_step=f"Use one of: {', '.join(ANSWERS[field])}; or nothing, to say nothing.",
            )
    return answers


def locked_host(organisation_id: UUID, host_id: UUID) -> Host:
    """Return a host of the organisation, its row locked.

    Raises:
        NotFoundError: it is none of theirs.
    """
    found = Host.objects.select_for_update().filter(organisation_id=organisation_id, id=host_id).first()
    if found is None:
        raise NotFoundError(code="host_unknown", sentence="There is no such host.", next_step="See the list of hosts.")
    return found


def set_host(
    *,
    organisation_id: UUID,
    host_id: UUID,
    actor: str,
    now: datetime,
    reachability: str | None = None,
    environment: str | None = None,
    criticality: str | None = None,
) -> None:
    """Say how exposed and how important a host is; None leaves an answer as it is, empty takes it back.

    Raises:
        NotFoundError: no such host.
        OperatorError: an answer that is none of the field's words.
    """
    answers = checked_answers({"reachability": reachability, "environment": environment, "criticality": criticality})
    with transaction.atomic():
        host = locked_host(organisation_id, host_id)
        changed = {field: value for field, value in answers.items() if getattr(host, field) != value}
        if not changed:
            return
        before = {field: getattr(host, field) for field in changed}
        Host.objects.filter(id=host.id).update(**changed)
        _journal(host, "fleet.host_set", actor, {"before": before, "after": changed}, now)


def retire_host(*, organisation_id: UUID, host_id: UUID, actor: str, now: datetime, reason: str = "") -> None:
    """Take a host out of the fleet: it may not speak any more and counts nowhere; its past stays.

    Raises:
        NotFoundError: no such host.
    """
    with transaction.atomic():
        host = locked_host(organisation_id, host_id)
        if host.state == HostState.RETIRED:
            return
        Host.objects.filter(id=host.id).update(state=HostState.RETIRED, state_reason=reason[:500])
        _journal(host, "fleet.host_retired", actor, {"reason": reason}, now)


def release_quarantine(*, organisation_id: UUID, host_id: UUID, actor: str, now: datetime) -> None:
    """Let a quarantined host speak again; its next check-in is taken whatever nonce it shows, once.

    It removes no copy: if two machines still share the identity, they are found again within a few check-ins
    (``nonce.CLONE_NEXT_STEP`` says what to do with the copies).

    Raises:
        NotFoundError: no such host.
        OperatorError: it is not in quarantine.
    """
    with transaction.atomic():
        host = locked_host(organisation_id, host_id)
        if host.state != HostState.QUARANTINED:
            raise OperatorError(
                code="host_not_quarantined",
                sentence=f"{host.hostname} is not in quarantine; it is {host.state}.",
                next_step="Nothing needs to be done.",
            )
        Host.objects.filter(id=host.id).update(
            state=HostState.ACTIVE,
            state_reason="",
            nonce="",
            nonce_previous="",
            nonce_previous_spent=False,
            attempt_last="",
        )
        _journal(
            host,
            "fleet.host_released",
            actor,
            {"quarantined_for": host.state_reason, "next_step": CLONE_NEXT_STEP},
            now,
        )


def _journal(host: Host, kind: str, actor: str, payload: dict[str, object], now: datetime) -> None:
    append(
        organisation_id=host.organisation_id,
        kind=kind,
        actor=actor,
        subject=f"host:{host.id}",
        payload={"hostname": host.hostname, **payload},
        now=now,
    )
