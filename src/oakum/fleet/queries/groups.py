"""Groups of hosts and enrolment tokens, as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q

from oakum.core.errors import NotFoundError
from oakum.fleet.models import EnrolmentToken, Group, HostState

GROUP_COUNT_MAX = 1_000
TOKEN_COUNT_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """A group and how many hosts that are not retired are in it."""

    id: int
    name: str
    description: str
    reachability: str
    environment: str
    criticality: str
    host_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentTokenView:
    """An enrolment token without its text, which is not kept.  ``usable`` is as of the query's ``now``."""

    id: UUID
    note: str
    group: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    use_count: int
    use_count_max: int
    revoked_at: datetime | None
    usable: bool


def groups(*, organisation_id: UUID) -> tuple[GroupView, ...]:
    """Return the organisation's groups by name."""
    rows = Group.objects.filter(organisation_id=organisation_id).annotate(
        host_count=Count("hosts", filter=~Q(hosts__state=HostState.RETIRED))
    )
    return tuple(
        GroupView(
            id=row.id,
            name=row.name,
            description=row.description,
            reachability=row.reachability,
            environment=row.environment,
            criticality=row.criticality,
            host_count=row.host_count,
        )
        for row in rows.order_by("name")[:GROUP_COUNT_MAX]
    )


def group(*, organisation_id: UUID, name: str) -> GroupView:
    """Return the group of that name.

    Raises:
        NotFoundError: there is none in this organisation.
    """
    for view in groups(organisation_id=organisation_id):
        if view.name == name:
            return view
    raise NotFoundError(
        code="group_unknown", sentence=f"There is no group named {name!r}.", next_step="See the list of groups."
    )


def group_host_ids(*, organisation_id: UUID, name: str) -> tuple[UUID, ...]:
    """Return the ids of the hosts in a group, retired ones left out."""
    rows = Group.hosts.through.objects.filter(group__organisation_id=organisation_id, group__name=name)
    return tuple(rows.exclude(host__state=HostState.RETIRED).values_list("host_id", flat=True))


def enrolment_tokens(*, organisation_id: UUID, now: datetime) -> tuple[EnrolmentTokenView, ...]:
    """Return the organisation's enrolment tokens, newest first, without those that ``oakum up`` made for itself."""
    rows = EnrolmentToken.objects.filter(organisation_id=organisation_id, is_local=False)
    return tuple(
        EnrolmentTokenView(
            id=row.id,
            note=row.note,
            group=row.group.name if row.group else "",
            created_by=row.created_by.name if row.created_by else "",
            created_at=row.created_at,
            expires_at=row.expires_at,
            use_count=row.use_count,
            use_count_max=row.use_count_max,
            revoked_at=row.revoked_at,
            usable=row.revoked_at is None and row.expires_at > now and row.use_count < row.use_count_max,
        )
        for row in rows.select_related("group", "created_by").order_by("-created_at")[:TOKEN_COUNT_MAX]
    )
