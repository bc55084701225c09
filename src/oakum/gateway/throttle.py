"""Bounds on what strangers can cost: enrolments and lines in the log, counted per minute in this process.

It is no defence against guessing (a token has 192 random bits) but against the work that guesses make.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PERIOD_SECONDS = 60.0
# Above what one address brings when a whole site enrols through one gateway, below what costs anything.
ENROL_FAILURE_COUNT_MAX = 20  # failed enrolments of one address in a minute
ENROL_COUNT_MAX = 3_000  # enrolments of all addresses in a minute
ADDRESS_COUNT_MAX = 10_000
LOG_LINE_COUNT_MAX = 60  # refusals in the log in a minute


class Counter:
    """Counts by key within the current minute, for a bounded number of keys."""

    def __init__(self, count_max: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``count_max`` is how often a key may be counted in PERIOD_SECONDS."""
        self._count_max = count_max
        self._monotonic = monotonic
        self._began_at = monotonic()
        self._counts: dict[str, int] = {}
        self.over_count = 0  # countings beyond the limit in the current period, for a summary

    def is_full(self, key: str = "") -> bool:
        """Say whether ``key`` has been counted as often as it may be."""
        self._turn()
        return self._counts.get(key, 0) >= self._count_max

    def count(self, key: str = "") -> bool:
        """Count ``key`` once more and say whether that was within the limit."""
        if self.is_full(key):
            self.over_count += 1
            return False
        # Who comes from ever new addresses fills no memory, and locks nobody else out: ENROL_COUNT_MAX bounds it.
        if key in self._counts or len(self._counts) < ADDRESS_COUNT_MAX:
            self._counts[key] = self._counts.get(key, 0) + 1
        return True

    def _turn(self) -> None:
        now = self._monotonic()
        if now - self._began_at >= PERIOD_SECONDS:
            self._began_at, self._counts, self.over_count = now, {}, 0
