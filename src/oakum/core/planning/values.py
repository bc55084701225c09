"""The values of a rollout: what was asked for, how far each host is, and what a plan says.

It states shapes and their invariants.  It decides nothing (``planner``), words nothing (``report``) and does not know
how any of it is stored (``rollout``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, NewType
from uuid import UUID

from oakum.core.windows import Span
from oakum.protocol.orders import PackageChange

HostId = NewType("HostId", UUID)
RolloutId = NewType("RolloutId", UUID)
OrganisationId = NewType("OrganisationId", UUID)
PersonId = NewType("PersonId", UUID)
ChangeSetIndex = NewType("ChangeSetIndex", int)  # into Spec.change_sets

HOST_COUNT_MAX = 100_000  # hosts of one rollout
RING_COUNT_MAX = 16
# Hosts that one plan moves.  Each is three rows in the transaction that stores the plan, and no transaction may hold
# up a halt for long; what is left over goes with the next plan, a tick later.
MOVE_COUNT_MAX = 300


class RolloutState(StrEnum):
    """How far a rollout is."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


FINISHED = frozenset({RolloutState.COMPLETED, RolloutState.CANCELLED})


class HostState(StrEnum):
    """How far a host is with its order, as its own outcomes and our inventory of it tell."""

    WAITING = "waiting"  # no order yet
    RELEASED = "released"  # it has an order
    DEFERRED = "deferred"  # it has an order and a passing obstacle
    STARTED = "started"  # it used its permit
    APPLIED = "applied"  # installed and healthy; its soak runs
    SOAKED = "soaked"  # healthy at the end of its soak; not yet seen by us
    VERIFIED = "verified"  # a fresh inventory shows the versions, and nothing older runs
    REFUSED = "refused"  # the host said no; nothing was touched
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LOST = "lost"  # silent, or silent about its order, for too long
    WITHDRAWN = "withdrawn"  # taken out before it started


# Under way: the host may be changing, or may begin to at any moment.
IN_HAND = frozenset({HostState.RELEASED, HostState.DEFERRED, HostState.STARTED})
MOVING = IN_HAND | {HostState.APPLIED}
WITHDRAWABLE = frozenset({HostState.RELEASED, HostState.DEFERRED})
FAILURES = frozenset({HostState.ROLLED_BACK, HostState.ROLLBACK_FAILED, HostState.FAILED, HostState.INTERRUPTED})
HARMS = FAILURES | {HostState.LOST}

REASON_UNSIGNABLE = "order_unsignable"  # of a FAILED host: the order signer would not sign its order


