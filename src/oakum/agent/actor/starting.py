"""Ask for the start permit and begin: the last steps before, and the first one after, the point of no return.

No permit, no start; no answer, no start.  The outcome ``started`` is in the spool before dpkg runs, and a permit that
lapsed meanwhile, by this host's monotonic clock counted from before the question was sent, is not used.  It checks
nothing of the host (``preparing``) and does not wait for the change (``installing``).
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Callable, Optional, Tuple, Union

from oakum.agent.actor import judge
from oakum.agent.actor.changes import TROUBLE_OTHER
from oakum.agent.actor.finishing import finish, package_results
from oakum.agent.actor.judge import Defer, Refuse
from oakum.agent.actor.preparing import Obstacle, Preparation, Verdict, next_window_at
from oakum.agent.actor.record import (
    CHECKING,
    INSTALLING,
    PERMITTED,
    WAITING,
    WATCHING,
    add_outcome,
    deferred,
    enter,
)
from oakum.agent.actor.store import OrderCase
from oakum.agent.actor.tools import Step, Tools
from oakum.agent.errors import AgentError, HostError, ServerUnavailable
from oakum.agent.managers.apt import change
from oakum.agent.managers.apt.run import AptProblem
from oakum.protocol.messages import PROTOCOL_VERSION, PermitReply, PermitRequest
from oakum.protocol.orders import OUTCOME_REFUSED, OUTCOME_STARTED
from oakum.protocol.trust import WAIT_WINDOW, parse_instant, render_instant

# Whatever a server says, a permit does not hold longer than this: a halt must not have to wait for it.
PERMIT_LAPSE_SECONDS_MAX = 60

# An order that waits for a version has the lists fetched anew at most this often.
REFRESH_EVERY = timedelta(minutes=30)

DEFERRED_SERVER = "server_unavailable"
DEFERRED_DOOR = "permit_not_answered"
DEFERRED_MISMATCH = "permit_mismatch"
DEFERRED_LAPSED = "permit_lapsed"
DEFERRED_DENIED = "permit_denied"
NOTE_ALREADY_THERE = "Every package was in its version already; this order changed nothing."

LAPSED = "The start permit lapsed before the change could begin; the server is asked again."

# Says whether it ended anything, or why the order has to wait all the same.
MakeWay = Callable[[], Union[bool, Defer]]

INSTALL = "install"  # the launched program's name in the order's directory


def prepare(tools: Tools, case: OrderCase, obstacle: Obstacle, make_way: MakeWay) -> Step:
    """Check everything anew, ask for the permit, and begin; an order found here has not touched the host.

    ``obstacle`` says whether another order is in the way; ``make_way`` ends the soak of an earlier one.
    """
    context, order = tools.context, case.order
    record = tools.commit(enter(case.record, CHECKING, context.now()))
    case = OrderCase(record, order)
    preparation, verdict = _look(tools, case, obstacle)
    if verdict is None and not preparation.already_there:
        way = make_way()
        if way is True:
            # Another order came to its end, perhaps by being taken back: what was seen before that no longer counts.
            preparation, verdict = _look(tools, case, obstacle)
        elif way is not False:
            verdict = way
    case = _noted(case, preparation, context.now())
    if isinstance(verdict, Refuse):
        return finish(tools, case, OUTCOME_REFUSED, verdict.reason, verdict.sentence)
    if verdict is not None:
        return defer(tools, case, verdict.reason, verdict.sentence)
    assert preparation.before is not None
    tools.store.save_before(order.order_id, preparation.before)
    if preparation.already_there:
        due_at = context.now() + timedelta(seconds=order.health_delay_seconds)
        watching = enter(case.record, WATCHING, context.now(), detail=NOTE_ALREADY_THERE, due_at=due_at)
        boot_id = preparation.before.boot_id
        watching = dataclasses.replace(watching, changed=False, note=NOTE_ALREADY_THERE, boot_id=boot_id)
        return Step(tools.commit(watching), go_on=True)
    return _ask(tools, case, cached=preparation.cached)


def _look(tools: Tools, case: OrderCase, obstacle: Obstacle) -> Tuple[Preparation, Optional[Verdict]]:
    now, refreshed_at = tools.context.now(), case.record.refreshed_at
    preparation = Preparation(
        tools,
        case.order,
        case.record.order_hash,
        obstacle=obstacle,
        may_refresh=not refreshed_at or abs(now - parse_instant(refreshed_at)) >= REFRESH_EVERY,
    )
    try:
        return preparation, preparation.run()
    except AptProblem as problem:
        return preparation, Defer(TROUBLE_OTHER, "The package manager cannot be read: %s" % problem)


def _noted(case: OrderCase, preparation: Preparation, now: datetime) -> OrderCase:
    """Remember that the lists were fetched anew, so that a waiting host does not ask its mirrors at every tick."""
    if not preparation.refreshed:
        return case
    return OrderCase(dataclasses.replace(case.record, refreshed_at=render_instant(now)), case.order)


def defer(tools: Tools, case: OrderCase, reason: str, sentence: str) -> Step:
    """Leave the order waiting; it is tried again at the next tick, or when its window opens."""
    now = tools.context.now()
    due_at = next_window_at(case.order, now) if reason == WAIT_WINDOW else None
    record = tools.commit(deferred(case.record, reason, sentence, now, due_at))
    return Step(record, due_at=due_at)


def _ask(tools: Tools, case: OrderCase, *, cached: bool) -> Step:
    context, record = tools.context, case.record
    attempt = tools.system.random_id()
    record = dataclasses.replace(enter(record, WAITING, context.now(), detail="asks to start"), attempt=attempt)
    record = tools.commit(record)
    case = OrderCase(record, case.order)
    request = PermitRequest(
        protocol=PROTOCOL_VERSION,
        order_id=record.order_id,
        order_hash=record.order_hash,
        generation=record.generation,
        attempt=attempt,
    )
    sent = context.monotonic()
    try:
        reply = context.ask_permit(request)
    except ServerUnavailable as error:
        return defer(tools, case, DEFERRED_SERVER, "The server gave no start permit: %s" % error.sentence)
    except AgentError as error:
        return defer(tools, case, DEFERRED_DOOR, "The server gave no start permit: %s" % error.sentence)
    if not reply.granted:
        return defer(tools, case, reply.reason or DEFERRED_DENIED, reply.detail or "The server gave no start permit.")
    if reply.order_hash != record.order_hash:
        return defer(tools, case, DEFERRED_MISMATCH, "The start permit is for another order.")
    return _begin(tools, case, reply, sent, cached=cached)


def _begin(tools: Tools, case: OrderCase, reply: PermitReply, sent: float, *, cached: bool) -> Step:
    """Say that the change begins, then begin it; the permit must hold at the very last moment."""
    context, order = tools.context, case.order
    lapses = sent + min(reply.lapse_seconds, PERMIT_LAPSE_SECONDS_MAX)
    record = tools.commit(enter(case.record, PERMITTED, context.now()))
    if context.monotonic() >= lapses:
        return defer(tools, OrderCase(record, order), DEFERRED_LAPSED, LAPSED)
    record = enter(record, INSTALLING, context.now(), detail="the package manager is at work")
    record = dataclasses.replace(record, changed=True, deferred_reason="")
    results = package_results(tools, order)
    started = add_outcome(record, OUTCOME_STARTED, "", "The change begins.", context.now(), packages=results)
    try:
        record = tools.commit_reported(started)
    except HostError as error:
        return _not_begun(tools, OrderCase(record, order), error.code, error.sentence)
    argv = change.install_argv(judge.wanted_new(order), cached=cached)
    directory = tools.store.directory(order.order_id)
    # Nothing may come between this question and the launch.
    if context.monotonic() >= lapses:
        return _not_begun(tools, OrderCase(record, order), DEFERRED_LAPSED, LAPSED)
    try:
        tools.system.launch(directory, INSTALL, argv, environment=change.environment())
    except HostError as error:
        return _not_begun(tools, OrderCase(record, order), error.code, error.sentence)
    context.log("actor.started", order=record.order_id, generation=record.generation, attempt=record.attempt)
    return Step(record, go_on=True, touched=True)


def _not_begun(tools: Tools, case: OrderCase, reason: str, sentence: str) -> Step:
    """Take ``started`` back: it was reported, and then nothing was launched."""
    record = dataclasses.replace(case.record, changed=False)
    return defer(tools, OrderCase(record, case.order), reason, sentence)
