"""The hosts of a view as numbers in bitmaps: who they are, in which order they were enrolled, how to find some of them.

Two kinds: ``PlainFleet`` holds every host's row and numbers them by enrolment; ``replica.IndexedFleet`` holds none and
goes by the index, whose numbers are ordinals.  Neither knows an advisory.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pyroaring import BitMap

from oakum.core.priority import NO_DUE_AT
from oakum.findings.queries.fleet_side import HostLine

BOUND_COUNT_MAX = 64  # remembered: a pack has a handful of times, and each request its instant


class Enrolment:
    """When each host was enrolled: the order in which deadlines fall.

    Numbers ascend with enrolment but for a few (two hosts enrol at once, a database was restored); those are kept
    apart, so that the first of a bitmap is found without walking it.
    """

    def __init__(self, at: Mapping[int, datetime]) -> None:
        """Take the instants by index."""
        self.at = at
        self._order = sorted(at, key=lambda index: (at[index], index))
        self._instants = [at[index] for index in self._order]
        self.everyone = BitMap(self._order)
        self._odd = BitMap()
        highest = -1
        for index in self._order:
            if index < highest:
                self._odd.add(index)
            highest = max(highest, index)
        self._before: dict[datetime, BitMap] = {}

    def before(self, bound: datetime) -> BitMap:
        """Return everybody who was enrolled before the bound."""
        if bound == NO_DUE_AT:
            return self.everyone
        if bound not in self._before:
            if len(self._before) >= BOUND_COUNT_MAX:
                self._before.clear()
            found = BitMap(self._order[: bisect_left(self._instants, bound)])
            found.run_optimize()
            self._before[bound] = found
        return self._before[bound]

    def first(self, members: BitMap) -> int:
        """Return the member that was enrolled first."""
        odd = members & self._odd if self._odd else self._odd
        if not odd:
            return int(members.min())
        regular = members - odd
        candidates = [*odd, regular.min()] if regular else list(odd)
        return min(candidates, key=lambda index: (self.at[index], index))

    def ordered(self, members: BitMap) -> Iterable[int]:
        """Return the members in order of enrolment."""
        if self._odd and self._odd.intersect(members):
            return sorted(members, key=lambda index: (self.at[index], index))
        return members


class Fleet(Protocol):
    """The hosts of a view."""

    @property
    def enrolment(self) -> Enrolment:
        """When they were enrolled."""

    @property
    def public(self) -> BitMap:
        """Those that can be reached from outside."""

    @property
    def known(self) -> BitMap:
        """Those whose last inventory report could tell their packages."""

    @property
    def silent_count(self) -> int:
        """How many were not heard of lately, or never."""

    @property
    def inventory_instants(self) -> tuple[datetime | None, datetime | None]:
        """The oldest and the newest inventory, None where nobody has reported."""

    @property
    def offers_unknown_count(self) -> int:
        """How many could not tell what they are offered."""

    def with_any(self, version_ids: BitMap) -> BitMap:
        """Return those that have any of these package versions."""

    def lines(self, indexes: Collection[int] | None = None) -> Sequence[HostLine]:
        """Return these hosts' rows (None: everybody's), by enrolment."""

    def of_ids(self, host_ids: Collection[UUID]) -> BitMap:
        """Return those of these ids."""

    def in_group(self, name: str) -> BitMap:
        """Return the members of the group of exactly this name."""

    def named(self, search: str) -> BitMap:
        """Return those with ``search`` (in lower case) in their name."""

    def by_group(self) -> Mapping[str, BitMap]:
        """Return the hosts of each group."""

    def by_environment(self) -> Mapping[str, BitMap]:
        """Return the hosts of each environment, as they say themselves or else as their groups do."""

    def unheard(self, limit: int) -> Sequence[HostLine]:
        """Return the first that were never heard of, by name, then those that fell silent, longest first."""

    def untold(self, limit: int) -> Sequence[HostLine]:
        """Return the first, by name, that are heard of and cannot tell their packages."""


class PlainFleet:
    """Hosts whose rows are all loaded, numbered by enrolment."""

    def __init__(self, hosts: Sequence[HostLine]) -> None:
        """Take the rows in order of enrolment, their indexes being their places."""
        self._hosts = tuple(hosts)
        self.enrolment = Enrolment({host.index: host.enrolled_at for host in hosts})
        self.public = BitMap([host.index for host in hosts if host.is_public])
        self.known = BitMap([host.index for host in hosts if host.knows_packages])
        self.silent_count = sum(host.presence != "seen" for host in hosts)

    @property
    def inventory_instants(self) -> tuple[datetime | None, datetime | None]:
        """See ``Fleet``."""
        told = [host.inventory_at for host in self._hosts if host.inventory_at is not None]
        return min(told, default=None), max(told, default=None)

    @property
    def offers_unknown_count(self) -> int:
        """See ``Fleet``."""
        return sum(host.offers_status != "known" for host in self._hosts)

    def with_any(self, version_ids: BitMap) -> BitMap:
        """See ``Fleet``."""
        return BitMap([host.index for host in self._hosts if version_ids.intersect(host.package_set())])

    def lines(self, indexes: Collection[int] | None = None) -> Sequence[HostLine]:
        """See ``Fleet``."""
        return self._hosts if indexes is None else [self._hosts[index] for index in sorted(indexes)]

    def of_ids(self, host_ids: Collection[UUID]) -> BitMap:
        """See ``Fleet``."""
        wanted = frozenset(host_ids)
        return BitMap([host.index for host in self._hosts if host.id in wanted])

    def in_group(self, name: str) -> BitMap:
        """See ``Fleet``."""
        return BitMap([host.index for host in self._hosts if name in host.groups])

    def named(self, search: str) -> BitMap:
        """See ``Fleet``."""
        return BitMap([host.index for host in self._hosts if search in host.hostname.lower()])

    def by_group(self) -> Mapping[str, BitMap]:
        """See ``Fleet``."""
        return _by_word((name, host.index) for host in self._hosts for name in host.groups)

    def by_environment(self) -> Mapping[str, BitMap]:
        """See ``Fleet``."""
        return _by_word((host.context.environment, host.index) for host in self._hosts)

    def unheard(self, limit: int) -> Sequence[HostLine]:
        """See ``Fleet``."""
        never = [host for host in self._hosts if host.presence == "never"]
        silent = [(host.last_seen_at, host.hostname, host) for host in self._hosts if host.last_seen_at is not None]
        gone = sorted((each for each in silent if each[2].presence == "silent"), key=lambda each: each[:2])
        return [*sorted(never, key=_by_name), *(host for _, _, host in gone)][:limit]

    def untold(self, limit: int) -> Sequence[HostLine]:
        """See ``Fleet``."""
        found = [host for host in self._hosts if host.presence == "seen" and not host.knows_packages]
        return sorted(found, key=_by_name)[:limit]


def _by_name(host: HostLine) -> tuple[str, UUID]:
    return host.hostname, host.id


def _by_word(pairs: Iterable[tuple[str, int]]) -> dict[str, BitMap]:
    found: dict[str, BitMap] = defaultdict(BitMap)
    for word, index in pairs:
        found[word].add(index)
    return dict(found)
