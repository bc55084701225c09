"""Watch a changed host: after the health delay, after a reboot, and at the end of the soak.

Each time one look; if it finds harm, a second one some seconds later, and only what both find counts.  What is harm is
``health``'s to say, how a change is taken back ``rolling``'s.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Tuple, Union

from oakum.agent.actor.finishing import finish, package_results
from oakum.agent.actor.health import HealthDifference, compare_health, confirm_health, is_worse
from oakum.agent.actor.health_look import look_at_health, read_boot_id
from oakum.agent.actor.judge import HEALTH_DELAY_SECONDS_MAX, SOAK_SECONDS_MAX
from oakum.agent.actor.record import ROLLING_BACK, SOAKING, WATCHING, OrderRecord, add_outcome, enter, is_due
from oakum.agent.actor.store import OrderCase
from oakum.agent.actor.tools import Step, Tools
from oakum.protocol.inventory import YES
from oakum.protocol.orders import (
    OUTCOME_APPLIED,
    OUTCOME_FAILED,
    OUTCOME_SOAKED,
    REBOOT_ALWAYS,
    REBOOT_IF_REQUIRED,
    WorkOrder,
)
from oakum.protocol.trust import parse_instant, render_instant

# The second look comes half a health delay after the first, within these bounds.
CONFIRM_SECONDS_MIN = 2
CONFIRM_SECONDS_MAX = 30
LOOK_COUNT_MAX = 4
# A host that was told to reboot and still runs after this long will not.
REBOOT_SECONDS_MAX = 600
REBOOT_COMMAND_SECONDS_MAX = 60.0

REASON_WORSE_UNCHANGED = "health_worse_unchanged"
REASON_CUT_SHORT = "soak_cut_short"
REASON_ALREADY_THERE = "already_there"
REASON_NOTED = "with_notes"


def watch(tools: Tools, case: OrderCase) -> Step:
    """Look when it is time, and go on to a reboot, the soak, or back."""
    order, record = case.order, case.record
    now = tools.context.now()
    boot_id = read_boot_id(tools.system)
    if boot_id != record.boot_id:
        return _settle_boot(tools, case, boot_id)
    if not is_due(record, now, HEALTH_DELAY_SECONDS_MAX):
        return Step(record, due_at=parse_instant(record.due_at))
    seen = look_twice(tools, case)
    if isinstance(seen, Step):
        return seen
    if is_worse(seen):
        return _worse(tools, case, seen)
    if record.awaits_reboot:
        note = " ".join(part for part in (record.note, "The host was told to reboot and did not.") if part)
        case = OrderCase(dataclasses.replace(record, note=note), order)
    elif record.changed and not record.reboot_asked and _wants_reboot(tools, order):
        return _reboot(tools, case)
    return _applied(tools, case, seen)


def soak(tools: Tools, case: OrderCase) -> Step:
    """Look again at the end of the soak."""
    record = case.record
    now = tools.context.now()
    if not is_due(record, now, SOAK_SECONDS_MAX):
        return Step(record, due_at=parse_instant(record.due_at))
    boot_id = read_boot_id(tools.system)
    if boot_id != record.boot_id:
        return _settle_boot(tools, case, boot_id)
    differences = look_twice(tools, case)
    if isinstance(differences, Step):
        return differences
    if is_worse(differences):
        return _worse(tools, case, differences)
    sentence = "Still healthy at the end of the soak." + _notes(differences)
    reason = REASON_NOTED if differences else ""
    if record.cut_short_by:
        reason = REASON_CUT_SHORT
        sentence = "A newer order (%s) ended the soak early; healthy until then." % record.cut_short_by + _notes(
            differences
        )
    return finish(tools, case, OUTCOME_SOAKED, reason, sentence, health=_sentences(differences))


def cut_short(tools: Tools, case: OrderCase, newer_order_id: str) -> OrderCase:
    """Have an order's soak end now, because a newer one is about to change the host."""
    if case.record.cut_short_by:
        return case
    due = render_instant(tools.context.now())
    record = dataclasses.replace(case.record, cut_short_by=newer_order_id, due_at=due)
    return OrderCase(tools.commit(record), case.order)


def look_twice(tools: Tools, case: OrderCase) -> Union[Tuple[HealthDifference, ...], Step]:
    """Compare health with before; harm takes another look, and the step returned waits for it.

    Harm that the next look finds in the same units counts; other harm takes yet another look, LOOK_COUNT_MAX in all,
    of which the last counts as it is.
    """
    record, order = case.record, case.order
    now = tools.context.now()
    before = tools.store.load_before(order.order_id).health
    state = look_at_health(tools.system, now)
    first = tools.store.load_look(order.order_id) if record.look_count else None
    if first is None:
        differences = compare_health(before, state)
        is_certain = not is_worse(differences)
    else:
        second = confirm_health(before, first, state)
        differences = (*second.confirmed, *second.fresh, *second.notes)
        is_certain = bool(second.confirmed) or not second.fresh
    if is_certain or record.look_count + 1 >= LOOK_COUNT_MAX:
        return differences
    tools.store.save_look(order.order_id, state)
    later = _later(record, now, _confirm_seconds(order))
    return _wait(tools, dataclasses.replace(later, look_count=record.look_count + 1))


