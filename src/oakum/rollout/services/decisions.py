"""What people say to a rollout: approve, reject, start, pause, resume, halt, cancel.

Each verb takes the rollout's row lock, which start permits take too: once a verb has answered, no host is let go that
it forbids.  What follows for the hosts (holds, withdrawals) the executor does; no permit depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from oakum.core.errors import NotAllowedError, NotFoundError, OperatorError
from oakum.core.planning.report import standing
from oakum.core.planning.resume import ACCEPTABLE, REASON_STOPPED, RETRIABLE
from oakum.core.planning.values import HostState, RolloutState
from oakum.core.planning.verbs import Verb, is_possible, possible_verbs, role_needed
from oakum.identity.models import Role
from oakum.identity.queries import Session
from oakum.identity.services import give_approval
from oakum.journal.services import append
from oakum.rollout.approving import SUBJECT_KIND, approval_count, approvals_needed
from oakum.rollout.holders import Holder, holders_of
from oakum.rollout.models import Rollout, RolloutHost
from oakum.rollout.services.people import speaker
from oakum.rollout.situation import load_situation

REASON_LENGTH_MAX = 1000
REPORTED_HOST_COUNT_MAX = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltAnswer:
    """Nothing more is let go.  ``holders`` were let go before, and nothing has been heard of them since."""

    rollout_id: UUID
    state: RolloutState
    holders: tuple[Holder, ...]


def approve(
    *, organisation_id: UUID, rollout_id: UUID, person_id: UUID, comment: str = "", now: datetime
) -> RolloutState:
    """Record one person's approval of exactly this spec; with enough of them the rollout is approved.

    Raises:
        NotAllowedError: they asked for it themselves, or are no approver.
        OperatorError: answered before, or the rollout is over.
    """
    with _saying(Verb.APPROVE, organisation_id, rollout_id, person_id) as (rollout, person):
        _refuse_requester(rollout, person)
        _answer(rollout, person, comment, approved=True, now=now)
        if rollout.state == RolloutState.AWAITING_APPROVAL and approval_count(rollout) >= approvals_needed(rollout):
            _move(rollout, RolloutState.APPROVED, "")
            _journal(rollout, "rollout.approved", person, {"spec_hash": rollout.spec_hash}, now)
    return _told(rollout, now)


def reject(
    *, organisation_id: UUID, rollout_id: UUID, person_id: UUID, comment: str = "", now: datetime
) -> RolloutState:
    """Record one person's refusal, which ends the rollout.  Raises as :func:`approve` does."""
    with _saying(Verb.REJECT, organisation_id, rollout_id, person_id) as (rollout, person):
        _refuse_requester(rollout, person)
        _answer(rollout, person, comment, approved=False, now=now)
        _move(rollout, RolloutState.CANCELLED, _because(f"rejected by {person.person_name}", comment), finished_at=now)
        _journal(rollout, "rollout.rejected", person, {"comment": comment[:REASON_LENGTH_MAX]}, now)
    return _told(rollout, now)


def start(*, organisation_id: UUID, rollout_id: UUID, person_id: UUID, now: datetime) -> RolloutState:
    """Let an approved rollout run; its first hosts go as soon as a window is open."""
    with _saying(Verb.START, organisation_id, rollout_id, person_id) as (rollout, person):
        _refuse_unapproved(rollout)
        _move(rollout, RolloutState.RUNNING, "", started_at=now)
        payload = {"spec_hash": rollout.spec_hash, "approvals_required": rollout.approvals_required}
        _journal(rollout, "rollout.started", person, payload, now)
    return _told(rollout, now)


def pause(*, organisation_id: UUID, rollout_id: UUID, person_id: UUID, reason: str = "", now: datetime) -> RolloutState:
    """Let nobody start until an operator resumes; orders stay where they are, and what has started goes on."""
    with _saying(Verb.PAUSE, organisation_id, rollout_id, person_id) as (rollout, person):
        _move(rollout, RolloutState.PAUSED, _because(f"by {person.person_name}", reason))
        _journal(rollout, "rollout.paused", person, {"reason": reason[:REASON_LENGTH_MAX]}, now)
    return _told(rollout, now)


