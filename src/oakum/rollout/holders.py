"""Who holds a start permit, and has not been heard of since?  The list that a halt answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.rollout.models import OutcomeRecord, Permit

HOLDER_COUNT_MAX = 1_000  # newest first; a wave is smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A host that was let go: it may be at work already, or about to be."""

    host_id: UUID
    hostname: str
    order_id: UUID
    permitted_at: datetime


def holders_of(rollout_id: UUID) -> tuple[Holder, ...]:
    """Return the hosts with a granted permit and no outcome since, newest permit first, each host once."""
    permits = Permit.objects.filter(order__rollout_id=rollout_id, granted=True).order_by("-asked_at")
    rows = list(
        permits.values_list("order__host_id", "order__host__hostname", "order_id", "asked_at")[:HOLDER_COUNT_MAX]
    )
    told: dict[tuple[UUID, str], datetime] = {}
    records = OutcomeRecord.objects.filter(rollout_id=rollout_id, host_id__in={row[0] for row in rows})
    for speaker_id, spoken_of, received_at in records.values_list("host_id", "order_id", "received_at"):
        key = (speaker_id, spoken_of)
        told[key] = max(received_at, told.get(key, received_at))
    holders: dict[UUID, Holder] = {}
    for host_id, hostname, order_id, asked_at in rows:
        heard_at = told.get((host_id, str(order_id)))
        if host_id not in holders and (heard_at is None or heard_at < asked_at):
            holders[host_id] = Holder(host_id=host_id, hostname=hostname, order_id=order_id, permitted_at=asked_at)
    return tuple(holders.values())