def _settle_boot(tools: Tools, case: OrderCase, boot_id: str) -> Step:
    """After a reboot, by us or others, give services the health delay to start."""
    again = _later(case.record, tools.context.now(), case.order.health_delay_seconds)
    return _wait(tools, dataclasses.replace(again, boot_id=boot_id, look_count=0, awaits_reboot=False))


def _later(record: OrderRecord, now: datetime, seconds: int) -> OrderRecord:
    return dataclasses.replace(record, due_at=render_instant(now + timedelta(seconds=seconds)))


def _wait(tools: Tools, record: OrderRecord) -> Step:
    return Step(tools.commit(record), due_at=parse_instant(record.due_at))


def _confirm_seconds(order: WorkOrder) -> int:
    return min(CONFIRM_SECONDS_MAX, max(CONFIRM_SECONDS_MIN, order.health_delay_seconds // 2))


def _worse(tools: Tools, case: OrderCase, differences: Tuple[HealthDifference, ...]) -> Step:
    sentences = _sentences(differences)
    if not case.record.changed:
        words = "%s since. This order changed nothing (its versions were there before), so nothing is taken back."
        return finish(tools, case, OUTCOME_FAILED, REASON_WORSE_UNCHANGED, words % sentences[0], health=sentences)
    harms = [each for each in differences if each.is_harm]
    more = "" if len(harms) == 1 else " (and %d more)" % (len(harms) - 1)
    cause = "%s after the update%s" % (harms[0].sentence, more)
    record = enter(case.record, ROLLING_BACK, tools.context.now(), detail=cause)
    units = tuple(sorted({each.unit for each in harms if each.unit}))
    record = dataclasses.replace(record, cause=cause, cause_health=sentences, harmed_units=units)
    return Step(tools.commit(record), go_on=True)


def _applied(tools: Tools, case: OrderCase, differences: Tuple[HealthDifference, ...]) -> Step:
    """Report that the change holds; the soak begins, and ends at once when it has no length."""
    context, order = tools.context, case.order
    record = enter(
        case.record,
        SOAKING,
        context.now(),
        detail="soaking",
        due_at=context.now() + timedelta(seconds=order.soak_seconds),
    )
    reason = REASON_NOTED if differences else ""
    sentence = "Installed, and the host is as healthy as before."
    if not record.changed:
        reason, sentence = REASON_ALREADY_THERE, "The host is healthy."
    sentence = " ".join(part for part in (sentence + _notes(differences), record.note) if part)
    record = add_outcome(
        record,
        OUTCOME_APPLIED,
        reason,
        sentence,
        context.now(),
        packages=package_results(tools, order),
        health=_sentences(differences),
    )
    record = tools.commit(record)
    if order.soak_seconds == 0:
        ended = OrderCase(record, order)
        return finish(tools, ended, OUTCOME_SOAKED, "", "The order asks for no soak.", health=_sentences(differences))
    return Step(record, due_at=parse_instant(record.due_at))


def _wants_reboot(tools: Tools, order: WorkOrder) -> bool:
    if order.reboot == REBOOT_ALWAYS:
        return True
    return order.reboot == REBOOT_IF_REQUIRED and tools.system.facts().reboot_required == YES


def _reboot(tools: Tools, case: OrderCase) -> Step:
    """Reboot the host, once; what comes of it is seen by the boot's id."""
    now = tools.context.now()
    due = now + timedelta(seconds=REBOOT_SECONDS_MAX)
    record = enter(case.record, WATCHING, now, detail="rebooting", due_at=due)
    record = tools.commit(dataclasses.replace(record, reboot_asked=True, awaits_reboot=True))
    completed = tools.system.run(("systemctl", "reboot"), timeout_seconds=REBOOT_COMMAND_SECONDS_MAX)
    tools.context.log("actor.reboot", order=record.order_id, status=completed.code)
    return Step(record, due_at=due, touched=True)


def _sentences(differences: Tuple[HealthDifference, ...]) -> Tuple[str, ...]:
    return tuple(each.sentence for each in differences)


def _notes(differences: Tuple[HealthDifference, ...]) -> str:
    return "" if not differences else " Noted: %s." % "; ".join(_sentences(differences)[:10])
