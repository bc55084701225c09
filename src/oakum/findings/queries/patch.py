"""One patch: what it cures and by when, its release notes and who told them, and how it stands on each host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion, ReleaseNote
from oakum.core.compliance import OldCode, Remedy, RemedyFacts, remedy_state
from oakum.core.errors import NotFoundError
from oakum.core.priority import NO_DUE_AT, Deadline
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.host_findings import reachability_of
from oakum.findings.queries.kernels import SIDE_BY_SIDE
from oakum.findings.queries.old_code import reboot_names
from oakum.findings.queries.patch_values import NoteView, PatchHead, PatchHost, PatchView
from oakum.findings.queries.patches import (
    NOTHING_PENDING,
    Candidate,
    candidate_of,
    candidates,
    host_names,
    make_patch_rows,
)
from oakum.findings.queries.pending import (
    Pending,
    UpdateLine,
    cures_of,
    installed_keys,
    pending_updates,
    slices_by_source,
    update_lines,
)
from oakum.findings.queries.values import PAGE_COUNT_MAX, AdvisoryView, Rules
from oakum.findings.queries.view import View, load_view
from oakum.fleet.sets import load_set

NOTE_COUNT_MAX = 200

# Worst first.
REMEDY_RANKS = {
    remedy: rank
    for rank, remedy in enumerate(
        (
            Remedy.MISSING,
            Remedy.NO_FIX,
            Remedy.UNKNOWN,
            Remedy.PENDING_REBOOT,
            Remedy.PENDING_RESTART,
            Remedy.VERIFIED,
        )
    )
}


def patch(
    *, organisation_id: UUID, update_id: int, rules: Rules, now: datetime, limit: int = 100, offset: int = 0
) -> PatchView:
    """Return one patch with a page of the hosts that have it pending or installed, worst first.

    Raises:
        NotFoundError: no such update in this organisation (``update_unknown``).
    """
    update = next(iter(update_lines(organisation_id, update_id)), None)
    if update is None:
        raise NotFoundError(
            code="update_unknown", sentence="There is no such patch.", next_step="Choose one from the list of patches."
        )
    limit, offset = max(1, min(limit, PAGE_COUNT_MAX)), max(0, offset)
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    pending = pending_updates(view, organisation_id=organisation_id).get(update.key, NOTHING_PENDING)
    slices = slices_by_source(view, {update.key[:2]}).get(update.key[:2], ())
    hosts_pending = pending.hosts
    cures = cures_of(view, slices, update=update, hosts=hosts_pending)
    one = candidate_of(view, update, pending, hosts_pending, cures)
    hosts = _hosts(view, organisation_id, one)
    return PatchView(
        row=make_patch_rows(view, organisation_id, [one])[0],
        deadline=_deadline(view, one),
        advisories=_advisories(one),
        release_notes=tuple(_notes(view, organisation_id, update, pending)),
        hosts=tuple(hosts[offset : offset + limit]),
        host_count=len(hosts),
        host_offers_unknown_count=view.fleet.offers_unknown_count,
        as_of=view.as_of(),
    )


def _deadline(view: View, one: Candidate) -> Deadline | None:
    """Return the earliest deadline that the patch meets anywhere, with its reasons."""
    deadlines = [
        cure.schedule.deadline(host.enrolled_at, reachability_of(host))
        for cure in one.cures
        for host in (view.host(cure.first),)
    ]
    return min(deadlines, key=lambda deadline: deadline.sort_key, default=None)


def _advisories(one: Candidate) -> tuple[AdvisoryView, ...]:
    # Of several versions that one advisory speaks of, the one first known says why.
    hits = sorted((hit for cure in one.cures for hit in cure.group.hits), key=lambda hit: (hit.since, hit.evidence))
    found = {hit.key: hit.view for hit in reversed(hits)}
    return tuple(sorted(found.values(), key=lambda view: (view.ref, view.feed)))


def _notes(view: View, organisation_id: UUID, update: UpdateLine, pending: Pending) -> Iterator[NoteView]:
    """Yield the changelog entries between the oldest installed version and the update, newest first."""
    rows = ReleaseNote.objects.filter(
        organisation_id=organisation_id,
        stream=update.key[0],
        source_name=update.key[1],
        order_key__lte=update.source_key,
    )
    installed = installed_keys(view, {update.key: pending}).get(update.key)
    if installed is not None:
        rows = rows.filter(order_key__gt=installed)
    notes = list(rows.order_by("-order_key")[:NOTE_COUNT_MAX])
    names = host_names(organisation_id, {row.told_by_host_id for row in notes})
    for row in notes:
        yield NoteView(
            version=row.version,
            distribution=row.distribution,
            urgency=row.urgency,
            dated=row.dated,
            text=row.text,
            cves=tuple(row.cves),
            told_by=names.get(row.told_by_host_id, "a host that is gone"),
            told_at=row.told_at,
        )


def patch_hosts(
    *, organisation_id: UUID, rules: Rules, now: datetime, kind: str = ""
) -> Iterator[tuple[PatchHead, tuple[PatchHost, ...]]]:
    """Yield every update (of ``kind``) that some host has pending or installed, each with these hosts, worst first.

    For reports: one look at all hosts, then two queries an update at most.
    """
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    pending = pending_updates(view, organisation_id=organisation_id)
    for one in candidates(view, organisation_id, pending, None):
        if kind and one.update.kind != kind:
            continue
        hosts = _hosts(view, organisation_id, one)
        if hosts:
            stream, source_name, source_version = one.update.key
            head = PatchHead(
                id=one.update.id,
                stream=stream,
                source_name=source_name,
                source_version=source_version,
                kind=one.update.kind,
                cves=tuple(sorted(one.cves)),
                host_total_count=view.host_count,
            )
            yield head, tuple(hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Newer:
    """The package versions of the update's source at its version or above, by id to name."""

    ids: BitMap
    names: Mapping[int, str]


