"""The numbers of an organisation's findings: in all, and host by host.  Counted in sets; each has a list behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from oakum.core.compliance import Remedy
from oakum.core.errors import NotFoundError
from oakum.core.priority import NO_DUE_AT
from oakum.findings.queries.cache import entry_of
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.host_findings import choose, make_rows, soonest_first
from oakum.findings.queries.kernels import SIDE_BY_SIDE
from oakum.findings.queries.offers import load_versions
from oakum.findings.queries.old_code import may_run_old_code, removed_versions
from oakum.findings.queries.values import (
    EMPTY_FILTER,
    AsOf,
    FindingCounts,
    HostFindings,
    HostSummary,
    OldCodeView,
    Rules,
)
from oakum.findings.queries.view import View, load_view
from oakum.fleet.sets import load_set


def counts(*, organisation_id: UUID, rules: Rules, now: datetime) -> FindingCounts:
    """Return the organisation's numbers."""
    return counts_of(load_view(organisation_id=organisation_id, rules=rules, now=now))


def counts_of(view: View) -> FindingCounts:
    """Return the numbers of a view that is loaded already."""
    totals = view.totals
    by_remedy = totals.by_remedy
    return FindingCounts(
        open=sum(by_remedy.values()),
        overdue=totals.overdue,
        due_soon=totals.due_soon,
        kev=totals.kev,
        missing=by_remedy[Remedy.MISSING],
        pending_restart=by_remedy[Remedy.PENDING_RESTART],
        pending_reboot=by_remedy[Remedy.PENDING_REBOOT],
        no_fix=by_remedy[Remedy.NO_FIX],
        unverified=totals.unverified,
        host=view.host_count,
        host_affected=totals.host_affected,
        host_overdue=totals.host_overdue,
        host_unknown=view.unknown_count,
        host_silent=view.fleet.silent_count,
        as_of=view.as_of(),
    )


def host_summaries(
    *, organisation_id: UUID, rules: Rules, now: datetime, host_ids: Collection[UUID] | None = None
) -> tuple[HostSummary, ...]:
    """Return the numbers of each of ``host_ids`` (None: of every host that is not retired), by name.

    Hosts without a finding are among them; retired ones and another organisation's are not.
    """
    view = load_view(organisation_id=organisation_id, rules=rules, now=now, host_ids=host_ids)
    return tuple(sorted(summaries_of(view), key=lambda row: (row.hostname, row.host_id)))


def host_report(*, organisation_id: UUID, rules: Rules, now: datetime) -> tuple[tuple[HostSummary, ...], AsOf]:
    """Return the numbers of every host that is not retired, by name, and how old they are."""
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    return tuple(sorted(summaries_of(view), key=lambda row: (row.hostname, row.host_id))), view.as_of()


def summaries_of(view: View) -> tuple[HostSummary, ...]:
    """Return the numbers of each host of a view, by enrolment."""
    hosts = view.hosts
    tally = {host.index: Counter[str]() for host in hosts}
    for slice_ in view.slices:
        words = ["open", slice_.remedy.value]
        if slice_.group.kev:
            words.append("kev")
        if not slice_.can_be_overdue:
            words.append("unverified")
        for index in slice_.members:
            own = tally[index]
            for word in words:  # plainly: Counter.update takes three times as long for a few words
                own[word] += 1
        for index in view.overdue(slice_):
            tally[index]["overdue"] += 1
    worst = _worst(view)
    return tuple(_summary(host, tally[host.index], worst.get(host.index)) for host in hosts)


def _worst(view: View) -> dict[int, tuple[datetime, str]]:
    """Return each host's earliest deadline and the package that sets it.

    Slices come in order of their own earliest, so a host that has an earlier one already needs no look: deadlines of
    a slice never fall along its members.
    """
    worst: dict[int, tuple[datetime, str]] = {}
    for slice_ in view.slices:
        for index in slice_.members:
            known = worst.get(index)
            if known is not None and known[0] <= slice_.first_due_at:
                continue
            claim = (view.due_at(slice_, index), slice_.group.source_name)
            if known is None or claim < known:
                worst[index] = claim
    return worst


def _summary(host: HostLine, tally: Counter[str], worst: tuple[datetime, str] | None) -> HostSummary:
    return HostSummary(
        host_id=host.id,
        hostname=host.hostname,
        groups=host.groups,
        context=host.context,
        open=tally["open"],
        overdue=tally["overdue"],
        kev=tally["kev"],
        pending_restart=tally[Remedy.PENDING_RESTART.value],
        pending_reboot=tally[Remedy.PENDING_REBOOT.value],
        unverified=tally["unverified"],
        worst_due_at=None if worst is None or worst[0] == NO_DUE_AT else worst[0],
        worst_package=worst[1] if worst else "",
        presence=host.presence,
        packages_status=host.packages_status,
        packages_reason=host.packages_reason,
        stale_status=host.stale_status,
        inventory_at=host.inventory_at,
        last_seen_at=host.last_seen_at,
    )


def host_findings(*, organisation_id: UUID, host_id: UUID, rules: Rules, now: datetime) -> HostFindings:
    """Return everything open on one host, soonest deadline first.

    Raises:
        NotFoundError: not a host of this organisation, or a retired one (``host_unknown``).
    """
    view = load_view(organisation_id=organisation_id, rules=rules, now=now, host_ids=(host_id,))
    hosts = view.hosts
    if not hosts:
        raise NotFoundError(
            code="host_unknown",
            sentence="There is no such host, or it is retired.",
            next_step="Choose one from the list of hosts.",
        )
    (host,) = hosts
    keys = list(soonest_first(view, tuple(choose(view, EMPTY_FILTER))))
    return HostFindings(
        summary=summaries_of(view)[0],
        rows=make_rows(view, organisation_id=organisation_id, keys=keys),
        old_code_of_unknown_version=_unknown_old_code(organisation_id, host),
        as_of=view.as_of(),
    )


def _unknown_old_code(organisation_id: UUID, host: HostLine) -> tuple[OldCodeView, ...]:
    """Return the packages whose older code runs although nothing they replaced was ever reported here."""
    running_old = load_set(host.running_old)
    if not running_old or not may_run_old_code(host):
        return ()
    removed = removed_versions(organisation_id, [host], entry_of(organisation_id).removed)[host.id]
    before = {(one.stream, one.name) for one in load_versions(removed).values()}
    # A kernel that waits for its reboot replaced nothing: it stands beside the one that runs.
    names = [one for one in load_versions(running_old).values() if not SIDE_BY_SIDE.match(one.name)]
    return tuple(
        OldCodeView(package=one.name, version=one.version)
        for one in sorted(names, key=lambda one: (one.name, one.version))
        if (one.stream, one.name) not in before
    )
