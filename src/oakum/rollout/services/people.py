"""Who speaks, and may they?  The check that every verb of a person begins with."""

from __future__ import annotations

from uuid import UUID

from oakum.core.errors import NotAllowedError
from oakum.identity.models import Role
from oakum.identity.queries import Session, session_of


def speaker(organisation_id: UUID, person_id: UUID, needed: Role, what: str) -> Session:
    """Return the person's session in the organisation.

    Raises:
        NotAllowedError: they are no member of it (``not_a_member``), or their role does not reach (``role_too_low``).
    """
    session = session_of(person_id=person_id, organisation_id=organisation_id)
    if session is None:
        raise NotAllowedError(
            code="not_a_member",
            sentence="You are not a member of this organisation.",
            next_step="Ask one of its administrators to add you.",
        )
    if not session.allows(needed):
        raise NotAllowedError(
            code="role_too_low",
            sentence=f"To {what} takes the role {needed.value}; yours is {session.role.value}.",
            next_step="Ask an administrator, or somebody who has that role.",
        )
    return session
