"""Who am I: lets `oakum login` check a token and say for whom it speaks."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from ninja import Router

from oakum import __version__
from oakum.api.auth import session_of

router = Router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The holder of the token, and the server's version."""

    person: str
    organisation: str
    role: str
    version: str


@router.get("", response=Me)
def me(request: HttpRequest) -> Me:
    """Return who holds this token."""
    session = session_of(request)
    return Me(
        person=session.person_name,
        organisation=session.organisation_name,
        role=str(session.role),
        version=__version__,
    )
