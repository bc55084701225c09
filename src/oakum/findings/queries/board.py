"""Vulnerabilities of a view kept as they change: by CVE, with every slice that has it, the soonest first.

A CVE's own deadline is judged by that CVE alone.  Rows for pages are made elsewhere (``vulnerabilities``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from oakum.core.priority import Stated
from oakum.findings.queries.due import CveDue, cve_dues, severity_rank
from oakum.findings.queries.fleet import Fleet
from oakum.findings.queries.risk import Risk, Threat
from oakum.findings.queries.slices import Slice, replace_sorted

by_sort_key = attrgetter("sort_key")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """One CVE with every slice that has it; ``due_at`` is its earliest, ``severity`` its worst."""

    threat: Threat
    due_at: datetime
    severity: Stated
    slices: tuple[Slice, ...]
    sort_key: tuple[datetime, int, str]


class Board:
    """The CVEs of a set of slices."""

    def __init__(self, risk: Risk, fleet: Fleet, slices: Iterable[Slice]) -> None:
        """Put every slice where it belongs."""
        self._slices: dict[str, dict[Slice, None]] = defaultdict(dict)
        self._spreads: dict[str, Spread] = {}
        self._ordered: list[Spread] = []
        self.ordered: Sequence[Spread] = ()
        self.take(risk, fleet, gone=(), come=slices)

    def take(self, risk: Risk, fleet: Fleet, *, gone: Iterable[Slice], come: Iterable[Slice]) -> None:
        """Take slices off and add others; only their CVEs are looked at."""
        touched: dict[str, None] = {}
        for one in gone:
            for cve in one.group.cves:
                touched[cve] = self._slices[cve].pop(one, None)
        for one in come:
            for cve in one.group.cves:
                touched[cve] = self._slices[cve].setdefault(one)
        if not touched:
            return
        old = [self._spreads.pop(cve) for cve in touched if cve in self._spreads]
        dues = _Dues(risk, fleet)
        for cve in touched:
            for one in self._slices[cve]:
                dues.take(one, touched)
        new = []
        for cve in touched:
            if own := tuple(self._slices[cve]):
                self._spreads[cve] = dues.spread(cve, own)
                new.append(self._spreads[cve])
            else:
                del self._slices[cve]
        replace_sorted(self._ordered, old, new, by_sort_key)
        self.ordered = tuple(self._ordered)

    def slices_of(self, cve: str) -> tuple[Slice, ...]:
        """Return the slices that have a CVE."""
        return tuple(self._slices[cve]) if cve in self._slices else ()


def spread_of(risk: Risk, fleet: Fleet, cve: str, slices: tuple[Slice, ...]) -> Spread:
    """Return a CVE as it is on the hosts of these slices."""
    dues = _Dues(risk, fleet)
    for one in slices:
        dues.take(one, {cve: None})
    return dues.spread(cve, slices)


class _Dues:
    """The deadlines of some CVEs over slices, each slice worked out once however many CVEs it has."""

    def __init__(self, risk: Risk, fleet: Fleet) -> None:
        self._risk = risk
        self._fleet = fleet
        self._taken: set[Slice] = set()
        self._found: dict[str, CveDue] = {}

    def take(self, one: Slice, wanted: Collection[str]) -> None:
        """Look at a slice, unless it was looked at before."""
        if one in self._taken:
            return
        self._taken.add(one)
        pack, enrolled_at = one.schedule.pack, self._fleet.enrolment.at[one.first]
        dues = cve_dues(self._risk, one.group, pack, is_public=one.is_public, enrolled_at=enrolled_at)
        for cve, due in dues.items():
            if cve in wanted:
                before = self._found.get(cve)
                self._found[cve] = due if before is None else _worse(before, due)

    def spread(self, cve: str, slices: tuple[Slice, ...]) -> Spread:
        """Return a CVE over its slices, all of which must have been taken."""
        due = self._found[cve]
        return Spread(
            threat=due.threat,
            due_at=due.due_at,
            severity=due.severity,
            slices=slices,
            sort_key=(due.due_at, severity_rank(due.severity), cve),
        )


def _worse(one: CveDue, other: CveDue) -> CveDue:
    return CveDue(
        threat=one.threat,
        due_at=min(one.due_at, other.due_at),
        severity=min(one.severity, other.severity, key=severity_rank),
    )
