"""What the queries of patches take and give: frozen values that pages and the API render.

Nothing is decided or read here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.core.compliance import Remedy
from oakum.core.priority import Deadline
from oakum.findings.queries.values import AdvisoryView, AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchFilter:
    """Which patches are wanted; ``pending`` True: only those that some host still has to install."""

    kind: str = ""
    search: str = ""
    cve: str = ""
    host_ids: tuple[UUID, ...] = ()
    group: str = ""
    pending: bool | None = True
    overdue: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesView:
    """Where the release notes of an update stand.

    ``state`` is wanted, asked, known or absent; ``sentence`` says it in words, with who told or why there are none.
    """

    state: str
    sentence: str
    told_by: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchRow:
    """One update as hosts are offered it: a source package at one version.

    ``cves`` are those it cures on hosts that have it pending, by advisories and by release notes.  ``due_at`` is the
    earliest deadline it meets, None where it meets none or only "at the next upgrade" (``finding_count`` tells).
    """

    id: int
    stream: str
    source_name: str
    source_version: str
    kind: str
    packages: tuple[str, ...]
    origins: tuple[str, ...]
    first_seen_at: datetime
    host_pending_count: int
    host_kept_back_count: int
    finding_count: int
    overdue_count: int
    cves: tuple[str, ...]
    kev_cves: tuple[str, ...]
    severity: str
    due_at: datetime | None
    notes: NotesView


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchPage:
    """One page of updates, soonest deadline first; offers of ``host_offers_unknown_count`` hosts are not known."""

    rows: tuple[PatchRow, ...]
    total_count: int
    limit: int
    offset: int
    host_offers_unknown_count: int
    as_of: AsOf


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """One changelog entry, as one host read it out of the package."""

    version: str
    distribution: str
    urgency: str
    dated: str
    text: str
    cves: tuple[str, ...]
    told_by: str
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchHost:
    """How a patch stands on one host.

    ``from_version`` is what it would replace, empty for a package it adds; ``brings`` pairs the binary packages that
    are pending with their new versions, empty where it is installed.
    """

    host_id: UUID
    hostname: str
    remedy: Remedy
    from_version: str
    brings: tuple[tuple[str, str], ...]
    kept_back: str
    due_at: datetime | None
    overdue: bool
    presence: str
    inventory_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchHead:
    """Which patch a report's lines are about; ``host_total_count`` are all hosts, also those it does not concern."""

    id: int
    stream: str
    source_name: str
    source_version: str
    kind: str
    cves: tuple[str, ...]
    host_total_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchView:
    """One patch with its notes, newest first, and every host that has it pending or installed, worst first."""

    row: PatchRow
    deadline: Deadline | None
    advisories: tuple[AdvisoryView, ...]
    release_notes: tuple[NoteView, ...]
    hosts: tuple[PatchHost, ...]
    host_count: int
    host_offers_unknown_count: int
    as_of: AsOf


EMPTY_PATCH_FILTER = PatchFilter()
