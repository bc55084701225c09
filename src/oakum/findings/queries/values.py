"""What the queries of findings take and give: frozen values that pages and the API render.

Nothing is decided or read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from oakum.core.compliance import Remedy
from oakum.core.packs import Pack
from oakum.core.priority import Deadline
from oakum.fleet.context import HostContext

PAGE_COUNT_MAX = 500  # rows of one page
SEARCH_LENGTH_MAX = 200
SEVERITIES = ("critical", "high", "medium", "low", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What an organisation has decided that findings depend on: ``policy.queries.rules_of`` gives it.

    Without the pack there is no deadline; a host that was not heard of for longer than ``stale_after`` is silent.
    """

    pack: Pack
    stale_after: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """Which host findings are wanted; empty and None mean: all.

    ``host_ids`` are exact; ``group`` is a group's exact name; ``cve``, ``package`` (source or binary) are exact,
    ``search`` is any part of a host's, package's, advisory's or CVE's name.  ``kev`` and ``overdue`` None: either.
    """

    host_ids: tuple[UUID, ...] = ()
    group: str = ""
    cve: str = ""
    package: str = ""
    severity: str = ""
    remedy: str = ""
    search: str = ""
    kev: bool | None = None
    overdue: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryView:
    """One advisory.  ``told_by_hosts``: from release notes, not from a feed.

    ``state``, ``fixed_version``, ``evidence`` and ``since`` speak of one package; empty and None beside a bare CVE.
    """

    ref: str
    feed: str
    title: str
    severity: str
    cves: tuple[str, ...]
    state: str
    fixed_version: str
    evidence: str
    since: datetime | None
    published_at: datetime | None
    told_by_hosts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFinding:
    """One source package at one version on one host, with everything that is wrong with it.

    Binary packages of one source version share their findings, so they are one row.  ``severity`` is the worst,
    ``fixed_version`` the one that cures all that can be cured, empty without any.  ``deadline`` is the earliest.
    ``offered_version`` is what the host's own repositories offer for it now; ``is_installable`` yes, no or unknown.
    ``presence`` is seen, silent or never; ``packages_status`` known or unknown: an old word stays, and is flagged.
    """

    host_id: UUID
    hostname: str
    stream: str
    package: str
    packages: tuple[str, ...]
    version: str
    advisories: tuple[AdvisoryView, ...]
    cves: tuple[str, ...]
    severity: str
    kev: bool
    fixed_version: str
    remedy: Remedy
    offered_version: str
    is_installable: str
    kept_back: str
    deadline: Deadline
    overdue: bool
    detected_at: datetime
    feeds: tuple[str, ...]
    presence: str
    packages_status: str
    inventory_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """How old what a number says is: computed ``at``, from inventories between the two instants.

    None where no host has reported.  ``intel_at`` is when a feed was last imported.
    """

    at: datetime
    inventory_oldest_at: datetime | None
    inventory_newest_at: datetime | None
    intel_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPage:
    """One page of host findings, soonest deadline first.

    ``host_unknown_count`` hosts could not tell their packages and ``host_silent_count`` were not heard of lately:
    their absence from the list proves nothing.
    """

    rows: tuple[HostFinding, ...]
    total_count: int
    limit: int
    offset: int
    host_unknown_count: int
    host_silent_count: int
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingCounts:
    """The numbers of the overview; each has a list behind it: findings(filter).

    ``open`` counts host findings, ``unverified`` those of them whose fix is on disk while nobody could see whether
    old code still runs.  ``host_affected`` are hosts with any.
    """

    open: int
    overdue: int
    due_soon: int
    kev: int
    missing: int
    pending_restart: int
    pending_reboot: int
    no_fix: int
    unverified: int
    host: int
    host_affected: int
    host_overdue: int
    host_unknown: int
    host_silent: int
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSummary:
    """One host's findings as numbers.  ``worst`` is its earliest deadline, None without any finding."""

    host_id: UUID
    hostname: str
    groups: tuple[str, ...]
    context: HostContext
    open: int
    overdue: int
    kev: int
    pending_restart: int
    pending_reboot: int
    unverified: int
    worst_due_at: datetime | None
    worst_package: str
    presence: str
    packages_status: str
    packages_reason: str
    stale_status: str
    inventory_at: datetime | None
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCodeView:
    """A package whose older code still runs on a host although which version that is was never reported here."""

    package: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFindings:
    """Everything open on one host, and of which packages older code runs without its version being known."""

    summary: HostSummary
    rows: tuple[HostFinding, ...]
    old_code_of_unknown_version: tuple[OldCodeView, ...]
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedFinding:
    """Findings of one source package that a host is rid of: replaced or removed on disk, and nothing older runs.

    ``replaced_at`` is when its inventory showed the change; that no old code runs was seen by ``verified_at``.
    """

    host_id: UUID
    hostname: str
    package: str
    from_version: str
    advisory_count: int
    cves: tuple[str, ...]
    kev: bool
    replaced_at: datetime
    verified_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLately:
    """What was closed since ``since``, newest first; not ``is_whole``: there were more changes than were looked at."""

    since: datetime
    rows: tuple[ClosedFinding, ...]
    total_count: int
    is_whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietLine:
    """A host that is not heard of, or cannot tell its packages."""

    host_id: UUID
    hostname: str
    presence: str
    packages_reason: str
    last_seen_at: datetime | None
    inventory_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDigest:
    """What an overview needs of findings, from one look: numbers, the soonest, who is quiet, what was closed lately.

    ``unheard`` were never heard of or fell silent, ``untold`` are heard of and cannot tell their packages: the first of
    each.  The counts are hosts with something that waits for a reboot or a restart.
    """

    counts: FindingCounts
    soonest: FindingPage
    unheard: tuple[QuietLine, ...]
    untold: tuple[QuietLine, ...]
    reboot_host_count: int
    restart_host_count: int
    closed: ClosedLately


