"""The numbers of a view kept as they change: what came and went is added and taken off, and time moves on by itself.

For each slice it is known until when its numbers hold; a look at a later instant works out those alone whose time has
come.  Whoever counts once counts the slices (``counts``); a large organisation is counted at every page.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from pyroaring import BitMap

from oakum.core.priority import NO_DUE_AT
from oakum.findings.queries.fleet import Fleet
from oakum.findings.queries.slices import Slice

DUE_SOON = timedelta(days=7)
# Requests of the same moment come in any order; none is answered with the numbers of more than this later.
DISORDER_MAX = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The numbers of all slices; hosts are counted once."""

    by_remedy: Counter[str]
    overdue: int
    due_soon: int
    kev: int
    unverified: int
    host_affected: int
    host_overdue: int


@dataclass(frozen=True, slots=True)
class _Own:
    late: int
    soon: int


class Tally:
    """Totals of a set of slices at an instant that only moves forward."""

    def __init__(self, fleet: Fleet, slices: Iterable[Slice], now: datetime) -> None:
        """Count everything once."""
        self._fleet = fleet
        self._now = now
        self._own: dict[Slice, _Own] = {}
        self._waiting: list[tuple[datetime, int, Slice]] = []
        self._numbers = count()
        self._by_remedy: Counter[str] = Counter()
        self._overdue = self._soon = self._kev = self._unverified = 0
        self._affected, self._late = BitMap(), BitMap()
        for one in slices:
            self._add(one)
        self._affected = BitMap().union(*(one.members for one in self._own))
        self._late = self._all_late()

    @property
    def now(self) -> datetime:
        """The instant of the numbers."""
        return self._now

    def late_count(self, one: Slice) -> int:
        """Return how many of a slice's members are late."""
        return self._own[one].late

    def take(self, fleet: Fleet, *, gone: Iterable[Slice], come: Iterable[Slice]) -> None:
        """Take slices off and add others."""
        self._fleet = fleet
        before, late_before = BitMap(), BitMap()
        for one in gone:
            before |= one.members
            late_before |= self._late_of(one)
            self._remove(one)
        after, late_after = BitMap(), BitMap()
        for one in come:
            self._add(one)
            after |= one.members
            late_after |= self._late_of(one)
        present = fleet.enrolment.everyone
        self._affected = self._without((self._affected & present) | after, before - after, late=False)
        self._late = self._without((self._late & present) | late_after, late_before - late_after, late=True)

    def at(self, now: datetime) -> Totals:
        """Return the numbers of an instant, which may lie before the last one by DISORDER_MAX at most."""
        assert now >= self._now - DISORDER_MAX
        self._now = max(now, self._now)
        while self._waiting and self._waiting[0][0] <= self._now:
            one = heapq.heappop(self._waiting)[2]
            if one in self._own:
                self._remove(one)
                self._add(one)
                self._late |= self._late_of(one)
        return Totals(
            by_remedy=self._by_remedy.copy(),
            overdue=self._overdue,
            due_soon=self._soon,
            kev=self._kev,
            unverified=self._unverified,
            host_affected=len(self._affected),
            host_overdue=len(self._late),
        )

    def _add(self, one: Slice) -> None:
        late, soon, until = self._judge(one)
        self._own[one] = _Own(late, soon)
        self._count(one, len(one.members), late, soon)
        if until is not None:
            heapq.heappush(self._waiting, (until, next(self._numbers), one))

    def _judge(self, one: Slice) -> tuple[int, int, datetime | None]:
        """Return how many are late, how many due soon, and until when that holds (None: for good)."""
        if not one.can_be_overdue or one.first_due_at == NO_DUE_AT:
            return 0, 0, None
        if one.first_due_at > self._now + DUE_SOON:  # and so are all others
            return 0, 0, one.first_due_at - DUE_SOON
        size, late = len(one.members), len(self._late_of(one))
        if late == size:
            return late, 0, None
        soon = len(one.due_before(self._fleet, self._now + DUE_SOON + timedelta.resolution)) - late
        return late, soon, self._holds_until(one)

    def _remove(self, one: Slice) -> None:
        own = self._own.pop(one)
        self._count(one, -len(one.members), -own.late, -own.soon)

    def _count(self, one: Slice, size: int, late: int, soon: int) -> None:
        self._by_remedy[one.remedy] += size
        self._overdue += late
        self._soon += soon
        self._kev += size if one.group.kev else 0
        self._unverified += 0 if one.can_be_overdue else size

    def _late_of(self, one: Slice) -> BitMap:
        return one.due_before(self._fleet, self._now) if one.can_be_overdue else BitMap()

    def _holds_until(self, one: Slice) -> datetime | None:
        """Return the first instant at which another member is late or due soon; None: never.

        It may be early, which costs one more look, and is never late.
        """
        members, enrolment = one.members, self._fleet.enrolment
        found: list[datetime] = []
        for horizon in (timedelta(0), DUE_SOON):
            ahead = members - one.due_before(self._fleet, self._now + horizon)
            if ahead:
                due_at = one.schedule.due_at(enrolment.at[enrolment.first(ahead)])
                if due_at != NO_DUE_AT:
                    found.append(max(due_at - horizon, self._now) + timedelta.resolution)
        return min(found, default=None)

    def _all_late(self) -> BitMap:
        return BitMap().union(*(self._late_of(one) for one, own in self._own.items() if own.late))

    def _without(self, known: BitMap, left: BitMap, *, late: bool) -> BitMap:
        """Return ``known`` less those of ``left`` that are in no slice any more.

        A host that is affected at all is so in hundreds of slices: one of them is found soon.
        """
        missing = left.copy()
        for one, own in self._own.items():
            if not missing:
                break
            if (own.late if late else True) and one.members.intersect(missing):
                missing -= self._late_of(one) if late else one.members
        return known - missing
