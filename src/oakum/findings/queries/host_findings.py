"""Host findings as pages: filtered, counted, soonest deadline first.

Only the rows of the page are made; everything before them is counted in sets.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from pyroaring import BitMap

from oakum.core.compliance import Remedy
from oakum.core.errors import OperatorError
from oakum.core.priority import NO_DUE_AT, Stated
from oakum.findings.queries.cache import entry_of
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.offers import SourceOffer, load_offers
from oakum.findings.queries.risk import Affected
from oakum.findings.queries.slices import Slice
from oakum.findings.queries.values import (
    EMPTY_FILTER,
    PAGE_COUNT_MAX,
    SEARCH_LENGTH_MAX,
    SEVERITIES,
    FindingFilter,
    FindingPage,
    HostFinding,
    Rules,
)
from oakum.findings.queries.view import View, load_view
from oakum.fleet.context import FROM_DEFAULT

EXPORT_COUNT_MAX = 1_000_000  # 100,000 hosts with ten findings each
REMEDIES = tuple(remedy.value for remedy in Remedy if remedy is not Remedy.VERIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A slice, and those of its members that a filter lets through."""

    slice: Slice
    members: BitMap


def findings(
    *,
    organisation_id: UUID,
    rules: Rules,
    now: datetime,
    wanted: FindingFilter = EMPTY_FILTER,
    limit: int = 50,
    offset: int = 0,
) -> FindingPage:
    """Return a page of the organisation's host findings, soonest deadline first, at most PAGE_COUNT_MAX rows.

    Raises:
        OperatorError: the filter names a severity or remedy that does not exist (``filter_invalid``).
    """
    return page_of(
        load_view(organisation_id=organisation_id, rules=rules, now=now, host_ids=wanted.host_ids or None),
        organisation_id=organisation_id,
        wanted=wanted,
        limit=limit,
        offset=offset,
    )


def page_of(view: View, *, organisation_id: UUID, wanted: FindingFilter, limit: int, offset: int) -> FindingPage:
    """Return a page of a view that is loaded already."""
    limit, offset = max(1, min(limit, PAGE_COUNT_MAX)), max(0, offset)
    # Only the soonest slices are looked into; how many there are behind them is counted in sets.
    sieve = _sieve(view, wanted)
    keys = list(islice(soonest_first(view, sieve.chosen()), offset, offset + limit))
    total_count = sum(view.totals.by_remedy.values()) if wanted == EMPTY_FILTER else sieve.count()
    return FindingPage(
        rows=make_rows(view, organisation_id=organisation_id, keys=keys),
        total_count=total_count,
        limit=limit,
        offset=offset,
        host_unknown_count=view.unknown_count,
        host_silent_count=view.fleet.silent_count,
        as_of=view.as_of(),
    )


def all_findings(
    *, organisation_id: UUID, rules: Rules, now: datetime, wanted: FindingFilter = EMPTY_FILTER
) -> Iterator[HostFinding]:
    """Yield every host finding that the filter lets through, as one look saw them, soonest deadline first.

    For exports: at most EXPORT_COUNT_MAX, two queries for each PAGE_COUNT_MAX of them.

    Raises:
        OperatorError: the filter names a severity or remedy that does not exist (``filter_invalid``).
    """
    view = load_view(organisation_id=organisation_id, rules=rules, now=now, host_ids=wanted.host_ids or None)
    keys = islice(soonest_first(view, tuple(choose(view, wanted))), EXPORT_COUNT_MAX)
    while page := list(islice(keys, PAGE_COUNT_MAX)):
        yield from make_rows(view, organisation_id=organisation_id, keys=page)


