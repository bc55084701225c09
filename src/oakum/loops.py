"""Which loops there are, how often they tick, and the threads that run them.

A loop's step takes no input but the instant, looks at the whole state, and may be killed at any instant and run twice;
what it decides is its room's business.  Nothing here fetches anything from the internet.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import django

# The rooms below have tables, which need Django set up before they are imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oakum.settings")
django.setup()

from django.contrib.sessions.backends.db import SessionStore
from django.db import close_old_connections, connection

from oakum.findings.loops import assess_step, elect_step, index_step
from oakum.fleet.loops import stale_step
from oakum.journal.lease import Step, give_back, run_leased
from oakum.journal.services import seal
from oakum.parent import when_parent_ends
from oakum.policy.queries import settings_of
from oakum.rollout.loops import execute_step

log = logging.getLogger("oakum.loops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A named step and the pause between two ticks."""

    name: str
    step: Step
    every: timedelta


def _seal_step(now: datetime) -> str:
    sealed = seal(now=now)
    return f"new entries ({sealed} sealed last)" if sealed else "new entries"


def _retain_step(now: datetime) -> str:
    del now
    SessionStore.clear_expired()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA optimize")  # without statistics its planner prefers the wrong indexes
    return "the next hour"


def _stale_after(organisation_id: UUID) -> timedelta:
    return settings_of(organisation_id=organisation_id).stale_after


LOOPS = (
    Loop(name="seal", step=_seal_step, every=timedelta(seconds=1)),
    Loop(name="execute", step=execute_step, every=timedelta(seconds=1)),
    Loop(name="assess", step=assess_step, every=timedelta(seconds=2)),
    Loop(name="index", step=index_step, every=timedelta(seconds=2)),
    Loop(name="elect", step=elect_step, every=timedelta(seconds=2)),
    Loop(name="stale", step=stale_step(_stale_after), every=timedelta(seconds=15)),
    Loop(name="retain", step=_retain_step, every=timedelta(hours=1)),
)


def utc_now() -> datetime:
    """Read the clock: at the edge, and only there."""
    return datetime.now(tz=UTC)


def run_all(stop: threading.Event, *, loops: tuple[Loop, ...] = LOOPS, clock: Callable[[], datetime] = utc_now) -> None:
    """Run every loop in a thread of its own until ``stop`` is set, then give the leases back."""
    holder = f"{socket.gethostname()[:40]}/{os.getpid()}"
    threads = [
        threading.Thread(target=_run, args=(loop, holder, stop, clock), name=f"loop-{loop.name}") for loop in loops
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    give_back(holder)
    log.info("loops_ended holder=%s", holder)


def _run(loop: Loop, holder: str, stop: threading.Event, clock: Callable[[], datetime]) -> None:
    while not stop.is_set():
        try:
            run_leased(loop.name, loop.step, holder=holder, clock=clock)
        except Exception as error:  # noqa: BLE001 - the database may be away; the next tick tries again
            log.warning("loop_tick_failed loop=%s error=%r", loop.name, error)
        finally:
            close_old_connections()
        stop.wait(loop.every.total_seconds())


def main() -> None:
    """Run all loops until SIGTERM, SIGINT, or the parent's end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    when_parent_ends(stop.set)
    run_all(stop)


if __name__ == "__main__":
    main()
