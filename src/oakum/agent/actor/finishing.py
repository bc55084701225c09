"""Bring an order to its end: the final outcome, what dpkg says of each package, and what may be thrown away.

It decides no outcome.  Everything after the record says ``done`` can be repeated, and is, after a crash.
"""

from __future__ import annotations

import dataclasses
from typing import Tuple

from oakum.agent.actor.record import DONE, add_outcome, enter
from oakum.agent.actor.saving import clean_downloads
from oakum.agent.actor.store import OrderCase
from oakum.agent.actor.tools import Step, Tools
from oakum.agent.managers.apt.run import AptProblem
from oakum.protocol.messages import PackageResult
from oakum.protocol.orders import OUTCOME_INTERRUPTED, OUTCOME_ROLLBACK_FAILED, WorkOrder

LOG_BYTES_MAX = 8_000
FINISHED_ORDER_COUNT_MAX = 1_000
LOGS = ("install", "configure", "rollback", "dpkg")

# A person may need the previous versions that lie beside the order.
KEEPS_WAY_BACK = (OUTCOME_ROLLBACK_FAILED, OUTCOME_INTERRUPTED)


def finish(
    tools: Tools,
    case: OrderCase,
    kind: str,
    reason: str,
    sentence: str,
    *,
    health: Tuple[str, ...] = (),
    touched: bool = False,
) -> Step:
    """End the order with its final outcome."""
    now = tools.context.now()
    record = dataclasses.replace(enter(case.record, DONE, now, detail=sentence), final_kind=kind)
    results = package_results(tools, case.order) if record.attempt else ()
    log = log_tail(tools, case.order.order_id) if record.changed else ""
    record = add_outcome(record, kind, reason, sentence, now, packages=results, health=health, log=log)
    record = tools.commit(record)
    tools.context.log("actor.done", order=record.order_id, kind=kind, reason=reason, why=sentence)
    settle(tools, OrderCase(record, case.order))
    return Step(record, touched=touched)


def settle(tools: Tools, case: OrderCase) -> None:
    """Remember that the order is finished and clean up after it; harmless when done before."""
    remember_finished(tools, case.order.order_id)
    order_id = case.order.order_id
    settle_downloads(tools, order_id)
    if case.record.final_kind not in KEEPS_WAY_BACK and tools.system.list_names(tools.store.old(order_id)):
        tools.system.remove(tools.store.old(order_id))


def settle_downloads(tools: Tools, order_id: str) -> None:
    """Take what the order fetched out of apt's archive cache; trouble is logged, for it harms nothing."""
    if not tools.store.downloads(order_id):
        return
    try:
        clean_downloads(tools, order_id)
    except AptProblem as problem:
        tools.context.log("actor.not_cleaned", order=order_id, why=problem)
    else:
        tools.store.forget_downloads(order_id)


def remember_finished(tools: Tools, order_id: str) -> None:
    """Add an order to those that are never carried out again."""
    trust = tools.context.load_trust()
    if order_id not in trust.finished_order_ids:
        finished = (*trust.finished_order_ids, order_id)[-FINISHED_ORDER_COUNT_MAX:]
        tools.context.save_trust(dataclasses.replace(trust, finished_order_ids=finished))


def package_results(tools: Tools, order: WorkOrder) -> Tuple[PackageResult, ...]:
    """Return what dpkg says of each package now; ``?`` for all when it cannot say."""
    try:
        installed = tools.apt.installed()
    except AptProblem as problem:
        tools.context.log("actor.dpkg_unreadable", order=order.order_id, why=problem)
        found = ["?"] * len(order.packages)
    else:
        found = [installed.version(change) for change in order.packages]
    return tuple(
        PackageResult(c.name, c.architecture, c.from_version, c.to_version, version)
        for c, version in zip(order.packages, found)  # noqa: B905 - one for each; strict= is not in 3.9
    )


def log_tail(tools: Tools, order_id: str) -> str:
    """Return the end of what the package manager printed, the last program's last."""
    parts = []
    for name in LOGS:
        content = tools.system.read("%s/%s.log" % (tools.store.directory(order_id), name), LOG_BYTES_MAX)
        if content:
            parts.append(content.decode("utf-8", "replace"))
    return "".join(parts)[-LOG_BYTES_MAX:]
