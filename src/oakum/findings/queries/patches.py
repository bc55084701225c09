"""Patches as a list: every update that hosts are offered, with what it cures and where.

One patch with its notes and hosts is ``patch``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F
from pyroaring import BitMap

from oakum.catalogue.models import NotesState, Update, UpdateKind
from oakum.core.errors import OperatorError
from oakum.core.priority import NO_DUE_AT
from oakum.findings.queries.offers import UpdateKey
from oakum.findings.queries.patch_values import EMPTY_PATCH_FILTER, NotesView, PatchFilter, PatchPage, PatchRow
from oakum.findings.queries.pending import (
    Cure,
    Pending,
    UpdateLine,
    cures_of,
    earliest_due,
    installed_keys,
    late,
    note_cves,
    note_lines,
    pending_updates,
    slices_by_source,
    update_lines,
)
from oakum.findings.queries.values import PAGE_COUNT_MAX, SEARCH_LENGTH_MAX, SEVERITIES, Rules
from oakum.findings.queries.view import View, load_view
from oakum.fleet.models import Host
from oakum.intel.models import KevEntry

KINDS = tuple(kind.value for kind in UpdateKind)
KIND_RANKS = {UpdateKind.SECURITY.value: 0, UpdateKind.BUGFIX.value: 1, UpdateKind.FEATURE.value: 2}
NOTHING_PENDING = Pending()


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An update with what it would cure; what its notes name is looked up for those that are shown."""

    update: UpdateLine
    pending: Pending
    hosts: BitMap
    cures: tuple[Cure, ...]
    due_at: datetime | None
    overdue_count: int

    @property
    def cves(self) -> frozenset[str]:
        """The CVEs of the findings that it cures."""
        return frozenset(cve for cure in self.cures for cve in cure.group.cves)

    @property
    def severity(self) -> str:
        """The worst of the findings that it cures, empty without any."""
        return min((cure.group.severity for cure in self.cures), key=SEVERITIES.index, default="")

    @property
    def sort_key(self) -> tuple[datetime, bool, int, int, str, str]:
        """Soonest deadline first, then what cures anything, then security before the rest."""
        return (
            self.due_at or NO_DUE_AT,
            not self.cures,
            KIND_RANKS[self.update.kind],
            SEVERITIES.index(self.severity or "unknown"),
            *self.update.key[1:],
        )


def patches(
    *,
    organisation_id: UUID,
    rules: Rules,
    now: datetime,
    wanted: PatchFilter = EMPTY_PATCH_FILTER,
    limit: int = 50,
    offset: int = 0,
) -> PatchPage:
    """Return a page of updates, soonest deadline first, by default those that some host has yet to install.

    Raises:
        OperatorError: no such kind (``filter_invalid``).
    """
    if wanted.kind and wanted.kind not in KINDS:
        raise OperatorError(
            code="filter_invalid",
            sentence=f"{wanted.kind!r} is no kind of update.",
            next_step=f"Use one of: {', '.join(KINDS)}.",
        )
    limit, offset = max(1, min(limit, PAGE_COUNT_MAX)), max(0, offset)
    view = load_view(organisation_id=organisation_id, rules=rules, now=now, host_ids=wanted.host_ids or None)
    pending = pending_updates(view, organisation_id=organisation_id, host_ids=wanted.host_ids or None)
    chosen = _chosen(view, organisation_id, pending, wanted)
    page = chosen[offset : offset + limit]
    return PatchPage(
        rows=make_patch_rows(view, organisation_id, page),
        total_count=len(chosen),
        limit=limit,
        offset=offset,
        host_offers_unknown_count=view.fleet.offers_unknown_count,
        as_of=view.as_of(),
    )


def _chosen(
    view: View, organisation_id: UUID, pending: Mapping[UpdateKey, Pending], wanted: PatchFilter
) -> list[Candidate]:
    hosts = _hosts_wanted(view, wanted)
    found = [one for one in candidates(view, organisation_id, pending, hosts) if _is_wanted(one, wanted)]
    search, cve = wanted.search.strip().lower()[:SEARCH_LENGTH_MAX], wanted.cve.strip().upper()
    if cve or search:
        noted = named_by_notes(view, organisation_id, found)
        found = [one for one in found if _matches(one, one.cves | noted[one.update.key], search=search, cve=cve)]
    return sorted(found, key=lambda one: one.sort_key)


def _hosts_wanted(view: View, wanted: PatchFilter) -> BitMap | None:
    if not wanted.host_ids and not wanted.group:
        return None
    among = view.fleet.of_ids(wanted.host_ids) if wanted.host_ids else view.fleet.enrolment.everyone
    return among & view.fleet.in_group(wanted.group) if wanted.group else among


def _is_wanted(one: Candidate, wanted: PatchFilter) -> bool:
    return (
        (not wanted.kind or one.update.kind == wanted.kind)
        and (wanted.pending is None or wanted.pending == bool(one.hosts))
        and (wanted.overdue is None or wanted.overdue == bool(one.overdue_count))
    )


def _matches(one: Candidate, cves: Collection[str], *, search: str, cve: str) -> bool:
    if cve and cve not in cves:
        return False
    names = (*one.update.key[1:], *one.pending.packages, *cves)
    return not search or any(search in name.lower() for name in names)


