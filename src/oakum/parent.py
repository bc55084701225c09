"""Ends a child when its parent is gone: a thread that waits for standard input to close.

`oakum up` hands each child the reading end of a pipe whose writing end only the parent holds, so a parent that is
killed with -9 takes its children with it, without process groups or signals.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

UNTIL_STDIN_CLOSES = "--until-stdin-closes"


def when_parent_ends(action: Callable[[], None]) -> None:
    """Call ``action`` once standard input is closed, if this process was started with UNTIL_STDIN_CLOSES."""
    if UNTIL_STDIN_CLOSES in sys.argv:
        threading.Thread(target=_wait, args=(action,), name="parent-watch", daemon=True).start()


def _wait(action: Callable[[], None]) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    action()