@dataclass(frozen=True, slots=True, kw_only=True)
class VulnerabilityRow:
    """One CVE in a list: how bad, and how far it reaches here.  ``due_at`` is the earliest over its hosts."""

    cve: str
    summary: str
    severity: str
    severity_source: str
    kev: bool
    cvss_score: float | None
    packages: tuple[str, ...]
    host_count: int
    host_overdue_count: int
    host_no_fix_count: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VulnerabilityPage:
    """One page of CVEs that are open on some host, soonest deadline first."""

    rows: tuple[VulnerabilityRow, ...]
    total_count: int
    limit: int
    offset: int
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class KevView:
    """A CVE's entry in CISA's catalogue of known exploited vulnerabilities."""

    name: str
    listed_at: datetime
    due_at: datetime | None
    ransomware: str
    forensic_triage: str


@dataclass(frozen=True, slots=True)
class SaidView:
    """What one advisory says of a package version; ``author`` is empty where it is the advisory's own publisher."""

    package: str
    version: str
    stream: str
    feed: str
    ref: str
    state: str
    author: str
    fixed_version: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploitationView:
    """FIRST's EPSS: how probable exploitation in the next 30 days is, by which model, on which day."""

    score: float
    percentile: float | None
    model_version: str
    scored_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VulnerabilityView:
    """One CVE: every rating with its source, which advisories speak of it, and which hosts have it.

    ``host_count`` counts hosts, ``findings`` lists them by package.  No host and no advisory: not known to matter here.
    """

    cve: str
    summary: str
    cvss_score: float | None
    cvss_vector: str
    cvss_source: str
    automatable: str
    technical_impact: str
    ssvc_source: str
    kev: KevView | None
    epss: ExploitationView | None
    advisories: tuple[AdvisoryView, ...]
    said: tuple[SaidView, ...]
    host_count: int
    findings: FindingPage


EMPTY_FILTER = FindingFilter()
