"""What a person means by a name in a request: a host by name or id, a group by name.

A name that nothing has is a fault and never an empty list: a slip of the keyboard must not read as "nothing is open".
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet import queries
from oakum.identity.queries import Session

IDS_SHOWN_COUNT = 5


def resolve_host(session: Session, ref: str, now: datetime) -> UUID:
    """Return the id of the host that is meant, by id or name.

    Raises:
        NotFoundError: none of this organisation is.
        OperatorError: several have that name.
    """
    try:
        wanted = UUID(ref)
    except ValueError:
        found = queries.host_by_name(organisation_id=session.organisation_id, name=ref, now=now)
    else:
        found = queries.hosts_by_id(organisation_id=session.organisation_id, host_ids=(wanted,), now=now)
    if not found:
        raise NotFoundError(
            code="host_unknown", sentence=f"There is no host {ref!r}.", next_step="`oakum host list` shows them."
        )
    if len(found) > 1:
        ids = ", ".join(str(row.id) for row in found[:IDS_SHOWN_COUNT])
        raise OperatorError(
            code="host_name_ambiguous",
            sentence=f"{len(found)} hosts are named {ref!r}.",
            next_step=f"Use the id of one: {ids}.",
        )
    return found[0].id


def checked_group(session: Session, name: str) -> str:
    """Return ``name``, empty or that of a group of this organisation.

    Raises:
        NotFoundError: there is no such group.
    """
    if name:
        queries.group(organisation_id=session.organisation_id, name=name)
    return name
