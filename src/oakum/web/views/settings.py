"""Settings of the organisation: deadlines, approvals, check-ins, and what a rollout does when nobody says otherwise."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import OperatorError
from oakum.core.packs import load_pack
from oakum.identity import queries as identity
from oakum.identity.models import Role
from oakum.identity.services import set_approvals_required
from oakum.policy import queries, services
from oakum.policy.values import SettingsChange
from oakum.web.doors import BOTH, PersonRequest, page
from oakum.web.forms.policy import SettingsForm, initial_of


@page(Role.VIEWER, methods=BOTH, needed_to_post=Role.ADMINISTRATOR)
def settings(request: PersonRequest) -> HttpResponse:
    """Show what holds; an administrator's POST changes it."""
    organisation_id = request.speaker.organisation_id
    current = queries.settings_of(organisation_id=organisation_id)
    approvals_required = identity.approvals_required(organisation_id=organisation_id)
    form = SettingsForm(
        request.POST if request.method == "POST" else None, initial=initial_of(current, approvals_required)
    )
    if form.is_bound and form.is_valid():
        try:
            _keep(request, form)
        except OperatorError as fault:
            form.add_error(None, f"{fault.sentence} {fault.next_step}".strip())
        else:
            messages.success(request, "Kept. It holds for what is decided from now on.")
            return HttpResponseRedirect(reverse("web:settings"))
    context = {
        "form": form,
        "settings": current,
        "pack": load_pack(current.deadline_pack),
        "approvals_required": approvals_required,
    }
    return render(request, "web/settings.html", context, status=422 if form.errors else 200)


def _keep(request: PersonRequest, form: SettingsForm) -> None:
    values, speaker = form.cleaned_data, request.speaker
    services.set_settings(
        organisation_id=speaker.organisation_id,
        actor=speaker.actor,
        change=SettingsChange(
            deadline_pack=values["deadline_pack"],
            check_in_seconds=values["check_in_minutes"] * 60,
            stale_after_seconds=round(values["stale_hours"] * 3_600),
            ring_zero_count_max=values["ring_zero_count_max"],
            ring_percents=values["ring_percents"],
            soak_seconds=round(values["soak_hours"] * 3_600),
            failure_percent_max=values["failure_percent_max"],
            wave_count_max=values["wave_count_max"],
        ),
        now=request.now,
    )
    if values["approvals_required"] != form.initial["approvals_required"]:
        set_approvals_required(
            organisation_id=speaker.organisation_id,
            count=values["approvals_required"],
            actor=speaker.actor,
            now=request.now,
        )