class Pin(NamedTuple):
    """The one version that a rollout carries for a package of a stream and architecture.

    A tuple, unlike its neighbours: a plan for 100,000 hosts makes and hashes a million of them.
    """

    stream: str
    architecture: str
    package: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSet:
    """A whole transaction, as one or many hosts of a stream will make it."""

    stream: str
    changes: tuple[PackageChange, ...]

    def __post_init__(self) -> None:
        """Hold that there is something to change, and nothing twice."""
        assert self.changes
        assert len({(change.name, change.architecture) for change in self.changes}) == len(self.changes)

    def pins(self) -> tuple[Pin, ...]:
        """Return the versions that this transaction brings."""
        return tuple(
            Pin(stream=self.stream, architecture=change.architecture, package=change.name, version=change.to_version)
            for change in self.changes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host, and which of the spec's change sets is its own."""

    host_id: HostId
    change_set: ChangeSetIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A host (or, with ``source``, one source package of it) that the rollout does not cover, and why not."""

    host_id: HostId
    name: str
    source: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to stop, and how many at once.

    A ring's failures exceed the budget when they exceed the percentage of its hosts *or* the count: a percentage alone
    lets too many fail in a big ring, a count alone too many in a small one.
    """

    failure_percent_max: int
    failure_count_max: int
    lost_percent_max: int
    wave_count_max: int  # hosts in hand at once

    def __post_init__(self) -> None:
        """Hold that these are limits."""
        assert 0 <= self.failure_percent_max <= 100  # noqa: PLR2004 - a percentage
        assert 0 <= self.lost_percent_max <= 100  # noqa: PLR2004 - a percentage
        assert self.failure_count_max >= 0
        assert self.wave_count_max >= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """All that people approve: which hosts, which exact versions, in which order, when, and when to stop.

    It never changes; its hash (``specification``) is what approvals name.  ``windows`` are UTC instants with the
    freezes known at planning taken out; ``window_text`` is the rule they came from.  ``notes`` are sentences for the
    people who approve.
    """

    rollout_id: RolloutId
    organisation_id: OrganisationId
    requested_by: PersonId
    requested_for: str
    change_sets: tuple[ChangeSet, ...]
    rings: tuple[tuple[Target, ...], ...]
    windows: tuple[Span, ...]
    window_text: str
    soak: timedelta
    health_delay: timedelta
    lost_after: timedelta
    limits: Limits
    reboot: str
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Hold what every rollout needs: somebody first, no host twice, some time to do it in."""
        assert 1 <= len(self.rings) <= RING_COUNT_MAX
        assert all(self.rings)
        assert self.windows
        assert self.lost_after > timedelta(0)
        hosts = [target.host_id for ring in self.rings for target in ring]
        assert len(set(hosts)) == len(hosts) <= HOST_COUNT_MAX

    @property
    def expires_at(self) -> datetime:
        """The end of the last window: nothing starts at or after it."""
        return max(span.ends_at for span in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProgress:
    """How far one host is, and what bears on its next step.

    ``is_active``: it may speak (not quarantined, not retired).  ``is_accepted``: its failure was accepted by the
    approver who resumed the rollout.  ``order_ends_at``: when its live order lapses, None without one.
    ``busy_with``: the number of another rollout that has it in hand, 0 if none.  ``remedy``: what inventory says since
    it was applied, empty while it has said nothing.
    """

    host_id: HostId
    name: str
    ring: int
    change_set: ChangeSetIndex
    state: HostState
    reason: str = ""
    is_active: bool = True
    is_accepted: bool = False
    last_seen_at: datetime | None = None
    order_ends_at: datetime | None = None
    busy_with: int = 0
    released_at: datetime | None = None
    started_at: datetime | None = None
    applied_at: datetime | None = None
    soaked_at: datetime | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a plan is made from.  ``freezes`` are today's; ``ring_open`` is the newest ring let go."""

    spec: Spec
    state: RolloutState
    state_reason: str
    ring_open: int
    hosts: tuple[HostProgress, ...]
    freezes: tuple[Span, ...]
    approval_count: int
    approvals_required: int
    now: datetime

    def __post_init__(self) -> None:
        """Hold that the ring exists and the instant is one."""
        assert 0 <= self.ring_open < len(self.spec.rings)
        assert self.now.tzinfo is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One host's step: to which state, and why, in words for its page."""

    host_id: HostId
    state: HostState
    reason: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What happens now, leaving the executor no choice.

    ``releases`` are hosts that get their first order, ``reissues`` hosts whose order lapsed before they started;
    both get ``order_windows`` and ``order_ends_at``.  ``withdrawals`` get a hold if they have an order.  ``losses``
    and ``returns`` get none.
    """

    state: RolloutState
    state_reason: str
    ring_open: int
    releases: tuple[HostId, ...] = ()
    reissues: tuple[HostId, ...] = ()
    withdrawals: tuple[Move, ...] = ()
    losses: tuple[Move, ...] = ()
    returns: tuple[Move, ...] = ()
    order_windows: tuple[Span, ...] = ()
    order_ends_at: datetime | None = None

    def __post_init__(self) -> None:
        """Hold that orders have their times, and that no host is moved twice."""
        assert not (self.releases or self.reissues) or (self.order_windows and self.order_ends_at is not None)
        moved = [*self.releases, *self.reissues]
        moved += [move.host_id for move in (*self.withdrawals, *self.losses, *self.returns)]
        assert len(set(moved)) == len(moved)

    @property
    def moves_hosts(self) -> bool:
        """Whether any host's step is in it."""
        return bool(self.releases or self.reissues or self.withdrawals or self.losses or self.returns)

    def changes(self, situation: Situation) -> bool:
        """Say whether carrying it out would change anything."""
        return (
            self.moves_hosts
            or self.state != situation.state
            or self.state_reason != situation.state_reason
            or self.ring_open != situation.ring_open
        )
