"""Carry each order as far as it goes now: which step follows which phase, and which order goes first.

The steps decide and act; here is only their order.  An order that began goes before one that has not; while one changes
the host or is watched closely, no other begins.  A fault in one order does not hold up the others.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

from oakum.agent.actor.answers import flush_answers
from oakum.agent.actor.changes import AptChanges
from oakum.agent.actor.finishing import finish, settle
from oakum.agent.actor.installing import install
from oakum.agent.actor.intake import take_in
from oakum.agent.actor.judge import Defer
from oakum.agent.actor.real import RealSystem
from oakum.agent.actor.record import (
    BUSY_PHASES,
    DONE,
    INSTALLING,
    ROLLING_BACK,
    SOAKING,
    UNSTARTED_PHASES,
    WATCHING,
)
from oakum.agent.actor.rolling import roll_back
from oakum.agent.actor.starting import prepare
from oakum.agent.actor.store import OrderCase, OrderStore
from oakum.agent.actor.system import System
from oakum.agent.actor.tools import Step, Tools
from oakum.agent.actor.watching import cut_short, soak, watch
from oakum.agent.context import ActorContext
from oakum.protocol.dsse import Envelope
from oakum.protocol.messages import ActiveOrder
from oakum.protocol.orders import OUTCOME_FAILED, OUTCOME_INTERRUPTED, OUTCOME_ROLLBACK_FAILED
from oakum.protocol.trust import parse_instant

# From received to done there are nine phases; some are entered twice.
STEP_COUNT_MAX = 20
# A fault may pass; one that comes back this often will not.
FAULT_COUNT_MAX = 5

DEFERRED_OTHER = "other_order_active"
REASON_FAULT = "agent_fault"

Act = Callable[[Tools, OrderCase], Step]
_ACTS: Dict[str, Act] = {INSTALLING: install, WATCHING: watch, SOAKING: soak, ROLLING_BACK: roll_back}


@dataclass(frozen=True)
class Work:
    """``next_due_at``: when an order wants to be looked at again, None when at any later tick.

    ``inventory_changed``: what is installed, or what runs, may be another than before the call.
    """

    next_due_at: Optional[datetime]
    inventory_changed: bool


def work(context: ActorContext, envelopes: Sequence[Envelope], system: Optional[System] = None) -> Work:
    """Take in new orders and carry all orders as far as they go now.

    May be killed at any instant and called again.  Takes as long as the package manager does, hours at the worst.

    Raises:
        HostError: the state directory cannot be read or written.
    """
    host = RealSystem() if system is None else system
    tools = Tools(context, host, OrderStore(host, context.state_dir), AptChanges(host))
    _recover(tools)
    take_in(tools, envelopes)
    touched = False
    for case in _in_turn(tools):
        steps = carry(tools, case)
        touched = touched or any(step.touched for step in steps)
    records = [case.record for case in tools.store.cases()[0]]
    due = [parse_instant(record.due_at) for record in records if record.phase != DONE and record.due_at]
    return Work(next_due_at=min(due, default=None), inventory_changed=touched)


def active_orders(state_dir: str, system: Optional[System] = None) -> Tuple[ActiveOrder, ...]:
    """Return the orders that are not finished, as the server is told of them; only reads."""
    store = OrderStore(RealSystem() if system is None else system, state_dir)
    cases, _unreadable = store.cases()
    records = [case.record for case in cases if case.record.phase != DONE]
    return tuple(ActiveOrder(r.order_id, r.order_hash, r.phase, r.detail, r.phase_at) for r in records)


def carry(tools: Tools, case: OrderCase) -> Tuple[Step, ...]:
    """Take one order from step to step until it waits or is done; return the steps."""
    steps: List[Step] = []
    for _ in range(STEP_COUNT_MAX):
        if case.record.phase == DONE:
            break
        try:
            step = _act(tools, case)
        except Exception as error:  # noqa: BLE001 - the outermost frame of one order; it is reported, not swallowed
            step = _fault(tools, case, error)
        steps.append(step)
        if not step.go_on:
            break
        case = OrderCase(step.record, case.order)
    return tuple(steps)


def _act(tools: Tools, case: OrderCase) -> Step:
    act = _ACTS.get(case.record.phase)
    if act is not None:
        return act(tools, case)
    return prepare(tools, case, lambda: _obstacle(tools, case), lambda: _make_way(tools, case))


def _obstacle(tools: Tools, case: OrderCase) -> Optional[Defer]:
    busy = [each for each in _others(tools, case) if each.record.phase in BUSY_PHASES]
    return Defer(DEFERRED_OTHER, _is_busy(busy[0])) if busy else None


def _make_way(tools: Tools, case: OrderCase) -> Union[bool, Defer]:
    """End the soak of earlier orders now: they are compared with before while that can still be told."""
    soaking = [other for other in _others(tools, case) if other.record.phase == SOAKING]
    for other in soaking:
        carry(tools, cut_short(tools, other, case.order.order_id))
    left = [each for each in _others(tools, case) if each.record.phase in (*BUSY_PHASES, SOAKING)]
    return Defer(DEFERRED_OTHER, _is_busy(left[0])) if left else bool(soaking)


def _others(tools: Tools, case: OrderCase) -> List[OrderCase]:
    cases, _unreadable = tools.store.cases()
    return [each for each in cases if each.record.order_id != case.record.order_id]


def _is_busy(case: OrderCase) -> str:
    return "Another order (%s) is %s on this host." % (
        case.record.order_id,
        case.record.phase.replace("_", " "),
    )


def _in_turn(tools: Tools) -> Tuple[OrderCase, ...]:
    """Return the unfinished orders: those that began first, then the newest generation first, so that it can win."""
    cases, unreadable = tools.store.cases()
    for name in unreadable:
        tools.context.log("actor.order_unreadable", order=name)
    live = [case for case in cases if case.record.phase != DONE]
    return tuple(sorted(live, key=lambda case: (case.record.phase in UNSTARTED_PHASES, -case.record.generation)))


def _recover(tools: Tools) -> None:
    """Finish what a crash left between two writes: outcomes not yet spooled, finished orders not yet cleaned up."""
    flush_answers(tools)
    cases, _unreadable = tools.store.cases()
    for case in cases:
        if case.record.outbox:
            tools.commit(case.record)
        if case.record.phase == DONE:
            settle(tools, case)
    tools.store.tidy(cases)


def _fault(tools: Tools, case: OrderCase, error: Exception) -> Step:
    """Count a fault of the agent or the host; after FAULT_COUNT_MAX the order ends, worded by how far it was."""
    current = next((each for each in tools.store.cases()[0] if each.order.order_id == case.order.order_id), case)
    record = current.record
    words = "%s: %s" % (type(error).__name__, error)
    tools.context.log("actor.fault", order=record.order_id, phase=record.phase, why=words)
    if record.phase == DONE:
        return Step(record)
    count = record.fault_count + 1
    if count <= FAULT_COUNT_MAX:
        counted = dataclasses.replace(record, fault_count=count, detail=words[:500])
        tools.store.save(counted)
        return Step(counted)
    kind = OUTCOME_FAILED if not record.changed else OUTCOME_INTERRUPTED
    if record.phase == ROLLING_BACK:
        kind = OUTCOME_ROLLBACK_FAILED
    sentence = "The agent met the same trouble %d times while %s; a person must look: %s"
    return finish(tools, current, kind, REASON_FAULT, sentence % (count, record.phase.replace("_", " "), words))
