"""A large organisation's hosts as the index has them, kept in this process and brought up to date by what has moved.

Bitmaps of ordinals by package version, and of each host the few things that decide where its findings stand.  Hosts'
rows are read only where a page shows them.  It knows no advisory (``standing``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from pyroaring import BitMap

from oakum.core.inventory import KNOWN
from oakum.findings.index.reading import ShardMark, read_hosts, shard_marks
from oakum.findings.index.shards import SHARD_ORDINAL_COUNT
from oakum.findings.models import GroupHosts, IndexedHost, IndexShard
from oakum.findings.queries.fleet import Enrolment
from oakum.findings.queries.fleet_side import HostLine, load_by_ordinal
from oakum.fleet.context import DEFAULT_ENVIRONMENT, ENVIRONMENTS
from oakum.fleet.models import Group, Host, HostState
from oakum.fleet.presence import never_seen, seen_before
from oakum.fleet.sets import load_set

ID_COUNT = 900  # in one statement
TRY_COUNT_MAX = 3
NOTHING = BitMap()


class IndexMovingError(Exception):
    """The index was built anew while it was read, again and again: the hosts' own rows must do."""


class StillLoadingError(Exception):
    """What is kept in memory is not there yet: the hosts' own rows must do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNote:
    """What is remembered of a host; ``reachability`` and ``environment`` are its own words, or empty."""

    enrolled_at: datetime
    reachability: str
    environment: str
    is_known: bool
    kernel_running: str
    has_past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupNote:
    """A group with its hosts; ``mark`` says of which memberships the bitmap was made."""

    name: str
    reachability: str
    environment: str
    mark: str
    hosts: BitMap


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What has changed since the last look: package versions' bitmaps, hosts, and hosts' kinds."""

    versions: BitMap
    hosts: BitMap
    kinds: BitMap
    everything: bool = False


