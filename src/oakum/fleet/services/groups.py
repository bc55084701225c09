"""Groups of hosts: make, change, fill, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet.models import Group, Host
from oakum.fleet.services.hosts import checked_answers
from oakum.journal.services import append

NAME_LENGTH_MAX = 80
GROUP_COUNT_MAX = 1_000
# Hosts in one call: a write transaction stays under a thousand rows.
MEMBER_COUNT_MAX = 500
JOURNAL_NAME_COUNT_MAX = 50


def set_group(
    *,
    organisation_id: UUID,
    name: str,
    actor: str,
    now: datetime,
    new_name: str | None = None,
    description: str | None = None,
    reachability: str | None = None,
    environment: str | None = None,
    criticality: str | None = None,
) -> int:
    """Create the group ``name``, or change it, and return its id; None leaves a field as it is.

    Raises:
        OperatorError: an empty or taken name, an answer that is none of the field's words, or too many groups.
    """
    fields = checked_answers({"reachability": reachability, "environment": environment, "criticality": criticality})
    if description is not None:
        fields["description"] = description[:500]
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(organisation_id=organisation_id, name=name).first()
        if group is None or (new_name is not None and new_name != name):
            fields["name"] = _free_name(organisation_id, name if new_name is None else new_name)
        if group is None:
            group = Group.objects.create(organisation_id=organisation_id, **fields)
        else:
            fields = {field: value for field, value in fields.items() if getattr(group, field) != value}
            if not fields:
                return group.id
            Group.objects.filter(id=group.id).update(**fields)
        _journal(organisation_id, group.id, "fleet.group_set", actor, {"group": name, "set": fields}, now)
    return group.id


def _free_name(organisation_id: UUID, name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > NAME_LENGTH_MAX or not cleaned.isprintable():
        raise OperatorError(
            code="group_name_invalid", sentence=f"A group's name has 1 to {NAME_LENGTH_MAX} printable characters."
        )
    rows = Group.objects.filter(organisation_id=organisation_id)
    if rows.filter(name=cleaned).exists():
        raise OperatorError(
            code="group_name_taken",
            sentence=f"There is a group named {cleaned!r} already.",
            next_step="Choose another name.",
        )
    if rows.count() >= GROUP_COUNT_MAX:
        raise OperatorError(code="groups_full", sentence=f"There are {GROUP_COUNT_MAX} groups, which is the limit.")
    return cleaned


def delete_group(*, organisation_id: UUID, name: str, actor: str, now: datetime) -> None:
    """Delete a group; its hosts stay, and lose what the group said of them.

    Raises:
        NotFoundError: no such group.
    """
    with transaction.atomic():
        group = _group(organisation_id, name)
        count = group.hosts.count()
        group_id = group.id
        group.delete()
        _journal(organisation_id, group_id, "fleet.group_deleted", actor, {"group": name, "host_count": count}, now)


def add_to_group(*, organisation_id: UUID, name: str, host_ids: Sequence[UUID], actor: str, now: datetime) -> int:
    """Put hosts into a group and return how many were not in it before.

    Raises:
        NotFoundError: no such group, or a host that is none of this organisation.
        OperatorError: more than MEMBER_COUNT_MAX hosts at once.
    """
    with transaction.atomic():
        group = _group(organisation_id, name)
        hosts = _hosts(organisation_id, host_ids)
        present = set(group.hosts.filter(id__in=hosts).values_list("id", flat=True))
        missing = [host_id for host_id in hosts if host_id not in present]
        if missing:
            group.hosts.add(*Host.objects.filter(id__in=missing))
            _journal_members(organisation_id, group, "added", [hosts[each] for each in missing], actor, now)
    return len(missing)


def remove_from_group(*, organisation_id: UUID, name: str, host_ids: Sequence[UUID], actor: str, now: datetime) -> int:
    """Take hosts out of a group and return how many were in it.

    Raises:
        NotFoundError: no such group, or a host that is none of this organisation.
        OperatorError: more than MEMBER_COUNT_MAX hosts at once.
    """
    with transaction.atomic():
        group = _group(organisation_id, name)
        hosts = _hosts(organisation_id, host_ids)
        present = list(group.hosts.filter(id__in=hosts).values_list("id", flat=True))
        if present:
            group.hosts.remove(*Host.objects.filter(id__in=present))
            _journal_members(organisation_id, group, "removed", [hosts[each] for each in present], actor, now)
    return len(present)


def _group(organisation_id: UUID, name: str) -> Group:
    group = Group.objects.select_for_update().filter(organisation_id=organisation_id, name=name).first()
    if group is None:
        raise NotFoundError(
            code="group_unknown", sentence=f"There is no group named {name!r}.", next_step="See the list of groups."
        )
    return group


def _hosts(organisation_id: UUID, host_ids: Sequence[UUID]) -> dict[UUID, str]:
    if len(host_ids) > MEMBER_COUNT_MAX:
        raise OperatorError(
            code="too_many_hosts",
            sentence=f"{len(host_ids)} hosts were named; at most {MEMBER_COUNT_MAX} can be moved at once.",
            next_step="Do it in parts.",
        )
    rows = Host.objects.filter(organisation_id=organisation_id, id__in=host_ids)
    names = dict(rows.values_list("id", "hostname"))
    for host_id in host_ids:
        if host_id not in names:
            raise NotFoundError(code="host_unknown", sentence=f"There is no host {host_id}.")
    return names


def _journal_members(
    organisation_id: UUID, group: Group, what: str, names: Sequence[str], actor: str, now: datetime
) -> None:
    payload: dict[str, object] = {
        "group": group.name,
        "host_count": len(names),
        what: sorted(names)[:JOURNAL_NAME_COUNT_MAX],
    }
    _journal(organisation_id, group.id, "fleet.group_set", actor, payload, now)


def _journal(
    organisation_id: UUID, group_id: int, kind: str, actor: str, payload: dict[str, object], now: datetime
) -> None:
    append(
        organisation_id=organisation_id, kind=kind, actor=actor, subject=f"group:{group_id}", payload=payload, now=now
    )
