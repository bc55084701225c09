"""The effective context of many hosts at once: three queries whatever their number.

The rule itself is ``fleet.context``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from uuid import UUID

from oakum.fleet.context import HostContext, Told, effective_context
from oakum.fleet.models import Group, Host

# Under SQLite's and PostgreSQL's own limits on parameters of one statement.
ID_COUNT_MAX = 5_000


def contexts(*, organisation_id: UUID, host_ids: Collection[UUID] | None = None) -> dict[UUID, HostContext]:
    """Return what holds for each of ``host_ids`` (None: for every host of the organisation)."""
    groups = {row.id: _told(row) for row in Group.objects.filter(organisation_id=organisation_id)}
    members = _members(organisation_id, host_ids)
    judged: dict[tuple[object, ...], HostContext] = {}  # a fleet has few different answers
    found: dict[UUID, HostContext] = {}
    for host_id, *own in _own(organisation_id, host_ids):
        inside = tuple(members.get(host_id, ()))
        key = (*own, inside)
        if key not in judged:
            reachability, environment, criticality = own
            said = Told(reachability=reachability, environment=environment, criticality=criticality)
            judged[key] = effective_context(said, [groups[group_id] for group_id in inside if group_id in groups])
        found[host_id] = judged[key]
    return found


def _told(row: Group) -> Told:
    return Told(reachability=row.reachability, environment=row.environment, criticality=row.criticality, name=row.name)


def _own(organisation_id: UUID, host_ids: Collection[UUID] | None) -> Iterator[tuple[UUID, str, str, str]]:
    fields = ("id", "reachability", "environment", "criticality")
    if host_ids is None:
        yield from Host.objects.filter(organisation_id=organisation_id).values_list(*fields)
        return
    for chunk in _chunks(host_ids):
        # By id alone, and the organisation looked at here: SQLite would rather read the whole organisation.
        rows = Host.objects.filter(id__in=chunk).values_list("organisation_id", *fields)
        yield from (row for owner_id, *row in rows if owner_id == organisation_id)


def _members(organisation_id: UUID, host_ids: Collection[UUID] | None) -> dict[UUID, list[int]]:
    members: dict[UUID, list[int]] = defaultdict(list)
    every = Group.hosts.through.objects.filter(group__organisation_id=organisation_id)
    parts = [every] if host_ids is None else [every.filter(host_id__in=chunk) for chunk in _chunks(host_ids)]
    for rows in parts:
        for host_id, group_id in rows.values_list("host_id", "group_id"):
            members[host_id].append(group_id)
    return members


def _chunks(host_ids: Collection[UUID]) -> Iterator[list[UUID]]:
    wanted = list(host_ids)
    for start in range(0, len(wanted), ID_COUNT_MAX):
        yield wanted[start : start + ID_COUNT_MAX]