@dataclass(slots=True, kw_only=True)
class Replica:
    """The bitmaps and the notes.  Bitmaps are replaced, never changed: what was handed out stays as it was."""

    organisation_id: UUID
    marks: tuple[ShardMark, ...] = ()
    hosts_by_version: dict[int, BitMap] = field(default_factory=dict)
    notes: dict[int, HostNote] = field(default_factory=dict)
    groups: dict[int, GroupNote] = field(default_factory=dict)
    enrolment: Enrolment = field(default_factory=lambda: Enrolment({}))
    public: BitMap = NOTHING
    known: BitMap = NOTHING
    past: BitMap = NOTHING
    silent: BitMap = NOTHING  # who do not say how they are reached, and who say that everybody reaches them
    own_public: BitMap = NOTHING
    environments: dict[str, BitMap] = field(default_factory=dict)  # by the hosts' own words
    inventory_instants: tuple[datetime | None, datetime | None] = (None, None)

    def copy(self) -> Replica:
        """Return another that goes on from here by itself; the bitmaps are shared, as they never change."""
        return replace(
            self, hosts_by_version=dict(self.hosts_by_version), notes=dict(self.notes), groups=dict(self.groups)
        )

    def look(self) -> Moved:
        """Take over what the index has gained.

        Raises:
            IndexMovingError: it was built anew at every try.
        """
        left = BitMap()  # whoever was known before everything is read anew: some may not come back
        for _ in range(TRY_COUNT_MAX):
            marks = tuple(mark for mark in shard_marks(self.organisation_id) if mark.generation)
            is_anew = _generations(marks) != _generations(self.marks)
            if is_anew:
                left |= BitMap(self.notes)
                self.hosts_by_version, self.notes, self.marks = {}, {}, ()
            versions, hosts = self._take(marks)
            if _generations(shard_marks(self.organisation_id)).issuperset(_generations(marks)):
                break
            self.marks = ()
        else:
            raise IndexMovingError
        self.marks = marks
        hosts |= left
        kinds = self._take_kinds(hosts)
        return Moved(versions=versions, hosts=hosts, kinds=kinds, everything=is_anew)

    def _take(self, marks: Sequence[ShardMark]) -> tuple[BitMap, BitMap]:
        before = {mark.shard_id: mark.revision for mark in self.marks}
        versions, hosts = BitMap(), BitMap()
        for mark in marks:
            after = before.get(mark.shard_id, -1)
            if mark.revision == after:
                continue
            first = IndexShard.objects.values_list("number", flat=True).get(id=mark.shard_id) * SHARD_ORDINAL_COUNT
            shard = BitMap(range(first, first + SHARD_ORDINAL_COUNT))
            for version_id, own in read_hosts(self.organisation_id, mark, after=after):
                former = self.hosts_by_version.get(version_id)
                self.hosts_by_version[version_id] = own if former is None else (former - shard) | own
                versions.add(version_id)
            hosts |= self._take_notes(mark, after)
        return versions, hosts

    def _take_notes(self, mark: ShardMark, after: int) -> BitMap:
        rows = IndexedHost.objects.filter(
            organisation_id=self.organisation_id, shard_id=mark.shard_id, generation=mark.generation
        )
        if after >= 0:
            rows = rows.filter(revision__gt=after)
        ordinals = dict(rows.values_list("ordinal", "has_left"))
        present = [ordinal for ordinal, has_left in ordinals.items() if not has_left]
        for ordinal in ordinals:
            self.notes.pop(ordinal, None)
        # Whoever the index has is noted, retired a moment ago or not: members must be known.
        whole, wanted = Host.objects.filter(organisation_id=self.organisation_id), frozenset(present)
        for own in [whole] if after < 0 else _parts(whole, present):
            self.notes.update((ordinal, note) for ordinal, note in _notes(own) if ordinal in wanted)
        return BitMap(ordinals)

    def _take_kinds(self, hosts: BitMap) -> BitMap:
        """Work out anew which hosts are public and so on; return those of which that has changed."""
        groups_moved = self._take_groups()
        self.inventory_instants = self._inventory_instants()
        if not hosts and not groups_moved:
            return NOTHING
        if hosts:
            self.enrolment = self._enrolment(hosts)
            self._take_words(hosts)
        by_groups = BitMap().union(*(one.hosts for one in self.groups.values() if one.reachability == "public"))
        public, known = self.own_public | (self.silent & by_groups), self._now(self.known, hosts, _is_known)
        moved = (public ^ self.public) | (known ^ self.known)
        self.public, self.known = public, known
        return moved

    def _take_words(self, hosts: BitMap) -> None:
        """Take over what these hosts say of themselves."""
        self.silent = self._now(self.silent, hosts, lambda note: not note.reachability)
        self.own_public = self._now(self.own_public, hosts, lambda note: note.reachability == "public")
        self.past = self._now(self.past, hosts, lambda note: note.has_past)
        self.environments = {
            word: self._now(self.environments.get(word, NOTHING), hosts, _is_in(word)) for word in ENVIRONMENTS
        }

    def _now(self, former: BitMap, hosts: BitMap, is_one: Callable[[HostNote], bool]) -> BitMap:
        """Return a kind's members after ``hosts`` have moved: only these are looked at."""
        notes = ((ordinal, self.notes.get(ordinal)) for ordinal in hosts)
        joined = BitMap([ordinal for ordinal, note in notes if note is not None and is_one(note)])
        return (former - hosts) | joined

    def _enrolment(self, hosts: BitMap) -> Enrolment:
        known = self.enrolment.at
        if all(
            (ordinal in known) == (ordinal in self.notes)
            and (ordinal not in known or known[ordinal] == self.notes[ordinal].enrolled_at)
            for ordinal in hosts
        ):
            return self.enrolment
        return Enrolment({ordinal: note.enrolled_at for ordinal, note in self.notes.items()})

    def _take_groups(self) -> bool:
        """Read which groups there are and, of those that have moved, their hosts; say whether any has."""
        rows = Group.objects.filter(organisation_id=self.organisation_id).values_list(
            "id", "name", "reachability", "environment"
        )
        told = {row[0]: row[1:] for row in rows}
        own = GroupHosts.objects.filter(organisation_id=self.organisation_id)
        marks = dict(own.values_list("group_id", "mark"))
        stale = [
            group_id
            for group_id in told
            if group_id not in self.groups or self.groups[group_id].mark != marks.get(group_id, "")
        ]
        members: dict[int, tuple[str, BitMap]] = {}
        for start in range(0, len(stale), ID_COUNT):
            found = own.filter(group_id__in=stale[start : start + ID_COUNT])
            members |= {row[0]: (row[1], load_set(row[2])) for row in found.values_list("group_id", "mark", "hosts")}
        groups = {}
        for group_id, (name, reachability, environment) in told.items():
            former = self.groups.get(group_id)
            mark, hosts = members.get(group_id) or ((former.mark, former.hosts) if former else ("", NOTHING))
            groups[group_id] = GroupNote(
                name=name, reachability=reachability, environment=environment, mark=mark, hosts=hosts
            )
        has_moved = bool(stale) or groups != self.groups
        self.groups = groups
        return has_moved

    def _inventory_instants(self) -> tuple[datetime | None, datetime | None]:
        rows = IndexShard.objects.filter(organisation_id=self.organisation_id)
        told = list(rows.values_list("inventory_oldest_at", "inventory_newest_at"))
        return (
            min((oldest for oldest, _ in told if oldest is not None), default=None),
            max((newest for _, newest in told if newest is not None), default=None),
        )