def _hosts(view: View, organisation_id: UUID, one: Candidate) -> list[PatchHost]:
    newer = _newer(one.update)
    due = _due(view, one)
    having = view.fleet.with_any(newer.ids) - one.pending.hosts
    view.fetch(one.hosts | having)
    found = [_pending_host(view, one, view.host(index), due) for index in one.hosts]
    installed = [view.host(index) for index in having]
    reboots = reboot_names(
        organisation_id, [host for host in installed if newer.ids.intersect(load_set(host.running_old))]
    )
    found += [_installed_host(host, newer, reboots.get(host.id, frozenset())) for host in installed]
    return sorted(found, key=lambda row: (REMEDY_RANKS[row.remedy], row.due_at or NO_DUE_AT, row.hostname, row.host_id))


def _newer(update: UpdateLine) -> _Newer:
    rows = PackageVersion.objects.filter(
        stream=update.key[0], source_name=update.key[1], source_order_key__gte=update.source_key
    )
    names = dict(rows.values_list("id", "name"))
    return _Newer(ids=BitMap(names), names=names)


def _due(view: View, one: Candidate) -> dict[int, datetime]:
    due: dict[int, datetime] = {}
    for cure in one.cures:
        for index in cure.members:
            due_at = cure.schedule.due_at(view.enrolled_at(index))
            due[index] = min(due.get(index, due_at), due_at)
    return due


def _pending_host(view: View, one: Candidate, host: HostLine, due: Mapping[int, datetime]) -> PatchHost:
    on = one.pending.offer_to(host.index)
    due_at = due.get(host.index)
    return PatchHost(
        host_id=host.id,
        hostname=host.hostname,
        remedy=_remedy(host, is_older_installed=True, old_code=OldCode.NO),
        from_version=min((version for _, version in on.replaces), default=""),
        brings=on.brings,
        kept_back=on.kept_back,
        due_at=None if due_at == NO_DUE_AT else due_at,
        overdue=due_at is not None and due_at < view.now,
        presence=host.presence,
        inventory_at=host.inventory_at,
    )


def _installed_host(host: HostLine, newer: _Newer, by_reboot: frozenset[str]) -> PatchHost:
    held = newer.ids & load_set(host.running_old)
    names = {newer.names[version_id] for version_id in held}
    if any(name in by_reboot or SIDE_BY_SIDE.match(name) for name in names):
        old_code = OldCode.KERNEL
    elif names:
        old_code = OldCode.SERVICE
    else:
        old_code = OldCode.NO if host.stale_status == "known" else OldCode.UNKNOWN
    return PatchHost(
        host_id=host.id,
        hostname=host.hostname,
        remedy=_remedy(host, is_older_installed=False, old_code=old_code),
        from_version="",
        brings=(),
        kept_back="",
        due_at=None,
        overdue=False,
        presence=host.presence,
        inventory_at=host.inventory_at,
    )


def _remedy(host: HostLine, *, is_older_installed: bool, old_code: OldCode) -> Remedy:
    return remedy_state(
        RemedyFacts(
            packages_status=host.packages_status,
            affected_is_installed=is_older_installed,
            fix_is_known=True,
            old_code=old_code,
        )
    )
