"""Vulnerabilities of a view kept as they change: by CVE, with every slice that has it, the soonest first.

A CVE's own deadline is judged by that CVE alone.  Rows for pages are made elsewhere (``vulnerabilities``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from oakum.core.priority import Stated
from oakum.findings.queries.due import cve_dues
from oakum.findings.queries.fleet import Fleet
from oakum.findings.queries.risk import Hit, Risk, Threat
from oakum.findings.queries.slices import Slice, replace_sorted

by_sort_key = attrgetter("sort_key")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """One CVE with every slice that has it; ``due_at`` is its earliest, ``worst`` an advisory that rates it worst."""

    threat: Threat
    due_at: datetime
    worst: Hit
    slices: tuple[Slice, ...]
    sort_key: tuple[datetime, int, str]

    @property
    def severity(self) -> Stated:
        """The worst severity, and who says so."""
        return self.worst.advisory.severity_of(self.threat)


class Board:
    """The CVEs of a set of slices."""

    def __init__(self, risk: Risk, fleet: Fleet, slices: Iterable[Slice]) -> None:
        """Put every slice where it belongs."""
        self._spreads: dict[str, Spread] = {}
        self._ordered: list[Spread] = []
        self.ordered: Sequence[Spread] = ()
        self.take(risk, fleet, gone=(), come=slices)

    def take(self, risk: Risk, fleet: Fleet, *, gone: Iterable[Slice], come: Iterable[Slice]) -> None:
        """Take slices off and add others; only their CVEs are looked at."""
        left = dict.fromkeys(gone)
        added: dict[str, list[Slice]] = defaultdict(list)
        for one in come:
            for cve in one.group.cves:
                added[cve].append(one)
        touched = dict.fromkeys((*added, *(cve for one in left for cve in one.group.cves)))
        if not touched:
            return
        old = [self._spreads.pop(cve) for cve in touched if cve in self._spreads]
        slices = {one.threat.cve: [each for each in one.slices if each not in left] for one in old}
        for cve, own in added.items():
            slices[cve] = slices.get(cve, []) + own
        dues = _Dues(risk, fleet)
        for one in dict.fromkeys(each for own in slices.values() for each in own):
            dues.take(one, touched)
        new = [dues.spread(cve, tuple(own)) for cve, own in slices.items() if own]
        self._spreads.update((one.threat.cve, one) for one in new)
        replace_sorted(self._ordered, old, new, by_sort_key)
        self.ordered = tuple(self._ordered)

    def slices_of(self, cve: str) -> tuple[Slice, ...]:
        """Return the slices that have a CVE."""
        return self._spreads[cve].slices if cve in self._spreads else ()


def spread_of(risk: Risk, fleet: Fleet, cve: str, slices: tuple[Slice, ...]) -> Spread:
    """Return a CVE as it is on the hosts of these slices."""
    dues = _Dues(risk, fleet)
    for one in slices:
        dues.take(one, {cve})
    return dues.spread(cve, slices)


class _Dues:
    """The deadlines of some CVEs over slices."""

    def __init__(self, risk: Risk, fleet: Fleet) -> None:
        self._risk = risk
        self._fleet = fleet
        self._due_at: dict[str, datetime] = {}
        self._worst: dict[str, tuple[int, str, Hit, Threat]] = {}

    def take(self, one: Slice, wanted: Container[str]) -> None:
        """Look at a slice."""
        pack, enrolled_at = one.schedule.pack, self._fleet.enrolment.at[one.first]
        for hit, threat, due_at, rank in cve_dues(
            self._risk, one.group, pack, is_public=one.is_public, enrolled_at=enrolled_at
        ):
            cve = threat.cve
            if cve not in wanted:
                continue
            known = self._due_at.get(cve)
            if known is None or due_at < known:
                self._due_at[cve] = due_at
            worst = self._worst.get(cve)
            if worst is None or (rank, hit.ref) < worst[:2]:
                self._worst[cve] = (rank, hit.ref, hit, threat)

    def spread(self, cve: str, slices: tuple[Slice, ...]) -> Spread:
        """Return a CVE over its slices, all of which must have been taken."""
        (rank, _, hit, threat), due_at = self._worst[cve], self._due_at[cve]
        return Spread(threat=threat, due_at=due_at, worst=hit, slices=slices, sort_key=(due_at, rank, cve))
