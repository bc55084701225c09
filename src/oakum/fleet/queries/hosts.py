"""Lists of hosts: search, filter, page, count.

One host with all that it said is ``queries.host``; who has a package version is ``findings``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from oakum.core.errors import OperatorError
from oakum.fleet.context import HostContext
from oakum.fleet.models import Group, Host, HostState
from oakum.fleet.presence import never_seen, seen_before
from oakum.fleet.queries.contexts import contexts
from oakum.fleet.sets import load_set
from oakum.protocol.inventory import UNKNOWN, YES

HOST_COUNT_MAX = 500  # rows of one page

# policy.Settings.stale_after_seconds has the same default; callers hand in the organisation's own.
STALE_AFTER_DEFAULT = timedelta(days=1)

# Three answers: a host that never reported is neither heard nor gone silent.
PRESENCE_SEEN = "seen"
PRESENCE_SILENT = "silent"
PRESENCE_NEVER = "never"

# What ``state`` of hosts() may be; empty: every host that is not retired.
HOST_STATES = ("", "all", "active", "quarantined", "retired", "silent", "never", "unknown", "reboot")

_ROW_FIELDS = (
    "id",
    "organisation_id",
    "hostname",
    "state",
    "state_reason",
    "is_local",
    "os_name",
    "stream",
    "architecture",
    "kernel_running",
    "agent_version",
    "policy_mode",
    "enrolled_at",
    "last_seen_at",
    "clock_skew_seconds",
    "packages_status",
    "packages_reason",
    "package_set",
    "running_old_set",
    "stale_status",
    "inventory_at",
    "offers",
    "offers_status",
    "offers_reason",
    "lists_updated_at",
    "reboot_required",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """A host in a list.  A count is None where the host could not tell: unknown is never shown as none.

    ``presence`` is one of PRESENCE_*; ``reboot_required`` yes, no or unknown.
    """

    id: UUID
    hostname: str
    state: str
    state_reason: str
    is_local: bool
    os_name: str
    stream: str
    architecture: str
    kernel_running: str
    agent_version: str
    policy_mode: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    presence: str
    clock_skew_seconds: int
    packages_status: str
    packages_reason: str
    package_count: int | None
    running_old_count: int | None
    inventory_at: datetime | None
    offers_status: str
    offers_reason: str
    offer_count: int | None
    lists_updated_at: datetime | None
    reboot_required: str
    groups: tuple[str, ...]
    context: HostContext


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPage:
    """One page of hosts by name, and how many there are in all."""

    rows: tuple[HostRow, ...]
    total_count: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCounts:
    """How many hosts there are, by what they need from a person.  A host may count more than once."""

    total: int
    seen: int
    silent: int
    never: int
    quarantined: int
    packages_unknown: int
    reboot_required: int


def presence_of(last_seen_at: datetime | None, *, now: datetime, stale_after: timedelta) -> str:
    """Say whether a host is heard of, silent for longer than ``stale_after``, or was never heard."""
    if last_seen_at is None:
        return PRESENCE_NEVER
    return PRESENCE_SILENT if now - last_seen_at > stale_after else PRESENCE_SEEN


def hosts(
    *,
    organisation_id: UUID,
    now: datetime,
    search: str = "",
    group: str = "",
    state: str = "",
    limit: int = 50,
    offset: int = 0,
    stale_after: timedelta = STALE_AFTER_DEFAULT,
) -> HostPage:
    """Return a page of hosts by name.

    ``search`` is any part of the host name, ``group`` a group's exact name, ``state`` one of HOST_STATES.

    Raises:
        OperatorError: no such state.
    """
    rows = _filtered(organisation_id, search=search, group=group, state=state, before=now - stale_after)
    limit, offset = max(1, min(limit, HOST_COUNT_MAX)), max(0, offset)
    page = rows.order_by("hostname", "id").only(*_ROW_FIELDS)[offset : offset + limit]
    return HostPage(
        rows=host_rows(list(page), organisation_id=organisation_id, now=now, stale_after=stale_after),
        total_count=rows.count(),
        limit=limit,
        offset=offset,
    )


def _filtered(organisation_id: UUID, *, search: str, group: str, state: str, before: datetime) -> QuerySet[Host]:
    rows = Host.objects.filter(organisation_id=organisation_id)
    if search:
        rows = rows.filter(hostname__icontains=search)
    if group:
        rows = rows.filter(groups__name=group, groups__organisation_id=organisation_id)
    return rows.filter(_state_filter(state, before))


def _state_filter(state: str, before: datetime) -> Q:
    present = ~Q(state=HostState.RETIRED)
    filters = {
        "": present,
        "all": Q(),
        "active": Q(state=HostState.ACTIVE),
        "quarantined": Q(state=HostState.QUARANTINED),
        "retired": Q(state=HostState.RETIRED),
        "silent": present & seen_before(before),
        "never": present & never_seen(),
        "unknown": present & Q(packages_status=UNKNOWN),
        "reboot": present & Q(reboot_required=YES),
    }
    if state not in filters:
        raise OperatorError(
            code="host_state_unknown",
            sentence=f"{state!r} is no state to list hosts by.",
            next_step=f"Use one of: {', '.join(HOST_STATES[1:])}.",
        )
    return filters[state]


def host_by_name(
    *, organisation_id: UUID, name: str, now: datetime, stale_after: timedelta = STALE_AFTER_DEFAULT
) -> tuple[HostRow, ...]:
    """Return the hosts of that exact name that are not retired: a name is no identity, so there may be several."""
    rows = Host.objects.filter(organisation_id=organisation_id, hostname=name).exclude(state=HostState.RETIRED)
    page = list(rows.order_by("id").only(*_ROW_FIELDS)[:HOST_COUNT_MAX])
    return host_rows(page, organisation_id=organisation_id, now=now, stale_after=stale_after)


def hosts_named(*, organisation_id: UUID, names: Collection[str]) -> dict[str, tuple[UUID, ...]]:
    """Return, for each of ``names`` that hosts which are not retired have, their ids: one query for 500 names."""
    wanted, found = sorted(set(names)), defaultdict(list)
    for start in range(0, len(wanted), HOST_COUNT_MAX):
        rows = Host.objects.filter(
            organisation_id=organisation_id, hostname__in=wanted[start : start + HOST_COUNT_MAX]
        ).exclude(state=HostState.RETIRED)
        for host_id, name in rows.order_by("id").values_list("id", "hostname"):
            found[name].append(host_id)
    return {name: tuple(ids) for name, ids in found.items()}


def hosts_by_id(
    *, organisation_id: UUID, host_ids: Collection[UUID], now: datetime, stale_after: timedelta = STALE_AFTER_DEFAULT
) -> tuple[HostRow, ...]:
    """Return the rows of at most HOST_COUNT_MAX of ``host_ids``, by name."""
    rows = Host.objects.filter(organisation_id=organisation_id, id__in=list(host_ids)[:HOST_COUNT_MAX])
    page = list(rows.order_by("hostname", "id").only(*_ROW_FIELDS))
    return host_rows(page, organisation_id=organisation_id, now=now, stale_after=stale_after)


def host_ids(*, organisation_id: UUID, group: str = "") -> tuple[UUID, ...]:
    """Return the ids of every host that is not retired, of the organisation or of one of its groups, by name."""
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED)
    if group:
        rows = rows.filter(groups__name=group, groups__organisation_id=organisation_id)
    return tuple(rows.order_by("hostname", "id").values_list("id", flat=True))


def host_counts(*, organisation_id: UUID, now: datetime, stale_after: timedelta = STALE_AFTER_DEFAULT) -> HostCounts:
    """Return the numbers of the overview; each has a list behind it: hosts(state=...)."""
    present = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED)
    by_word = present.values("state", "packages_status", "reboot_required").annotate(count=Count("*"))
    words = list(by_word.order_by())  # ordered by nothing: a dozen rows out of one index
    silent = present.filter(seen_before(now - stale_after)).count()
    never = present.filter(never_seen()).count()
    total = sum(word["count"] for word in words)
    return HostCounts(
        total=total,
        seen=total - silent - never,
        silent=silent,
        never=never,
        quarantined=sum(word["count"] for word in words if word["state"] == HostState.QUARANTINED),
        packages_unknown=sum(word["count"] for word in words if word["packages_status"] == UNKNOWN),
        reboot_required=sum(word["count"] for word in words if word["reboot_required"] == YES),
    )


def host_rows(
    page: Sequence[Host], *, organisation_id: UUID, now: datetime, stale_after: timedelta
) -> tuple[HostRow, ...]:
    """Turn loaded hosts into rows with their groups and context: four queries whatever the page's length."""
    ids = [host.id for host in page]
    told = contexts(organisation_id=organisation_id, host_ids=ids)
    names = _group_names(organisation_id, ids)
    return tuple(_row(host, told[host.id], names.get(host.id, ()), now, stale_after) for host in page)


