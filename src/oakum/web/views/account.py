"""One's own account: password, personal tokens, appearance."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import NotFoundError, OperatorError
from oakum.identity import queries, services
from oakum.identity.models import Role
from oakum.web.context import THEME_COOKIE
from oakum.web.doors import BOTH, POST, PersonRequest, act, page
from oakum.web.forms.account import ThemeForm, TokenForm

THEME_COOKIE_AGE = timedelta(days=366)


@page(Role.VIEWER, methods=BOTH)
def account(request: PersonRequest) -> HttpResponse:
    """Show the account; a POST makes a token and shows its text, this once."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    text = ""
    if request.method == "POST" and form.is_valid():
        try:
            _, text = services.create_token(
                organisation_id=request.speaker.organisation_id,
                person_id=request.speaker.person_id,
                name=form.cleaned_data["name"],
                life=timedelta(days=form.cleaned_data["days"]),
                now=request.now,
            )
            form = TokenForm()
        except OperatorError as fault:
            form.add_error("days", fault.sentence)
    tokens = queries.tokens(organisation_id=request.speaker.organisation_id, person_id=request.speaker.person_id)
    context = {
        "form": form,
        "theme_form": ThemeForm(initial={"theme": request.COOKIES.get(THEME_COOKIE, "")}),
        "tokens": tokens,
        "text": text,
        "address": settings.CONFIG.url,
    }
    return render(request, "web/account.html", context, status=422 if form.errors else 200)


@page(Role.VIEWER, methods=POST)
def revoke_token(request: PersonRequest, token_id: UUID) -> HttpResponse:
    """End one of one's own tokens."""
    speaker = request.speaker

    def verb() -> str:
        own = queries.tokens(organisation_id=speaker.organisation_id, person_id=speaker.person_id)
        if token_id not in {token.id for token in own}:
            raise NotFoundError(code="token_unknown", sentence="You have no such token.")
        services.revoke_token(
            organisation_id=speaker.organisation_id, token_id=token_id, actor=speaker.actor, now=request.now
        )
        return "The token is revoked. Whatever uses it is refused from now on."

    return act(request, verb, back_to=reverse("web:account"))


@page(Role.VIEWER, methods=POST)
def theme(request: PersonRequest) -> HttpResponse:
    """Remember in this browser how the pages look."""
    form = ThemeForm(request.POST)
    response = HttpResponseRedirect(reverse("web:account"))
    if form.is_valid():
        response.set_cookie(
            THEME_COOKIE,
            form.cleaned_data["theme"],
            max_age=int(THEME_COOKIE_AGE.total_seconds()),
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return response
