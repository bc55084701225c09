"""Make SIGTERM end a program the way an exception does, so that what it holds is given back.

Ctrl-C does so already, in Python.  SIGKILL cannot: ``lab.guardian`` is for that.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


def terminate_as_exit() -> Callable[[], None]:
    """Make SIGTERM leave by an exception, so that ``with`` blocks end; return how to undo that.

    Only where nobody else handles it, and only in the main thread, where Python allows it.
    """
    unhandled = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not unhandled or threading.current_thread() is not threading.main_thread():
        return lambda: None

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    return lambda: (signal.signal(signal.SIGTERM, signal.SIG_DFL), None)[1]
