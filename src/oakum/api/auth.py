"""Who speaks to the REST API: the holder of the personal token in ``Authorization: Bearer``; cookies mean nothing here.

It decides no role itself: ``need`` asks identity.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest
from ninja.security import HttpBearer

from oakum.core.errors import NotAllowedError
from oakum.identity.models import Role
from oakum.identity.queries import Session, person_by_token


class TokenAuth(HttpBearer):
    """Resolves the bearer token to a session; None makes ninja answer 401."""

    def authenticate(self, request: HttpRequest, token: str) -> Session | None:
        """Return whose token this is."""
        del request
        return person_by_token(text=token, now=utc_now())


def utc_now() -> datetime:
    """Read the clock: at the door, and only there."""
    return datetime.now(tz=UTC)


def session_of(request: HttpRequest) -> Session:
    """Return the session that authentication found."""
    session: Session = request.auth  # type: ignore[attr-defined] # set by ninja
    return session


def need(request: HttpRequest, role: Role) -> Session:
    """Return the session, if its role includes ``role``.

    Raises:
        NotAllowedError: it does not.
    """
    session = session_of(request)
    if not session.allows(role):
        raise NotAllowedError(
            code="role_insufficient",
            sentence=f"This needs the role {role}; {session.person_name} has {session.role}.",
            next_step="Ask an administrator of your organisation.",
        )
    return session
