"""A rollout as the API shows it: the queries' values, flat, with durations in seconds and counts by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.core.planning.values import HostState, RolloutState
from oakum.core.planning.verbs import Verb
from oakum.core.windows import Span
from oakum.rollout.queries import ApprovalView, Holder, RolloutHostView, RolloutRow, RolloutView


@dataclass(frozen=True, slots=True, kw_only=True)
class RingAnswer:
    """One ring: how many hosts stand where, and the first of them by name; the rest is GET .../hosts."""

    number: int
    host_count: int
    counts: dict[HostState, int]
    is_open: bool
    hosts: tuple[RolloutHostView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswer:
    """The one version that the rollout carries for a package of a stream and architecture."""

    stream: str
    architecture: str
    package: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutAnswer:
    """A host, or with ``source`` one source package of it, that the rollout does not cover, and why not."""

    host_id: UUID
    hostname: str
    source: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsAnswer:
    """When the rollout halts by itself, and how many hosts it has in hand at once."""

    failure_percent_max: int
    failure_count_max: int
    lost_percent_max: int
    wave_count_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutAnswer:
    """Everything about one rollout.  ``report`` is the one text that says how it stands and what it waits for.

    ``holders`` were let go and have not been heard of since; ``verbs`` is what it can be told in this state; ``pins``
    and ``left_out`` are the first of ``pin_count`` and ``left_out_count``.
    """

    id: UUID
    number: int
    name: str
    state: RolloutState
    state_reason: str
    report: str
    requested_by: str
    requested_for: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    host_count: int
    verified_count: int
    moving_count: int
    failed_count: int
    ring_open: int
    rings: tuple[RingAnswer, ...]
    pins: tuple[PinAnswer, ...]
    pin_count: int
    left_out: tuple[LeftOutAnswer, ...]
    left_out_count: int
    notes: tuple[str, ...]
    spec_hash: str
    approvals_required: int
    approvals: tuple[ApprovalView, ...]
    windows: tuple[Span, ...]
    window_text: str
    holders: tuple[Holder, ...]
    verbs: tuple[Verb, ...]
    soak_seconds: int
    health_delay_seconds: int
    limits: LimitsAnswer
    reboot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAnswer:
    """Nobody starts any more.  ``holders`` were let go before and may be at work, or about to be."""

    rollout: RolloutRow
    holders: tuple[Holder, ...]


def answer_of(view: RolloutView) -> RolloutAnswer:
    """Return ``view`` as the API shows it."""
    row = view.row
    return RolloutAnswer(
        id=row.id,
        number=row.number,
        name=row.name,
        state=row.state,
        state_reason=row.state_reason,
        report=row.report,
        requested_by=row.requested_by,
        requested_for=view.requested_for,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        expires_at=view.expires_at,
        host_count=row.host_count,
        verified_count=row.verified_count,
        moving_count=row.moving_count,
        failed_count=row.failed_count,
        ring_open=view.ring_open,
        rings=_rings(view),
        pins=tuple(PinAnswer(**pin._asdict()) for pin in view.pins),
        pin_count=view.pin_count,
        left_out=_left_out(view),
        left_out_count=view.left_out_count,
        notes=view.notes,
        spec_hash=view.spec_hash,
        approvals_required=row.approvals_required,
        approvals=view.approvals,
        windows=view.windows,
        window_text=view.window_text,
        holders=view.holders,
        verbs=view.verbs,
        soak_seconds=int(view.soak.total_seconds()),
        health_delay_seconds=int(view.health_delay.total_seconds()),
        limits=LimitsAnswer(
            failure_percent_max=view.failure_percent_max,
            failure_count_max=view.failure_count_max,
            lost_percent_max=view.lost_percent_max,
            wave_count_max=view.wave_count_max,
        ),
        reboot=view.reboot,
    )


def _rings(view: RolloutView) -> tuple[RingAnswer, ...]:
    return tuple(
        RingAnswer(
            number=ring.number,
            host_count=ring.host_count,
            counts=dict(ring.counts),
            is_open=ring.is_open,
            hosts=ring.hosts,
        )
        for ring in view.rings
    )


def _left_out(view: RolloutView) -> tuple[LeftOutAnswer, ...]:
    return tuple(
        LeftOutAnswer(
            host_id=each.host_id,
            hostname=each.name,
            source=each.source,
            reason=each.reason,
            sentence=each.sentence,
        )
        for each in view.left_out
    )