def resume(
    *, organisation_id: UUID, rollout_id: UUID, person_id: UUID, retry_failed: bool = False, now: datetime
) -> RolloutState:
    """Go on.

    After a halt that takes an approver other than the requester (unless approvals_required is 0).  They accept what has
    gone wrong: it no longer counts against the budget.  Hosts that were only taken back wait again; hosts that failed
    do so with ``retry_failed``, save those that are lost or could not be taken back.
    """
    with _saying(Verb.RESUME, organisation_id, rollout_id, person_id) as (rollout, person):
        was_halted = rollout.state == RolloutState.HALTED
        payload: dict[str, object] = {"after": rollout.state, "reason_was": rollout.state_reason}
        if was_halted:
            if rollout.approvals_required:
                _refuse_requester(rollout, person)
            payload |= _accept(rollout, retries=retry_failed, now=now)
        _refuse_unapproved(rollout)
        _move(rollout, RolloutState.RUNNING, "")
        _journal(rollout, "rollout.resumed", person, payload, now)
    return _told(rollout, now)


def halt(*, organisation_id: UUID, rollout_id: UUID, person_id: UUID, reason: str = "", now: datetime) -> HaltAnswer:
    """Stop at once.  No permit is granted after this has answered; halting what is halted answers again.

    Hosts that have not started get a hold order from the executor; hosts at work finish what they do.
    """
    with _saying(Verb.HALT, organisation_id, rollout_id, person_id, repeats=RolloutState.HALTED) as (rollout, person):
        if rollout.state != RolloutState.HALTED:
            _stop(rollout, person, RolloutState.HALTED, reason, now)
        holders = holders_of(rollout.id)
    return HaltAnswer(rollout_id=rollout.id, state=_told(rollout, now), holders=holders)


def cancel(*, organisation_id: UUID, rollout_id: UUID, person_id: UUID, reason: str = "", now: datetime) -> HaltAnswer:
    """End the rollout for good; otherwise as :func:`halt`."""
    with _saying(Verb.CANCEL, organisation_id, rollout_id, person_id, repeats=RolloutState.CANCELLED) as (
        rollout,
        person,
    ):
        if rollout.state != RolloutState.CANCELLED:
            rollout.finished_at = now
            _stop(rollout, person, RolloutState.CANCELLED, reason, now)
        holders = holders_of(rollout.id)
    return HaltAnswer(rollout_id=rollout.id, state=_told(rollout, now), holders=holders)


def _stop(rollout: Rollout, person: Session, state: RolloutState, reason: str, now: datetime) -> None:
    _move(rollout, state, _because(f"by {person.person_name}", reason), finished_at=rollout.finished_at)
    holders = [{"host_id": str(each.host_id), "order_id": str(each.order_id)} for each in holders_of(rollout.id)]
    kind = "rollout.halted" if state is RolloutState.HALTED else "rollout.finished"
    payload: dict[str, object] = {"state": state.value, "reason": reason[:REASON_LENGTH_MAX], "holders": holders}
    _journal(rollout, kind, person, payload, now)


@contextmanager
def _saying(
    verb: Verb, organisation_id: UUID, rollout_id: UUID, person_id: UUID, *, repeats: RolloutState | None = None
) -> Iterator[tuple[Rollout, Session]]:
    """Hold the rollout's lock while a person's word is carried out, once role and state allow it.

    In the state ``repeats`` the word changes nothing and is answered again.
    """
    speaker(organisation_id, person_id, Role.OPERATOR, f"{verb.value} a rollout")
    with transaction.atomic():
        rollout = (
            Rollout.objects.select_for_update(no_key=True)
            .defer("spec")
            .filter(id=rollout_id, organisation_id=organisation_id)
            .first()
        )
        if rollout is None:
            raise NotFoundError(
                code="rollout_unknown", sentence="There is no such rollout.", next_step="See the list of rollouts."
            )
        state = RolloutState(rollout.state)
        if state is not repeats:
            _refuse_impossible(verb, state)
        needed = Role(role_needed(verb, state))
        yield rollout, speaker(organisation_id, person_id, needed, f"{verb.value} it while it is {state.value}")


