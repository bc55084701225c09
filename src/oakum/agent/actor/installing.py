"""Carry a started change to its end: wait for the package manager, look at what dpkg says, restart what runs old code.

Found here by an agent that did not launch it, a change is waited for if it still runs, taken over if its exit status
was left, and else reported as interrupted: it is never launched again.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Tuple

from oakum.agent.actor import judge
from oakum.agent.actor.finishing import LOG_BYTES_MAX, finish, settle_downloads
from oakum.agent.actor.judge import Installed
from oakum.agent.actor.record import ROLLING_BACK, WATCHING, OrderRecord, enter
from oakum.agent.actor.restart import restart_stale
from oakum.agent.actor.saving import keep_debs
from oakum.agent.actor.starting import INSTALL, defer
from oakum.agent.actor.store import OrderCase
from oakum.agent.actor.system import CHILD_ENDED, CHILD_RUNNING, EXIT_TOO_SLOW
from oakum.agent.actor.tools import Step, Tools
from oakum.agent.actor.waiting import wait_for_child, wait_for_dpkg
from oakum.agent.managers.apt.change import Wanted
from oakum.agent.managers.apt.change_parse import first_trouble, is_lock_trouble
from oakum.protocol.orders import OUTCOME_FAILED, OUTCOME_INTERRUPTED, WorkOrder

# How often a change that apt did not even begin, because another took the lock in that instant, is tried again.
NOT_BEGUN_COUNT_MAX = 5

REASON_FAILED = "install_failed"
REASON_OVERRAN = "install_too_slow"
REASON_INTERRUPTED = "found_unfinished"


def install(tools: Tools, case: OrderCase) -> Step:
    """Wait for the change and settle it."""
    child = wait_for_child(tools, case.record, INSTALL)
    if child.state == CHILD_RUNNING:
        return Step(case.record)
    # Whatever became of our own program, apt or dpkg under it may still be at work.
    wait_for_dpkg(tools)
    if child.state != CHILD_ENDED:
        return interrupted(tools, case, "The change was begun and its program is gone without having said how it ended")
    installed, audit = tools.apt.installed(), tools.apt.audit()
    if judge.is_already_there(case.order, installed) and not audit:
        return _complete(tools, case, installed, child.code)
    if judge.is_as_before(case.order, installed) and not audit:
        return _untouched(tools, case, child.code)
    words = _why(tools, case.order, child.code)
    record = enter(case.record, ROLLING_BACK, tools.context.now(), detail=words)
    record = dataclasses.replace(record, cause="The change failed in the middle: %s" % words)
    return Step(tools.commit(record), go_on=True, touched=True)


def interrupted(tools: Tools, case: OrderCase, what: str) -> Step:
    """Look at what dpkg says, repair nothing, and say so."""
    installed, audit = tools.apt.installed(), tools.apt.audit()
    if audit:
        found = "dpkg is in the middle of %s; run dpkg --configure -a on the host" % ", ".join(audit[:10])
    elif judge.is_as_before(case.order, installed):
        found = "every package is in its previous version"
    elif judge.is_already_there(case.order, installed):
        found = "every package is in its new version; services were not restarted and health was not compared"
    else:
        found = "some packages are in their new version and some are not"
    sentence = "%s. Found: %s." % (what, found)
    return finish(tools, case, OUTCOME_INTERRUPTED, REASON_INTERRUPTED, sentence, touched=True)


def _complete(tools: Tools, case: OrderCase, installed: Installed, code: int) -> Step:
    context, order = tools.context, case.order
    notes = []
    if code != 0:
        notes.append("apt-get ended with %d though every package is in place: %s." % (code, _why(tools, order, code)))
    trouble = tools.apt.mark(auto=_auto_marks(tools, order), manual=())
    if trouble:
        notes.append("Marks were not all restored: %s." % trouble)
    archives = tools.apt.directories().archives
    keep_debs(tools, ["%s/%s" % (archives, wanted.file_name) for wanted in judge.wanted_new(order)], installed)
    settle_downloads(tools, order.order_id)
    notes.append(restart_stale(tools))
    due_at = context.now() + timedelta(seconds=order.health_delay_seconds)
    record: OrderRecord = enter(
        case.record, WATCHING, context.now(), detail="watching the host's health", due_at=due_at
    )
    before = tools.store.load_before(order.order_id)
    note = " ".join(note for note in notes if note)
    record = dataclasses.replace(record, note=note, boot_id=before.boot_id)
    return Step(tools.commit(record), go_on=True, touched=True)


def _auto_marks(tools: Tools, order: WorkOrder) -> Tuple[Wanted, ...]:
    """Naming a package marks it as wanted for its own sake; return those that were not, and those that are new."""
    before = {(each.name, each.architecture): each for each in tools.store.load_before(order.order_id).packages}
    return tuple(
        wanted
        for wanted in judge.wanted_new(order)
        if before[wanted.name, wanted.architecture].auto or not before[wanted.name, wanted.architecture].version
    )


def _untouched(tools: Tools, case: OrderCase, code: int) -> Step:
    """Try again when it was only the lock that kept apt from changing anything, else say that it is no use."""
    words = _why(tools, case.order, code)
    count = case.record.not_begun_count + 1
    if is_lock_trouble(_said(tools, case.order)) and count <= NOT_BEGUN_COUNT_MAX:
        record = dataclasses.replace(case.record, changed=False, not_begun_count=count)
        return defer(
            tools,
            OrderCase(record, case.order),
            judge.DEFERRED_LOCK,
            "Another program took the lock: %s" % words,
        )
    reason = REASON_OVERRAN if code == EXIT_TOO_SLOW else REASON_FAILED
    return finish(tools, case, OUTCOME_FAILED, reason, "Nothing was changed: %s." % words, touched=True)


def _why(tools: Tools, order: WorkOrder, code: int) -> str:
    if code == EXIT_TOO_SLOW:
        return "the package manager did not end in time and was ended"
    said = first_trouble([_said(tools, order)])
    return "apt-get ended with %d: %s" % (code, said.rstrip(".: "))


def _said(tools: Tools, order: WorkOrder) -> str:
    path = "%s/%s.log" % (tools.store.directory(order.order_id), INSTALL)
    return (tools.system.read(path, LOG_BYTES_MAX) or b"").decode("utf-8", "replace")