def candidates(
    view: View, organisation_id: UUID, pending: Mapping[UpdateKey, Pending], hosts: BitMap | None
) -> list[Candidate]:
    """Return every update of the organisation with what it would cure on those of ``hosts`` that have it pending."""
    updates = update_lines(organisation_id)
    slices = slices_by_source(view, {update.key[:2] for update in updates})
    found = []
    for update in updates:
        one = pending.get(update.key, NOTHING_PENDING)
        own = one.hosts if hosts is None else hosts & one.hosts
        cures = cures_of(view, slices.get(update.key[:2], ()), update=update, hosts=own)
        found.append(candidate_of(view, update, one, own, cures))
    return found


def candidate_of(view: View, update: UpdateLine, pending: Pending, hosts: BitMap, cures: list[Cure]) -> Candidate:
    """Return one update with its numbers."""
    return Candidate(
        update=update,
        pending=pending,
        hosts=hosts,
        cures=tuple(cures),
        due_at=earliest_due(view, cures),
        overdue_count=sum(len(late(view, cure)) for cure in cures),
    )


def named_by_notes(view: View, organisation_id: UUID, found: Iterable[Candidate]) -> dict[UpdateKey, frozenset[str]]:
    """Return the CVEs that release notes name between what is installed and each update."""
    listed = list(found)
    keys = {one.update.key: one for one in listed}
    lines = note_lines(organisation_id, {(key[0], key[1]) for key in keys})
    installed = installed_keys(view, {key: one.pending for key, one in keys.items()})
    return {
        key: frozenset(
            note_cves(
                lines.get((key[0], key[1]), ()),
                after=installed.get(key),
                until=one.update.source_key,
            )
        )
        for key, one in keys.items()
    }


def make_patch_rows(view: View, organisation_id: UUID, found: Sequence[Candidate]) -> tuple[PatchRow, ...]:
    """Make the rows of a page: what release notes name, and which of all CVEs are known to be exploited."""
    noted = named_by_notes(view, organisation_id, found)
    cves = {one.update.key: one.cves | noted[one.update.key] for one in found}
    listed = _listed({cve for each in cves.values() for cve in each})
    rows = Update.objects.filter(organisation_id=organisation_id).in_bulk([one.update.id for one in found])
    names = host_names(organisation_id, {row.notes_host_id for row in rows.values() if row.notes_host_id})
    return tuple(
        _row(one, rows[one.update.id], cves[one.update.key], listed, names) for one in found if one.update.id in rows
    )


def host_names(organisation_id: UUID, host_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of the hosts that told something, whether retired or not."""
    rows = Host.objects.filter(organisation_id=organisation_id, id__in=list(host_ids))
    return dict(rows.values_list("id", "hostname"))


def _listed(cves: Collection[str]) -> frozenset[str]:
    rows = KevEntry.objects.filter(generation=F("feed__generation"), cve__in=sorted(cves))
    return frozenset(rows.values_list("cve", flat=True)) if cves else frozenset()


def _row(
    one: Candidate, update: Update, cves: frozenset[str], listed: frozenset[str], names: Mapping[UUID, str]
) -> PatchRow:
    return PatchRow(
        id=update.id,
        stream=update.stream,
        source_name=update.source_name,
        source_version=update.source_version,
        kind=update.kind,
        packages=tuple(sorted(one.pending.packages)),
        origins=_origins(update),
        first_seen_at=update.first_seen_at,
        host_pending_count=len(one.hosts),
        host_kept_back_count=one.pending.kept_back_count(one.hosts),
        finding_count=sum(len(cure.members) for cure in one.cures),
        overdue_count=one.overdue_count,
        cves=tuple(sorted(cves)),
        kev_cves=tuple(sorted(cves & listed)),
        severity=one.severity,
        due_at=None if one.due_at == NO_DUE_AT else one.due_at,
        notes=notes_of(update, names),
    )


def _origins(update: Update) -> tuple[str, ...]:
    """Return each origin in words: who says it is, and which suite."""
    words = [
        " ".join(part for part in (one.get("label") or one.get("origin"), one.get("suite")) if part)
        for one in update.origins
    ]
    return tuple(dict.fromkeys(word for word in words if word))


def notes_of(update: Update, names: Mapping[UUID, str]) -> NotesView:
    """Say where an update's release notes stand, with the host that was asked or told."""
    host = names.get(update.notes_host_id, "a host that is gone") if update.notes_host_id else ""
    at = update.notes_at if update.notes_state == NotesState.KNOWN else update.notes_asked_at
    on = f" on {at:%Y-%m-%d %H:%M} UTC" if at else ""
    problem = update.notes_problem.rstrip(".")
    match NotesState(update.notes_state):
        case NotesState.KNOWN:
            sentence = f"Told by {host}{on}." if host else f"Told{on}."
        case NotesState.ASKED:
            sentence = f"Release notes are being fetched: {host} was asked{on}."
        case NotesState.ABSENT:
            sentence = f"There are no release notes: {problem}." if problem else "There are no release notes."
        case NotesState.WANTED:
            tried = f" The last try failed: {problem}." if problem else ""
            sentence = f"Release notes will be fetched by the next host that has this update pending.{tried}"
    return NotesView(state=update.notes_state, sentence=sentence, told_by=host, at=at)
