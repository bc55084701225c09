"""Enrolment tokens by the API: make one with the line to paste, list them, revoke one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from oakum import ports
from oakum.api.answers import Done
from oakum.api.auth import need, utc_now
from oakum.api.fields import Body, Text
from oakum.fleet import queries, services
from oakum.identity.models import Role

router = Router()
HOURS_MAX = 366 * 24
USE_COUNT_MAX = 1_000_000


class TokenRequest(Body):
    """An enrolment token's note, life, number of hosts, group, and the mode that the line sets on the host."""

    note: Text = ""
    hours: Annotated[int, Field(ge=1, le=HOURS_MAX)] = 24
    uses: Annotated[int, Field(ge=1, le=USE_COUNT_MAX)] = 100
    mode: Literal["apply", "report_only"] = "apply"
    group: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """The token's text, shown once, and the line to paste as root on each host.

    ``server_key`` and ``certificate`` are what the agent will pin, in hex: note them outside of this server.
    """

    id: UUID
    token: str
    line: str
    expires_at: datetime
    server_key: str
    certificate: str


@router.post("", response=TokenAnswer)
def create_enrolment_token(request: HttpRequest, payload: TokenRequest) -> TokenAnswer:
    """Make an enrolment token and the line that installs the agent with it; needs the role operator."""
    session = need(request, Role.OPERATOR)
    facts = ports.installer_facts()
    row, text = services.create_enrolment_token(
        organisation_id=session.organisation_id,
        person_id=session.person_id,
        note=payload.note,
        group=payload.group,
        valid_for=timedelta(hours=payload.hours),
        use_count_max=payload.uses,
        actor=session.actor,
        now=utc_now(),
    )
    return TokenAnswer(
        id=row.id,
        token=text,
        line=ports.installer_line(text, payload.mode),
        expires_at=row.expires_at,
        server_key=facts.server_key,
        certificate=facts.certificate,
    )


@router.get("", response=list[queries.EnrolmentTokenView])
def list_enrolment_tokens(request: HttpRequest) -> list[queries.EnrolmentTokenView]:
    """List enrolment tokens, newest first, without their texts, which are not kept; needs the role operator."""
    session = need(request, Role.OPERATOR)
    return list(queries.enrolment_tokens(organisation_id=session.organisation_id, now=utc_now()))


@router.delete("/{token_id}", response=Done)
def revoke_enrolment_token(request: HttpRequest, token_id: UUID) -> Done:
    """Make a token useless from now on; hosts that enrolled with it stay.  Needs the role operator."""
    session = need(request, Role.OPERATOR)
    services.revoke_enrolment_token(
        organisation_id=session.organisation_id, token_id=token_id, actor=session.actor, now=utc_now()
    )
    return Done()
