"""What reports say: frozen values that pages, API and exports render.  Nothing is decided or read here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.core.compliance import ComplianceState, HostVerdict
from oakum.findings.queries import AsOf, ClosedLately, FindingCounts, HostFinding, HostSummary
from oakum.intel.queries import FeedView
from oakum.rollout.queries import RolloutRow, WaitingRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PackView:
    """Which deadline rules a report goes by."""

    id: str
    version: str
    title: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHost:
    """A host that is silent, was never heard, or cannot tell its packages; ``sentence`` says which and since when."""

    host_id: UUID
    hostname: str
    sentence: str
    last_seen_at: datetime | None
    inventory_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCompliance:
    """One host's verdict with its reason in a sentence, and the numbers behind it."""

    host: HostSummary
    verdict: HostVerdict
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplianceTotal:
    """The verdicts of a set of hosts: one group's (``name``), or all (empty).

    ``compliant_percent`` is of all hosts, the unknown ones included; None without any host.
    """

    name: str
    host_count: int
    compliant_count: int
    overdue_count: int
    unknown_count: int
    open_finding_count: int
    overdue_finding_count: int
    compliant_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """Every host that is not retired, worst first, with totals over all and group by group."""

    pack: PackView
    rows: tuple[HostCompliance, ...]
    total: ComplianceTotal
    groups: tuple[ComplianceTotal, ...]
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchState:
    """How one patch stands on one host, in compliance states."""

    host_id: UUID
    hostname: str
    state: ComplianceState
    from_version: str
    due_at: datetime | None
    inventory_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchCompliance:
    """One patch on every host that it concerns; the others are ``not_applicable_count``."""

    update_id: int
    stream: str
    source_name: str
    source_version: str
    kind: str
    cves: tuple[str, ...]
    hosts: tuple[PatchState, ...]
    not_applicable_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The first page: what is overdue, what waits for you, what is moving, who is silent, what was closed lately.

    ``soonest`` are the overdue findings, or those due next if none is.  ``waiting`` are the rollouts that the person
    who asks could bring on, ``moving`` those under way, with their reports; ``moving_count`` is how many there are.
    There is no trend: figures of the past are not recomputed from today's rows.
    """

    pack: PackView
    counts: FindingCounts
    soonest: tuple[HostFinding, ...]
    waiting: tuple[WaitingRow, ...]
    moving: tuple[RolloutRow, ...]
    moving_count: int
    silent: tuple[QuietHost, ...]
    unknown: tuple[QuietHost, ...]
    reboot_host_count: int
    restart_host_count: int
    closed: ClosedLately
    feeds: tuple[FeedView, ...]
    as_of: AsOf
