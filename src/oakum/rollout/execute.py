"""Carry one rollout a step further: load, plan, check, store; in that order, leaving nothing to decide.

The situation is read and the plan made without a lock: at 100,000 hosts that takes most of a second, and a halt must
not wait so long.  Under the lock the plan is carried out only if what it rests on still holds; else nothing is done,
and the next tick plans anew.  Killed at any instant, or run twice at once, the end is the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from oakum.core.planning.check import Objection, check
from oakum.core.planning.effects import carry_out
from oakum.core.planning.planner import plan
from oakum.core.planning.report import describe, standing
from oakum.core.planning.specification import hash_plain, render_span
from oakum.core.planning.tally import harm_count
from oakum.core.planning.values import FINISHED, HARMS, Move, Plan, RolloutState, Situation
from oakum.journal.services import append
from oakum.protocol.trust import render_instant
from oakum.rollout import models
from oakum.rollout.models import Rollout, RolloutHost
from oakum.rollout.moving import StaleSituationError, move_hosts
from oakum.rollout.orders import Issue, changes_of
from oakum.rollout.situation import load_situation

ACTOR = "loop:execute"
REASON_LENGTH_MAX = 1_000

log = logging.getLogger("oakum.rollout")


def execute(rollout: Rollout, *, now: datetime) -> Situation:
    """Take one step and return the situation after it; a step that was overtaken changes nothing."""
    situation = load_situation(rollout, now=now)
    made = plan(situation)
    objections = check(situation, made)
    if objections:
        _halt_on(rollout, situation, objections)
        return situation
    after = carry_out(situation, made)
    report = standing(after)
    if made.changes(situation):
        try:
            _carry_out(rollout, situation, made, report)
        except StaleSituationError:
            return situation
    elif report != rollout.report or harm_count(after) != rollout.harm_count_judged:
        _write_report(rollout, report, harm_count(after))
    return after


def _carry_out(rollout: Rollout, situation: Situation, made: Plan, report: str) -> None:
    changes = changes_of(situation.spec, (*made.releases, *made.reissues))
    told = describe(situation, made)
    harms = harm_count(carry_out(situation, made))
    with transaction.atomic():
        locked = _lock(rollout, situation)
        number = locked.target_plan_number + 1
        body = _body(situation, made, number)
        plan_hash = hash_plain(body)
        models.Plan.objects.create(
            rollout_id=rollout.id,
            number=number,
            parent_number=locked.target_plan_number,
            body=body,
            plan_hash=plan_hash,
            report=told,
            made_at=situation.now,
        )
        issue = Issue(
            spec=situation.spec,
            changes=changes,
            plan_number=number,
            plan_hash=plan_hash,
            windows=made.order_windows,
            ends_at=made.order_ends_at,
            now=situation.now,
        )
        move_hosts(situation, made, issue)
        _move_rollout(locked, situation, made, number, report, harms)
        _journal_plan(locked, situation, made, number, plan_hash)


def _lock(rollout: Rollout, situation: Situation) -> Rollout:
    """Take the lock, and hold that nothing the plan rests on has changed: state, plan, and what went wrong so far."""
    locked = Rollout.objects.select_for_update(no_key=True).defer("spec").get(id=rollout.id)
    told = (locked.state, locked.state_reason, locked.ring_open, locked.target_plan_number)
    if told != (rollout.state, rollout.state_reason, rollout.ring_open, rollout.target_plan_number):
        raise StaleSituationError
    harmed = RolloutHost.objects.filter(rollout_id=rollout.id, state__in=list(HARMS), accepted_at=None).count()
    if harmed != harm_count(situation):
        raise StaleSituationError
    return locked


def _body(situation: Situation, made: Plan, number: int) -> dict[str, object]:
    return {
        "format": 1,
        "rollout_id": str(situation.spec.rollout_id),
        "number": number,
        "state": made.state.value,
        "state_reason": made.state_reason,
        "ring_open": made.ring_open,
        "releases": [str(host_id) for host_id in made.releases],
        "reissues": [str(host_id) for host_id in made.reissues],
        "withdrawals": [_plain(move) for move in made.withdrawals],
        "losses": [_plain(move) for move in made.losses],
        "returns": [_plain(move) for move in made.returns],
        "order_windows": [render_span(span) for span in made.order_windows],
        "order_ends_at": render_instant(made.order_ends_at) if made.order_ends_at else "",
    }


def _plain(move: Move) -> list[str]:
    return [str(move.host_id), move.state.value, move.reason, move.sentence]


def _move_rollout(locked: Rollout, situation: Situation, made: Plan, number: int, report: str, harms: int) -> None:
    locked.state, locked.state_reason = made.state, made.state_reason[:REASON_LENGTH_MAX]
    locked.ring_open, locked.target_plan_number = made.ring_open, number
    locked.report, locked.harm_count_judged = report, harms
    if made.state in FINISHED and locked.finished_at is None:
        locked.finished_at = situation.now
    locked.save(update_fields=_ROLLOUT_FIELDS)


_ROLLOUT_FIELDS = (
    "state",
    "state_reason",
    "ring_open",
    "target_plan_number",
    "report",
    "harm_count_judged",
    "finished_at",
)


def _journal_plan(locked: Rollout, situation: Situation, made: Plan, number: int, plan_hash: str) -> None:
    payload: dict[str, object] = {
        "plan": number,
        "plan_hash": plan_hash,
        "ring_open": made.ring_open,
        "released": [str(host_id) for host_id in made.releases],
        "reissued": [str(host_id) for host_id in made.reissues],
        "withdrawn": [str(move.host_id) for move in made.withdrawals],
        "lost": [str(move.host_id) for move in made.losses],
        "back": [str(move.host_id) for move in made.returns],
    }
    _journal(locked, "rollout.plan_made", payload, situation.now)
    if made.state is not situation.state:
        kind = "rollout.halted" if made.state is RolloutState.HALTED else "rollout.finished"
        _journal(locked, kind, {"plan": number, "state": made.state.value, "reason": made.state_reason}, situation.now)


def _halt_on(rollout: Rollout, situation: Situation, objections: Sequence[Objection]) -> None:
    """Stop a rollout whose plan the checker objects to: one of the two is wrong, and nobody knows which."""
    words = "; ".join(f"{each.rule}: {each.sentence}" for each in objections)
    log.error("plan_objected rollout=%s objections=%s", rollout.id, words)
    if situation.state is not RolloutState.RUNNING:
        return
    with transaction.atomic():
        locked = Rollout.objects.select_for_update(no_key=True).defer("spec").get(id=rollout.id)
        if locked.state != RolloutState.RUNNING:
            return
        locked.state = RolloutState.HALTED
        locked.state_reason = f"The checker objects to the next plan; please report this. {words}"[:REASON_LENGTH_MAX]
        locked.save(update_fields=["state", "state_reason"])
        payload: dict[str, object] = {"objections": [[each.rule, each.sentence] for each in objections]}
        _journal(locked, "rollout.halted", payload, situation.now)


def _write_report(rollout: Rollout, report: str, harms: int) -> None:
    # Whoever resumed meanwhile has reset the count of judged failures, and must not have it raised again.
    Rollout.objects.filter(id=rollout.id, state=rollout.state, harm_count_judged=rollout.harm_count_judged).update(
        report=report, harm_count_judged=harms
    )


def _journal(rollout: Rollout, kind: str, payload: dict[str, object], now: datetime) -> None:
    append(
        organisation_id=rollout.organisation_id,
        kind=kind,
        actor=ACTOR,
        subject=f"rollout:{rollout.id}",
        payload={"number": rollout.number, **payload},
        now=now,
    )
