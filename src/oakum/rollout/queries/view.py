"""One rollout, whole: the report, the rings, who approved, when it may run, who is not covered, who holds a permit."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count

from oakum.core.planning.values import HostState, LeftOut, Pin, RolloutState, Spec
from oakum.core.planning.verbs import Verb, possible_verbs
from oakum.core.windows import Span
from oakum.rollout.approving import answers, holds
from oakum.rollout.holders import Holder, holders_of
from oakum.rollout.models import Rollout, RolloutHost
from oakum.rollout.queries.find import find_rollout
from oakum.rollout.queries.hosts import RolloutHostView, rollout_hosts
from oakum.rollout.queries.lists import RolloutRow, rollout_rows
from oakum.rollout.specs import spec_of

HOSTS_PER_RING_COUNT = 200  # shown at once; the rest by ``rollout_hosts``
PIN_COUNT_MAX = 1_000
LEFT_OUT_COUNT_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RingView:
    """One ring: how many hosts stand where, and the first of them."""

    number: int
    host_count: int
    counts: tuple[tuple[HostState, int], ...]
    is_open: bool
    hosts: tuple[RolloutHostView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """One person's answer; ``counts`` says whether it is an approval that holds today."""

    person_name: str
    approved: bool
    counts: bool
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutView:
    """Everything about one rollout.  ``pins`` and ``left_out`` are cut at their maxima, the counts are not."""

    row: RolloutRow
    requested_for: str
    spec_hash: str
    rings: tuple[RingView, ...]
    ring_open: int
    pins: tuple[Pin, ...]
    pin_count: int
    left_out: tuple[LeftOut, ...]
    left_out_count: int
    notes: tuple[str, ...]
    approvals: tuple[ApprovalView, ...]
    windows: tuple[Span, ...]
    window_text: str
    expires_at: datetime
    holders: tuple[Holder, ...]
    verbs: tuple[Verb, ...]
    soak: timedelta
    health_delay: timedelta
    failure_percent_max: int
    failure_count_max: int
    lost_percent_max: int
    wave_count_max: int
    reboot: str


def rollout(*, organisation_id: UUID, ref: UUID | int | str, hosts_per_ring: int = HOSTS_PER_RING_COUNT) -> RolloutView:
    """Return one rollout by number or id, with the first ``hosts_per_ring`` hosts of each ring.

    Raises:
        NotFoundError: this organisation has none of that number or id (``rollout_unknown``).
    """
    found = find_rollout(organisation_id, ref)
    spec = spec_of(found.id, found.spec_hash)
    (row,) = rollout_rows([found])
    pins = sorted({pin for change_set in spec.change_sets for pin in change_set.pins()})
    return RolloutView(
        row=row,
        requested_for=spec.requested_for,
        spec_hash=found.spec_hash,
        rings=_rings(found, spec, organisation_id, hosts_per_ring),
        ring_open=found.ring_open,
        pins=tuple(pins[:PIN_COUNT_MAX]),
        pin_count=len(pins),
        left_out=spec.left_out[:LEFT_OUT_COUNT_MAX],
        left_out_count=len(spec.left_out),
        notes=spec.notes,
        approvals=_approvals(found),
        windows=spec.windows,
        window_text=spec.window_text,
        expires_at=spec.expires_at,
        holders=holders_of(found.id),
        verbs=possible_verbs(RolloutState(found.state)),
        soak=spec.soak,
        health_delay=spec.health_delay,
        failure_percent_max=spec.limits.failure_percent_max,
        failure_count_max=spec.limits.failure_count_max,
        lost_percent_max=spec.limits.lost_percent_max,
        wave_count_max=spec.limits.wave_count_max,
        reboot=spec.reboot,
    )


def _rings(found: Rollout, spec: Spec, organisation_id: UUID, hosts_per_ring: int) -> tuple[RingView, ...]:
    counted = RolloutHost.objects.filter(rollout_id=found.id).values_list("ring", "state").annotate(Count("id"))
    counts: dict[int, dict[HostState, int]] = defaultdict(dict)
    for ring, state, count in counted.order_by():
        counts[ring][HostState(state)] = count
    return tuple(
        RingView(
            number=number,
            host_count=len(targets),
            counts=tuple((state, counts[number][state]) for state in HostState if state in counts[number]),
            is_open=number <= found.ring_open and found.started_at is not None,
            hosts=rollout_hosts(organisation_id=organisation_id, ref=found.id, ring=number, limit=hosts_per_ring).rows,
        )
        for number, targets in enumerate(spec.rings)
    )


def _approvals(found: Rollout) -> tuple[ApprovalView, ...]:
    return tuple(
        ApprovalView(
            person_name=each.person_name,
            approved=each.approved,
            counts=holds(each, found),
            comment=each.comment,
            at=each.at,
        )
        for each in answers(found)
    )
