"""Host findings as a view: package sets meet affected package versions, in sets and never in rows.

A slice is one group of affected versions on all the hosts that have it in the same way.  Within a slice deadlines fall
in order of enrolment, so counting what is overdue is a bisection, and a page of the soonest is a merge.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from oakum.core.compliance import OldCode, Remedy, RemedyFacts, remedy_state
from oakum.findings.queries.cache import entry_of, risk_for
from oakum.findings.queries.due import Schedule, schedule_of
from oakum.findings.queries.fleet_side import HostLine, load_hosts
from oakum.findings.queries.old_code import OldVersion, may_run_old_code, old_versions, removed_versions
from oakum.findings.queries.risk import Affected, Kernel, Risk, make_group
from oakum.findings.queries.values import AsOf, Rules


class Whereabouts(StrEnum):
    """Where the code of an affected version is on a host."""

    INSTALLED = "installed"
    OLD_KERNEL = "old_kernel"  # a fixed one is installed, a reboot is missing
    OLD_SERVICE = "old_service"  # a fixed one is installed, a restart is missing
    OLD_UNSEEN = "old_unseen"  # a fixed one is installed, and nobody could see what runs


_OLD_CODE = {
    Whereabouts.INSTALLED: OldCode.NO,
    Whereabouts.OLD_KERNEL: OldCode.KERNEL,
    Whereabouts.OLD_SERVICE: OldCode.SERVICE,
    Whereabouts.OLD_UNSEEN: OldCode.UNKNOWN,
}
_BY_OLD_CODE = {
    OldCode.KERNEL: Whereabouts.OLD_KERNEL,
    OldCode.SERVICE: Whereabouts.OLD_SERVICE,
    OldCode.UNKNOWN: Whereabouts.OLD_UNSEEN,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """One group on hosts of the same kind; ``members`` are their indexes, ascending: by enrolment."""

    group: Affected
    whereabouts: Whereabouts
    is_public: bool
    remedy: Remedy
    schedule: Schedule
    members: tuple[int, ...]

    @property
    def can_be_overdue(self) -> bool:
        """Whether lateness is known: not where a fix is on disk and nobody could see what runs."""
        return self.whereabouts is not Whereabouts.OLD_UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An organisation's host findings at one instant."""

    now: datetime
    rules: Rules
    risk: Risk
    hosts: tuple[HostLine, ...]
    slices: tuple[Slice, ...]

    def due_at(self, slice_: Slice, index: int) -> datetime:
        """Return when the slice's findings must be gone from a host; NO_DUE_AT: at the next upgrade."""
        return slice_.schedule.due_at(self.hosts[index].enrolled_at)

    def due_before(self, slice_: Slice, instant: datetime, schedule: Schedule | None = None) -> int:
        """Return how many of the slice's members, from the first on, are due before ``instant``.

        ``schedule`` stands in for the slice's own, to ask about one of its CVEs alone.
        """
        due_at = (schedule or slice_.schedule).due_at
        return bisect_left(slice_.members, instant, key=lambda index: due_at(self.hosts[index].enrolled_at))

    def due_until(self, slice_: Slice, instant: datetime) -> int:
        """Return how many of the slice's members, from the first on, are due at ``instant`` or before."""
        return bisect_right(slice_.members, instant, key=lambda index: self.due_at(slice_, index))

    def overdue(self, slice_: Slice) -> tuple[int, ...]:
        """Return the members whose deadline has passed."""
        return slice_.members[: self.due_before(slice_, self.now)] if slice_.can_be_overdue else ()

    def as_of(self, members: Collection[int] | None = None) -> AsOf:
        """Return how old the answer is, over some hosts or all."""
        chosen = self.hosts if members is None else [self.hosts[index] for index in members]
        told = [host.inventory_at for host in chosen if host.inventory_at is not None]
        return AsOf(
            at=self.now,
            inventory_oldest_at=min(told, default=None),
            inventory_newest_at=max(told, default=None),
            intel_at=self.risk.intel_at,
        )


def load_view(*, organisation_id: UUID, rules: Rules, now: datetime, host_ids: Collection[UUID] | None = None) -> View:
    """Load an organisation's host findings: its hosts' sets from the database, the risk side mostly from memory.

    With ``host_ids`` of these hosts alone, as if there were no others.
    """
    hosts = load_hosts(organisation_id=organisation_id, now=now, stale_after=rules.stale_after, host_ids=host_ids)
    with_past = [host for host in hosts if may_run_old_code(host)]
    removed = removed_versions(organisation_id, with_past, entry_of(organisation_id).removed)
    is_whole = host_ids is None
    risk = risk_for(organisation_id=organisation_id, hosts=hosts, removed=removed, is_whole=is_whole, now=now)
    olds = old_versions(organisation_id, risk, with_past, removed)
    members: dict[tuple[Affected, Whereabouts, bool, bool], list[int]] = defaultdict(list)
    for host in hosts:
        public, knows = host.is_public, host.knows_packages
        installed = groups_of(risk, host)
        for group in installed:
            members[(group, Whereabouts.INSTALLED, public, knows)].append(host.index)
        old = _old_findings(risk, olds.get(host.id, ()), installed)
        for group, whereabouts in dict.fromkeys((*_kernel_findings(risk, host), *old)):
            members[(group, whereabouts, public, knows)].append(host.index)
    slices = tuple(
        Slice(
            group=group,
            whereabouts=whereabouts,
            is_public=is_public,
            remedy=_remedy(group, whereabouts, knows=knows),
            schedule=schedule_of(risk, group, rules.pack, is_public=is_public),
            members=tuple(indexes),
        )
        for (group, whereabouts, is_public, knows), indexes in members.items()
    )
    return View(now=now, rules=rules, risk=risk, hosts=hosts, slices=slices)


