"""Plan a rollout: ask for it, and see before what it would carry, where, and when it may run.

Nothing moves by asking: a rollout waits for approval, then for its start.  Who is covered, in which rings, with which
versions is decided by ``rollout.services`` and shown on the rollout's own page, for those who approve.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import NotFoundError, OakumError, OperatorError
from oakum.findings import queries as findings
from oakum.fleet import queries as fleet
from oakum.identity.models import Role
from oakum.identity.queries import approvals_required
from oakum.policy import queries as policy
from oakum.policy.values import Occurrence
from oakum.rollout import services
from oakum.rollout.requests import (
    CuresFor,
    GroupHosts,
    HostsById,
    PendingSecurity,
    SourcesByName,
    StoredWindow,
    UpdatesById,
)
from oakum.web.doors import BOTH, POST, PersonRequest, page
from oakum.web.forms.rollouts import CHOSEN, CURES, GROUP, NAMED, SOURCES, PlanForm
from oakum.web.paging import id_of, text_of, whole_number

UPDATE_COUNT_MAX = 500  # looked through
UPDATE_COUNT = 15  # shown
OPENING_COUNT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a wish would carry as hosts report now; ``openings`` None: it is bound to no window."""

    updates: tuple[findings.PatchRow, ...]
    update_count: int
    overdue_count: int
    openings: tuple[Occurrence, ...] | None


def _form(request: PersonRequest) -> PlanForm:
    organisation_id = request.speaker.organisation_id
    posted = request.POST if request.method == "POST" else None
    chosen = (posted.get("patches", "") if posted is not None else text_of(request, "patch")) or ""
    initial, words = _initial(request, chosen)

    def resolve(word: str) -> UUID:
        return _host_id(request, word)

    return PlanForm(
        posted,
        initial=initial,
        groups=fleet.groups(organisation_id=organisation_id),
        windows=policy.windows(organisation_id=organisation_id, now=request.now),
        patch_words=words,
        resolve=resolve,
    )


def _initial(request: PersonRequest, chosen: str) -> tuple[dict[str, object], str]:
    """Return what the page that led here has chosen already, and the patch in words."""
    organisation_id = request.speaker.organisation_id
    initial: dict[str, object] = {}
    words = ""
    patch_id = whole_number(chosen)
    if patch_id is not None:
        rules = policy.rules_of(organisation_id=organisation_id)
        row = findings.patch(
            organisation_id=organisation_id, update_id=patch_id, rules=rules, now=request.now, limit=1
        ).row
        words = f"{row.source_name} {row.source_version} for {row.stream}"
        initial |= {"what": CHOSEN, "patches": str(patch_id)}
    if cve := text_of(request, "cve"):
        initial |= {"what": CURES, "cve": cve}
    if source := text_of(request, "source"):
        initial |= {"what": SOURCES, "sources": source}
    if group := text_of(request, "group"):
        initial |= {"where": GROUP, "group": group}
    if host_id := id_of(request, "host"):
        name = fleet.host(organisation_id=organisation_id, host_id=host_id, now=request.now).row.hostname
        same = fleet.host_by_name(organisation_id=organisation_id, name=name, now=request.now)
        named = name if len(same) == 1 and len(name.split()) == 1 else str(host_id)
        initial |= {"where": NAMED, "hosts": named}
    return initial, words


def _host_id(request: PersonRequest, word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError:
        found = fleet.host_by_name(organisation_id=request.speaker.organisation_id, name=word, now=request.now)
    if not found:
        raise NotFoundError(code="host_unknown", sentence=f"There is no host named {word}.")
    if len(found) > 1:
        raise OperatorError(
            code="host_name_ambiguous",
            sentence=f"{len(found)} hosts are named {word}.",
            next_step=f"Write the id of one: {', '.join(str(row.id) for row in found[:5])}.",
        )
    return found[0].id


@page(Role.OPERATOR, methods=BOTH)
def plan_rollout(request: PersonRequest) -> HttpResponse:
    """Show the form; a POST asks for the rollout and leads to its page."""
    form = _form(request)
    if form.is_bound and form.is_valid():
        try:
            rollout_id = services.plan_rollout(
                organisation_id=request.speaker.organisation_id,
                person_id=request.speaker.person_id,
                request=form.request(),
                now=request.now,
            )
        except OperatorError as fault:
            form.add_error(None, f"{fault.sentence} {fault.next_step}".strip())
        else:
            messages.success(request, "The rollout is asked for. Nothing moves yet: see below what it would do.")
            return HttpResponseRedirect(reverse("web:rollout", args=[rollout_id]))
    organisation_id = request.speaker.organisation_id
    context = {
        "form": form,
        "settings": policy.settings_of(organisation_id=organisation_id),
        "approvals_required": approvals_required(organisation_id=organisation_id),
        "freezes": policy.freezes(organisation_id=organisation_id, now=request.now),
    }
    return render(request, "web/plan.html", context, status=422 if form.errors else 200)


@page(Role.OPERATOR, methods=POST)
def plan_outlook(request: PersonRequest) -> HttpResponse:
    """Show what the form, as it stands, would carry; it stores nothing."""
    form = _form(request)
    problem, outlook = "", None
    if form.is_valid():
        try:
            outlook = _outlook(request, form)
        except OakumError as fault:
            problem = f"{fault.sentence} {fault.next_step}".strip()
    else:
        problem = " ".join(str(words) for errors in form.errors.values() for words in errors)
    return render(request, "web/parts/outlook.html", {"outlook": outlook, "problem": problem, "shown": UPDATE_COUNT})


def _outlook(request: PersonRequest, form: PlanForm) -> Outlook:
    organisation_id = request.speaker.organisation_id
    wanted = findings.PatchFilter()
    match form.host_choice():
        case GroupHosts(name=name):
            wanted = replace(wanted, group=name)
        case HostsById(host_ids=host_ids):
            wanted = replace(wanted, host_ids=host_ids)
        case _:
            pass
    selection = form.selection()
    if isinstance(selection, PendingSecurity):
        wanted = replace(wanted, kind="security")
    if isinstance(selection, CuresFor):
        wanted = replace(wanted, cve=selection.cve)
    rules = policy.rules_of(organisation_id=organisation_id)
    found = findings.patches(
        organisation_id=organisation_id, rules=rules, now=request.now, wanted=wanted, limit=UPDATE_COUNT_MAX
    )
    rows = tuple(_meant(found.rows, selection))
    return Outlook(
        updates=rows[:UPDATE_COUNT],
        update_count=len(rows) if len(rows) < len(found.rows) else found.total_count,
        overdue_count=sum(row.overdue_count for row in rows),
        openings=_openings(request, form),
    )


def _meant(rows: Iterable[findings.PatchRow], selection: object) -> Iterable[findings.PatchRow]:
    match selection:
        case SourcesByName(names=names):
            return (row for row in rows if row.source_name in names)
        case UpdatesById(update_ids=ids):
            return (row for row in rows if row.id in ids)
        case _:
            return rows


def _openings(request: PersonRequest, form: PlanForm) -> tuple[Occurrence, ...] | None:
    choice = form.window_choice()
    if not isinstance(choice, StoredWindow):
        return None
    found = policy.window_occurrences(
        organisation_id=request.speaker.organisation_id, window_id=choice.window_id, now=request.now
    )
    return found[:OPENING_COUNT]
