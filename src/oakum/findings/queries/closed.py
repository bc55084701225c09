"""What was closed lately: findings of versions that hosts have replaced, and of which no old code runs any more.

Read from the log of changes and from how things stand now.  It recomputes no history: a finding that was withdrawn
since, or came back, is not among what was closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pyroaring import BitMap

from oakum.findings.queries.counts import counts_of, summaries_of
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.host_findings import page_of
from oakum.findings.queries.risk import Affected, Risk
from oakum.findings.queries.risk_load import load_risk
from oakum.findings.queries.values import ClosedFinding, ClosedLately, FindingDigest, FindingFilter, Rules
from oakum.findings.queries.view import View, load_view
from oakum.fleet.models import HostChange
from oakum.fleet.sets import load_set

CLOSED_WITHIN = timedelta(days=7)
CHANGE_COUNT_MAX = 2_000
ROW_COUNT_MAX = 100

HitKey = tuple[str, UUID | None, str]
Source = tuple[str, str]  # stream, source name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    host: HostLine
    at: datetime
    removed: BitMap


def digest(
    *, organisation_id: UUID, rules: Rules, now: datetime, wanted: FindingFilter, limit: int = 10
) -> FindingDigest:
    """Return the numbers, the ``limit`` soonest of ``wanted``, every host's summary, and what was closed lately."""
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    return FindingDigest(
        counts=counts_of(view),
        soonest=page_of(view, organisation_id=organisation_id, wanted=wanted, limit=limit, offset=0),
        hosts=tuple(sorted(summaries_of(view), key=lambda row: (row.hostname, row.host_id))),
        closed=closed_lately(view, organisation_id=organisation_id, limit=limit),
    )


def closed_lately(view: View, *, organisation_id: UUID, limit: int) -> ClosedLately:
    """Return what hosts got rid of within CLOSED_WITHIN."""
    since = view.now - CLOSED_WITHIN
    changes, is_whole = _changes(view, organisation_id, since)
    removed = BitMap().union(*(change.removed for change in changes))
    risk = view.risk
    if not removed.issubset(risk.covered):
        risk = load_risk(organisation_id=organisation_id, package_version_ids=removed)
    still = _open_hits(view)
    rows = list(_rows(changes, risk, still))
    return ClosedLately(
        since=since,
        rows=tuple(rows[: min(limit, ROW_COUNT_MAX)]),
        total_count=len(rows),
        is_whole=is_whole,
    )


def _changes(view: View, organisation_id: UUID, since: datetime) -> tuple[Sequence[_Change], bool]:
    """Return the changes since then, newest first, and whether these are all."""
    hosts = {host.id: host for host in view.hosts}
    rows = HostChange.objects.filter(organisation_id=organisation_id, at__gte=since).order_by("-at", "-id")
    told = list(rows.values_list("host_id", "at", "removed")[: CHANGE_COUNT_MAX + 1])
    found = []
    for host_id, at, removed in told[:CHANGE_COUNT_MAX]:
        gone = load_set(removed)
        # What a host could not tell, or what came back, is not closed.
        if host_id in hosts and gone and hosts[host_id].knows_packages:
            found.append(_Change(host=hosts[host_id], at=at, removed=gone - hosts[host_id].package_set()))
    return found, len(told) <= CHANGE_COUNT_MAX


def _open_hits(view: View) -> dict[tuple[int, Source], set[HitKey]]:
    """Return the advisories that are open by host index and source, old code that runs or may run included."""
    found: dict[tuple[int, Source], set[HitKey]] = defaultdict(set)
    for slice_ in view.slices:
        keys = {hit.key for hit in slice_.group.hits}
        for index in slice_.members:
            found[(index, (slice_.group.stream, slice_.group.source_name))] |= keys
    return found


def _rows(
    changes: Sequence[_Change], risk: Risk, still: dict[tuple[int, Source], set[HitKey]]
) -> Iterator[ClosedFinding]:
    told: set[tuple[int, Source]] = set()  # The newest change of a package says it all.
    for change in changes:
        groups = {risk.group_of[version_id] for version_id in change.removed & risk.affected}
        for group in sorted(groups, key=lambda one: (one.source_name, one.source_version)):
            place = (change.host.index, (group.stream, group.source_name))
            row = None if place in told else _row(change, group, still.get(place, set()))
            told.add(place)
            if row is not None:
                yield row


def _row(change: _Change, group: Affected, still: set[HitKey]) -> ClosedFinding | None:
    hits = [hit for hit in group.hits if hit.key not in still]
    if not hits:
        return None
    return ClosedFinding(
        host_id=change.host.id,
        hostname=change.host.hostname,
        package=group.source_name,
        from_version=group.source_version,
        advisory_count=len(hits),
        cves=tuple(sorted({cve for hit in hits for cve in hit.view.cves})),
        kev=any(threat.kev is not None for hit in hits for threat, _ in hit.threats),
        replaced_at=change.at,
        verified_at=change.host.inventory_at,
    )