def _is_known(note: HostNote) -> bool:
    return note.is_known


def _is_in(word: str) -> Callable[[HostNote], bool]:
    return lambda note: note.environment == word


def _generations(marks: Iterable[ShardMark]) -> frozenset[tuple[int, int]]:
    return frozenset((mark.shard_id, mark.generation) for mark in marks if mark.generation)


def _parts(rows: QuerySet[Host], ordinals: Sequence[int]) -> Iterator[QuerySet[Host]]:
    for start in range(0, len(ordinals), ID_COUNT):
        yield rows.filter(ordinal__in=ordinals[start : start + ID_COUNT])


_NOTE_FIELDS = (
    *("ordinal", "enrolled_at", "reachability", "environment", "packages_status", "state", "kernel_running"),
    *("stale_status", "running_old_set"),
)


def _notes(rows: QuerySet[Host]) -> Iterator[tuple[int, HostNote]]:
    for row in rows.values_list(*_NOTE_FIELDS).iterator(chunk_size=5_000):
        yield (
            row[0],
            HostNote(
                enrolled_at=row[1],
                reachability=row[2],
                environment=row[3],
                is_known=row[4] == KNOWN and row[5] != HostState.QUARANTINED,
                kernel_running=row[6],
                has_past=row[7] != KNOWN or bool(load_set(row[8])),
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFleet:
    """A replica's hosts at one instant (``fleet.Fleet``); their indexes are their ordinals."""

    organisation_id: UUID
    now: datetime
    stale_after: timedelta
    enrolment: Enrolment
    public: BitMap
    known: BitMap
    inventory_instants: tuple[datetime | None, datetime | None]
    groups: tuple[GroupNote, ...]
    own_environments: Mapping[str, BitMap]
    hosts_by_version: Mapping[int, BitMap]

    @property
    def silent_count(self) -> int:
        """See ``Fleet``."""
        return self._silent().count() + self._present().filter(never_seen()).count()

    def _present(self) -> QuerySet[Host]:
        return Host.objects.filter(organisation_id=self.organisation_id).exclude(state=HostState.RETIRED)

    def _silent(self) -> QuerySet[Host]:
        return self._present().filter(seen_before(self.now - self.stale_after))

    @property
    def offers_unknown_count(self) -> int:
        """See ``Fleet``."""
        return self._present().exclude(offers_status=KNOWN).count()

    def with_any(self, version_ids: BitMap) -> BitMap:
        """See ``Fleet``."""
        found = (self.hosts_by_version.get(each, NOTHING) for each in version_ids)
        return BitMap().union(*found) & self.enrolment.everyone

    def lines(self, indexes: Collection[int] | None = None) -> Sequence[HostLine]:
        """See ``Fleet``."""
        if indexes is None:
            return [row for row in self._load(None) if row.index in self.enrolment.everyone]
        return self._load(indexes)

    def _load(self, ordinals: Collection[int] | None) -> Sequence[HostLine]:
        return load_by_ordinal(
            organisation_id=self.organisation_id, now=self.now, stale_after=self.stale_after, ordinals=ordinals
        )

    def of_ids(self, host_ids: Collection[UUID]) -> BitMap:
        """See ``Fleet``."""
        wanted, found = list(host_ids), BitMap()
        for start in range(0, len(wanted), ID_COUNT):
            rows = self._present().filter(id__in=wanted[start : start + ID_COUNT])
            found.update(rows.values_list("ordinal", flat=True))
        return found & self.enrolment.everyone

    def in_group(self, name: str) -> BitMap:
        """See ``Fleet``."""
        members = BitMap().union(*(one.hosts for one in self.groups if one.name == name))
        return members & self.enrolment.everyone

    def named(self, search: str) -> BitMap:
        """See ``Fleet``."""
        rows = self._present().filter(hostname__icontains=search)
        return BitMap(rows.values_list("ordinal", flat=True)) & self.enrolment.everyone

    def by_group(self) -> Mapping[str, BitMap]:
        """See ``Fleet``."""
        return {one.name: one.hosts & self.enrolment.everyone for one in self.groups}

    def by_environment(self) -> Mapping[str, BitMap]:
        """See ``Fleet``."""
        found: dict[str, BitMap] = {}
        left = self.enrolment.everyone - BitMap().union(*self.own_environments.values())
        for word in ENVIRONMENTS:
            told = left & BitMap().union(*(one.hosts for one in self.groups if one.environment == word))
            found[word] = self.own_environments.get(word, NOTHING) | told
            left = left - told
        found[DEFAULT_ENVIRONMENT] = found[DEFAULT_ENVIRONMENT] | left
        return found

    def unheard(self, limit: int) -> Sequence[HostLine]:
        """See ``Fleet``."""
        never = self._present().filter(never_seen()).order_by("hostname", "id")
        silent = self._silent().order_by("last_seen_at", "hostname")
        found = (rows.values_list("ordinal", flat=True)[:limit] for rows in (never, silent))
        chosen = [ordinal for ordinals in found for ordinal in ordinals][:limit]
        rows = {row.index: row for row in self.lines(chosen)}
        return [rows[ordinal] for ordinal in chosen if ordinal in rows]

    def untold(self, limit: int) -> Sequence[HostLine]:
        """See ``Fleet``."""
        rows = self._present().filter(~Q(packages_status=KNOWN) | Q(state=HostState.QUARANTINED))
        rows = rows.filter(last_seen_at__gte=self.now - self.stale_after).order_by("hostname", "id")
        found = self.lines(list(rows.values_list("ordinal", flat=True)[:limit]))
        return sorted(found, key=lambda row: (row.hostname, row.id))


def fleet_of(replica: Replica, *, now: datetime, stale_after: timedelta) -> IndexedFleet:
    """Return the replica's hosts as they stand now."""
    return IndexedFleet(
        organisation_id=replica.organisation_id,
        now=now,
        stale_after=stale_after,
        enrolment=replica.enrolment,
        public=replica.public & replica.enrolment.everyone,
        known=replica.known,
        inventory_instants=replica.inventory_instants,
        groups=tuple(replica.groups.values()),
        own_environments=replica.environments,
        hosts_by_version=replica.hosts_by_version,
    )
