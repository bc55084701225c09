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

from oakum.core.compliance import Remedy
from oakum.findings.queries.counts import counts_of
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.host_findings import page_of
from oakum.findings.queries.risk import Affected, HitKey, Risk
from oakum.findings.queries.risk_load import load_risk
from oakum.findings.queries.values import ClosedFinding, ClosedLately, FindingDigest, FindingFilter, QuietLine, Rules
from oakum.findings.queries.view import View, load_view
from oakum.fleet.models import HostChange
from oakum.fleet.sets import load_set

CLOSED_WITHIN = timedelta(days=7)
CHANGE_COUNT_MAX = 500  # looked at: an overview shows ten
ROW_COUNT_MAX = 100

Source = tuple[str, str]  # stream, source name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    host: HostLine
    at: datetime
    removed: BitMap


def digest(
    *, organisation_id: UUID, rules: Rules, now: datetime, wanted: FindingFilter, limit: int = 10
) -> FindingDigest:
    """Return the numbers, the ``limit`` soonest of ``wanted``, the hosts that tell nothing, and what was closed."""
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    reboot_host_count, restart_host_count = _waiting(view)
    return FindingDigest(
        counts=counts_of(view),
        soonest=page_of(view, organisation_id=organisation_id, wanted=wanted, limit=limit, offset=0),
        unheard=tuple(_quiet(host) for host in view.fleet.unheard(limit)),
        untold=tuple(_quiet(host) for host in view.fleet.untold(limit)),
        reboot_host_count=reboot_host_count,
        restart_host_count=restart_host_count,
        closed=closed_lately(view, organisation_id=organisation_id, limit=limit),
    )


def _quiet(host: HostLine) -> QuietLine:
    return QuietLine(
        host_id=host.id,
        hostname=host.hostname,
        presence=host.presence,
        packages_reason=host.packages_reason,
        last_seen_at=host.last_seen_at,
        inventory_at=host.inventory_at,
    )


def _waiting(view: View) -> tuple[int, int]:
    """Return how many hosts have something that waits for a reboot, and for a restart."""
    members: dict[Remedy, list[BitMap]] = {Remedy.PENDING_REBOOT: [], Remedy.PENDING_RESTART: []}
    for one in view.slices:
        if one.remedy in members:
            members[one.remedy].append(one.members)
    reboot, restart = (len(BitMap().union(*own)) for own in members.values())
    return reboot, restart


def closed_lately(view: View, *, organisation_id: UUID, limit: int) -> ClosedLately:
    """Return what hosts got rid of within CLOSED_WITHIN."""
    since = view.now - CLOSED_WITHIN
    changes, is_whole = _changes(view, organisation_id, since)
    removed = BitMap().union(*(change.removed for change in changes))
    risk = view.risk
    if not removed.issubset(risk.covered):
        risk = load_risk(organisation_id=organisation_id, package_version_ids=removed)
    rows = list(_rows(changes, risk, _open_hits(view, changes, risk)))
    return ClosedLately(
        since=since,
        rows=tuple(rows[: min(limit, ROW_COUNT_MAX)]),
        total_count=len(rows),
        is_whole=is_whole,
    )


def _changes(view: View, organisation_id: UUID, since: datetime) -> tuple[Sequence[_Change], bool]:
    """Return the changes since then, newest first, and whether these are all."""
    # By id, which costs nothing and is the order of their commits but for a moment; the instants decide below.
    rows = HostChange.objects.filter(organisation_id=organisation_id).order_by("-id")
    newest = list(rows.values_list("at", "id", "host_id", "removed")[: CHANGE_COUNT_MAX + 1])
    told = sorted((row for row in newest if row[0] >= since), key=lambda row: row[:2], reverse=True)
    indexes = view.fleet.of_ids({row[2] for row in told})
    view.fetch(indexes)
    hosts = {host.id: host for host in map(view.host, indexes)}
    found = []
    for at, _, host_id, removed in told[:CHANGE_COUNT_MAX]:
        gone = load_set(removed)
        # What a host could not tell, or what came back, is not closed.
        if host_id in hosts and gone and hosts[host_id].knows_packages:
            found.append(_Change(host=hosts[host_id], at=at, removed=gone - hosts[host_id].package_set()))
    return found, len(told) <= CHANGE_COUNT_MAX


def _open_hits(view: View, changes: Sequence[_Change], risk: Risk) -> dict[tuple[int, Source], set[HitKey]]:
    """Return the advisories that are open by host index and source, of the hosts and sources that have changed.

    Old code that runs or may run is included.
    """
    hosts = BitMap([change.host.index for change in changes])
    gone = BitMap().union(*(change.removed for change in changes)) & risk.affected
    sources = {(group.stream, group.source_name) for group in map(risk.group_of.__getitem__, gone)}
    names = {name for _, name in sources}
    found: dict[tuple[int, Source], set[HitKey]] = defaultdict(set)
    for slice_ in view.slices:
        if slice_.group.source_name not in names:
            continue
        source = (slice_.group.stream, slice_.group.source_name)
        if source in sources and (members := slice_.members & hosts):
            keys = {hit.key for hit in slice_.group.hits}
            for index in members:
                found[(index, source)] |= keys
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
        cves=tuple(sorted({cve for hit in hits for cve in hit.advisory.cves})),
        kev=any(hit.advisory.kev for hit in hits),
        replaced_at=change.at,
        verified_at=change.host.inventory_at,
    )
