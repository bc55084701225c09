"""How often to tick: once for the timer (and again for a health check that is due soon), or until told to stop.

What a tick does is ``tick``'s business.  A signal never breaks a tick off: what the actor has begun it ends.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

from oakum.agent.errors import EXIT_IN_ORDER, AgentError, ServerUnavailable
from oakum.agent.log import log
from oakum.agent.state import lock
from oakum.agent.tick import Agent, TickReport, open_agent, tick

# The health check comes 60 s after a change; it should not have to wait for the next timer tick.
FOLLOW_UP_WITHIN = timedelta(seconds=180)
FOLLOW_UP_COUNT_MAX = 20
INTERVAL_SPREAD = 0.1
PAUSE_SECONDS_MIN = 1.0

ONCE = "once"
TIMER = "timer"
STAY = "stay"


def run(config_dir: Path, state_dir: Path, *, manner: str, until_stdin_closes: bool = False) -> int:
    """Run the agent in one of the manners ONCE, TIMER or STAY and return the exit code.

    A server that cannot be reached is no failure of the run (``status`` tells), a refusal is.

    Raises:
        HostError: not enrolled, or a file cannot be read or written.
    """
    with lock(state_dir, f"oakum-agent run ({manner})") as holder:
        if holder:
            log("run.locked", holder=holder)
            return EXIT_IN_ORDER
        agent = open_agent(config_dir, state_dir)
        stop = threading.Event()
        _watch(stop, until_stdin_closes=until_stdin_closes)
        if manner == STAY:
            _stay(agent, stop)
            return EXIT_IN_ORDER
        return _exit_code(_run_timer(agent, stop, follow_up=manner == TIMER))


def _watch(stop: threading.Event, *, until_stdin_closes: bool) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_wait_for_end_of_input, args=(stop,), daemon=True).start()


def _wait_for_end_of_input(stop: threading.Event) -> None:
    """End with the parent, however it ends: it holds the other end of our standard input."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


def _run_timer(agent: Agent, stop: threading.Event, *, follow_up: bool) -> TickReport:
    ignored = frozenset({os.getpid()})  # This process ends; what it maps does not outlive it.
    report = tick(agent, ignored_pids=ignored)
    for _ in range(FOLLOW_UP_COUNT_MAX if follow_up else 0):
        due_at = report.next_due_at
        if due_at is None or due_at - agent.now() > FOLLOW_UP_WITHIN:
            break
        if stop.wait(max((due_at - agent.now()).total_seconds(), PAUSE_SECONDS_MIN)):
            break
        report = tick(agent, ignored_pids=ignored)
    return report


def _stay(agent: Agent, stop: threading.Event) -> None:
    while not stop.is_set():
        next_due_at = None
        try:
            next_due_at = tick(agent).next_due_at
        except AgentError as error:
            # The outermost frame of a loop: a full disk may be emptied, and then the agent goes on.
            log("tick.failed", code=error.code, problem=error)
        seconds = agent.store.state.check_in_seconds or agent.config.check_in_seconds
        pause = seconds * (1 + random.uniform(-INTERVAL_SPREAD, INTERVAL_SPREAD))  # noqa: S311 - spreads load
        if next_due_at is not None:
            pause = min(pause, (next_due_at - agent.now()).total_seconds())
        stop.wait(max(pause, PAUSE_SECONDS_MIN))


def _exit_code(report: TickReport) -> int:
    if report.fault is None or isinstance(report.fault, ServerUnavailable):
        return EXIT_IN_ORDER
    return report.fault.exit_code
