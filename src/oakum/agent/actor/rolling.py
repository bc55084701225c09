"""Take a change back: exactly the order's packages to exactly their previous versions, and prove it.

Finished half-way states first (``dpkg --configure -a``), then a simulation that may touch nothing else, then the saved
.debs through apt, which checks dependencies; dpkg alone only where apt itself does not run.  Each program is launched
once: one that was lost is not launched again, a person is asked to look.  What was changed by others since is not
touched.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import List, Optional, Sequence, Tuple

from oakum.agent.actor.finishing import finish
from oakum.agent.actor.health import is_worse
from oakum.agent.actor.installing import interrupted
from oakum.agent.actor.judge import HEALTH_DELAY_SECONDS_MAX, Installed
from oakum.agent.actor.record import PackageBefore, PreState, SavedDeb, is_due
from oakum.agent.actor.restart import restart_stale, revive_unit
from oakum.agent.actor.saving import keep_debs
from oakum.agent.actor.store import OrderCase
from oakum.agent.actor.system import CHILD_ABSENT, CHILD_ENDED, Child
from oakum.agent.actor.tools import Step, Tools
from oakum.agent.actor.waiting import wait_for_child, wait_for_dpkg
from oakum.agent.actor.watching import look_twice
from oakum.agent.managers.apt import change
from oakum.agent.managers.apt.change import Wanted
from oakum.agent.managers.apt.change_parse import Transaction
from oakum.protocol.orders import OUTCOME_ROLLBACK_FAILED, OUTCOME_ROLLED_BACK
from oakum.protocol.trust import parse_instant, render_instant

CONFIGURE = "configure"
ROLLBACK = "rollback"
LAST_RESORT = "dpkg"

# Health is compared this long after the previous versions are back, and until then it may recover.
SETTLE_SECONDS_MAX = 60
SETTLE_SECONDS_MIN = 2
# A whole upgrade by somebody else may be under way; each tick waits a little for it, all together for hours.
LOCK_SECONDS = 60
LOCK_SECONDS_MAX = 6 * 3_600
NAMED_COUNT_MAX = 10

REASON_TAKEN_BACK = "taken_back"
REASON_DIFFERS = "rollback_differs"
REASON_NO_DEBS = "rollback_debs_missing"
REASON_MOVED_ON = "state_differs"
REASON_KERNEL = "kernel_running"
REASON_FAILED = "rollback_failed"
REASON_STILL_WORSE = "health_still_worse"


@dataclasses.dataclass(frozen=True)
class WayBack:
    """What is to be done: .debs to install and packages to remove; both empty when all is back already."""

    debs: Tuple[SavedDeb, ...]
    removals: Tuple[Wanted, ...]


def roll_back(tools: Tools, case: OrderCase) -> Step:
    """Go back, or find out how far an earlier run of the agent came, and end the order."""
    before = tools.store.load_before(case.order.order_id)
    if case.record.settling:
        return _verify(tools, case, before)
    ended = _finish_half_way(tools, case)
    if ended is not None:
        return ended
    way = plan_way_back(before, tools.apt.installed())
    if way.debs or way.removals:
        failed = _go(tools, case, way)
        if failed is not None:
            return failed
    return _revive(tools, case, before)


def plan_way_back(before: PreState, installed: Installed) -> WayBack:
    """Return what has to be done so that each package is again as it was.  Pure."""
    saved = {(deb.name, deb.version): deb for deb in before.debs}
    debs: List[SavedDeb] = []
    removals: List[Wanted] = []
    for package in before.packages:
        found = installed.find(package.name, package.architecture)
        if found is None and not package.version:
            continue
        if not package.version:
            assert found is not None
            removals.append(Wanted(package.name, found.architecture, found.version))
        elif found is None or found.version != package.version or found.state != "installed":
            debs.append(saved[package.name, package.version])
    return WayBack(debs=tuple(debs), removals=tuple(removals))


def judge_way_back(way: WayBack, transaction: Transaction) -> str:
    """Return how a simulated way back differs from the planned one, empty when it does not.  Pure."""
    planned = {(deb.name, deb.version) for deb in way.debs}
    found = {(step.name, step.new) for step in transaction.steps}
    removed = {name.partition(":")[0] for name, _version in transaction.removed}
    expected = {wanted.name for wanted in way.removals}
    others = sorted({name for name, _version in found - planned} | (removed - expected))
    if others:
        return "it would also change %s" % ", ".join(others[:NAMED_COUNT_MAX])
    lacking = sorted({name for name, _version in planned - found} | (expected - removed))
    if lacking:
        return "it would not bring back %s" % ", ".join(lacking[:NAMED_COUNT_MAX])
    return ""


def judge_moved_on(case: OrderCase, before: PreState, installed: Installed) -> str:
    """Return which packages somebody else changed since, empty when none.  Pure."""
    moved = []
    was = {(each.name, each.architecture): each for each in before.packages}
    for wanted in case.order.packages:
        version = installed.version(wanted)
        if version not in ("", wanted.to_version, was[wanted.name, wanted.architecture].version):
            moved.append("%s is %s" % (wanted.name, version))
    return ", ".join(moved[:NAMED_COUNT_MAX])


def _finish_half_way(tools: Tools, case: OrderCase) -> Optional[Step]:
    """Let dpkg finish what it has unpacked; whether that worked is seen in the versions afterwards."""
    child = _child(tools, case, CONFIGURE)
    if child.state == CHILD_ABSENT:
        if not tools.apt.audit():
            return None
        _launch(tools, case, CONFIGURE, change.CONFIGURE)
        child = _child(tools, case, CONFIGURE)
    return None if child.state == CHILD_ENDED else _lost(tools, case)


def _go(tools: Tools, case: OrderCase, way: WayBack) -> Optional[Step]:
    """Run the way back, unless it ran already; return the order's end when it cannot be run."""
    ended = (
        _start(tools, case, way) if _is_absent(tools, case, ROLLBACK) and _is_absent(tools, case, LAST_RESORT) else None
    )
    for name in (ROLLBACK, LAST_RESORT):
        if ended is None and _child(tools, case, name).state not in (CHILD_ABSENT, CHILD_ENDED):
            ended = _lost(tools, case)
    if ended is not None:
        return ended
    wait_for_dpkg(tools)
    left = plan_way_back(tools.store.load_before(case.order.order_id), tools.apt.installed())
    if left.debs and _is_absent(tools, case, LAST_RESORT):
        late = _await_lock(tools, case)
        argv = change.dpkg_rollback_argv([deb.path for deb in left.debs])
        return late if late is not None else _run(tools, case, LAST_RESORT, argv)
    return None


