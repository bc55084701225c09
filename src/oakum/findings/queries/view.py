"""Host findings as a view: package sets meet affected package versions, in sets and never in rows.

A small organisation's hosts are read whole for each request; a larger one's stand in memory as far as the index has
come (``replica``), and a request only asks what has moved.  Everything built on a view is the same for both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.findings.queries.cache import entry_of, risk_for
from oakum.findings.queries.due import Schedule
from oakum.findings.queries.fleet import Fleet, PlainFleet
from oakum.findings.queries.fleet_side import HostLine, load_hosts
from oakum.findings.queries.indexed import is_large, look
from oakum.findings.queries.kernels import Whereabouts, has_kernel, judge_kernels, old_findings
from oakum.findings.queries.old_code import OldVersion, may_run_old_code, old_versions, removed_versions
from oakum.findings.queries.replica import IndexMovingError
from oakum.findings.queries.risk import Affected, Risk
from oakum.findings.queries.slices import Place, Slice, make_slices
from oakum.findings.queries.values import AsOf, Rules

DIGEST_COUNT_MAX = 20_000  # sets whose groups are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An organisation's host findings at one instant.  ``slices`` come with the soonest deadline first."""

    now: datetime
    rules: Rules
    risk: Risk
    fleet: Fleet
    slices: tuple[Slice, ...]
    _lines: dict[int, HostLine] = field(default_factory=dict)

    @property
    def host_count(self) -> int:
        """How many hosts there are, with findings or without."""
        return len(self.fleet.enrolment.everyone)

    @property
    def unknown_count(self) -> int:
        """How many hosts could not tell their packages."""
        return len(self.fleet.enrolment.everyone) - len(self.fleet.known)

    @property
    def hosts(self) -> tuple[HostLine, ...]:
        """Every host's row: for reports, which list them all."""
        rows = self.fleet.lines()
        self._lines.update((row.index, row) for row in rows)
        return tuple(rows)

    def host(self, index: int) -> HostLine:
        """Return one host's row; ``fetch`` those of many first."""
        if index not in self._lines:
            self.fetch((index,))
        return self._lines[index]

    def fetch(self, indexes: Iterable[int]) -> None:
        """Load these hosts' rows together."""
        missing = {index for index in indexes if index not in self._lines}
        if missing:
            self._lines.update((row.index, row) for row in self.fleet.lines(missing))

    def enrolled_at(self, index: int) -> datetime:
        """Return when a host was enrolled."""
        return self.fleet.enrolment.at[index]

    def due_at(self, slice_: Slice, index: int) -> datetime:
        """Return when the slice's findings must be gone from a host; NO_DUE_AT: at the next upgrade."""
        return slice_.schedule.due_at(self.enrolled_at(index))

    def overdue(self, slice_: Slice, schedule: Schedule | None = None) -> BitMap:
        """Return the members whose deadline has passed, by the slice's own schedule or another."""
        return slice_.due_before(self.fleet, self.now, schedule) if slice_.can_be_overdue else BitMap()

    def as_of(self) -> AsOf:
        """Return how old the answer is."""
        oldest, newest = self.fleet.inventory_instants
        return AsOf(at=self.now, inventory_oldest_at=oldest, inventory_newest_at=newest, intel_at=self.risk.intel_at)


def load_view(*, organisation_id: UUID, rules: Rules, now: datetime, host_ids: Collection[UUID] | None = None) -> View:
    """Load an organisation's host findings, those of a large one mostly from memory.

    With ``host_ids`` of these hosts alone, as if there were no others, always from their own rows.
    """
    if host_ids is None and is_large(organisation_id):
        with suppress(IndexMovingError):
            found = look(organisation_id=organisation_id, rules=rules, now=now)
            return View(now=now, rules=rules, risk=found.risk, fleet=found.fleet, slices=found.standing.ordered)
    hosts = load_hosts(organisation_id=organisation_id, now=now, stale_after=rules.stale_after, host_ids=host_ids)
    with_past = [host for host in hosts if may_run_old_code(host)]
    removed = removed_versions(organisation_id, with_past, entry_of(organisation_id).removed)
    risk = risk_for(organisation_id=organisation_id, hosts=hosts, removed=removed, is_whole=host_ids is None, now=now)
    olds = old_versions(organisation_id, risk, with_past, removed)
    fleet = PlainFleet(hosts)
    return View(
        now=now, rules=rules, risk=risk, fleet=fleet, slices=make_slices(risk, rules, fleet, _places(risk, hosts, olds))
    )


def _places(risk: Risk, hosts: Iterable[HostLine], olds: Mapping[UUID, tuple[OldVersion, ...]]) -> dict[Place, BitMap]:
    members: dict[Place, list[int]] = defaultdict(list)
    for host in hosts:
        installed = groups_of(risk, host)
        for group in installed:
            members[(group, Whereabouts.INSTALLED)].append(host.index)
        old = old_findings(risk, olds.get(host.id, ()), installed)
        for place in dict.fromkeys((*_kernel_findings(risk, host), *old)):
            members[place].append(host.index)
    return {place: BitMap(indexes) for place, indexes in members.items()}


def groups_of(risk: Risk, host: HostLine) -> tuple[Affected, ...]:
    """Return the groups that a host has installed, less those with a kernel image: these depend on what is booted."""
    known = risk.groups_by_digest.get(host.digest)
    if known is None:
        affected = host.package_set() & risk.affected
        groups = {risk.group_of[version_id] for version_id in affected}
        if len(risk.groups_by_digest) >= DIGEST_COUNT_MAX:
            risk.groups_by_digest.clear()
        known = tuple(group for group in groups if not has_kernel(risk, group))
        risk.groups_by_digest[host.digest] = known
    return known


def _kernel_findings(risk: Risk, host: HostLine) -> tuple[Place, ...]:
    if not risk.kernels:
        return ()
    key = ("kernel", host.digest, host.kernel_running)
    known = risk.memo.get(key)
    if known is None:
        known = risk.memo[key] = tuple(judge_kernels(risk, host.package_set(), host.kernel_running))
    assert isinstance(known, tuple)
    return known
