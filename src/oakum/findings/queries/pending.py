"""Updates as hosts are offered them, and what each would cure where: the shared ground of ``patches`` and ``patch``.

An update is one source package at one version.  It cures a finding of a host that has it pending if the finding's fix
is not newer than the update.  It says nothing of how updates are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion, ReleaseNote, Update
from oakum.core.streams import scheme_of_stream
from oakum.findings.queries.cache import entry_of
from oakum.findings.queries.due import Schedule, schedule_of
from oakum.findings.queries.kernels import Whereabouts
from oakum.findings.queries.offers import SourceOffer, UpdateKey, load_offered, load_offers
from oakum.findings.queries.risk import Affected, Hit, Risk, cure_key, make_group
from oakum.findings.queries.slices import Slice
from oakum.findings.queries.view import View

NAME_COUNT_MAX = 1_000  # in one statement

Source = tuple[str, str]  # stream, source name


@dataclass(slots=True, kw_only=True)
class Pending:
    """Where one update is pending: each form of its offer, with the indexes of the hosts that are offered it so."""

    forms: list[tuple[SourceOffer, BitMap]] = field(default_factory=list)

    @property
    def hosts(self) -> BitMap:
        """Everybody who is offered it."""
        return BitMap().union(*(hosts for _, hosts in self.forms))

    def offer_to(self, index: int) -> SourceOffer:
        """Return the offer to one of the hosts."""
        return next(offer for offer, hosts in self.forms if index in hosts)

    def kept_back_count(self, hosts: BitMap) -> int:
        """Return on how many of ``hosts`` an upgrade would not take it."""
        return sum(own.intersection_cardinality(hosts) for offer, own in self.forms if offer.kept_back)

    @property
    def packages(self) -> frozenset[str]:
        """The binary packages that the hosts would get."""
        return frozenset(name for offer, _ in self.forms for name, _ in offer.brings)

    @property
    def replaces(self) -> frozenset[tuple[str, str]]:
        """The binary packages and versions that it would replace somewhere."""
        return frozenset(each for offer, _ in self.forms for each in offer.replaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """What an update would cure of one slice: the findings as a group of their own, and the hosts.

    ``first`` is the one of them that was enrolled first.
    """

    slice: Slice
    group: Affected
    schedule: Schedule
    members: BitMap
    first: int


def pending_updates(
    view: View, *, organisation_id: UUID, host_ids: Collection[UUID] | None = None
) -> dict[UpdateKey, Pending]:
    """Return every update that a host of the view (of ``host_ids``) is offered, with the hosts that are."""
    found: dict[UpdateKey, Pending] = defaultdict(Pending)
    for offers, hosts in _offered(view, organisation_id, host_ids):
        for offer in offers if hosts else ():
            found[offer.key].forms.append((offer, hosts))
    return found


def _offered(
    view: View, organisation_id: UUID, host_ids: Collection[UUID] | None
) -> Iterator[tuple[tuple[SourceOffer, ...], BitMap]]:
    """Yield what hosts of the view are offered, each different list with the hosts' indexes."""
    known = entry_of(organisation_id).offers
    if view.kept is not None:
        everyone = view.fleet.enrolment.everyone
        for offers, ordinals in load_offered(organisation_id=organisation_id, known=known):
            yield offers, ordinals & everyone
        return
    told = load_offers(organisation_id=organisation_id, known=known, host_ids=host_ids)
    members: dict[int, list[int]] = defaultdict(list)
    lists = {id(offers): offers for offers in told.values()}
    for host in view.hosts:
        if host.id in told:
            members[id(told[host.id])].append(host.index)
    for key, indexes in members.items():
        yield lists[key], BitMap(indexes)


def slices_by_source(view: View, wanted: Collection[Source]) -> dict[Source, list[Slice]]:
    """Return the slices of installed versions of these source packages: only these an update can cure."""
    names = frozenset(name for _, name in wanted)
    found: dict[Source, list[Slice]] = defaultdict(list)
    for slice_ in view.slices:
        if slice_.group.source_name in names and slice_.whereabouts is Whereabouts.INSTALLED:
            found[(slice_.group.stream, slice_.group.source_name)].append(slice_)
    return found


def cures_of(view: View, slices: Iterable[Slice], *, update: UpdateLine, hosts: BitMap) -> list[Cure]:
    """Return what an update would cure on ``hosts``."""
    if not hosts:
        return []
    found, key = [], update.cure_key
    for slice_ in slices:
        group = _cured(slice_.group, key)
        members = slice_.members & hosts if group else BitMap()
        if group and members:
            schedule = schedule_of(view.risk, group, view.rules.pack, is_public=slice_.is_public)
            first = view.fleet.enrolment.first(members)
            found.append(Cure(slice=slice_, group=group, schedule=schedule, members=members, first=first))
    return found


