"""The fleet's loop: note which hosts have gone silent.

How long is too long is policy's word; the caller hands it in, because policy stands above the fleet.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from oakum.fleet.models import Host
from oakum.fleet.services import mark_stale


def stale_step(stale_after_of: Callable[[UUID], timedelta]) -> Callable[[datetime], str]:
    """Return a loop step that marks silent hosts of every organisation and says what it waits for.

    ``stale_after_of`` gives an organisation's limit.
    """

    def step(now: datetime) -> str:
        organisation_ids = Host.objects.order_by("organisation_id").values_list("organisation_id", flat=True).distinct()
        count = sum(
            mark_stale(organisation_id=organisation_id, stale_after=stale_after_of(organisation_id), now=now)
            for organisation_id in organisation_ids
        )
        return f"{count} hosts newly silent; waits for time to pass"

    return step