def _is_absent(tools: Tools, case: OrderCase, name: str) -> bool:
    return tools.system.child(tools.store.directory(case.order.order_id), name).state == CHILD_ABSENT


def _start(tools: Tools, case: OrderCase, way: WayBack) -> Optional[Step]:
    """Simulate, judge and run; return the order's end when it may not be run."""
    late_or_unfit = _await_lock(tools, case) or _unfit(tools, case, way)
    if late_or_unfit is not None:
        return late_or_unfit
    debs = [deb.path for deb in way.debs]
    removals = [wanted.query for wanted in way.removals]
    answer, transaction = tools.apt.simulate_rollback(debs, removals)
    if transaction is not None:
        differs = judge_way_back(way, transaction)
        if differs:
            return _failed(tools, case, REASON_DIFFERS, differs)
        return _run(tools, case, ROLLBACK, change.rollback_argv(debs, removals, simulate=False))
    if answer.ran or removals:
        return _failed(tools, case, REASON_DIFFERS, "apt says: %s" % answer.words)
    return _run(tools, case, LAST_RESORT, change.dpkg_rollback_argv(debs))


def _await_lock(tools: Tools, case: OrderCase) -> Optional[Step]:
    """Return a step that comes back later while another program holds dpkg's lock, or the end when that is too long."""
    if wait_for_dpkg(tools, LOCK_SECONDS):
        return None
    now = tools.context.now()
    if (now - parse_instant(case.record.phase_at)).total_seconds() > LOCK_SECONDS_MAX:
        return _failed(tools, case, REASON_FAILED, "another program does not let go of dpkg's lock")
    due_at = now + timedelta(seconds=LOCK_SECONDS)
    record = dataclasses.replace(case.record, due_at=render_instant(due_at))
    return Step(tools.commit(record), due_at=due_at)


def _unfit(tools: Tools, case: OrderCase, way: WayBack) -> Optional[Step]:
    """Return the order's end when the way back has become impossible."""
    before = tools.store.load_before(case.order.order_id)
    moved = judge_moved_on(case, before, tools.apt.installed())
    if moved:
        return _failed(tools, case, REASON_MOVED_ON, "somebody else changed it since: %s" % moved)
    running = "linux-image-" + tools.system.facts().kernel_running
    if any(wanted.name.startswith(running) for wanted in way.removals):
        return _failed(
            tools,
            case,
            REASON_KERNEL,
            "the kernel to remove, %s, is running; boot the previous one" % running,
        )
    damaged = [deb.name for deb in way.debs if tools.system.sha256(deb.path) != deb.sha256]
    if damaged:
        return _failed(tools, case, REASON_NO_DEBS, "the saved .deb of %s is gone or damaged" % ", ".join(damaged))
    return None


