"""Host findings and vulnerabilities by the API: each route is one query."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema

from oakum.api.auth import session_of, utc_now
from oakum.api.fields import Limit, Offset, Text
from oakum.api.refs import checked_group, resolve_host
from oakum.findings import queries
from oakum.identity.queries import Session
from oakum.policy.queries import rules_of

router = Router()
Severity = Literal["", "critical", "high", "medium", "low", "unknown"]
RemedyWanted = Literal["", "missing", "pending_restart", "pending_reboot", "no_fix", "unknown"]


class Wanted(Schema):
    """Which host findings are wanted; every field narrows, and what is empty or left out does not."""

    host: Text = ""
    group: Text = ""
    cve: Text = ""
    package: Text = ""
    severity: Severity = ""
    remedy: RemedyWanted = ""
    search: Text = ""
    kev: bool | None = None
    overdue: bool | None = None


def filter_of(session: Session, wanted: Wanted, now: datetime) -> queries.FindingFilter:
    """Return the filter that is meant.

    Raises:
        NotFoundError: no such host or group.
    """
    return queries.FindingFilter(
        host_ids=(resolve_host(session, wanted.host, now),) if wanted.host else (),
        group=checked_group(session, wanted.group),
        cve=wanted.cve.strip().upper(),
        package=wanted.package,
        severity=wanted.severity,
        remedy=wanted.remedy,
        search=wanted.search,
        kev=wanted.kev,
        overdue=wanted.overdue,
    )


@router.get("", response=queries.FindingPage)
def list_findings(
    request: HttpRequest, wanted: Query[Wanted], limit: Limit = 50, offset: Offset = 0
) -> queries.FindingPage:
    """List host findings, soonest deadline first."""
    session, now = session_of(request), utc_now()
    return queries.findings(
        organisation_id=session.organisation_id,
        rules=rules_of(organisation_id=session.organisation_id),
        now=now,
        wanted=filter_of(session, wanted, now),
        limit=limit,
        offset=offset,
    )


@router.get("/vulnerabilities", response=queries.VulnerabilityPage)
def list_vulnerabilities(
    request: HttpRequest,
    search: Text = "",
    severity: Severity = "",
    *,
    kev: bool | None = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> queries.VulnerabilityPage:
    """List the vulnerabilities that are open on some host, soonest deadline first."""
    organisation_id = session_of(request).organisation_id
    return queries.vulnerabilities(
        organisation_id=organisation_id,
        rules=rules_of(organisation_id=organisation_id),
        now=utc_now(),
        search=search,
        severity=severity,
        kev=kev,
        limit=limit,
        offset=offset,
    )


@router.get("/vulnerabilities/{cve}", response=queries.VulnerabilityView)
def show_vulnerability(
    request: HttpRequest, cve: Text, limit: Limit = 50, offset: Offset = 0
) -> queries.VulnerabilityView:
    """Return what is known of one vulnerability, and a page of the hosts that have it; of an unknown one: nothing."""
    organisation_id = session_of(request).organisation_id
    return queries.vulnerability(
        organisation_id=organisation_id,
        cve=cve,
        rules=rules_of(organisation_id=organisation_id),
        now=utc_now(),
        limit=limit,
        offset=offset,
    )
