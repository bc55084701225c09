"""An organisation's slices kept from request to request: where hosts and advisories meet, put right where either moved.

One new advisory touches the groups of the package versions that it affects; one changed host those of the versions
that it gained or lost; one changed group the slices of the hosts whose kind it changes.  The hosts come from
``replica``, the risk from ``risk_load``; what is late is counted by whoever reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pyroaring import BitMap

from oakum.findings.queries.board import Board
from oakum.findings.queries.fleet import Fleet
from oakum.findings.queries.fleet_side import load_by_ordinal
from oakum.findings.queries.kernel_kinds import KernelKinds
from oakum.findings.queries.kernels import Whereabouts, has_kernel, old_findings
from oakum.findings.queries.old_code import Removed, old_versions, removed_versions
from oakum.findings.queries.replica import Moved, Replica
from oakum.findings.queries.risk import Affected, Risk
from oakum.findings.queries.slices import Place, Slice, by_sort_key, replace_sorted, slices_at
from oakum.findings.queries.tally import DISORDER_MAX, Tally, Totals
from oakum.findings.queries.values import Rules


@dataclass(slots=True, kw_only=True)
class Standing:
    """Slices by place, and what was looked at to make them.  One thread at a time may bring it up to date."""

    replica: Replica
    rules: Rules
    risk: Risk
    slices: dict[Place, tuple[Slice, ...]] = field(default_factory=dict)
    ordered: tuple[Slice, ...] = ()
    kernels: KernelKinds = field(default_factory=KernelKinds)
    olds: dict[int, tuple[Place, ...]] = field(default_factory=dict)
    watched: dict[int, BitMap] = field(default_factory=dict)  # package versions that decide a host's old code
    special: Mapping[Place, BitMap] = field(default_factory=dict)  # by kernels and old code
    tally: Tally | None = None  # both are made when they are first asked for, and follow from then on
    board: Board | None = None

    def make(self, fleet: Fleet, removed: Removed, now: datetime) -> None:
        """Make every slice anew."""
        self.kernels.take(self.risk, self.replica, self.replica.enrolment.everyone)
        self._take_olds(self.replica.past, removed, now)
        self.special = self._special()
        places = {(group, Whereabouts.INSTALLED): self._installed(group) for group in self.risk.groups}
        self._replace(fleet, {**places, **self.special}, ())

    def update(self, fleet: Fleet, moved: Moved, touched: BitMap, risk: Risk, removed: Removed, now: datetime) -> None:
        """Make anew the slices that are reached by what ``moved`` and by the ``touched`` package versions of ``risk``.

        Nothing else is made: groups that are the same object as before keep theirs.
        """
        former, self.risk = self.risk, risk
        stale = {former.group_of[each] for each in touched if each in former.group_of}
        groups = {risk.group_of[each] for each in moved.versions | touched if each in risk.group_of}
        self.kernels.take(risk, self.replica, moved.hosts)
        self._take_olds(moved.hosts | self._with_old(touched), removed, now)
        before, self.special = self.special, self._special()
        places = {(group, Whereabouts.INSTALLED): self._installed(group) for group in groups}
        places |= {place: members for place, members in self.special.items() if before.get(place) != members}
        if moved.kinds:
            reached = (place for place, own in self.slices.items() if _reaches(own, moved.kinds))
            places |= {place: self._members(place) for place in reached if place not in places}
        dropped = {place for place in self.slices if place[0] in stale and place[0] not in groups} if stale else set()
        dropped |= before.keys() - self.special.keys()
        self._replace(fleet, {place: one for place, one in places.items() if place not in dropped}, dropped)

    def _replace(self, fleet: Fleet, places: Mapping[Place, BitMap], dropped: Collection[Place]) -> None:
        gone: list[Slice] = []
        come: list[Slice] = []
        for place in dropped:
            gone += self.slices.pop(place, ())
        for place, members in places.items():
            gone += self.slices.pop(place, ())
            own = tuple(slices_at(self.risk, self.rules, fleet, place, members)) if members else ()
            if own:
                self.slices[place] = own
                come += own
        if gone or come:
            ordered = [*self.ordered]
            replace_sorted(ordered, gone, come, by_sort_key)
            self.ordered = tuple(ordered)
            if self.tally is not None:
                self.tally.take(fleet, gone=gone, come=come)
            if self.board is not None:
                self.board.take(self.risk, fleet, gone=gone, come=come)

    def totals(self, fleet: Fleet, now: datetime) -> Totals:
        """Return the numbers of all slices."""
        if self.tally is None or now < self.tally.now - DISORDER_MAX:
            self.tally = Tally(fleet, self.ordered, now)
        return self.tally.at(now)

    def spreads(self, fleet: Fleet) -> Board:
        """Return the vulnerabilities of all slices."""
        if self.board is None:
            self.board = Board(self.risk, fleet, self.ordered)
        return self.board

    def _installed(self, group: Affected) -> BitMap:
        """Return the hosts with any of the group's versions, a lone version's very bitmap; nobody for kernels."""
        if has_kernel(self.risk, group):
            return self.special.get((group, Whereabouts.INSTALLED), BitMap())
        by_version = self.replica.hosts_by_version
        found = [by_version[each] for each in group.names if by_version.get(each)]
        return found[0] if len(found) == 1 else BitMap().union(*found)

    def _members(self, place: Place) -> BitMap:
        return self.special[place] if place in self.special else self._installed(place[0])

    def _special(self) -> dict[Place, BitMap]:
        """Return where kernels and old code are: by the few kinds of kernels, and host by host for old code."""
        found = self.kernels.places(self.risk)
        by_old: dict[Place, list[int]] = defaultdict(list)
        for ordinal, places in self.olds.items():
            for place in places:
                by_old[place].append(ordinal)
        for place, ordinals in by_old.items():
            members = BitMap(ordinals)
            found[place] = found[place] | members if place in found else members
        return found

    def _with_old(self, touched: BitMap) -> BitMap:
        """Return the hosts whose old code is to be judged anew when the findings of these versions have changed."""
        if not touched:
            return BitMap()
        return BitMap([ordinal for ordinal, watched in self.watched.items() if watched.intersect(touched)])

    def _take_olds(self, hosts: BitMap, removed: Removed, now: datetime) -> None:
        """Judge anew the old code of these hosts."""
        for ordinal in hosts:
            self.olds.pop(ordinal, None)
            self.watched.pop(ordinal, None)
        asked = hosts & self.replica.past
        if not asked:
            return
        organisation_id = self.replica.organisation_id
        lines = load_by_ordinal(
            organisation_id=organisation_id, now=now, stale_after=self.rules.stale_after, ordinals=list(asked)
        )
        gone = removed_versions(organisation_id, lines, removed)
        olds = old_versions(organisation_id, self.risk, lines, gone)
        for line in lines:
            own = olds.get(line.id, ())
            self.watched[line.index] = gone[line.id] | BitMap([each.installed_id for each in own])
            if own:
                found = {self.risk.group_of[each] for each in line.package_set() & self.risk.affected}
                installed = [group for group in found if not has_kernel(self.risk, group)]
                self.olds[line.index] = tuple(old_findings(self.risk, own, installed))


def _reaches(own: Collection[Slice], hosts: BitMap) -> bool:
    return any(one.members.intersect(hosts) for one in own)