def _remedy(group: Affected, whereabouts: Whereabouts, *, knows: bool) -> Remedy:
    return remedy_state(
        RemedyFacts(
            packages_status="known" if knows else "unknown",
            affected_is_installed=whereabouts is Whereabouts.INSTALLED,
            fix_is_known=bool(group.fixed_version),
            old_code=_OLD_CODE[whereabouts],
        )
    )


def groups_of(risk: Risk, host: HostLine) -> tuple[Affected, ...]:
    """Return the groups that a host has installed, less those with a kernel image: these depend on what is booted."""
    known = risk.groups_by_digest.get(host.digest)
    if known is None:
        affected = host.package_set() & risk.affected
        groups = {risk.group_of[version_id] for version_id in affected}
        known = tuple(group for group in groups if not _has_kernel(risk, group))
        risk.groups_by_digest[host.digest] = known
    return known


def _has_kernel(risk: Risk, group: Affected) -> bool:
    return any(version_id in risk.kernels for version_id in group.names)


# Kernel packages that stand side by side carry their release in the name: linux-headers-6.1.0-28-common.
SIDE_BY_SIDE = re.compile(r"linux-[a-z-]+-\d")


def _kernel_findings(risk: Risk, host: HostLine) -> tuple[tuple[Affected, Whereabouts], ...]:
    """Return a host's groups with kernel images, by what is booted and what is installed beside it.

    A kernel that is older than the running one is a leftover: it does not run and is not open.  The running one, when
    a newer is installed, waits for the reboot.  Without knowing which runs, all that is installed counts.
    """
    if not risk.kernels:
        return ()
    key = ("kernel", host.digest, host.kernel_running)
    known = risk.memo.get(key)
    if known is None:
        known = risk.memo[key] = tuple(_judge_kernels(risk, host))
    assert isinstance(known, tuple)
    return known


def _judge_kernels(risk: Risk, host: HostLine) -> Iterator[tuple[Affected, Whereabouts]]:
    installed = host.package_set()
    groups = {risk.group_of[version_id] for version_id in installed & risk.affected}
    images = [risk.kernels[version_id] for version_id in installed if version_id in risk.kernels]
    for group in groups:
        if not _has_kernel(risk, group):
            continue
        own = [image for image in images if image.source_name == group.source_name]
        running = next((image for image in own if image.release == host.kernel_running), None)
        yield from _judge_kernel(
            risk, group, own, running, [group.names[one] for one in group.names if one in installed]
        )


def _judge_kernel(
    risk: Risk, group: Affected, images: list[Kernel], running: Kernel | None, names: list[str]
) -> Iterator[tuple[Affected, Whereabouts]]:
    if running is None or group.source_key > running.source_key:
        yield group, Whereabouts.INSTALLED
    elif group.source_key < running.source_key:
        if any(not SIDE_BY_SIDE.match(name) for name in names):
            yield group, Whereabouts.INSTALLED
    else:
        newest = max(images, key=lambda image: image.source_key)
        if newest.source_key == running.source_key:
            yield group, Whereabouts.INSTALLED
        else:
            cured = without(risk, group, risk.group_of.get(newest.package_version_id))
            if cured is not None:
                yield cured, Whereabouts.OLD_KERNEL


def _old_findings(
    risk: Risk, olds: Collection[OldVersion], installed: Collection[Affected]
) -> tuple[tuple[Affected, Whereabouts], ...]:
    """Return what still runs of versions that the host has replaced, less what the replacements have as well."""
    found: dict[Affected, Whereabouts] = {}
    for old in olds:
        group = risk.group_of[old.package_version_id]
        cured = without(risk, group, risk.group_of.get(old.installed_id))
        # Another binary package of the same source may still be installed at the old version: that says it already.
        if cured is not None and group not in installed:
            found[cured] = max(found.get(cured, Whereabouts.OLD_UNSEEN), _BY_OLD_CODE[old.old_code], key=_WEIGHT.index)
    return tuple(found.items())


# Binary packages of one source may differ in what runs of them: what is known outweighs, and a reboot ends it all.
_WEIGHT = (Whereabouts.OLD_UNSEEN, Whereabouts.OLD_SERVICE, Whereabouts.OLD_KERNEL)


def without(risk: Risk, group: Affected, other: Affected | None) -> Affected | None:
    """Return ``group`` with only those advisories that do not apply to ``other``; None if there are none."""
    if other is None:
        return group
    key = ("without", group, other)
    if key not in risk.memo:
        theirs = {hit.key for hit in other.hits}
        hits = tuple(hit for hit in group.hits if hit.key not in theirs)
        risk.memo[key] = make_group(group, group.names, hits) if hits else None
    found = risk.memo[key]
    assert found is None or isinstance(found, Affected)
    return found
