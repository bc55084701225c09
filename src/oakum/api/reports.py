"""Overview, compliance and exports by the API: each route is one query."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from oakum.api.auth import session_of, utc_now
from oakum.api.findings import Wanted, filter_of
from oakum.api.patches import Kind
from oakum.reporting import exports, queries
from oakum.streaming import stream

router = Router()
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
Format = Literal["csv", "json"]


@router.get("/findings/overview", response=queries.Overview)
def show_overview(request: HttpRequest) -> queries.Overview:
    """Return what is overdue or due next, what waits for you, what is moving, who is silent, what was closed lately."""
    session = session_of(request)
    return queries.overview(organisation_id=session.organisation_id, person_id=session.person_id, now=utc_now())


@router.get("/findings/export")
def export_findings(
    request: HttpRequest,
    wanted: Query[Wanted],
    format: Format = "csv",  # noqa: A002 - the query's own name
) -> StreamingHttpResponse:
    """Stream host findings as CSV or JSON, whole, soonest deadline first."""
    session, now = session_of(request), utc_now()
    write = exports.findings_csv if format == "csv" else exports.findings_json
    pieces = write(organisation_id=session.organisation_id, now=now, wanted=filter_of(session, wanted, now))
    return stream(request, pieces, content_type=CONTENT_TYPES[format])


@router.get("/findings/compliance", response=queries.Compliance)
def show_compliance(request: HttpRequest) -> queries.Compliance:
    """Return each host's verdict with its reason, worst first, and the totals, as of now."""
    return queries.compliance(organisation_id=session_of(request).organisation_id, now=utc_now())


@router.get("/findings/compliance/export")
def export_compliance(request: HttpRequest, format: Format = "csv") -> StreamingHttpResponse:  # noqa: A002 - the same
    """Stream the compliance report as CSV or JSON."""
    write = exports.compliance_csv if format == "csv" else exports.compliance_json
    pieces = write(organisation_id=session_of(request).organisation_id, now=utc_now())
    return stream(request, pieces, content_type=CONTENT_TYPES[format])


@router.get("/patches/export")
def export_patches(request: HttpRequest, kind: Kind = "", format: Format = "csv") -> StreamingHttpResponse:  # noqa: A002 - the same
    """Stream every patch on every host that it concerns, in compliance states, as CSV or JSON."""
    write = exports.patches_csv if format == "csv" else exports.patches_json
    pieces = write(organisation_id=session_of(request).organisation_id, now=utc_now(), kind=kind)
    return stream(request, pieces, content_type=CONTENT_TYPES[format])