def _cured(group: Affected, cures_until: bytes) -> Affected | None:
    """Return ``group`` with only those findings whose fix is not newer than the update; None if there are none."""
    if all(_is_cured(hit, cures_until) for hit in group.hits):
        return group
    key = ("cured", cures_until)
    if key not in group.memo:
        hits = tuple(hit for hit in group.hits if _is_cured(hit, cures_until))
        group.memo[key] = make_group(group, group.names, hits) if hits else None
    found = group.memo[key]
    assert found is None or isinstance(found, Affected)
    return found


def _is_cured(hit: Hit, cures_until: bytes) -> bool:
    return hit.fixed_key is not None and hit.fixed_key <= cures_until


def late(view: View, cure: Cure) -> BitMap:
    """Return the hosts whose deadline for what is cured has passed."""
    bound = cure.schedule.enrolled_before(view.now)
    return BitMap() if bound is None else cure.members & view.fleet.enrolment.before(bound)


def earliest_due(view: View, cures: Iterable[Cure]) -> datetime | None:
    """Return the earliest deadline that an update would meet, NO_DUE_AT included; None without any finding."""
    return min((cure.schedule.due_at(view.enrolled_at(cure.first)) for cure in cures), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """One changelog entry, as far as lists need it."""

    order_key: bytes
    cves: tuple[str, ...]


def note_lines(organisation_id: UUID, sources: Collection[Source]) -> dict[Source, list[NoteLine]]:
    """Return the changelog entries known of these sources, without their texts."""
    found: dict[Source, list[NoteLine]] = defaultdict(list)
    for stream in sorted({source[0] for source in sources}):
        names = sorted({name for of_stream, name in sources if of_stream == stream})
        for start in range(0, len(names), NAME_COUNT_MAX):
            rows = ReleaseNote.objects.filter(
                organisation_id=organisation_id, stream=stream, source_name__in=names[start : start + NAME_COUNT_MAX]
            )
            for name, key, cves in rows.values_list("source_name", "order_key", "cves"):
                found[(stream, name)].append(NoteLine(order_key=bytes(key), cves=tuple(cves)))
    return found


def installed_keys(view: View, pending: Mapping[UpdateKey, Pending]) -> dict[UpdateKey, bytes]:
    """Return the oldest installed source version's order key per update: notes older than it are no news to anybody.

    An update that only adds packages has none and is left out, as is one whose replaced version was never reported.
    """
    wanted = {key: {(key[0], *each) for each in one.replaces} for key, one in pending.items()}
    known = _source_keys(view.risk, {each for names in wanted.values() for each in names})
    found: dict[UpdateKey, bytes] = {}
    for key, names in wanted.items():
        keys = [known[each] for each in names if each in known]
        if keys:
            found[key] = min(keys)
    return found


def _source_keys(risk: Risk, wanted: set[tuple[str, str, str]]) -> dict[tuple[str, str, str], bytes]:
    missing = {each for each in wanted if ("source_key", *each) not in risk.memo}
    for stream in sorted({each[0] for each in missing}):
        names = sorted({each[1] for each in missing if each[0] == stream})
        for start in range(0, len(names), NAME_COUNT_MAX):
            rows = PackageVersion.objects.filter(stream=stream, name__in=names[start : start + NAME_COUNT_MAX])
            for name, version, key in rows.values_list("name", "version", "source_order_key"):
                risk.memo[("source_key", stream, name, version)] = bytes(key)
    known = ((each, risk.memo.get(("source_key", *each))) for each in wanted)
    return {each: key for each, key in known if isinstance(key, bytes)}


def note_cves(lines: Iterable[NoteLine], *, after: bytes | None, until: bytes) -> set[str]:
    """Return the CVEs that entries name after the installed version (None: from the start), up to the update."""
    return {
        cve
        for line in lines
        if line.order_key <= until and (after is None or line.order_key > after)
        for cve in line.cves
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLine:
    """One update of the organisation, as far as lists need it."""

    id: int
    key: UpdateKey
    source_key: bytes
    kind: str

    @property
    def cure_key(self) -> bytes:
        """What fixes are compared with."""
        return cure_key(
            scheme=scheme_of_stream(self.key[0]),
            source_name=self.key[1],
            source_version=self.key[2],
            source_key=self.source_key,
        )


def update_lines(organisation_id: UUID, update_id: int | None = None) -> tuple[UpdateLine, ...]:
    """Return the organisation's updates, or the one of this id."""
    rows = Update.objects.filter(organisation_id=organisation_id)
    if update_id is not None:
        rows = rows.filter(id=update_id)
    return tuple(
        UpdateLine(id=row[0], key=(row[1], row[2], row[3]), source_key=bytes(row[4]), kind=row[5])
        for row in rows.values_list("id", "stream", "source_name", "source_version", "source_order_key", "kind")
    )
