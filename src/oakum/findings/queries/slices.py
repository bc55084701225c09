"""Slices: one group of affected versions on all the hosts that have it in the same way, as one bitmap.

Everything that is counted or listed is made of them.  It reads nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from pyroaring import BitMap

from oakum.core.compliance import OldCode, Remedy, RemedyFacts, remedy_state
from oakum.core.priority import NO_DUE_AT
from oakum.findings.queries.due import Schedule, schedule_of
from oakum.findings.queries.fleet import Fleet
from oakum.findings.queries.kernels import Whereabouts
from oakum.findings.queries.risk import Affected, Risk
from oakum.findings.queries.values import Rules

T = TypeVar("T")
NOBODY = BitMap()
Place = tuple[Affected, Whereabouts]

_OLD_CODE = {
    Whereabouts.INSTALLED: OldCode.NO,
    Whereabouts.OLD_KERNEL: OldCode.KERNEL,
    Whereabouts.OLD_SERVICE: OldCode.SERVICE,
    Whereabouts.OLD_UNSEEN: OldCode.UNKNOWN,
}

SortKey = tuple[datetime, int, str, str]
by_sort_key = attrgetter("sort_key")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """One group on hosts of the same kind; ``members`` are their indexes, never empty, never changed.

    ``first`` is the member that was enrolled first, ``first_due_at`` its deadline: the earliest of all.
    """

    group: Affected
    whereabouts: Whereabouts
    is_public: bool
    remedy: Remedy
    schedule: Schedule
    members: BitMap
    first: int
    first_due_at: datetime
    sort_key: SortKey  # soonest deadline first, then severity and package

    @property
    def can_be_overdue(self) -> bool:
        """Whether lateness is known: not where a fix is on disk and nobody could see what runs."""
        return self.whereabouts is not Whereabouts.OLD_UNSEEN

    def due_before(self, fleet: Fleet, instant: datetime, schedule: Schedule | None = None) -> BitMap:
        """Return the members that are due before ``instant``, by the slice's own schedule or another."""
        bound = (schedule or self.schedule).enrolled_before(instant)
        if bound is None:
            return BitMap()
        if bound == NO_DUE_AT:
            return self.members
        before = fleet.enrolment.before(bound)
        return self.members if self.members.issubset(before) else self.members & before


def slices_at(risk: Risk, rules: Rules, fleet: Fleet, place: Place, members: BitMap) -> Iterator[Slice]:
    """Yield the slices of one place: its hosts by whether they are public, and whether they know their packages."""
    group, whereabouts = place
    for is_public in (False, True):
        reached = _part(members, fleet.public, inside=is_public)
        for knows in (True, False) if reached else ():
            own = _part(reached, fleet.known, inside=knows)
            if own:
                first = fleet.enrolment.first(own)
                schedule = schedule_of(risk, group, rules.pack, is_public=is_public)
                due_at = schedule.due_at(fleet.enrolment.at[first])
                yield Slice(
                    group=group,
                    whereabouts=whereabouts,
                    is_public=is_public,
                    remedy=_remedy(group, whereabouts, knows=knows),
                    schedule=schedule,
                    members=own,
                    first=first,
                    first_due_at=due_at,
                    sort_key=(due_at, group.severity_rank, group.source_name, group.source_version),
                )


REPLACED_COUNT_MAX = 2_000  # put right one by one; more are sorted anew


def replace_sorted(ordered: list[T], gone: Sequence[T], come: Sequence[T], key: Callable[[T], Any]) -> None:
    """Take things off a sorted list and put others in: a few cost next to nothing, however long the list."""
    if len(gone) + len(come) > REPLACED_COUNT_MAX:
        left = {id(one) for one in gone}
        ordered[:] = sorted([*(one for one in ordered if id(one) not in left), *come], key=key)
        return
    for one in gone:
        place = bisect_left(ordered, key(one), key=key)
        while ordered[place] is not one:
            place += 1
        del ordered[place]
    for one in come:
        insort(ordered, one, key=key)


def _part(members: BitMap, others: BitMap, *, inside: bool) -> BitMap:
    """Return the members inside or outside of others; the very object where these are all: it is shared, not copied."""
    if not members.intersect(others):
        return NOBODY if inside else members
    part = members & others if inside else members - others
    return members if len(part) == len(members) else part


def make_slices(risk: Risk, rules: Rules, fleet: Fleet, places: Mapping[Place, BitMap]) -> tuple[Slice, ...]:
    """Return all slices, soonest deadline first."""
    found = [one for place, members in places.items() for one in slices_at(risk, rules, fleet, place, members)]
    return tuple(sorted(found, key=by_sort_key))


def _remedy(group: Affected, whereabouts: Whereabouts, *, knows: bool) -> Remedy:
    return remedy_state(
        RemedyFacts(
            packages_status="known" if knows else "unknown",
            affected_is_installed=whereabouts is Whereabouts.INSTALLED,
            fix_is_known=bool(group.fixed_version),
            old_code=_OLD_CODE[whereabouts],
        )
    )
