"""People of the organisation and their roles.  Rights come from roles alone; who asks is never who approves."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import OperatorError
from oakum.identity import queries, services
from oakum.identity.models import Role
from oakum.web.doors import BOTH, POST, PersonRequest, act, page
from oakum.web.forms.people import ROLE_WORDS, PersonForm, RoleForm


@page(Role.VIEWER, methods=BOTH, needed_to_post=Role.ADMINISTRATOR)
def people(request: PersonRequest) -> HttpResponse:
    """Show the members; an administrator's POST adds one and shows their one-time password, this once."""
    speaker = request.speaker
    form = PersonForm(request.POST if request.method == "POST" else None)
    added, password = "", ""
    if form.is_bound and form.is_valid():
        try:
            person, password = services.create_person(
                organisation_id=speaker.organisation_id,
                name=form.cleaned_data["name"],
                role=Role(form.cleaned_data["role"]),
                actor=speaker.actor,
                now=request.now,
            )
            added, form = person.name, PersonForm()
        except OperatorError as fault:
            form.add_error("name", f"{fault.sentence} {fault.next_step}".strip())
    members = queries.people(organisation_id=speaker.organisation_id)
    context = {
        "members": [(member, RoleForm(initial={"role": member.role.value}, auto_id=False)) for member in members],
        "form": form,
        "added": added,
        "password": password,
        "role_words": ROLE_WORDS.values(),
        "approver_count": sum(1 for member in members if member.is_active and member.role in APPROVING),
        "approvals_required": queries.approvals_required(organisation_id=speaker.organisation_id),
    }
    return render(request, "web/people.html", context, status=422 if form.errors else 200)


APPROVING = (Role.APPROVER, Role.ADMINISTRATOR)


@page(Role.ADMINISTRATOR, methods=POST)
def set_role(request: PersonRequest, person_id: UUID) -> HttpResponse:
    """Change a member's role."""
    form = RoleForm(request.POST)

    def verb() -> str:
        if not form.is_valid():
            raise OperatorError(code="role_unknown", sentence="That is no role.", next_step="Choose one of the list.")
        role = Role(form.cleaned_data["role"])
        services.set_role(
            organisation_id=request.speaker.organisation_id,
            person_id=person_id,
            role=role,
            actor=request.speaker.actor,
            now=request.now,
        )
        return f"The role is now {role.value}."

    return act(request, verb, back_to=reverse("web:people"))
