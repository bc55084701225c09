"""Starts the children, watches them, and ends them.

A child that dies is started again a few times; one that keeps dying ends the whole, loudly: half an Oakum that looks
whole would be worse.  Children end when the pipe to their standard input closes, so they cannot outlive this process.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from oakum.core.errors import StoreError
from oakum.parent import UNTIL_STDIN_CLOSES

RESTART_COUNT_MAX = 5  # within RESTART_SPAN_SECONDS
RESTART_SPAN_SECONDS = 60.0
RESTART_PAUSE_SECONDS = 1.0
STOP_SECONDS_MAX = 15.0
POLL_SECONDS = 0.2

log = logging.getLogger("oakum.up")


@dataclass(kw_only=True)
class Child:
    """One child process and when it was started again.  ``required`` ones end the whole when they keep dying."""

    name: str
    argv: Sequence[str]
    required: bool = True
    process: subprocess.Popen[bytes] | None = None
    restarts: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start the process with the reading end of a pipe as its standard input."""
        self.process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, start_new_session=True, env=os.environ.copy())


def python_child(name: str, module: str, *arguments: str, required: bool = True) -> Child:
    """Return a child that runs one of our modules and ends with us."""
    return Child(name=name, argv=(sys.executable, "-m", module, *arguments, UNTIL_STDIN_CLOSES), required=required)


class Supervisor:
    """Keeps the children running until ``stop`` is set."""

    def __init__(self, stop: threading.Event, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take the event that ends it all."""
        self._stop = stop
        self._monotonic = monotonic
        self.children: list[Child] = []

    def add(self, child: Child) -> None:
        """Start a child and watch it from now on."""
        child.start()
        self.children.append(child)
        log.info("child_started name=%s pid=%s", child.name, child.process.pid if child.process else "?")

    def watch(self) -> None:
        """Restart what dies, until told to stop.

        Raises:
            StoreError: a required child keeps dying.
        """
        while not self._stop.wait(POLL_SECONDS):
            for child in list(self.children):
                if child.process is not None and child.process.poll() is not None:
                    self._restart(child)

    def _restart(self, child: Child) -> None:
        now = self._monotonic()
        child.restarts = [at for at in child.restarts if now - at < RESTART_SPAN_SECONDS]
        code = child.process.returncode if child.process else None
        if len(child.restarts) >= RESTART_COUNT_MAX:
            if not child.required:
                log.error("child_given_up name=%s exit=%s", child.name, code)
                self.children.remove(child)
                return
            raise StoreError(
                code="child_keeps_dying",
                sentence=f"The {child.name} process keeps ending (exit {code}).",
                next_step="Its last lines stand above; mend the cause and start again.",
            )
        log.warning("child_restarted name=%s exit=%s", child.name, code)
        child.restarts.append(now)
        if not self._stop.wait(RESTART_PAUSE_SECONDS):
            child.start()

    def end(self) -> None:
        """Close every child's pipe, wait, and terminate what does not end by itself."""
        for child in reversed(self.children):
            if child.process is not None and child.process.stdin is not None:
                child.process.stdin.close()
        deadline = self._monotonic() + STOP_SECONDS_MAX
        for child in self.children:
            _end_one(child, max(0.1, deadline - self._monotonic()))


def _end_one(child: Child, seconds: float) -> None:
    if child.process is None:
        return
    try:
        child.process.wait(seconds)
    except subprocess.TimeoutExpired:
        log.warning("child_killed name=%s", child.name)
        child.process.kill()
        child.process.wait()
