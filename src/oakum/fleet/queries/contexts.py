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
    found: dict[UUID, HostContext] = {}
    for host_id, own in _own(organisation_id, host_ids):
        found[host_id] = effective_context(own, [groups[group_id] for group_id in members.get(host_id, ())])
    return found


def _told(row: Group) -> Told:
    return Told(reachability=row.reachability, environment=row.environment, criticality=row.criticality, name=row.name)


def _own(organisation_id: UUID, host_ids: Collection[UUID] | None) -> Iterator[tuple[UUID, Told]]:
    for chunk in _chunks(host_ids):
        rows = Host.objects.filter(organisation_id=organisation_id)
        if chunk is not None:
            rows = rows.filter(id__in=chunk)
        for host_id, reachability, environment, criticality in rows.values_list(
            "id", "reachability", "environment", "criticality"
        ):
            yield host_id, Told(reachability=reachability, environment=environment, criticality=criticality)


def _members(organisation_id: UUID, host_ids: Collection[UUID] | None) -> dict[UUID, list[int]]:
    members: dict[UUID, list[int]] = defaultdict(list)
    for chunk in _chunks(host_ids):
        rows = Group.hosts.through.objects.filter(group__organisation_id=organisation_id)
        if chunk is not None:
            rows = rows.filter(host_id__in=chunk)
        for host_id, group_id in rows.values_list("host_id", "group_id"):
            members[host_id].append(group_id)
    return members


def _chunks(host_ids: Collection[UUID] | None) -> Iterator[list[UUID] | None]:
    if host_ids is None:
        yield None
        return
    wanted = list(host_ids)
    for start in range(0, len(wanted), ID_COUNT_MAX):
        yield wanted[start : start + ID_COUNT_MAX]
