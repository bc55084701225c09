"""Answer what is not kept as an order: holds, and what was refused at the door; each once, whatever crashes.

That a thing was answered, the answer, and that its order is finished enter one file in one write; then the answer goes
to the spool and the order to those never carried out again.  It judges nothing (``intake``).
"""

from __future__ import annotations

import dataclasses

from oakum.agent.actor.finishing import remember_finished
from oakum.agent.actor.tools import Tools
from oakum.agent.errors import HostError
from oakum.protocol.messages import Outcome

# Answers to what cannot be opened may come from anybody; while this many wait, no more are made.
ANSWERS_WAITING_COUNT_MAX = 100


def remember(tools: Tools, key: str) -> None:
    """Remember an envelope whose order is kept or answered, so that it is not opened at every tick."""
    seen = tools.store.load_seen()
    tools.store.save_seen(dataclasses.replace(seen, keys=(*seen.keys, key)))


def answer(tools: Tools, key: str, outcome: Outcome, *, finished: bool = False) -> None:
    """Answer ``key`` with ``outcome``; ``finished`` orders are never carried out later."""
    seen = tools.store.load_seen()
    seen = dataclasses.replace(
        seen,
        keys=(*seen.keys, key),
        outbox=(*seen.outbox, outcome),
        finished=(*seen.finished, outcome.order_id) if finished else seen.finished,
    )
    tools.store.save_seen(seen)
    tools.context.log("actor.answered", order=outcome.order_id, kind=outcome.kind, reason=outcome.reason)
    flush_answers(tools)


def flush_answers(tools: Tools) -> None:
    """Do what answers ask for, also those that a crash or a full spool held up; what the spool does not take stays."""
    seen = tools.store.load_seen()
    for order_id in seen.finished:
        remember_finished(tools, order_id)
    left = dataclasses.replace(seen, finished=())
    try:
        for outcome in seen.outbox:
            tools.context.report(outcome)
    except HostError as error:
        tools.context.log("actor.report_waits", count=len(seen.outbox), code=error.code, why=error.sentence)
    else:
        left = dataclasses.replace(left, outbox=())
    if left != seen:
        tools.store.save_seen(left)
