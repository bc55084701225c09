"""When a host shall check in again: as its organisation has set, sooner while it has work.

Settings are remembered for a few seconds: they change by a person's hand, and a batch must not ask for each host.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from oakum.policy.queries import settings_of

# A halt, a health check or the next ring waits for such a host: it speaks four times a minute.
BUSY_CHECK_IN_SECONDS = 15
REMEMBERED_SECONDS = 10.0
ORGANISATION_COUNT_MAX = 10_000


class Intervals:
    """Check-in intervals by organisation."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start knowing nothing."""
        self._monotonic = monotonic
        self._seconds: dict[UUID, tuple[float, int]] = {}

    def seconds(self, organisation_id: UUID, *, busy: bool) -> int:
        """Return the interval for a host of ``organisation_id``; ``busy``: something waits for it."""
        now = self._monotonic()
        read_at, seconds = self._seconds.get(organisation_id, (now - REMEMBERED_SECONDS, 0))
        if now - read_at >= REMEMBERED_SECONDS:
            seconds = settings_of(organisation_id=organisation_id).check_in_seconds
            if len(self._seconds) >= ORGANISATION_COUNT_MAX:
                self._seconds.clear()
            self._seconds[organisation_id] = (now, seconds)
        return min(seconds, BUSY_CHECK_IN_SECONDS) if busy else seconds
