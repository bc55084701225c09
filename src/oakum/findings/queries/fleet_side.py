"""The fleet side of an organisation's findings: hosts' package sets, when they were heard of, how they are exposed.

Read from the hosts' own rows, two blobs a host.  It knows neither advisories nor the index (``replica``).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from pyroaring import BitMap

from oakum.core.errors import OperatorError
from oakum.fleet.context import HostContext, Told, effective_context
from oakum.fleet.models import Group, Host, HostState
from oakum.fleet.queries import presence_of
from oakum.fleet.sets import load_set
from oakum.protocol.inventory import UNKNOWN
from oakum.sql import among

DIGEST_LENGTH = 16
QUARANTINED = "It is quarantined: two hosts have shown its identity, and neither is believed."
HOST_COUNT_MAX = 5_000  # by id in one statement


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HostLine:
    """One host as far as findings go.  ``index`` is its number in the bitmaps of a view (``fleet``).

    ``packages`` and ``running_old`` are serialised bitmaps; ``digest`` names what they hold.
    """

    index: int
    id: UUID
    hostname: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    inventory_at: datetime | None
    presence: str
    packages_status: str
    packages_reason: str
    stale_status: str
    kernel_running: str
    facts_hash: str
    offers_status: str
    packages: bytes
    running_old: bytes
    digest: bytes
    context: HostContext
    groups: tuple[str, ...]

    @property
    def is_public(self) -> bool:
        """Whether it can be reached from outside; isolated is judged as internal."""
        return self.context.reachability == "public"

    @property
    def knows_packages(self) -> bool:
        """Whether its last inventory report could tell its packages."""
        return self.packages_status == "known"

    def package_set(self) -> BitMap:
        """Return what is installed."""
        return load_set(self.packages)


def load_hosts(
    *,
    organisation_id: UUID,
    now: datetime,
    stale_after: timedelta,
    host_ids: Collection[UUID] | None = None,
) -> tuple[HostLine, ...]:
    """Return the organisation's hosts that are not retired (of ``host_ids``), in order of enrolment: three queries.

    Their indexes are their places in that order.

    Raises:
        OperatorError: more than HOST_COUNT_MAX ``host_ids`` (``too_many_hosts``): ask for all, or for a group.
    """
    chosen = None if host_ids is None else list(host_ids)
    if chosen is not None and len(chosen) > HOST_COUNT_MAX:
        raise OperatorError(
            code="too_many_hosts",
            sentence=f"At most {HOST_COUNT_MAX:,} hosts can be asked for by their ids; these are {len(chosen):,}.",
            next_step="Ask for a group, or for all hosts.",
        )
    rows = _rows(Host.objects.all() if chosen is None else Host.objects.filter(id__in=chosen), organisation_id)
    return tuple(_lines(organisation_id, rows, chosen, now=now, stale_after=stale_after))


def load_by_ordinal(
    *, organisation_id: UUID, now: datetime, stale_after: timedelta, ordinals: Collection[int] | None
) -> tuple[HostLine, ...]:
    """Return the hosts of these ordinals (None: all); their indexes are their ordinals.

    Retired ones too: the index has them until it learns of it, and what has been counted must be found.
    """
    found: list[HostLine] = []
    for chosen in _by_ordinal(ordinals):
        rows = list(_fields(chosen.filter(organisation_id=organisation_id)))
        ids = None if ordinals is None else [row[0] for row in rows]
        lines = _lines(organisation_id, rows, ids, now=now, stale_after=stale_after)
        found += (replace(line, index=row[17]) for line, row in zip(lines, rows, strict=True))
    return tuple(found)


def _by_ordinal(ordinals: Collection[int] | None) -> Iterator[QuerySet[Host]]:
    if ordinals is None:
        yield Host.objects.all()
        return
    wanted = sorted(ordinals)
    for start in range(0, len(wanted), HOST_COUNT_MAX):
        yield Host.objects.filter(ordinal__in=wanted[start : start + HOST_COUNT_MAX])


def _lines(
    organisation_id: UUID,
    rows: Iterable[tuple[Any, ...]],
    chosen: list[UUID] | None,
    *,
    now: datetime,
    stale_after: timedelta,
) -> Iterator[HostLine]:
    groups = {row.id: row for row in Group.objects.filter(organisation_id=organisation_id)}
    members = _members(organisation_id, chosen)
    contexts: dict[tuple[Told, tuple[int, ...]], HostContext] = {}  # few hosts differ in what is said of them
    names: dict[tuple[int, ...], tuple[str, ...]] = {}
    for index, row in enumerate(rows):
        own = Told(reachability=row[13], environment=row[14], criticality=row[15])
        is_believed = row[16] != HostState.QUARANTINED
        among = tuple(members.get(row[0], ()))
        if (own, among) not in contexts:
            contexts[(own, among)] = effective_context(own, [_told(groups[each]) for each in among if each in groups])
            names[among] = tuple(sorted(groups[each].name for each in among if each in groups))
        yield (
            HostLine(
                index=index,
                id=row[0],
                hostname=row[1],
                enrolled_at=row[2],
                last_seen_at=row[3],
                inventory_at=row[4],
                presence=presence_of(row[3], now=now, stale_after=stale_after),
                packages_status=row[5] if is_believed else UNKNOWN,
                packages_reason=row[6] if is_believed else QUARANTINED,
                stale_status=row[7],
                kernel_running=row[8],
                facts_hash=row[9],
                offers_status=row[10],
                packages=bytes(row[11]),
                running_old=bytes(row[12]),
                digest=hashlib.blake2b(row[11], digest_size=DIGEST_LENGTH).digest(),
                context=contexts[(own, among)],
                groups=names[among],
            )
        )


def _rows(chosen: QuerySet[Host], organisation_id: UUID) -> Iterable[tuple[Any, ...]]:
    return _fields(chosen.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED))


def _fields(rows: QuerySet[Host]) -> Iterable[tuple[Any, ...]]:
    return rows.order_by("enrolled_at", "hostname", "id").values_list(
        "id",
        "hostname",
        "enrolled_at",
        "last_seen_at",
        "inventory_at",
        "packages_status",
        "packages_reason",
        "stale_status",
        "kernel_running",
        "facts_hash",
        "offers_status",
        "package_set",
        "running_old_set",
        "reachability",
        "environment",
        "criticality",
        "state",
        "ordinal",
    )


def _members(organisation_id: UUID, chosen: list[UUID] | None) -> dict[UUID, list[int]]:
    members: dict[UUID, list[int]] = defaultdict(list)
    rows = Group.hosts.through.objects.order_by()
    # Of chosen hosts all memberships: with the groups beside them, planners read everybody's.
    rows = (
        rows.filter(group__organisation_id=organisation_id) if chosen is None else rows.filter(host__in=among(chosen))
    )
    for host_id, group_id in sorted(rows.values_list("host_id", "group_id"), key=itemgetter(1)):
        members[host_id].append(group_id)
    return members


def _told(row: Group) -> Told:
    return Told(reachability=row.reachability, environment=row.environment, criticality=row.criticality, name=row.name)
