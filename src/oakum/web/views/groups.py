"""Groups: hosts that belong together, and what holds for those of them that say nothing themselves."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet import queries, services
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.web.doors import BOTH, POST, PersonRequest, act, page, tell_fault
from oakum.web.forms.hosts import GroupForm
from oakum.web.paging import ROW_COUNT, offset_of, text_of

CANDIDATE_COUNT = 200  # hosts offered in the box that adds to a group; more are found by typing


@page(Role.VIEWER, methods=BOTH, needed_to_post=Role.OPERATOR)
def groups(request: PersonRequest) -> HttpResponse:
    """Show all groups; an operator's POST makes one."""
    speaker = request.speaker
    form = GroupForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            group_id = services.set_group(
                organisation_id=speaker.organisation_id, actor=speaker.actor, now=request.now, **form.cleaned_data
            )
        except OperatorError as fault:
            form.add_error("name", f"{fault.sentence} {fault.next_step}".strip())
        else:
            return HttpResponseRedirect(_path(group_id))
    context = {"groups": queries.groups(organisation_id=speaker.organisation_id), "form": form}
    return render(request, "web/groups.html", context, status=422 if form.errors else 200)


def _path(group_id: int) -> str:
    return reverse("web:group", args=[group_id])


def _found(request: PersonRequest, group_id: int) -> queries.GroupView:
    """Return the group of this id: a name may hold what has no place in a path.  NotFoundError if there is none."""
    for found in queries.groups(organisation_id=request.speaker.organisation_id):
        if found.id == group_id:
            return found
    raise NotFoundError(code="group_unknown", sentence="There is no such group.", next_step="See the list of groups.")


@page(Role.VIEWER, methods=BOTH, needed_to_post=Role.OPERATOR)
def group(request: PersonRequest, group_id: int) -> HttpResponse:
    """Show one group and its hosts; an operator's POST changes what is said of it."""
    speaker = request.speaker
    found = _found(request, group_id)
    told = {key: getattr(found, key) for key in GroupForm.field_order}
    form = GroupForm(request.POST if request.method == "POST" else None, initial=told)
    if form.is_bound and form.is_valid():
        values = dict(form.cleaned_data)
        try:
            services.set_group(
                organisation_id=speaker.organisation_id,
                name=found.name,
                new_name=values.pop("name"),
                actor=speaker.actor,
                now=request.now,
                **values,
            )
        except OperatorError as fault:
            form.add_error("name", f"{fault.sentence} {fault.next_step}".strip())
        else:
            messages.success(request, "The group is changed. Deadlines of its hosts follow at once.")
            return HttpResponseRedirect(_path(group_id))
    status = 422 if form.errors else 200
    return render(request, "web/group.html", _group_context(request, found, form), status=status)


def _group_context(request: PersonRequest, found: queries.GroupView, form: GroupForm) -> dict[str, object]:
    organisation_id = request.speaker.organisation_id
    rules = rules_of(organisation_id=organisation_id)
    members = queries.hosts(
        organisation_id=organisation_id,
        now=request.now,
        group=found.name,
        limit=ROW_COUNT,
        offset=offset_of(request),
        stale_after=rules.stale_after,
    )
    search = text_of(request, "add")
    inside = set(queries.group_host_ids(organisation_id=organisation_id, name=found.name))
    offered = queries.hosts(
        organisation_id=organisation_id,
        now=request.now,
        search=search,
        limit=CANDIDATE_COUNT,
        stale_after=rules.stale_after,
    )
    return {
        "group": found,
        "form": form,
        "page": members,
        "add": search,
        "candidates": [row for row in offered.rows if row.id not in inside],
        "host_count": offered.total_count,
    }


def _chosen(request: PersonRequest) -> list[UUID]:
    chosen = []
    for text in request.POST.getlist("host"):
        try:
            chosen.append(UUID(text))
        except ValueError:
            raise OperatorError(code="host_unknown", sentence="That is no host.") from None
    if not chosen:
        raise OperatorError(
            code="no_host_chosen", sentence="No host was chosen.", next_step="Choose one or more in the list."
        )
    return chosen


@page(Role.OPERATOR, methods=POST)
def add_hosts(request: PersonRequest, group_id: int) -> HttpResponse:
    """Put hosts into the group."""

    def verb() -> str:
        count = services.add_to_group(
            organisation_id=request.speaker.organisation_id,
            name=_found(request, group_id).name,
            host_ids=_chosen(request),
            actor=request.speaker.actor,
            now=request.now,
        )
        return f"Added {count} to the group."

    return act(request, verb, back_to=_path(group_id))


@page(Role.OPERATOR, methods=POST)
def remove_hosts(request: PersonRequest, group_id: int) -> HttpResponse:
    """Take hosts out of the group."""

    def verb() -> str:
        count = services.remove_from_group(
            organisation_id=request.speaker.organisation_id,
            name=_found(request, group_id).name,
            host_ids=_chosen(request),
            actor=request.speaker.actor,
            now=request.now,
        )
        return f"Took {count} out of the group."

    return act(request, verb, back_to=_path(group_id))


@page(Role.OPERATOR, methods=POST)
def delete_group(request: PersonRequest, group_id: int) -> HttpResponse:
    """Delete the group; its hosts stay."""
    name = _found(request, group_id).name
    try:
        services.delete_group(
            organisation_id=request.speaker.organisation_id, name=name, actor=request.speaker.actor, now=request.now
        )
    except OperatorError as fault:
        tell_fault(request, fault)
        return HttpResponseRedirect(_path(group_id))
    messages.success(request, f"The group {name} is gone. Its hosts are still here.")
    return HttpResponseRedirect(reverse("web:groups"))
