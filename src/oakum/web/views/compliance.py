"""Compliance: each host's verdict with its reason, and totals by group, as of now."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from oakum.core.compliance import HostVerdict
from oakum.identity.models import Role
from oakum.reporting import exports, queries
from oakum.reporting.values import ComplianceTotal
from oakum.web.doors import PersonRequest, page
from oakum.web.downloads import download
from oakum.web.paging import ROW_COUNT, choice_of, offset_of, text_of

VERDICTS = tuple(verdict.value for verdict in HostVerdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part of a bar: where it begins and how wide it is, of a hundred."""

    tone: str
    start: float
    width: float


def shares_of(total: ComplianceTotal) -> tuple[Share, ...]:
    """Return the parts of a total's bar: compliant, overdue, unknown; nothing without hosts."""
    shares, start = [], 0.0
    for tone, count in (("ok", total.compliant_count), ("bad", total.overdue_count), ("warn", total.unknown_count)):
        width = 100 * count / total.host_count if total.host_count else 0.0
        if width:
            shares.append(Share(tone=tone, start=round(start, 2), width=round(width, 2)))
        start += width
    return tuple(shares)


@page(Role.VIEWER)
def compliance(request: PersonRequest) -> HttpResponse:
    """Show verdicts, worst first."""
    found = queries.compliance(organisation_id=request.speaker.organisation_id, now=request.now)
    verdict, group = choice_of(request, "verdict", VERDICTS), text_of(request, "group")
    rows = [
        row for row in found.rows if (not verdict or row.verdict == verdict) and (not group or group in row.host.groups)
    ]
    offset = offset_of(request)
    context = {
        "compliance": found,
        "total_shares": shares_of(found.total),
        "groups": [(total, shares_of(total)) for total in found.groups[:ROW_COUNT]],
        "rows": rows[offset : offset + ROW_COUNT],
        "row_count": len(rows),
        "offset": offset,
        "limit": ROW_COUNT,
        "verdict": verdict,
        "verdicts": VERDICTS,
        "group": group,
    }
    return render(request, "web/compliance.html", context)


@page(Role.VIEWER)
def compliance_csv(request: PersonRequest) -> HttpResponseBase:
    """Send the compliance report as CSV."""
    pieces = exports.compliance_csv(organisation_id=request.speaker.organisation_id, now=request.now)
    name = f"oakum-compliance-{request.now:%Y%m%d}.csv"
    return download(request, pieces, name=name, content_type="text/csv; charset=utf-8")


@page(Role.VIEWER)
def compliance_json(request: PersonRequest) -> HttpResponseBase:
    """Send the compliance report as JSON."""
    pieces = exports.compliance_json(organisation_id=request.speaker.organisation_id, now=request.now)
    name = f"oakum-compliance-{request.now:%Y%m%d}.json"
    return download(request, pieces, name=name, content_type="application/json")


@page(Role.VIEWER)
def patch_compliance_csv(request: PersonRequest) -> HttpResponseBase:
    """Send every patch on every host that it concerns as CSV."""
    pieces = exports.patches_csv(organisation_id=request.speaker.organisation_id, now=request.now)
    name = f"oakum-patches-{request.now:%Y%m%d}.csv"
    return download(request, pieces, name=name, content_type="text/csv; charset=utf-8")


@page(Role.VIEWER)
def patch_compliance_json(request: PersonRequest) -> HttpResponseBase:
    """Send every patch with its state on each host as JSON."""
    pieces = exports.patches_json(organisation_id=request.speaker.organisation_id, now=request.now)
    name = f"oakum-patches-{request.now:%Y%m%d}.json"
    return download(request, pieces, name=name, content_type="application/json")
