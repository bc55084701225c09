"""Leases for loops: one runner a loop at a time, whatever the number of processes.

A loop's step takes no input but the instant, looks at the whole state, may be killed at any instant and run twice.
This module does not know the loops (``oakum.loops`` lists them).
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from oakum.journal.models import LoopRun

LEASE = timedelta(seconds=60)
PROBLEM_LENGTH_MAX = 4_000
Step = Callable[[datetime], str]  # (now) -> what it waits for, in words

log = logging.getLogger("oakum.loops")


def run_leased(name: str, step: Step, *, holder: str, clock: Callable[[], datetime]) -> bool:
    """Run ``step`` once if this holder gets or has the loop's lease; say whether it ran.

    A fault of the step is recorded beside the loop and logged, never raised: the next tick tries again.
    """
    if not _take(name, holder, clock()):
        return False
    waits_for, problem = "", ""
    try:
        waits_for = step(clock())
    except Exception as error:  # noqa: BLE001 - the loop's outermost frame: whatever failed, the loop lives on
        problem = "".join(traceback.format_exception(error))[-PROBLEM_LENGTH_MAX:]
        log.error("loop_failed loop=%s error=%r", name, error)  # noqa: TRY400 - the whole chain is in the row
    _record(name, clock(), waits_for, problem)
    return True


def _take(name: str, holder: str, now: datetime) -> bool:
    with transaction.atomic():
        LoopRun.objects.get_or_create(name=name)
        row = LoopRun.objects.select_for_update().get(name=name)
        if row.holder != holder and row.leased_until is not None and row.leased_until > now:
            return False
        row.holder, row.leased_until = holder, now + LEASE
        row.save(update_fields=["holder", "leased_until"])
    return True


def _record(name: str, now: datetime, waits_for: str, problem: str) -> None:
    fields: dict[str, object] = {"ran_at": now, "problem": problem, "leased_until": now + LEASE}
    if not problem:
        fields |= {"succeeded_at": now, "waits_for": waits_for[:300]}
    LoopRun.objects.filter(name=name).update(**fields)


def give_back(holder: str) -> None:
    """Release every lease of this holder, so that a clean restart need not wait for them to lapse."""
    LoopRun.objects.filter(holder=holder).update(holder="", leased_until=None)