def choose(view: View, wanted: FindingFilter) -> Iterator[Chosen]:
    """Yield the slices that the filter lets through, each with the members that it does, if any, the soonest first.

    Raises:
        OperatorError: the filter names a severity or remedy that does not exist (``filter_invalid``).
    """
    return _sieve(view, wanted).chosen()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sieve:
    """What a filter lets through: of which slices, and which of their members.

    ``matched`` are the groups that a search finds by themselves, ``named`` the hosts that it finds; None: no search.
    """

    view: View
    slices: Sequence[Slice]
    overdue: bool | None
    hosts: BitMap | None
    matched: frozenset[Affected] | None
    named: BitMap

    def chosen(self) -> Iterator[Chosen]:
        """Yield the slices with the members that are let through, if any."""
        for slice_ in self.slices:
            if members := self._members(slice_):
                yield Chosen(slice=slice_, members=members)

    def count(self) -> int:
        """Return how many findings are let through, without making what is listed."""
        if self.overdue is not None:
            return sum(len(self._members(slice_)) for slice_ in self.slices)
        if self.matched is None:
            return self._among(self.slices, self.hosts)
        by_themselves = [slice_ for slice_ in self.slices if slice_.group in self.matched]
        by_host = [slice_ for slice_ in self.slices if slice_.group not in self.matched] if self.named else []
        both = self.named if self.hosts is None else self.named & self.hosts
        return self._among(by_themselves, self.hosts) + self._among(by_host, both)

    @staticmethod
    def _among(slices: Sequence[Slice], hosts: BitMap | None) -> int:
        members = (slice_.members for slice_ in slices)
        return sum(map(len if hosts is None else hosts.intersection_cardinality, members))

    def _members(self, slice_: Slice) -> BitMap:
        members = slice_.members
        if self.overdue is not None:
            late = self.view.overdue(slice_)
            members = late if self.overdue else members - late
        if self.hosts is not None:
            members = members & self.hosts
        if self.matched is not None and slice_.group not in self.matched:
            members = members & self.named
        return members


def _sieve(view: View, wanted: FindingFilter) -> _Sieve:
    _check(wanted)
    slices: Sequence[Slice] = view.slices_of(wanted.cve) if wanted.cve else view.slices
    if any((wanted.package, wanted.severity, wanted.remedy, wanted.kev is not None)):
        slices = [slice_ for slice_ in slices if _group_is_wanted(slice_, wanted)]
    search = wanted.search.strip().lower()[:SEARCH_LENGTH_MAX]
    return _Sieve(
        view=view,
        slices=slices,
        overdue=wanted.overdue,
        hosts=_hosts_wanted(view, wanted),
        matched=_matched(slices, search) if search else None,
        named=view.fleet.named(search) if search else BitMap(),
    )


def _matched(slices: Sequence[Slice], search: str) -> frozenset[Affected]:
    return frozenset(group for group in {slice_.group for slice_ in slices} if search in group.search_text)


def _check(wanted: FindingFilter) -> None:
    for name, value, words in (
        ("severity", wanted.severity, SEVERITIES),
        ("remedy", wanted.remedy, REMEDIES),
    ):
        if value and value not in words:
            raise OperatorError(
                code="filter_invalid",
                sentence=f"{value!r} is no {name}.",
                next_step=f"Use one of: {', '.join(words)}.",
            )


def _hosts_wanted(view: View, wanted: FindingFilter) -> BitMap | None:
    if not wanted.host_ids and not wanted.group:
        return None
    among = view.fleet.of_ids(wanted.host_ids) if wanted.host_ids else view.fleet.enrolment.everyone
    return among & view.fleet.in_group(wanted.group) if wanted.group else among


def _group_is_wanted(slice_: Slice, wanted: FindingFilter) -> bool:
    group = slice_.group
    return (
        (not wanted.package or wanted.package == group.source_name or wanted.package in group.names.values())
        and (not wanted.severity or wanted.severity == group.severity)
        and (not wanted.remedy or wanted.remedy == slice_.remedy.value)
        and (wanted.kev is None or wanted.kev == group.kev)
    )


Key = tuple[datetime, int, str, str, int, int]  # due, severity, source, version, slice, host


def soonest_first(view: View, chosen: Iterable[Chosen]) -> Iterator[tuple[Slice, int]]:
    """Yield (slice, host index) by deadline, then severity, package and enrolment: as many as are asked for.

    ``chosen`` comes with the soonest slice first, so a slice is looked into only when its turn may have come.
    """
    waiting: list[tuple[Key, Slice, Iterator[Key]]] = []
    for number, one in enumerate(chosen):
        while waiting and waiting[0][0][:4] < one.slice.sort_key:
            yield _take_first(waiting)
        keys = _keys(view, one, number)
        heapq.heappush(waiting, (next(keys), one.slice, keys))
    while waiting:
        yield _take_first(waiting)


