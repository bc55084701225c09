"""Hosts: the list, one host, its packages and its changes, and what people say of it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from oakum.core.errors import NotFoundError, OperatorError
from oakum.findings import queries as findings
from oakum.fleet import queries, services
from oakum.fleet.models import HostState
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.rollout import queries as rollouts
from oakum.scan.sbom.host import host_sbom as write_sbom
from oakum.scan.sbom.writing import MEDIA_TYPE
from oakum.web.doors import POST, PersonRequest, act, page, tell_fault
from oakum.web.downloads import download
from oakum.web.forms.hosts import ContextForm, RetireForm
from oakum.web.paging import ROW_COUNT, choice_of, offset_of, text_of

STATE_CHOICES = (
    ("", "all but retired"),
    ("silent", "silent"),
    ("never", "never heard of"),
    ("unknown", "packages unknown"),
    ("reboot", "reboot required"),
    ("quarantined", "quarantined"),
    ("retired", "retired"),
)
FINDING_COUNT = 20  # on the host's own page; the list has all
UPDATE_COUNT = 20  # of each kind
UPDATE_COUNT_MAX = 500  # looked through to tell the kinds apart
CHANGE_COUNT = 30
CHANGE_NAME_COUNT = 12  # package names of one change
PACKAGE_COUNT = 100


@page(Role.VIEWER)
def hosts(request: PersonRequest) -> HttpResponse:
    """Show the hosts; the table alone when it refreshes itself."""
    organisation_id = request.speaker.organisation_id
    rules = rules_of(organisation_id=organisation_id)
    state = choice_of(request, "state", tuple(value for value, _ in STATE_CHOICES))
    search, group = text_of(request, "search"), text_of(request, "group")
    found = queries.hosts(
        organisation_id=organisation_id,
        now=request.now,
        search=search,
        group=group,
        state=state,
        limit=ROW_COUNT,
        offset=offset_of(request),
        stale_after=rules.stale_after,
    )
    known = findings.host_summaries(
        organisation_id=organisation_id, rules=rules, now=request.now, host_ids=tuple(row.id for row in found.rows)
    )
    summaries = {summary.host_id: summary for summary in known}
    context = {
        "page": found,
        "rows": [(row, summaries.get(row.id)) for row in found.rows],
        "search": search,
        "group": group,
        "state": state,
        "filtered": bool(search or group or state),
        "is_young": any(row.packages_status != "known" and row.presence != "silent" for row in found.rows),
    }
    if request.htmx:
        return render(request, "web/parts/hosts_table.html", context)
    counts = queries.host_counts(organisation_id=organisation_id, now=request.now, stale_after=rules.stale_after)
    groups = queries.groups(organisation_id=organisation_id)
    return render(
        request, "web/hosts.html", context | {"counts": counts, "groups": groups, "state_choices": STATE_CHOICES}
    )


@page(Role.VIEWER)
def host(request: PersonRequest, host_id: UUID) -> HttpResponse:
    """Show one host: what must be done there, why, and what it is."""
    organisation_id = request.speaker.organisation_id
    rules = rules_of(organisation_id=organisation_id)
    found = _found(request, host_id)
    context: dict[str, object] = {
        "host": found,
        "row": found.row,
        "context_form": ContextForm(
            initial={
                "reachability": found.own.reachability,
                "environment": found.own.environment,
                "criticality": found.own.criticality,
            }
        ),
        "retire_form": RetireForm(),
    }
    if found.row.state != HostState.RETIRED:
        open_findings = findings.host_findings(
            organisation_id=organisation_id, host_id=host_id, rules=rules, now=request.now
        )
        updates = findings.patches(
            organisation_id=organisation_id,
            rules=rules,
            now=request.now,
            wanted=findings.PatchFilter(host_ids=(host_id,)),
            limit=UPDATE_COUNT_MAX,
        )
        context |= {
            "findings": open_findings,
            "finding_rows": open_findings.rows[:FINDING_COUNT],
            "summary": open_findings.summary,
            "updates": _by_kind(updates.rows),
            "update_count": updates.total_count,
            "rollouts": rollouts.rollouts_of_host(organisation_id=organisation_id, host_id=host_id),
        }
    return render(request, "web/host.html", context)


def _found(request: PersonRequest, host_id: UUID) -> queries.HostView:
    rules = rules_of(organisation_id=request.speaker.organisation_id)
    return queries.host(
        organisation_id=request.speaker.organisation_id,
        host_id=host_id,
        now=request.now,
        stale_after=rules.stale_after,
    )


def _by_kind(
    rows: tuple[findings.PatchRow, ...],
) -> tuple[tuple[str, int, tuple[findings.PatchRow, ...]], ...]:
    """Return the updates told apart by kind: (kind, how many, the ones to show)."""
    kinds = (("security", "Security"), ("bugfix", "Bug fixes"), ("feature", "Features"))
    told = [(words, [row for row in rows if row.kind == kind]) for kind, words in kinds]
    return tuple((words, len(own), tuple(own[:UPDATE_COUNT])) for words, own in told if own)


@page(Role.VIEWER)
def host_packages(request: PersonRequest, host_id: UUID) -> HttpResponse:
    """Show what is installed on one host, by name."""
    search = text_of(request, "search")
    packages = queries.host_packages(
        organisation_id=request.speaker.organisation_id,
        host_id=host_id,
        search=search,
        limit=PACKAGE_COUNT,
        offset=offset_of(request),
    )
    context = {"host": _found(request, host_id), "page": packages, "search": search}
    return render(request, "web/host_packages.html", context)


@page(Role.VIEWER)
def host_sbom(request: PersonRequest, host_id: UUID) -> HttpResponseBase:
    """Hand out what is installed on one host as a bill of materials."""
    try:
        pieces = write_sbom(organisation_id=request.speaker.organisation_id, host_id=host_id, now=request.now)
    except NotFoundError:
        raise
    except OperatorError as fault:
        tell_fault(request, fault)
        return HttpResponseRedirect(_path(host_id))
    return download(request, pieces, name=f"host-{host_id}.cdx.json", content_type=MEDIA_TYPE)


@page(Role.VIEWER)
def host_changes(request: PersonRequest, host_id: UUID) -> HttpResponse:
    """Show what a host's packages gained and lost, newest first."""
    changes = queries.host_changes(organisation_id=request.speaker.organisation_id, host_id=host_id, limit=CHANGE_COUNT)
    shown = [
        {
            "at": change.at,
            "added": change.added[:CHANGE_NAME_COUNT],
            "added_more": max(len(change.added) - CHANGE_NAME_COUNT, 0),
            "removed": change.removed[:CHANGE_NAME_COUNT],
            "removed_more": max(len(change.removed) - CHANGE_NAME_COUNT, 0),
        }
        for change in changes
    ]
    return render(request, "web/host_changes.html", {"host": _found(request, host_id), "changes": shown})


