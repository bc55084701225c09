"""Rollouts by the API: plan, look, and the seven things that people say to one.  Each route is one query or one verb.

Roles are checked by the verbs themselves, because some depend on the rollout's state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from oakum.api.auth import need, session_of, utc_now
from oakum.api.fields import Limit, Offset, Text
from oakum.api.rollout_answers import RolloutAnswer, StopAnswer, answer_of
from oakum.api.rollout_bodies import Comment, Reason, Resumption, RolloutBody, read_wish
from oakum.core.planning.values import RING_COUNT_MAX, HostState, RolloutState
from oakum.identity.models import Role
from oakum.rollout import queries, services
from oakum.rollout.queries.find import find_rollout
from oakum.rollout.queries.lists import PAGE_COUNT_MAX, rollout_rows

router = Router()
RolloutLimit = Annotated[int, Field(ge=1, le=PAGE_COUNT_MAX)]
RingNumber = Annotated[int, Field(ge=0, le=RING_COUNT_MAX)]


@router.post("", response=RolloutAnswer)
def plan_rollout(request: HttpRequest, payload: RolloutBody) -> RolloutAnswer:
    """Plan a rollout: pin exact versions, choose rings, and let it wait for approval; needs the role operator."""
    session, now = need(request, Role.OPERATOR), utc_now()
    rollout_id = services.plan_rollout(
        organisation_id=session.organisation_id,
        person_id=session.person_id,
        request=read_wish(session, payload, now),
        now=now,
    )
    return answer_of(queries.rollout(organisation_id=session.organisation_id, ref=rollout_id))


@router.get("", response=queries.RolloutPage)
def list_rollouts(
    request: HttpRequest, state: RolloutState | None = None, limit: RolloutLimit = 50, offset: Offset = 0
) -> queries.RolloutPage:
    """List rollouts, newest first."""
    return queries.rollouts(
        organisation_id=session_of(request).organisation_id,
        states=() if state is None else (state,),
        limit=limit,
        offset=offset,
    )


@router.get("/waiting", response=list[queries.WaitingRow])
def list_waiting(request: HttpRequest) -> list[queries.WaitingRow]:
    """List the rollouts that you, in your role, could bring on: to approve, to start, to resume."""
    session = session_of(request)
    return list(queries.waiting_for(organisation_id=session.organisation_id, person_id=session.person_id))


@router.get("/{ref}", response=RolloutAnswer)
def show_rollout(request: HttpRequest, ref: Text) -> RolloutAnswer:
    """Return one rollout, by number or id, with the first hosts of each ring."""
    return answer_of(queries.rollout(organisation_id=session_of(request).organisation_id, ref=ref))


@router.get("/{ref}/hosts", response=queries.RolloutHostPage)
def list_rollout_hosts(
    request: HttpRequest,
    ref: Text,
    ring: RingNumber | None = None,
    state: HostState | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> queries.RolloutHostPage:
    """List a rollout's hosts by ring and name."""
    organisation_id = session_of(request).organisation_id
    return queries.rollout_hosts(
        organisation_id=organisation_id, ref=ref, ring=ring, state=state, limit=limit, offset=offset
    )


@router.get("/{ref}/plans", response=list[queries.PlanView])
def list_plans(request: HttpRequest, ref: Text, limit: RolloutLimit = 50) -> list[queries.PlanView]:
    """List what was decided when, each plan with its report, newest first."""
    return list(queries.plans(organisation_id=session_of(request).organisation_id, ref=ref, limit=limit))


@router.post("/{ref}/approve", response=queries.RolloutRow)
def approve_rollout(request: HttpRequest, ref: Text, payload: Comment | None = None) -> queries.RolloutRow:
    """Approve exactly these versions, hosts and windows; needs the role approver, and who asked never approves."""
    return _say(request, ref, services.approve, comment=payload.comment if payload else "")


@router.post("/{ref}/reject", response=queries.RolloutRow)
def reject_rollout(request: HttpRequest, ref: Text, payload: Comment | None = None) -> queries.RolloutRow:
    """Refuse approval, which ends the rollout; needs the role approver."""
    return _say(request, ref, services.reject, comment=payload.comment if payload else "")


@router.post("/{ref}/start", response=queries.RolloutRow)
def start_rollout(request: HttpRequest, ref: Text) -> queries.RolloutRow:
    """Let an approved rollout run; its first hosts go as soon as a window is open.  Needs the role operator."""
    return _say(request, ref, services.start)


@router.post("/{ref}/pause", response=queries.RolloutRow)
def pause_rollout(request: HttpRequest, ref: Text, payload: Reason | None = None) -> queries.RolloutRow:
    """Let nobody start until it is resumed; what has started goes on.  Needs the role operator."""
    return _say(request, ref, services.pause, reason=payload.reason if payload else "")


@router.post("/{ref}/resume", response=queries.RolloutRow)
def resume_rollout(request: HttpRequest, ref: Text, payload: Resumption | None = None) -> queries.RolloutRow:
    """Go on: after a pause needs the role operator; after a halt an approver who did not ask for the rollout."""
    return _say(request, ref, services.resume, retry_failed=payload is not None and payload.retry_failed)


@router.post("/{ref}/halt", response=StopAnswer)
def halt_rollout(request: HttpRequest, ref: Text, payload: Reason | None = None) -> StopAnswer:
    """Stop at once: after the answer no start permit is granted.  Needs the role operator."""
    return _stop(request, ref, services.halt, payload.reason if payload else "")


@router.post("/{ref}/cancel", response=StopAnswer)
def cancel_rollout(request: HttpRequest, ref: Text, payload: Reason | None = None) -> StopAnswer:
    """End the rollout for good.  Needs the role operator."""
    return _stop(request, ref, services.cancel, payload.reason if payload else "")


def _say(request: HttpRequest, ref: str, verb: Callable[..., RolloutState], **words: str | bool) -> queries.RolloutRow:
    session = session_of(request)
    rollout_id = find_rollout(session.organisation_id, ref).id
    verb(
        organisation_id=session.organisation_id,
        rollout_id=rollout_id,
        person_id=session.person_id,
        now=utc_now(),
        **words,
    )
    return _row(session.organisation_id, rollout_id)


def _stop(request: HttpRequest, ref: str, verb: Callable[..., services.HaltAnswer], reason: str) -> StopAnswer:
    session = session_of(request)
    rollout_id = find_rollout(session.organisation_id, ref).id
    told = verb(
        organisation_id=session.organisation_id,
        rollout_id=rollout_id,
        person_id=session.person_id,
        reason=reason,
        now=utc_now(),
    )
    return StopAnswer(rollout=_row(session.organisation_id, rollout_id), holders=told.holders)


def _row(organisation_id: UUID, rollout_id: UUID) -> queries.RolloutRow:
    (row,) = rollout_rows([find_rollout(organisation_id, rollout_id)])
    return row