def _take_first(waiting: list[tuple[Key, Slice, Iterator[Key]]]) -> tuple[Slice, int]:
    """Take the soonest, and let the next of its slice wait in its place.  Keys differ, so nothing else is compared."""
    key, slice_, keys = waiting[0]
    following = next(keys, None)
    if following is None:
        heapq.heappop(waiting)
    else:
        heapq.heapreplace(waiting, (following, slice_, keys))
    return slice_, key[5]


def _keys(view: View, one: Chosen, number: int) -> Iterator[Key]:
    group = one.slice.group
    for index in view.fleet.enrolment.ordered(one.members):
        due_at = view.due_at(one.slice, index)
        yield due_at, group.severity_rank, group.source_name, group.source_version, number, index


def make_rows(view: View, *, organisation_id: UUID, keys: Collection[tuple[Slice, int]]) -> tuple[HostFinding, ...]:
    """Make the rows of a page: two queries more, for what the hosts' repositories offer, whatever their number."""
    view.fetch(index for _, index in keys)
    hosts = [view.host(index) for index in {index for _, index in keys}]
    offers = _offers(organisation_id, hosts)
    sets = {host.index: host.package_set() for host in hosts}
    return tuple(
        _row(view, slice_, view.host(index), sets[index], offers[view.host(index).id]) for slice_, index in keys
    )


def _row(
    view: View, slice_: Slice, host: HostLine, installed: BitMap, offers: Mapping[tuple[str, str], SourceOffer]
) -> HostFinding:
    group = slice_.group
    deadline = slice_.schedule.deadline(host.enrolled_at, reachability_of(host))
    offer = offers.get((group.stream, group.source_name))
    names = {name for version_id, name in group.names.items() if version_id in installed} or set(group.names.values())
    return HostFinding(
        host_id=host.id,
        hostname=host.hostname,
        stream=group.stream,
        package=group.source_name,
        packages=tuple(sorted(names)),
        version=group.source_version,
        advisories=tuple(hit.view for hit in group.hits),
        cves=group.cves,
        severity=group.severity,
        kev=group.kev,
        fixed_version=group.fixed_version,
        remedy=slice_.remedy,
        offered_version=offer.key[2] if offer else "",
        is_installable=_installable(host, group, offer),
        kept_back=offer.kept_back if offer else "",
        deadline=deadline,
        overdue=slice_.can_be_overdue and (deadline.due_at or NO_DUE_AT) < view.now,
        detected_at=max(slice_.schedule.since, host.enrolled_at),
        feeds=tuple(sorted({hit.feed for hit in group.hits})),
        presence=host.presence,
        packages_status=host.packages_status,
        inventory_at=host.inventory_at,
    )


def reachability_of(host: HostLine) -> Stated:
    """Return how a host can be reached, and who says so."""
    source = host.context.reachability_source
    return Stated(value=host.context.reachability, source=source, defaulted=source == FROM_DEFAULT)


def _installable(host: HostLine, group: Affected, offer: SourceOffer | None) -> str:
    """Say whether the host's own repositories offer a version that cures at least one of the findings.

    Yes, no or unknown.  A version that is kept back is not installable, whatever it would cure.
    """
    if host.offers_status != "known":
        return "unknown"
    if offer is None or offer.kept_back:
        return "no"
    cures = any(hit.fixed_key is not None and hit.fixed_key <= offer.cure_key for hit in group.hits)
    return "yes" if cures else "no"


def _offers(organisation_id: UUID, hosts: Collection[HostLine]) -> dict[UUID, dict[tuple[str, str], SourceOffer]]:
    """Return the newest offer of each source package (stream, name), host by host."""
    known = entry_of(organisation_id).offers
    told = load_offers(organisation_id=organisation_id, known=known, host_ids=[host.id for host in hosts])
    found: dict[UUID, dict[tuple[str, str], SourceOffer]] = {host.id: {} for host in hosts}
    for host_id, offers in told.items():
        for offer in sorted(offers, key=lambda one: one.source_key):
            found[host_id][offer.key[:2]] = offer
    return found
