"""Which hosts are silent, as conditions that an index answers whatever the size of the fleet.

``last_seen_at`` changes with every check-in, so no index holds it: that would cost each check-in more than its own row
does.  The index holds the UTC day, which changes once a day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

from django.db.models import Q

from oakum.fleet.models import NEVER


def seen_before(instant: datetime) -> Q:
    """Return the condition of hosts that were heard of last before ``instant``."""
    return Q(seen_on__lte=day_of(instant), last_seen_at__lt=instant)


def never_seen() -> Q:
    """Return the condition of hosts that were never heard of."""
    return Q(seen_on=NEVER, last_seen_at=None)


@lru_cache(maxsize=16)  # asked for each check-in of a batch, all of one instant
def day_of(instant: datetime) -> date:
    """Return the day that ``seen_on`` is at ``instant``."""
    return instant.astimezone(UTC).date()
