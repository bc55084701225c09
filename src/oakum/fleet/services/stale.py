"""Note once that a host has gone silent.  That it is back is noted by its next check-in.

Pages do not read this mark: they compute silence from when a host was last seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from oakum.fleet.models import Host, HostState
from oakum.fleet.presence import never_seen, seen_before
from oakum.journal.services import append

# One step's share: the transaction stays short, the next step takes the rest.
STALE_COUNT_MAX = 500
# A whole site that falls silent (or a server that was away) is one event, not one per host.
ENTRY_COUNT_MAX = 20
JOURNAL_NAME_COUNT_MAX = 100


def mark_stale(*, organisation_id: UUID, stale_after: timedelta, now: datetime) -> int:
    """Journal the hosts that have been silent for longer than ``stale_after``, each once; return how many.

    More than ENTRY_COUNT_MAX hosts at once become one entry that names the first JOURNAL_NAME_COUNT_MAX.
    """
    before = now - stale_after
    # Asked one after the other: by one condition with OR in it no index would be used.
    conditions = (seen_before(before), never_seen() & Q(enrolled_at__lt=before))
    return sum(_mark(organisation_id, condition, now) for condition in conditions)


def _mark(organisation_id: UUID, silent: Q, now: datetime) -> int:
    # Not "state is active": SQLite would go through all active hosts for it, where the index by day has a few.
    silenced = (HostState.QUARANTINED, HostState.RETIRED)
    rows = Host.objects.filter(silent, organisation_id=organisation_id, stale_journalled_at=None).exclude(
        state__in=silenced
    )
    if not rows.exists():  # The usual case takes no write lock.
        return 0
    with transaction.atomic():
        ordered = rows.select_for_update().order_by("hostname", "id")
        found = list(ordered.only("id", "hostname", "last_seen_at")[:STALE_COUNT_MAX])
        if len(found) > ENTRY_COUNT_MAX:
            _journal_together(organisation_id, found, now)
        else:
            for host in found:
                _journal_one(organisation_id, host, now)
        Host.objects.filter(id__in=[host.id for host in found]).update(stale_journalled_at=now)
    return len(found)


def _journal_one(organisation_id: UUID, host: Host, now: datetime) -> None:
    append(
        organisation_id=organisation_id,
        kind="fleet.host_stale",
        actor="loop:stale",
        subject=f"host:{host.id}",
        payload={
            "hostname": host.hostname,
            "last_seen_at": host.last_seen_at.isoformat() if host.last_seen_at else None,
        },
        now=now,
    )


def _journal_together(organisation_id: UUID, hosts: Sequence[Host], now: datetime) -> None:
    append(
        organisation_id=organisation_id,
        kind="fleet.host_stale",
        actor="loop:stale",
        subject="fleet",
        payload={
            "host_count": len(hosts),
            "hosts": [f"{host.hostname} ({host.id})" for host in hosts[:JOURNAL_NAME_COUNT_MAX]],
        },
        now=now,
    )
