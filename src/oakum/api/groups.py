"""Groups of hosts by the API: each route is one query or one verb.

A group's name is its address here, because people say names.
"""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from oakum.api.answers import Done
from oakum.api.auth import need, session_of, utc_now
from oakum.api.fields import Body, Sentence, Text
from oakum.api.hosts import HostChanges
from oakum.api.refs import resolve_hosts
from oakum.core.errors import OperatorError
from oakum.fleet import queries, services
from oakum.identity.models import Role

router = Router()


class GroupChanges(HostChanges):
    """A group's name, description and what it says of its hosts; what is left out stays as it is."""

    name: Text | None = None
    description: Sentence | None = None


class Members(Body):
    """Hosts by name or id."""

    add: list[Text] = []
    remove: list[Text] = []


@router.get("", response=list[queries.GroupView])
def list_groups(request: HttpRequest) -> list[queries.GroupView]:
    """List groups by name."""
    return list(queries.groups(organisation_id=session_of(request).organisation_id))


@router.post("", response=queries.GroupView)
def set_group(request: HttpRequest, payload: GroupChanges) -> queries.GroupView:
    """Create a group, or change the one of that name; needs the role operator."""
    if not payload.name:
        raise OperatorError(
            code="group_name_missing", sentence="A group needs a name.", next_step="Give it one, in the field name."
        )
    return _set_group(request, " ".join(payload.name.split()), payload)


# Before the shorter address: a name may hold slashes.
@router.post("/{path:name}/hosts", response=queries.GroupView)
def change_members(request: HttpRequest, name: Text, payload: Members) -> queries.GroupView:
    """Add hosts to a group and take hosts out; needs the role operator."""
    session, now = need(request, Role.OPERATOR), utc_now()
    queries.group(organisation_id=session.organisation_id, name=name)
    wanted = [
        (verb, resolve_hosts(session, refs))
        for verb, refs in ((services.add_to_group, payload.add), (services.remove_from_group, payload.remove))
        if refs
    ]
    for verb, host_ids in wanted:
        verb(organisation_id=session.organisation_id, name=name, host_ids=host_ids, actor=session.actor, now=now)
    return queries.group(organisation_id=session.organisation_id, name=name)


@router.patch("/{path:name}", response=queries.GroupView)
def change_group(request: HttpRequest, name: Text, payload: GroupChanges) -> queries.GroupView:
    """Change a group's name, description or what it says of its hosts; needs the role operator."""
    session = need(request, Role.OPERATOR)
    queries.group(organisation_id=session.organisation_id, name=name)
    return _set_group(request, name, payload)


def _set_group(request: HttpRequest, name: str, payload: GroupChanges) -> queries.GroupView:
    session = need(request, Role.OPERATOR)
    new_name = " ".join(payload.name.split()) if payload.name is not None else name
    services.set_group(
        organisation_id=session.organisation_id,
        name=name,
        new_name=new_name if new_name != name else None,
        description=payload.description,
        reachability=payload.reachability,
        environment=payload.environment,
        criticality=payload.criticality,
        actor=session.actor,
        now=utc_now(),
    )
    return queries.group(organisation_id=session.organisation_id, name=new_name)


@router.delete("/{path:name}", response=Done)
def delete_group(request: HttpRequest, name: Text) -> Done:
    """Delete a group; its hosts stay.  Needs the role operator."""
    session = need(request, Role.OPERATOR)
    services.delete_group(organisation_id=session.organisation_id, name=name, actor=session.actor, now=utc_now())
    return Done()
