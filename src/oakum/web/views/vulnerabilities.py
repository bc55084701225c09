"""Vulnerabilities by CVE: how bad, known by whom, and how far they reach here."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from oakum.findings import queries
from oakum.identity.models import Role
from oakum.policy.queries import rules_of
from oakum.web.doors import PersonRequest, page
from oakum.web.paging import ROW_COUNT, answer_of, choice_of, offset_of, text_of
from oakum.web.views.findings import SEVERITIES

HOST_COUNT = 25
CVE_LENGTH_MAX = 30


@page(Role.VIEWER)
def vulnerabilities(request: PersonRequest) -> HttpResponse:
    """Show a page of the CVEs that are open on some host, soonest deadline first."""
    search, kev = text_of(request, "search"), answer_of(request, "kev")
    severity = choice_of(request, "severity", tuple(value for value, _ in SEVERITIES))
    organisation_id = request.speaker.organisation_id
    found = queries.vulnerabilities(
        organisation_id=organisation_id,
        rules=rules_of(organisation_id=organisation_id),
        now=request.now,
        search=search,
        severity=severity,
        kev=kev,
        limit=ROW_COUNT,
        offset=offset_of(request),
    )
    context = {
        "page": found,
        "search": search,
        "severity": severity,
        "severities": SEVERITIES,
        "kev": kev,
        "filtered": bool(search or severity or kev is not None),
    }
    return render(request, "web/vulnerabilities.html", context)


@page(Role.VIEWER)
def vulnerability(request: PersonRequest, cve: str) -> HttpResponse:
    """Show one CVE with every rating and its source, the advisories that speak of it, and the hosts that have it."""
    organisation_id = request.speaker.organisation_id
    found = queries.vulnerability(
        organisation_id=organisation_id,
        cve=cve[:CVE_LENGTH_MAX],
        rules=rules_of(organisation_id=organisation_id),
        now=request.now,
        limit=HOST_COUNT,
        offset=offset_of(request),
    )
    known = bool(found.summary or found.advisories or found.kev or found.host_count or found.cvss_score is not None)
    return render(request, "web/vulnerability.html", {"vulnerability": found, "known": known})
