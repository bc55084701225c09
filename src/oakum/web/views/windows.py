"""Maintenance windows and freezes: when work may run, and when it must not."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import OperatorError
from oakum.identity.models import Role
from oakum.policy import queries, services
from oakum.policy.values import WindowView
from oakum.web.doors import POST, PersonRequest, act, page
from oakum.web.forms.policy import FreezeForm, WindowForm, rule_of
from oakum.web.words import rule_words

OCCURRENCE_DAYS = 60
OCCURRENCE_COUNT = 20


@page(Role.VIEWER)
def windows(request: PersonRequest) -> HttpResponse:
    """Show windows with their next opening, and freezes."""
    return _show(request)


def _show(
    request: PersonRequest, *, window_form: WindowForm | None = None, freeze_form: FreezeForm | None = None
) -> HttpResponse:
    organisation_id = request.speaker.organisation_id
    found = queries.windows(organisation_id=organisation_id, now=request.now)
    context = {
        "windows": [(window, _words(window)) for window in found],
        "freezes": queries.freezes(organisation_id=organisation_id, now=request.now),
        "window_form": window_form or WindowForm(),
        "freeze_form": freeze_form or FreezeForm(),
    }
    return render(request, "web/windows.html", context, status=422 if window_form or freeze_form else 200)


def _words(window: WindowView) -> str:
    return rule_words(window.rrule, window.starts_local)


@page(Role.VIEWER)
def window(request: PersonRequest, window_id: UUID) -> HttpResponse:
    """Show one window with its next openings, and what freezes leave of them."""
    organisation_id = request.speaker.organisation_id
    found = queries.window(organisation_id=organisation_id, window_id=window_id, now=request.now)
    openings = queries.window_occurrences(
        organisation_id=organisation_id, window_id=window_id, now=request.now, days=OCCURRENCE_DAYS
    )
    context = {
        "window": found,
        "words": _words(found),
        "openings": [
            (opening, opening.remaining == (opening.span,), not opening.remaining)
            for opening in openings[:OCCURRENCE_COUNT]
        ],
        "days": OCCURRENCE_DAYS,
    }
    return render(request, "web/window.html", context)


@page(Role.OPERATOR, methods=POST)
def set_window(request: PersonRequest) -> HttpResponse:
    """Make a window."""
    form = WindowForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            services.set_window(
                organisation_id=request.speaker.organisation_id,
                actor=request.speaker.actor,
                name=values["name"],
                starts_local=values["starts"].isoformat(),
                rrule=rule_of(values["repeat"], values["starts"], values["own_rule"]),
                timezone=values["timezone"].strip(),
                duration_seconds=values["minutes"] * 60,
                now=request.now,
            )
        except OperatorError as fault:
            form.add_error(None, f"{fault.sentence} {fault.next_step}".strip())
        else:
            messages.success(request, "The window is made. Rollouts can be planned into it from now on.")
            return HttpResponseRedirect(reverse("web:windows"))
    return _show(request, window_form=form)


@page(Role.OPERATOR, methods=POST)
def delete_window(request: PersonRequest, window_id: UUID) -> HttpResponse:
    """Remove a window."""

    def verb() -> str:
        services.delete_window(
            organisation_id=request.speaker.organisation_id,
            actor=request.speaker.actor,
            window_id=window_id,
            now=request.now,
        )
        return "The window is gone. Rollouts that were approved with it keep their times."

    return act(request, verb, back_to=reverse("web:windows"))


@page(Role.OPERATOR, methods=POST)
def set_freeze(request: PersonRequest) -> HttpResponse:
    """Make a freeze."""
    form = FreezeForm(request.POST)
    if form.is_valid():
        try:
            services.set_freeze(
                organisation_id=request.speaker.organisation_id,
                actor=request.speaker.actor,
                now=request.now,
                **form.cleaned_data,
            )
        except OperatorError as fault:
            form.add_error(None, f"{fault.sentence} {fault.next_step}".strip())
        else:
            messages.success(request, "The freeze is made: nothing starts in it, whatever window is open.")
            return HttpResponseRedirect(reverse("web:windows"))
    return _show(request, freeze_form=form)


@page(Role.OPERATOR, methods=POST)
def delete_freeze(request: PersonRequest, freeze_id: UUID) -> HttpResponse:
    """Remove a freeze."""

    def verb() -> str:
        services.delete_freeze(
            organisation_id=request.speaker.organisation_id,
            actor=request.speaker.actor,
            freeze_id=freeze_id,
            now=request.now,
        )
        return "The freeze is gone. Work may start again."

    return act(request, verb, back_to=reverse("web:windows"))