def _path(host_id: UUID) -> str:
    return reverse("web:host", args=[host_id])


@page(Role.OPERATOR, methods=POST)
def set_host(request: PersonRequest, host_id: UUID) -> HttpResponse:
    """Say how exposed and how important the host is."""
    form = ContextForm(request.POST)

    def verb() -> str:
        if not form.is_valid():
            raise OperatorError(code="answer_unknown", sentence="That is none of the answers.")
        services.set_host(
            organisation_id=request.speaker.organisation_id,
            host_id=host_id,
            actor=request.speaker.actor,
            now=request.now,
            **form.cleaned_data,
        )
        return "Kept. Its deadlines follow at once."

    return act(request, verb, back_to=_path(host_id))


@page(Role.ADMINISTRATOR, methods=POST)
def release_host(request: PersonRequest, host_id: UUID) -> HttpResponse:
    """Let a quarantined host speak again."""

    def verb() -> str:
        services.release_quarantine(
            organisation_id=request.speaker.organisation_id,
            host_id=host_id,
            actor=request.speaker.actor,
            now=request.now,
        )
        return "Released. Its next report counts again; should two still share the identity, both are stopped anew."

    return act(request, verb, back_to=_path(host_id))


@page(Role.ADMINISTRATOR, methods=POST)
def retire_host(request: PersonRequest, host_id: UUID) -> HttpResponse:
    """Take a host out of the fleet."""
    form = RetireForm(request.POST)
    try:
        services.retire_host(
            organisation_id=request.speaker.organisation_id,
            host_id=host_id,
            actor=request.speaker.actor,
            reason=form.cleaned_data["reason"] if form.is_valid() else "",
            now=request.now,
        )
    except OperatorError as fault:
        tell_fault(request, fault)
        return HttpResponseRedirect(_path(host_id))
    messages.success(request, "The host is retired: it counts nowhere and may not report. Its past stays.")
    return HttpResponseRedirect(reverse("web:hosts"))
