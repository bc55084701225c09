"""Host findings as a view: package sets meet affected package versions, in sets and never in rows.

A small organisation's hosts are read whole for each request; a larger one's stand in memory as far as the index has
come (``replica``), and a request only asks what has moved.  Everything built on a view is the same for both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from pyroaring import BitMap

from oakum.findings.queries.board import Board, Spread
from oakum.findings.queries.cache import covers, entry_of, risk_for
from oakum.findings.queries.due import Schedule
from oakum.findings.queries.fleet import Fleet, PlainFleet
from oakum.findings.queries.fleet_side import HostLine, load_hosts
from oakum.findings.queries.indexed import Look, is_large, look
from oakum.findings.queries.kernels import Whereabouts, has_kernel, judge_kernels, old_findings
from oakum.findings.queries.old_code import OldVersion, may_run_old_code, old_versions, removed_versions
from oakum.findings.queries.replica import IndexMovingError, StillLoadingError
from oakum.findings.queries.risk import Affected, Risk
from oakum.findings.queries.slices import Place, Slice, by_sort_key, make_slices
from oakum.findings.queries.tally import Tally, Totals
from oakum.findings.queries.values import AsOf, Rules

DIGEST_COUNT_MAX = 20_000  # sets whose groups are remembered


@dataclass(frozen=True, kw_only=True)  # no slots: what is worked out once is kept beside
class View:
    """An organisation's host findings at one instant.  ``slices`` come with the soonest deadline first."""

    now: datetime
    rules: Rules
    risk: Risk
    fleet: Fleet
    slices: tuple[Slice, ...]
    kept: Look | None = None  # what a large organisation has ready
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

    @cached_property
    def totals(self) -> Totals:
        """The numbers of all slices."""
        return self.kept.totals(self.now) if self.kept else Tally(self.fleet, self.slices, self.now).at(self.now)

    def spreads(self) -> Sequence[Spread]:
        """Return the vulnerabilities, the soonest first."""
        return self.kept.spreads() if self.kept else Board(self.risk, self.fleet, self.slices).ordered

    def slices_of(self, cve: str) -> Sequence[Slice]:
        """Return the slices that have a CVE, the soonest first."""
        if self.kept:
            return sorted(self.kept.slices_of(cve), key=by_sort_key)
        return [one for one in self.slices if cve in one.group.cves]

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
    found = None
    if is_large(organisation_id):
        with suppress(IndexMovingError, StillLoadingError):
            found = look(organisation_id=organisation_id, rules=rules, now=now)
    if found is not None and host_ids is None:
        return View(now=now, rules=rules, risk=found.risk, fleet=found.fleet, slices=found.slices, kept=found)
    hosts = load_hosts(organisation_id=organisation_id, now=now, stale_after=rules.stale_after, host_ids=host_ids)
    with_past = [host for host in hosts if may_run_old_code(host)]
    removed = removed_versions(organisation_id, with_past, entry_of(organisation_id).removed)
    if found is not None and covers(found.risk, hosts, removed):
        risk = found.risk
    else:
        is_whole = host_ids is None and found is None
        risk = risk_for(organisation_id=organisation_id, hosts=hosts, removed=removed, is_whole=is_whole, now=now)
    olds = old_versions(organisation_id, risk, with_past, removed)
    fleet = PlainFleet(hosts)
    return View(
        now=now, rules=rules, risk=risk, fleet=fleet, slices=make_slices(risk, rules, fleet, _places(risk, hosts, olds))
    )


def view_of_risk(view: View, risk: Risk) -> View:
    """Return the view of the same hosts with another risk of what they have: nothing of it is remembered."""
    organisation_id, removed = risk.organisation_id, entry_of(risk.organisation_id).removed
    if view.kept is not None:
        standing = view.kept.suppose(risk, view.rules, view.now)
        return View(now=view.now, rules=view.rules, risk=risk, fleet=view.fleet, slices=standing.ordered)
    hosts = view.hosts
    with_past = [host for host in hosts if may_run_old_code(host)]
    olds = old_versions(organisation_id, risk, with_past, removed_versions(organisation_id, with_past, removed))
    slices = make_slices(risk, view.rules, view.fleet, _places(risk, hosts, olds))
    return View(now=view.now, rules=view.rules, risk=risk, fleet=view.fleet, slices=slices)


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
