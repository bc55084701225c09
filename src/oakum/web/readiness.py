"""Keep ready in this process what the pages of large organisations need, so that nobody waits for it to be loaded.

One thread, from the server's start to its end.  It decides and stores nothing: without it pages say the same, and the
first of a new process takes seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from django.db import close_old_connections

from oakum.findings.queries import keep_ready, large_organisations
from oakum.policy.queries import rules_of

LOOK_EVERY: Final = timedelta(seconds=5)
ORGANISATION_COUNT_MAX: Final = 8  # each costs memory; the others' are loaded when somebody looks at them
END_SECONDS: Final = 2  # a load is not broken off; the process ends without waiting for it any longer

log = logging.getLogger("oakum.web")


class Readiness:
    """The thread.  Faults (the database is away) are logged, and tried again at the next look."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Take the clock; nothing runs before ``start``."""
        self._clock = clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="page-readiness", daemon=True)

    def start(self) -> None:
        """Begin, and return at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present look, or leave it to the process's end."""
        self._stop.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - the outermost frame of a loop
                log.warning("page_readiness_failed error=%r", error)
            finally:
                close_old_connections()
            self._stop.wait(LOOK_EVERY.total_seconds())

    def _look(self) -> None:
        for organisation_id in large_organisations(limit=ORGANISATION_COUNT_MAX):
            if not self._stop.is_set():
                rules = rules_of(organisation_id=organisation_id)
                keep_ready(organisation_id=organisation_id, rules=rules, now=self._clock())