def _group_names(organisation_id: UUID, ids: Sequence[UUID]) -> dict[UUID, tuple[str, ...]]:
    names: dict[UUID, list[str]] = defaultdict(list)
    rows = Group.hosts.through.objects.filter(group__organisation_id=organisation_id, host_id__in=ids)
    for host_id, name in rows.order_by("group__name").values_list("host_id", "group__name"):
        names[host_id].append(name)
    return {host_id: tuple(each) for host_id, each in names.items()}


def _row(host: Host, context: HostContext, groups: tuple[str, ...], now: datetime, stale_after: timedelta) -> HostRow:
    packages_known, offers_known = host.packages_status != UNKNOWN, host.offers_status != UNKNOWN
    return HostRow(
        id=host.id,
        hostname=host.hostname,
        state=host.state,
        state_reason=host.state_reason,
        is_local=host.is_local,
        os_name=host.os_name,
        stream=host.stream,
        architecture=host.architecture,
        kernel_running=host.kernel_running,
        agent_version=host.agent_version,
        policy_mode=host.policy_mode,
        enrolled_at=host.enrolled_at,
        last_seen_at=host.last_seen_at,
        presence=presence_of(host.last_seen_at, now=now, stale_after=stale_after),
        clock_skew_seconds=host.clock_skew_seconds,
        packages_status=host.packages_status,
        packages_reason=host.packages_reason,
        package_count=len(load_set(host.package_set)) if packages_known else None,
        running_old_count=len(load_set(host.running_old_set)) if host.stale_status != UNKNOWN else None,
        inventory_at=host.inventory_at,
        offers_status=host.offers_status,
        offers_reason=host.offers_reason,
        offer_count=len(host.offers) if offers_known else None,
        lists_updated_at=host.lists_updated_at,
        reboot_required=host.reboot_required,
        groups=groups,
        context=context,
    )
