"""Wait for a launched program, within its time limit, and for dpkg to let go of its database.

It starts nothing and decides nothing about the order.
"""

from __future__ import annotations

import dataclasses

from oakum.agent.actor.record import OrderRecord
from oakum.agent.actor.system import CHILD_ENDED, CHILD_LOST, CHILD_RUNNING, EXIT_TOO_SLOW, Child
from oakum.agent.actor.tools import Tools

# A big upgrade on a slow disk takes an hour; whatever takes longer than this waits for something that will not come.
PROGRAM_SECONDS_MAX = 3 * 3_600
POLL_SECONDS = 0.5
# After apt was killed dpkg may still be at work; a maintainer script has this long to end.
DPKG_SECONDS_MAX = 900
DPKG_POLL_SECONDS = 2.0


def wait_for_child(tools: Tools, record: OrderRecord, name: str) -> Child:
    """Return what became of the program ``name``, once it no longer runs; one over its time limit is ended."""
    directory = tools.store.directory(record.order_id)
    child = tools.system.child(directory, name)
    for _ in range(int(PROGRAM_SECONDS_MAX / POLL_SECONDS) + 1):
        if child.state != CHILD_RUNNING:
            break
        if child.age_seconds > PROGRAM_SECONDS_MAX:
            # Durable first: whoever finds the program gone must know that we ended it.
            record = dataclasses.replace(record, overran=True)
            tools.store.save(record)
            tools.context.log("actor.overran", order=record.order_id, program=name, seconds=child.age_seconds)
            tools.system.end_child(directory, name)
        else:
            tools.context.sleep(POLL_SECONDS)
        child = tools.system.child(directory, name)
    if record.overran and child.state in (CHILD_LOST, CHILD_ENDED):
        return Child(CHILD_ENDED, code=EXIT_TOO_SLOW)
    return child


def wait_for_dpkg(tools: Tools, seconds_max: float = DPKG_SECONDS_MAX) -> bool:
    """Wait until nobody works on dpkg's database; say whether that came about."""
    for _ in range(int(seconds_max / DPKG_POLL_SECONDS)):
        if tools.apt.dpkg_lock_holder() is None:
            return True
        tools.context.sleep(DPKG_POLL_SECONDS)
    return tools.apt.dpkg_lock_holder() is None
