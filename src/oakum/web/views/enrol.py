"""Add a host: make an enrolment token and show the line that installs the agent, this once."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from oakum import ports
from oakum.core.errors import OperatorError
from oakum.fleet import queries, services
from oakum.identity.models import Role
from oakum.protocol.messages import PATH_AGENT_FILE
from oakum.web.doors import BOTH, POST, PersonRequest, act, page
from oakum.web.forms.hosts import LIVES, EnrolForm

PAST_TOKEN_COUNT = 5


@page(Role.OPERATOR, methods=BOTH)
def add_host(request: PersonRequest) -> HttpResponse:
    """Show the form and the tokens that are open; a POST makes a token."""
    speaker = request.speaker
    groups = queries.groups(organisation_id=speaker.organisation_id)
    form = EnrolForm(request.POST if request.method == "POST" else None, groups=groups)
    made: dict[str, object] = {}
    if form.is_bound and form.is_valid():
        made = _make(request, form)
    context = {
        "form": form,
        "tokens": _tokens(request),
        "address": settings.CONFIG.url,
        "agent_path": PATH_AGENT_FILE,
        "only_here": settings.CONFIG.is_loopback and not settings.CONFIG.public_url,
        **made,
    }
    return render(request, "web/add_host.html", context, status=422 if form.errors else 200)


def _tokens(request: PersonRequest) -> tuple[queries.EnrolmentTokenView, ...]:
    """Return the tokens that still let hosts in, and the newest of the others."""
    found = queries.enrolment_tokens(organisation_id=request.speaker.organisation_id, now=request.now)
    usable = tuple(token for token in found if token.usable)
    return usable + tuple(token for token in found if not token.usable)[:PAST_TOKEN_COUNT]


def _make(request: PersonRequest, form: EnrolForm) -> dict[str, object]:
    values = form.cleaned_data
    try:
        row, text = services.create_enrolment_token(
            organisation_id=request.speaker.organisation_id,
            actor=request.speaker.actor,
            person_id=request.speaker.person_id,
            note=values["note"],
            group=values["group"],
            valid_for=LIVES[values["life"]],
            use_count_max=values["use_count_max"],
            now=request.now,
        )
    except OperatorError as fault:
        form.add_error(None, f"{fault.sentence} {fault.next_step}".strip())
        return {}
    return {
        "text": text,
        "line": ports.installer_line(text, values["mode"]),
        "facts": ports.installer_facts(),
        "mode": values["mode"],
        "expires_at": row.expires_at,
    }


@page(Role.OPERATOR, methods=POST)
def revoke_enrolment(request: PersonRequest, token_id: UUID) -> HttpResponse:
    """Make an enrolment token useless; hosts that used it stay."""

    def verb() -> str:
        services.revoke_enrolment_token(
            organisation_id=request.speaker.organisation_id,
            token_id=token_id,
            actor=request.speaker.actor,
            now=request.now,
        )
        return "The token lets no further host in. Hosts that used it stay."

    return act(request, verb, back_to=reverse("web:add_host"))
