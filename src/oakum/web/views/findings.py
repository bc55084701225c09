"""Findings: what is open where, by when it must be gone and why."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from oakum.core.errors import NotFoundError
from oakum.findings import queries
from oakum.fleet import queries as fleet
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.reporting import exports
from oakum.web.doors import PersonRequest, page
from oakum.web.downloads import download
from oakum.web.paging import answer_of, choice_of, id_of, offset_of, text_of

NO_FILTER = queries.FindingFilter()
ROW_COUNT = 30  # a finding with its reason is a long row
REMEDIES = (
    ("missing", "needs patch"),
    ("pending_restart", "restart pending"),
    ("pending_reboot", "reboot pending"),
    ("no_fix", "no fix yet"),
    ("unknown", "unknown"),
)
SEVERITIES = (
    ("critical", "critical"),
    ("high", "high"),
    ("medium", "medium"),
    ("low", "low"),
    ("unknown", "not rated"),
)


def filter_of(request: PersonRequest) -> queries.FindingFilter:
    """Read the filter from the address; what is none of the words is left out."""
    host_id = id_of(request, "host")
    return queries.FindingFilter(
        host_ids=(host_id,) if host_id else (),
        group=text_of(request, "group"),
        cve=text_of(request, "cve").upper(),
        package=text_of(request, "package"),
        severity=choice_of(request, "severity", tuple(value for value, _ in SEVERITIES)),
        remedy=choice_of(request, "remedy", tuple(value for value, _ in REMEDIES)),
        search=text_of(request, "search"),
        kev=answer_of(request, "kev"),
        overdue=answer_of(request, "overdue"),
    )


@page(Role.VIEWER)
def findings(request: PersonRequest) -> HttpResponse:
    """Show a page of host findings, soonest deadline first."""
    organisation_id = request.speaker.organisation_id
    rules = rules_of(organisation_id=organisation_id)
    wanted = filter_of(request)
    found = queries.findings(
        organisation_id=organisation_id,
        rules=rules,
        now=request.now,
        wanted=wanted,
        limit=ROW_COUNT,
        offset=offset_of(request),
    )
    host = None
    if wanted.host_ids:
        host = fleet.host(organisation_id=organisation_id, host_id=wanted.host_ids[0], now=request.now)
    context = {
        "page": found,
        "wanted": wanted,
        "filtered": wanted != NO_FILTER,
        "host": host,
        "groups": fleet.groups(organisation_id=organisation_id),
        "remedies": REMEDIES,
        "severities": SEVERITIES,
        "pack": rules.pack,
        "query": request.GET.urlencode(),
    }
    return render(request, "web/findings.html", context)


@page(Role.VIEWER)
def finding(request: PersonRequest, host_id: UUID, package: str) -> HttpResponse:
    """Show all that is wrong with one source package on one host, with the evidence and the deadline's reasons."""
    organisation_id = request.speaker.organisation_id
    found = queries.findings(
        organisation_id=organisation_id,
        rules=rules_of(organisation_id=organisation_id),
        now=request.now,
        wanted=queries.FindingFilter(host_ids=(host_id,), package=package),
        limit=ROW_COUNT,
    )
    if not found.rows:
        raise NotFoundError(
            code="finding_gone",
            sentence=f"Nothing is open for {package} on this host any more, or never was.",
            next_step="The host's page and its journal tell what happened.",
        )
    context = {"rows": found.rows, "first": found.rows[0], "package": package, "as_of": found.as_of}
    return render(request, "web/finding.html", context)


@page(Role.VIEWER)
def findings_csv(request: PersonRequest) -> HttpResponseBase:
    """Send the findings that the filter lets through as CSV."""
    pieces = exports.findings_csv(
        organisation_id=request.speaker.organisation_id, now=request.now, wanted=filter_of(request)
    )
    name = f"oakum-findings-{request.now:%Y%m%d}.csv"
    return download(request, pieces, name=name, content_type="text/csv; charset=utf-8")


@page(Role.VIEWER)
def findings_json(request: PersonRequest) -> HttpResponseBase:
    """Send the findings that the filter lets through as JSON."""
    pieces = exports.findings_json(
        organisation_id=request.speaker.organisation_id, now=request.now, wanted=filter_of(request)
    )
    name = f"oakum-findings-{request.now:%Y%m%d}.json"
    return download(request, pieces, name=name, content_type="application/json")
