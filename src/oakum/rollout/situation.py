"""Rows to a situation: all that a plan is made from, read without a lock.

The executor carries a plan out only if what it rests on still holds when it has the lock (``execute``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from oakum.core.planning.values import (
    FINISHED,
    MOVING,
    ChangeSetIndex,
    HostId,
    HostProgress,
    HostState,
    RolloutState,
    Situation,
)
from oakum.fleet.models import HostState as FleetState
from oakum.rollout.approving import approval_count, approvals_needed
from oakum.rollout.calendar import freezes_of
from oakum.rollout.models import Rollout, RolloutHost
from oakum.rollout.specs import spec_of

READ_CHUNK_COUNT = 2_000
_COLUMNS = (
    "host_id",
    "host__hostname",
    "ring",
    "change_set",
    "state",
    "reason",
    "host__state",
    "accepted_at",
    "host__last_seen_at",
    "order_ends_at",
    "released_at",
    "started_at",
    "applied_at",
    "soaked_at",
    "remedy",
    "generation",
    "host__order_generation",
)


def load_situation(rollout: Rollout, *, now: datetime) -> Situation:
    """Return the situation of a rollout (its row may be read without ``spec``)."""
    return Situation(
        spec=spec_of(rollout.id, rollout.spec_hash),
        state=RolloutState(rollout.state),
        state_reason=rollout.state_reason,
        ring_open=rollout.ring_open,
        hosts=tuple(_hosts(rollout)),
        freezes=freezes_of(rollout.organisation_id, now),
        approval_count=approval_count(rollout),
        approvals_required=approvals_needed(rollout),
        now=now,
    )


def _hosts(rollout: Rollout) -> Iterator[HostProgress]:
    busy = {} if RolloutState(rollout.state) in FINISHED else _busy(rollout)
    rows = RolloutHost.objects.filter(rollout_id=rollout.id).values_list(*_COLUMNS)
    for row in rows.iterator(READ_CHUNK_COUNT):
        yield HostProgress(
            host_id=HostId(row[0]),
            name=row[1],
            ring=row[2],
            change_set=ChangeSetIndex(row[3]),
            state=HostState(row[4]),
            reason=row[5],
            is_active=row[6] == FleetState.ACTIVE,
            is_accepted=row[7] is not None,
            last_seen_at=row[8],
            # A host that has seen newer orders than this one (the server comes from a backup) will never start it.
            order_ends_at=row[9] if row[15] >= row[16] else None,
            busy_with=busy.get(row[0], 0),
            released_at=row[10],
            started_at=row[11],
            applied_at=row[12],
            soaked_at=row[13],
            remedy=row[14],
        )


def _busy(rollout: Rollout) -> dict[UUID, int]:
    """Return the hosts that other rollouts have in hand, and those rollouts' numbers."""
    rows = RolloutHost.objects.filter(
        rollout__organisation_id=rollout.organisation_id,
        rollout__state__in=[RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED],
        state__in=list(MOVING),
    ).exclude(rollout_id=rollout.id)
    return dict(rows.values_list("host_id", "rollout__number"))
