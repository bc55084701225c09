"""What a person means by a name in a request: hosts by name or id, a group by name.

A name that nothing has is a fault and never an empty list: a slip of the keyboard must not read as "nothing is open".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet import queries
from oakum.identity.queries import Session

IDS_SHOWN_COUNT = 5


def resolve_host(session: Session, ref: str, now: datetime) -> UUID:
    """Return the id of the host that is meant, by id or name; a retired one only by id.

    Raises:
        NotFoundError: none of this organisation is.
        OperatorError: several have that name.
    """
    wanted = _uuid(ref)
    if wanted is None:
        return resolve_hosts(session, [ref])[0]
    if not queries.hosts_by_id(organisation_id=session.organisation_id, host_ids=(wanted,), now=now):
        raise _unknown(ref)
    return wanted


def resolve_hosts(session: Session, refs: Sequence[str]) -> list[UUID]:
    """Return the ids of the hosts that are meant, in that order; an id is taken as it is: the verb judges it.

    Raises:
        NotFoundError: a name that no host of this organisation has.
        OperatorError: a name that several have.
    """
    ids = {ref: _uuid(ref) for ref in refs}
    named = queries.hosts_named(
        organisation_id=session.organisation_id, names=[ref for ref, wanted in ids.items() if wanted is None]
    )
    return [ids[ref] or _only(ref, named.get(ref, ())) for ref in refs]


def _uuid(ref: str) -> UUID | None:
    try:
        return UUID(ref)
    except ValueError:
        return None


def _only(ref: str, found: Sequence[UUID]) -> UUID:
    if not found:
        raise _unknown(ref)
    if len(found) > 1:
        ids = ", ".join(map(str, found[:IDS_SHOWN_COUNT]))
        raise OperatorError(
            code="host_name_ambiguous",
            sentence=f"{len(found)} hosts are named {ref!r}.",
            next_step=f"Use the id of one: {ids}.",
        )
    return found[0]


def _unknown(ref: str) -> NotFoundError:
    return NotFoundError(
        code="host_unknown", sentence=f"There is no host {ref!r}.", next_step="`oakum host list` shows them."
    )


def checked_group(session: Session, name: str) -> str:
    """Return ``name``, empty or that of a group of this organisation.

    Raises:
        NotFoundError: there is no such group.
    """
    if name:
        queries.group(organisation_id=session.organisation_id, name=name)
    return name
