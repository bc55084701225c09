"""Findings, vulnerabilities, overview, compliance and their exports by the API."""

from __future__ import annotations

from typing import Literal

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Router

from oakum.api.auth import session_of, utc_now
from oakum.api.hosts import resolve
from oakum.findings import queries
from oakum.policy.queries import rules_of
from oakum.reporting import exports
from oakum.reporting import queries as reporting

router = Router()
CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
Format = Literal["csv", "json"]


@router.get("", response=queries.FindingPage)
def list_findings(
    request: HttpRequest,
    host: str = "",
    group: str = "",
    cve: str = "",
    package: str = "",
    severity: str = "",
    remedy: str = "",
    search: str = "",
    *,
    kev: bool | None = None,
    overdue: bool | None = None,
    limit: int = 50,
    offset: int = 0,
) -> queries.FindingPage:
    """List host findings, soonest deadline first; every filter narrows."""
    session, now = session_of(request), utc_now()
    return queries.findings(
        organisation_id=session.organisation_id,
        rules=rules_of(organisation_id=session.organisation_id),
        now=now,
        wanted=queries.FindingFilter(
            host_ids=(resolve(session, host, now),) if host else (),
            group=group,
            cve=cve,
            package=package,
            severity=severity,
            remedy=remedy,
            search=search,
            kev=kev,
            overdue=overdue,
        ),
        limit=limit,
        offset=offset,
    )


@router.get("/vulnerabilities", response=queries.VulnerabilityPage)
def list_vulnerabilities(
    request: HttpRequest, search: str = "", limit: int = 50, offset: int = 0
) -> queries.VulnerabilityPage:
    """List the vulnerabilities that are open on some host, soonest deadline first."""
    organisation_id = session_of(request).organisation_id
    return queries.vulnerabilities(
        organisation_id=organisation_id,
        rules=rules_of(organisation_id=organisation_id),
        now=utc_now(),
        search=search,
        limit=limit,
        offset=offset,
    )


@router.get("/vulnerabilities/{cve}", response=queries.VulnerabilityView)
def show_vulnerability(request: HttpRequest, cve: str) -> queries.VulnerabilityView:
    """Return what is known of one vulnerability, and the hosts that have it."""
    organisation_id = session_of(request).organisation_id
    return queries.vulnerability(
        organisation_id=organisation_id, cve=cve, rules=rules_of(organisation_id=organisation_id), now=utc_now()
    )


@router.get("/overview", response=reporting.Overview)
def overview(request: HttpRequest) -> reporting.Overview:
    """Return what is overdue, what waits for you, what is moving, and who is silent."""
    session = session_of(request)
    return reporting.overview(
        organisation_id=session.organisation_id, person_id=session.person_id, role=session.role, now=utc_now()
    )


@router.get("/compliance", response=reporting.Compliance)
def compliance(request: HttpRequest) -> reporting.Compliance:
    """Return each host's compliance and the totals, as of now."""
    return reporting.compliance(organisation_id=session_of(request).organisation_id, now=utc_now())


@router.get("/export")
def export_findings(request: HttpRequest, format: Format = "csv") -> StreamingHttpResponse:  # noqa: A002 - the query's own name
    """Stream all host findings as CSV or JSON."""
    write = exports.findings_csv if format == "csv" else exports.findings_json
    lines = write(organisation_id=session_of(request).organisation_id, now=utc_now())
    return StreamingHttpResponse(lines, content_type=CONTENT_TYPES[format])


@router.get("/compliance/export")
def export_compliance(request: HttpRequest, format: Format = "csv") -> StreamingHttpResponse:  # noqa: A002 - the query's own name
    """Stream the compliance report as CSV or JSON."""
    write = exports.compliance_csv if format == "csv" else exports.compliance_json
    lines = write(organisation_id=session_of(request).organisation_id, now=utc_now())
    return StreamingHttpResponse(lines, content_type=CONTENT_TYPES[format])