def _refuse_impossible(verb: Verb, state: RolloutState) -> None:
    if not is_possible(verb, state):
        verbs = ", ".join(possible_verbs(state)) or "nothing: plan a new one"
        raise OperatorError(
            code="state_forbids",
            sentence=f"A rollout that is {state.value.replace('_', ' ')} cannot be told to {verb.value}.",
            next_step=f"What it can be told: {verbs}.",
        )


def _refuse_requester(rollout: Rollout, person: Session) -> None:
    if person.person_id == rollout.requested_by_id:
        raise NotAllowedError(
            code="own_request",
            sentence="Who asked for a rollout never approves it, nor resumes it after a halt.",
            next_step="Ask another approver.",
        )


def _refuse_unapproved(rollout: Rollout) -> None:
    given, needed = approval_count(rollout), approvals_needed(rollout)
    if given < needed:
        raise OperatorError(
            code="approvals_missing",
            sentence=f"It has {given} of {needed} approvals by people who may approve today.",
            next_step="Ask an approver who has not asked for it.",
        )


def _answer(rollout: Rollout, person: Session, comment: str, *, approved: bool, now: datetime) -> None:
    give_approval(
        organisation_id=rollout.organisation_id,
        person_id=person.person_id,
        subject_kind=SUBJECT_KIND,
        subject_id=str(rollout.id),
        subject_hash=rollout.spec_hash,
        approved=approved,
        comment=comment,
        now=now,
    )


def _accept(rollout: Rollout, *, retries: bool, now: datetime) -> dict[str, object]:
    """Do to the rows what ``core.planning.resume`` says, set by set.

    ``harm_count_judged`` starts anew, or failures to come could hide behind those that were accepted.
    """
    hosts = RolloutHost.objects.filter(rollout_id=rollout.id)
    stopped = Q(state=HostState.WITHDRAWN, reason=REASON_STOPPED)
    again = stopped | Q(state__in=list(RETRIABLE)) if retries else stopped
    retried = _wait_again(hosts.filter(again), now)
    accepted = hosts.filter(state__in=list(ACCEPTABLE), accepted_at=None).update(accepted_at=now, changed_at=now)
    rollout.harm_count_judged = 0
    rollout.save(update_fields=["harm_count_judged"])
    return {"waiting_again_count": retried, "accepted_count": accepted}


def _wait_again(hosts: QuerySet[RolloutHost], now: datetime) -> int:
    return hosts.update(
        state=HostState.WAITING,
        reason="",
        sentence="",
        health=[],
        order_id=None,
        order_ends_at=None,
        released_at=None,
        started_at=None,
        applied_at=None,
        soaked_at=None,
        remedy="",
        remedy_at=None,
        accepted_at=None,
        changed_at=now,
    )


def _move(rollout: Rollout, state: RolloutState, reason: str, **instants: datetime | None) -> None:
    rollout.state, rollout.state_reason = state, reason[:REASON_LENGTH_MAX]
    for name, instant in instants.items():
        if instant is not None:
            setattr(rollout, name, instant)
    rollout.save(update_fields=["state", "state_reason", *instants])


def _because(who: str, reason: str) -> str:
    return f"{who}: {reason.strip()}" if reason.strip() else who


def _journal(rollout: Rollout, kind: str, person: Session, payload: dict[str, object], now: datetime) -> None:
    append(
        organisation_id=rollout.organisation_id,
        kind=kind,
        actor=person.actor,
        subject=f"rollout:{rollout.id}",
        payload={"number": rollout.number, **payload},
        now=now,
    )


def _told(rollout: Rollout, now: datetime) -> RolloutState:
    """Write the report anew, outside the lock; a big rollout's is left to the executor, for nobody waits for a halt."""
    state = RolloutState(rollout.state)
    if RolloutHost.objects.filter(rollout_id=rollout.id).count() <= REPORTED_HOST_COUNT_MAX:
        report = standing(load_situation(rollout, now=now))
        Rollout.objects.filter(id=rollout.id, state=state).update(report=report)
    return state
