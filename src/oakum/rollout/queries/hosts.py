"""Hosts of a rollout, and rollouts of a host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.core.planning.values import HostState, RolloutState
from oakum.rollout.models import RolloutHost
from oakum.rollout.queries.find import find_rollout

PAGE_COUNT_MAX = 500
ROLLOUTS_OF_HOST_COUNT_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutHostView:
    """How far one host is.  ``remedy`` is what inventory shows since it was applied, empty before."""

    host_id: UUID
    hostname: str
    ring: int
    state: HostState
    reason: str
    sentence: str
    health: tuple[str, ...]
    remedy: str
    changes: tuple[dict[str, str], ...]
    is_accepted: bool
    order_id: UUID | None
    generation: int
    released_at: datetime | None
    started_at: datetime | None
    applied_at: datetime | None
    soaked_at: datetime | None
    verified_at: datetime | None
    changed_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutHostPage:
    """A page of a rollout's hosts, by ring and name."""

    rows: tuple[RolloutHostView, ...]
    total_count: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRollout:
    """A rollout as one of its hosts sees it."""

    id: UUID
    number: int
    name: str
    state: RolloutState
    host_state: HostState
    reason: str
    sentence: str
    remedy: str
    changed_at: datetime


def rollout_hosts(
    *,
    organisation_id: UUID,
    ref: UUID | int | str,
    ring: int | None = None,
    state: HostState | None = None,
    limit: int = 100,
    offset: int = 0,
) -> RolloutHostPage:
    """Return a page of a rollout's hosts.

    Raises:
        NotFoundError: no such rollout.
    """
    limit, offset = max(1, min(limit, PAGE_COUNT_MAX)), max(0, offset)
    rows = RolloutHost.objects.filter(rollout_id=find_rollout(organisation_id, ref).id)
    if ring is not None:
        rows = rows.filter(ring=ring)
    if state is not None:
        rows = rows.filter(state=state)
    page = rows.select_related("host").only(*_FIELDS).order_by("ring", "host__hostname", "id")[offset : offset + limit]
    return RolloutHostPage(
        rows=tuple(host_view(row) for row in page), total_count=rows.count(), limit=limit, offset=offset
    )


_FIELDS = (
    "host__hostname",
    "host__last_seen_at",
    "host_id",
    "ring",
    "state",
    "reason",
    "sentence",
    "health",
    "remedy",
    "changes",
    "accepted_at",
    "order_id",
    "generation",
    "released_at",
    "started_at",
    "applied_at",
    "soaked_at",
    "verified_at",
    "changed_at",
)


def host_view(row: RolloutHost) -> RolloutHostView:
    """Turn a row into a value."""
    return RolloutHostView(
        host_id=row.host_id,
        hostname=row.host.hostname,
        ring=row.ring,
        state=HostState(row.state),
        reason=row.reason,
        sentence=row.sentence,
        health=tuple(row.health),
        remedy=row.remedy,
        changes=tuple(row.changes),
        is_accepted=row.accepted_at is not None,
        order_id=row.order_id,
        generation=row.generation,
        released_at=row.released_at,
        started_at=row.started_at,
        applied_at=row.applied_at,
        soaked_at=row.soaked_at,
        verified_at=row.verified_at,
        changed_at=row.changed_at,
        last_seen_at=row.host.last_seen_at,
    )


def rollouts_of_host(*, organisation_id: UUID, host_id: UUID) -> tuple[HostRollout, ...]:
    """Return the newest rollouts that have this host, newest first, at most ROLLOUTS_OF_HOST_COUNT_MAX."""
    rows = RolloutHost.objects.filter(rollout__organisation_id=organisation_id, host_id=host_id)
    newest = rows.select_related("rollout").defer("rollout__spec", "changes").order_by("-rollout__number")
    return tuple(
        HostRollout(
            id=row.rollout_id,
            number=row.rollout.number,
            name=row.rollout.name,
            state=RolloutState(row.rollout.state),
            host_state=HostState(row.state),
            reason=row.reason,
            sentence=row.sentence,
            remedy=row.remedy,
            changed_at=row.changed_at,
        )
        for row in newest[:ROLLOUTS_OF_HOST_COUNT_MAX]
    )
