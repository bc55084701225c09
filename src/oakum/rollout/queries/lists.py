"""Lists of rollouts: all of an organisation, and those that wait for a person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from oakum.core.planning.values import HARMS, MOVING, HostState, RolloutState
from oakum.core.planning.verbs import Verb
from oakum.identity.models import Approval, Role
from oakum.identity.queries import session_of
from oakum.rollout.approving import SUBJECT_KIND
from oakum.rollout.models import Rollout, RolloutHost

PAGE_COUNT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRow:
    """One rollout in a list.  ``moving_count`` hosts have an order or soak, ``failed_count`` came to harm."""

    id: UUID
    number: int
    name: str
    state: RolloutState
    state_reason: str
    report: str
    requested_by: str
    approvals_required: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    host_count: int
    verified_count: int
    moving_count: int
    failed_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutPage:
    """A page of rollouts, newest first."""

    rows: tuple[RolloutRow, ...]
    total_count: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRow:
    """A rollout that waits for one person's word, which word, and why."""

    id: UUID
    number: int
    name: str
    verb: Verb
    sentence: str


def rollouts(
    *, organisation_id: UUID, states: Collection[RolloutState] = (), limit: int = 50, offset: int = 0
) -> RolloutPage:
    """Return a page of an organisation's rollouts, newest first, by default in any state."""
    limit, offset = max(1, min(limit, PAGE_COUNT_MAX)), max(0, offset)
    rows = Rollout.objects.filter(organisation_id=organisation_id)
    if states:
        rows = rows.filter(state__in=list(states))
    page = rows.defer("spec").select_related("requested_by").order_by("-number")[offset : offset + limit]
    return RolloutPage(rows=rollout_rows(list(page)), total_count=rows.count(), limit=limit, offset=offset)


def rollout_rows(rows: Iterable[Rollout]) -> tuple[RolloutRow, ...]:
    """Turn rows into values, with their counts in one query."""
    found = list(rows)
    counts: dict[UUID, Mapping[str, Any]] = {
        row["rollout_id"]: row
        for row in RolloutHost.objects.filter(rollout_id__in=[row.id for row in found])
        .values("rollout_id")
        .annotate(
            hosts=Count("id"),
            verified=Count("id", filter=Q(state=HostState.VERIFIED)),
            moving=Count("id", filter=Q(state__in=[*MOVING, HostState.SOAKED])),
            failed=Count("id", filter=Q(state__in=list(HARMS))),
        )
        .order_by()
    }
    return tuple(_row(row, counts.get(row.id, {})) for row in found)


def _row(row: Rollout, counts: Mapping[str, Any]) -> RolloutRow:
    return RolloutRow(
        id=row.id,
        number=row.number,
        name=row.name,
        state=RolloutState(row.state),
        state_reason=row.state_reason,
        report=row.report,
        requested_by=row.requested_by.name,
        approvals_required=row.approvals_required,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        host_count=counts.get("hosts", 0),
        verified_count=counts.get("verified", 0),
        moving_count=counts.get("moving", 0),
        failed_count=counts.get("failed", 0),
    )


def waiting_for(*, organisation_id: UUID, person_id: UUID) -> tuple[WaitingRow, ...]:
    """Return the rollouts that this person, in their role, could bring on: to approve, to start, to resume."""
    person = session_of(person_id=person_id, organisation_id=organisation_id)
    if person is None or not person.allows(Role.OPERATOR):
        return ()
    states = [RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED, RolloutState.PAUSED, RolloutState.HALTED]
    rows = Rollout.objects.filter(organisation_id=organisation_id, state__in=states).defer("spec")
    answered = set(
        Approval.objects.filter(
            organisation_id=organisation_id, person_id=person_id, subject_kind=SUBJECT_KIND
        ).values_list("subject_id", "subject_hash")
    )
    found = []
    for row in rows.order_by("number")[:PAGE_COUNT_MAX]:
        is_own = row.requested_by_id == person_id
        may_approve = person.allows(Role.APPROVER) and (not is_own or row.approvals_required == 0)
        is_answered = (str(row.id), row.spec_hash) in answered
        if waiting := _waiting(row, may_approve=may_approve, is_answered=is_answered):
            found.append(waiting)
    return tuple(found)


def _waiting(row: Rollout, *, may_approve: bool, is_answered: bool) -> WaitingRow | None:
    match RolloutState(row.state):
        case RolloutState.AWAITING_APPROVAL if may_approve and not is_answered:
            verb, sentence = Verb.APPROVE, "It waits for your approval."
        case RolloutState.APPROVED:
            verb, sentence = Verb.START, "It is approved and waits to be started."
        case RolloutState.PAUSED:
            verb, sentence = Verb.RESUME, f"Paused {row.state_reason}"
        case RolloutState.HALTED if may_approve:
            verb, sentence = Verb.RESUME, f"Halted: {row.state_reason}"
        case _:
            return None
    return WaitingRow(id=row.id, number=row.number, name=row.name, verb=verb, sentence=sentence)
