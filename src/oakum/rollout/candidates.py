"""Rows to candidates: the hosts asked for, what they are offered of the updates asked for, what is in the way.

It decides nothing: who is covered with which version is ``core.planning.scope``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar, assert_never
from uuid import UUID

from oakum.catalogue.models import PackageVersion, Update, UpdateKind
from oakum.core.errors import NotFoundError, OperatorError
from oakum.core.planning.scope import Candidate, Offer, Standing, obstacle_of
from oakum.core.planning.values import HOST_COUNT_MAX, MOVING, HostId, HostState, RolloutState
from oakum.findings.queries import PAGE_COUNT_MAX, PatchFilter, patches
from oakum.fleet import queries as fleet
from oakum.fleet.models import Host
from oakum.policy.queries import rules_of
from oakum.rollout.models import RolloutHost
from oakum.rollout.requests import (
    AllHosts,
    CuresFor,
    GroupHosts,
    HostChoice,
    HostsById,
    PendingSecurity,
    RingChoice,
    RingsByName,
    Selection,
    SourcesByName,
    UpdatesById,
)

ID_CHUNK_COUNT = 500  # ids in one statement
UPDATE_COUNT_MAX = 5_000  # updates of one rollout
_COLUMNS = (
    "id",
    "hostname",
    "stream",
    "state",
    "is_local",
    "policy_mode",
    "packages_status",
    "offers_status",
    "last_seen_at",
    "offers",
)
# What a host is for, then what its loss would mean: who goes later.
_ENVIRONMENT_RISK = {"development": 0, "staging": 10, "production": 20}
_CRITICALITY_RISK = {"low": 0, "medium": 1, "high": 2, "critical": 3}

T = TypeVar("T")
UpdateKey = tuple[str, str, str]  # stream, source name, source version


def chosen_hosts(organisation_id: UUID, hosts: HostChoice, rings: RingChoice) -> tuple[UUID, ...]:
    """Return the ids of the hosts that were asked for.

    Raises:
        NotFoundError: no such group, or a host that this organisation does not have.
        OperatorError: more than HOST_COUNT_MAX.
    """
    if isinstance(rings, RingsByName):
        hosts = HostsById(tuple(host_id for ring in rings.rings for host_id in ring))
    match hosts:
        case AllHosts():
            found = fleet.host_ids(organisation_id=organisation_id)
        case GroupHosts(name=name):
            fleet.group(organisation_id=organisation_id, name=name)
            found = fleet.group_host_ids(organisation_id=organisation_id, name=name)
        case HostsById(host_ids=host_ids):
            found = _known_hosts(organisation_id, host_ids)
        case _:
            assert_never(hosts)
    if len(found) > HOST_COUNT_MAX:
        raise OperatorError(
            code="too_many_hosts",
            sentence=f"A rollout has at most {HOST_COUNT_MAX:,} hosts; these are {len(found):,}.",
            next_step="Plan one rollout for each group.",
        )
    return found


def _known_hosts(organisation_id: UUID, host_ids: Collection[UUID]) -> tuple[UUID, ...]:
    wanted = list(dict.fromkeys(host_ids))
    known: set[UUID] = set()
    for chunk in _chunks(wanted):
        rows = Host.objects.filter(organisation_id=organisation_id, id__in=chunk)
        known |= set(rows.values_list("id", flat=True))
    missing = [host_id for host_id in wanted if host_id not in known]
    if missing:
        raise NotFoundError(
            code="host_unknown",
            sentence=f"{len(missing)} of the hosts are not known here; the first is {missing[0]}.",
            next_step="See the list of hosts.",
        )
    return tuple(wanted)


def chosen_updates(organisation_id: UUID, selection: Selection, *, now: datetime) -> frozenset[UpdateKey]:
    """Return the updates that were asked for.

    Raises:
        NotFoundError: one of them does not exist here.
        OperatorError: there is none (``no_update``), or more than UPDATE_COUNT_MAX.
    """
    rows = Update.objects.filter(organisation_id=organisation_id)
    match selection:
        case PendingSecurity():
            rows, what = rows.filter(kind=UpdateKind.SECURITY), "No security update is known here."
        case UpdatesById(update_ids=ids):
            rows, what = rows.filter(id__in=_known_updates(organisation_id, ids)), "No update was chosen."
        case SourcesByName(names=names):
            _refuse_unknown_sources(organisation_id, names)
            rows, what = rows.filter(source_name__in=names), "No source package was named."
        case CuresFor(cve=cve):
            rows = rows.filter(id__in=_cures(organisation_id, cve, now))
            what = f"No pending update is known to cure {cve}."
        case _:
            assert_never(selection)
    found = frozenset(rows.values_list("stream", "source_name", "source_version")[: UPDATE_COUNT_MAX + 1])
    if not found:
        raise OperatorError(code="no_update", sentence=what, next_step="See the list of patches.")
    if len(found) > UPDATE_COUNT_MAX:
        raise OperatorError(
            code="too_many_updates",
            sentence=f"A rollout carries at most {UPDATE_COUNT_MAX:,} updates.",
            next_step="Choose fewer of them.",
        )
    return found


def _known_updates(organisation_id: UUID, update_ids: Collection[int]) -> list[int]:
    rows = Update.objects.filter(organisation_id=organisation_id, id__in=update_ids)
    known = set(rows.values_list("id", flat=True))
    if missing := sorted(set(update_ids) - known):
        raise NotFoundError(
            code="patch_unknown", sentence=f"There is no patch {missing[0]} here.", next_step="See the list of patches."
        )
    return sorted(known)


def _cures(organisation_id: UUID, cve: str, now: datetime) -> list[int]:
    """Return the ids of the pending updates that cure ``cve``, as the page of patches shows them."""
    found: list[int] = []
    rules = rules_of(organisation_id=organisation_id)
    for offset in range(0, UPDATE_COUNT_MAX, PAGE_COUNT_MAX):
        page = patches(
            organisation_id=organisation_id,
            rules=rules,
            now=now,
            wanted=PatchFilter(cve=cve),
            limit=PAGE_COUNT_MAX,
            offset=offset,
        )
        found += [row.id for row in page.rows]
        if len(found) >= page.total_count:
            break
    return found


def _refuse_unknown_sources(organisation_id: UUID, names: Collection[str]) -> None:
    rows = Update.objects.filter(organisation_id=organisation_id, source_name__in=names)
    if missing := sorted(set(names) - set(rows.values_list("source_name", flat=True))):
        raise NotFoundError(
            code="patch_unknown",
            sentence=f"No update of a source package named {missing[0]} is known here.",
            next_step="See the list of patches; a name is that of the source package.",
        )


def load_candidates(
    organisation_id: UUID,
    host_ids: Collection[UUID],
    updates: frozenset[UpdateKey],
    *,
    stale_after: timedelta,
    now: datetime,
) -> Iterator[Candidate]:
    """Yield every host that was asked for, with those of its offers that were."""
    offered = _Offered(updates)
    risks = _risks(organisation_id, host_ids)
    taken = _taken(organisation_id)
    for chunk in _chunks(list(host_ids)):
        rows = list(Host.objects.filter(organisation_id=organisation_id, id__in=chunk).only(*_COLUMNS))
        offered.learn(entry["id"] for row in rows for entry in row.offers)
        for row in rows:
            yield Candidate(
                host_id=HostId(row.id),
                name=row.hostname,
                stream=row.stream,
                risk=risks.get(row.id, 0),
                obstacle=obstacle_of(_standing(row), stale_after=stale_after, now=now),
                offers=tuple(offered.wanted(row.offers)),
                taken=taken.get(row.id, frozenset()),
            )


def _standing(row: Host) -> Standing:
    return Standing(
        state=row.state,
        is_local=row.is_local,
        policy_mode=row.policy_mode,
        packages_status=row.packages_status,
        offers_status=row.offers_status,
        last_seen_at=row.last_seen_at,
    )


class _Offered:
    """The package versions on offer, those that were asked for kept as values that hosts share."""

    def __init__(self, updates: frozenset[UpdateKey]) -> None:
        self._updates = updates
        self._versions: dict[int, PackageVersion | None] = {}
        self._offers: dict[tuple[int, str, str], Offer] = {}

    def learn(self, version_ids: Iterator[int]) -> None:
        new = [version_id for version_id in dict.fromkeys(version_ids) if version_id not in self._versions]
        self._versions.update(dict.fromkeys(new))
        for chunk in _chunks(new):
            for row in PackageVersion.objects.filter(id__in=chunk):
                if (row.stream, row.source_name, row.source_version) in self._updates:
                    self._versions[row.id] = row

    def wanted(self, entries: list[dict[str, Any]]) -> Iterator[Offer]:
        for entry in entries:
            row = self._versions[entry["id"]]
            if row is not None:
                key = (row.id, str(entry["from"]), str(entry["kept_back"]))
                if key not in self._offers:
                    self._offers[key] = _offer(row, key[1], key[2])
                yield self._offers[key]


def _offer(row: PackageVersion, from_version: str, kept_back: str) -> Offer:
    return Offer(
        package=row.name,
        architecture=row.architecture,
        from_version=from_version,
        to_version=row.version,
        order_key=bytes(row.order_key),
        source=row.source_name,
        source_version=row.source_version,
        source_order_key=bytes(row.source_order_key),
        kept_back=kept_back,
    )


def _risks(organisation_id: UUID, host_ids: Collection[UUID]) -> Mapping[UUID, int]:
    contexts = fleet.contexts(organisation_id=organisation_id, host_ids=host_ids)
    return {
        host_id: _ENVIRONMENT_RISK.get(context.environment, 0) + _CRITICALITY_RISK.get(context.criticality, 0)
        for host_id, context in contexts.items()
    }


def _taken(organisation_id: UUID) -> dict[UUID, frozenset[tuple[str, str]]]:
    """Return the packages that other rollouts under way are bringing, by host."""
    live = [RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED]
    rows = RolloutHost.objects.filter(
        rollout__organisation_id=organisation_id,
        rollout__state__in=live,
        state__in=[*MOVING, HostState.WAITING],
    )
    taken: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
    for host_id, changes in rows.values_list("host_id", "changes").iterator(ID_CHUNK_COUNT):
        taken[host_id] |= {(change["name"], change["architecture"]) for change in changes}
    return {host_id: frozenset(packages) for host_id, packages in taken.items()}


def _chunks(items: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), ID_CHUNK_COUNT):
        yield items[start : start + ID_CHUNK_COUNT]