def _run(tools: Tools, case: OrderCase, name: str, argv: Sequence[str]) -> Optional[Step]:
    _launch(tools, case, name, argv)
    return None if _child(tools, case, name).state == CHILD_ENDED else _lost(tools, case)


def _launch(tools: Tools, case: OrderCase, name: str, argv: Sequence[str]) -> None:
    directory = tools.store.directory(case.order.order_id)
    tools.context.log("actor.rolling_back", order=case.order.order_id, program=name)
    tools.system.launch(directory, name, argv, environment=change.environment())


def _child(tools: Tools, case: OrderCase, name: str) -> Child:
    return wait_for_child(tools, case.record, name)


def _lost(tools: Tools, case: OrderCase) -> Step:
    wait_for_dpkg(tools)
    return interrupted(tools, case, "The change was being taken back (%s) and the program is gone" % case.record.cause)


def _revive(tools: Tools, case: OrderCase, before: PreState) -> Step:
    """Restore marks, restart what has to be, and give it time."""
    now = tools.context.now()
    tools.apt.mark(auto=_marks(before, auto=True), manual=_marks(before, auto=False))
    note = restart_stale(tools)
    was_serving = {unit.name for unit in before.health.units if unit.active == "active"}
    for unit in case.record.harmed_units:
        if unit in was_serving:
            revive_unit(tools, unit)
    seconds = max(SETTLE_SECONDS_MIN, min(case.order.health_delay_seconds, SETTLE_SECONDS_MAX))
    due = render_instant(now + timedelta(seconds=seconds))
    record = dataclasses.replace(case.record, settling=True, due_at=due, note=note)
    return Step(tools.commit(record), go_on=True, touched=True)


def _marks(before: PreState, *, auto: bool) -> Tuple[Wanted, ...]:
    def wanted(package: PackageBefore) -> Wanted:
        return Wanted(package.name, package.architecture, package.version)

    return tuple(wanted(package) for package in before.packages if package.version and package.auto == auto)


def _verify(tools: Tools, case: OrderCase, before: PreState) -> Step:
    """Compare with before, once things had time to settle, and end the order."""
    record, now = case.record, tools.context.now()
    if not is_due(record, now, HEALTH_DELAY_SECONDS_MAX):
        return Step(record, due_at=parse_instant(record.due_at))
    installed, audit = tools.apt.installed(), tools.apt.audit()
    way = plan_way_back(before, installed)
    if way.debs or way.removals or audit:
        names = sorted({*(deb.name for deb in way.debs), *(w.name for w in way.removals), *audit})
        return _failed(tools, case, REASON_FAILED, "not as before: %s" % ", ".join(names[:NAMED_COUNT_MAX]))
    differences = look_twice(tools, case)
    if isinstance(differences, Step):
        return differences
    keep_debs(tools, [deb.path for deb in before.debs], installed)
    if is_worse(differences):
        sentences = tuple(each.sentence for each in differences)
        words = "%s; the exact previous versions are back, but still: %s. Look at it on the host."
        sentence = words % (record.cause, "; ".join(sentences[:NAMED_COUNT_MAX]))
        return finish(
            tools, case, OUTCOME_ROLLBACK_FAILED, REASON_STILL_WORSE, sentence, health=sentences, touched=True
        )
    sentence = "%s; the exact previous versions are back, and the host is as before." % record.cause
    changed = [each.path for each in before.configuration if tools.system.sha256(each.path) != each.sha256]
    if changed:
        sentence += " Configuration differs from before: %s." % ", ".join(changed[:NAMED_COUNT_MAX])
    health = record.cause_health
    sentence = " ".join(part for part in (sentence, record.note) if part)
    return finish(tools, case, OUTCOME_ROLLED_BACK, REASON_TAKEN_BACK, sentence, health=health, touched=True)


def _failed(tools: Tools, case: OrderCase, reason: str, words: str) -> Step:
    sentence = "%s; the change could not be taken back: %s. The previous versions lie in %s on the host."
    text = sentence % (case.record.cause, words, tools.store.old(case.order.order_id))
    health = case.record.cause_health
    return finish(tools, case, OUTCOME_ROLLBACK_FAILED, reason, text, health=health, touched=True)
