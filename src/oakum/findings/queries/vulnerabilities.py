"""Vulnerabilities as people look for them: by CVE, over all hosts.

A CVE's own deadline is judged by that CVE alone, also where another one on the same package is due sooner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from uuid import UUID

from django.db.models import F, Q
from pyroaring import BitMap

from oakum.core.errors import OperatorError
from oakum.core.priority import NO_DUE_AT
from oakum.findings.queries.board import Spread, by_sort_key, spread_of
from oakum.findings.queries.due import schedule_of
from oakum.findings.queries.host_findings import page_of
from oakum.findings.queries.said import said_of
from oakum.findings.queries.slices import Slice
from oakum.findings.queries.values import (
    PAGE_COUNT_MAX,
    SEARCH_LENGTH_MAX,
    SEVERITIES,
    AdvisoryView,
    ExploitationView,
    FindingFilter,
    KevView,
    Rules,
    VulnerabilityPage,
    VulnerabilityRow,
    VulnerabilityView,
)
from oakum.findings.queries.view import View, load_view
from oakum.intel.models import Advisory, KevEntry, Vulnerability, stands
from oakum.intel.queries import epss_of

ADVISORY_COUNT_MAX = 200  # of one CVE


def vulnerabilities(
    *,
    organisation_id: UUID,
    rules: Rules,
    now: datetime,
    search: str = "",
    severity: str = "",
    kev: bool | None = None,
    limit: int = 50,
    offset: int = 0,
) -> VulnerabilityPage:
    """Return a page of the CVEs that are open on some host, soonest deadline first.

    ``search`` is any part of a CVE, a package or an advisory's ref.

    Raises:
        OperatorError: no such severity (``filter_invalid``).
    """
    if severity and severity not in SEVERITIES:
        raise OperatorError(
            code="filter_invalid",
            sentence=f"{severity!r} is no severity.",
            next_step=f"Use one of: {', '.join(SEVERITIES)}.",
        )
    limit, offset = max(1, min(limit, PAGE_COUNT_MAX)), max(0, offset)
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    found = _wanted(view, search.strip().lower()[:SEARCH_LENGTH_MAX], severity, kev=kev)
    shown = found[offset : offset + limit]
    known = Vulnerability.objects.filter(cve__in=[one.threat.cve for one in shown])
    summaries = dict(known.values_list("cve", "summary"))
    return VulnerabilityPage(
        rows=tuple(_row(view, one, summaries.get(one.threat.cve, "")) for one in shown),
        total_count=len(found),
        limit=limit,
        offset=offset,
        as_of=view.as_of(),
    )


def _wanted(view: View, search: str, severity: str, *, kev: bool | None) -> Sequence[Spread]:
    """Return the CVEs that are let through, soonest deadline first."""
    if not search and not severity and kev is None:
        return view.spreads()
    found = [
        one
        for one in _matching(view, search)
        if (kev is None or kev == (one.threat.kev is not None))
        and (not severity or severity == (one.severity.value or "unknown"))
    ]
    # A part of a CVE's hosts may have a later deadline than all of them.
    return sorted(found, key=by_sort_key) if search else found


def _matching(view: View, search: str) -> Iterator[Spread]:
    """Yield those with ``search`` in the CVE, or in a package's or an advisory's name; only the slices that match."""
    for one in view.spreads():
        if not search:
            yield one
            continue
        slices = tuple(each for each in one.slices if _is_named(each, one.threat.cve, search))
        if slices:
            is_whole = len(slices) == len(one.slices)
            yield one if is_whole else spread_of(view.risk, view.fleet, one.threat.cve, slices)


def _is_named(slice_: Slice, cve: str, search: str) -> bool:
    group = slice_.group
    if search not in group.search_text:
        return False
    if search in cve.lower() or any(search in name.lower() for name in (group.source_name, *group.names.values())):
        return True
    return any(search in hit.view.ref.lower() and cve in hit.view.cves for hit in group.hits)


def _row(view: View, one: Spread, summary: str) -> VulnerabilityRow:
    cve = one.threat.cve
    hosts, overdue, no_fix = BitMap(), BitMap(), BitMap()
    for slice_ in one.slices:
        hosts |= slice_.members
        overdue |= _overdue(view, slice_, cve)
        if all(hit.fixed_key is None for hit in slice_.group.hits if cve in hit.view.cves):
            no_fix |= slice_.members
    return VulnerabilityRow(
        cve=cve,
        summary=summary,
        severity=one.severity.value or "unknown",
        severity_source=one.severity.source,
        kev=one.threat.kev is not None,
        cvss_score=one.threat.rating.score if one.threat.rating else None,
        packages=tuple(sorted({slice_.group.source_name for slice_ in one.slices})),
        host_count=len(hosts),
        host_overdue_count=len(overdue),
        host_no_fix_count=len(no_fix),
        due_at=None if one.due_at == NO_DUE_AT else one.due_at,
    )


def _overdue(view: View, slice_: Slice, cve: str) -> BitMap:
    schedule = schedule_of(view.risk, slice_.group, view.rules.pack, is_public=slice_.is_public, cve=cve)
    return view.overdue(slice_, schedule)


def vulnerability(
    *, organisation_id: UUID, cve: str, rules: Rules, now: datetime, limit: int = 50, offset: int = 0
) -> VulnerabilityView:
    """Return what is known of a CVE, also of one that no feed here speaks of, and a page of the hosts that have it.

    Hosts' rows show their deadline with everything that is wrong with the package, of which the CVE is a part.
    """
    cve = cve.strip().upper()
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    row = Vulnerability.objects.filter(cve=cve).first() or Vulnerability(cve=cve)
    page = page_of(view, organisation_id=organisation_id, wanted=FindingFilter(cve=cve), limit=limit, offset=offset)
    return VulnerabilityView(
        cve=cve,
        summary=row.summary,
        cvss_score=row.cvss_score,
        cvss_vector=row.cvss_vector,
        cvss_source=row.cvss_source,
        automatable=row.ssvc_automatable,
        technical_impact=row.ssvc_technical_impact,
        ssvc_source=row.ssvc_source,
        kev=_kev(cve),
        epss=_epss(cve),
        said=said_of(organisation_id=organisation_id, cve=cve, covered=view.risk.covered),
        advisories=tuple(_advisories(organisation_id, cve)),
        host_count=len(BitMap().union(*(one.members for one in view.slices_of(cve)))),
        findings=page,
    )


def _kev(cve: str) -> KevView | None:
    row = KevEntry.objects.filter(cve=cve, generation=F("feed__generation")).order_by("-feed_id").first()
    if row is None:
        return None
    return KevView(
        name=row.name,
        listed_at=_midnight(row.added_on),
        due_at=_midnight(row.due_on) if row.due_on else None,
        ransomware=row.ransomware,
        forensic_triage=row.forensic_triage,
    )


def _epss(cve: str) -> ExploitationView | None:
    row = epss_of([cve]).get(cve)
    if row is None:
        return None
    return ExploitationView(
        score=row.score, percentile=row.percentile, model_version=row.model_version, scored_on=row.scored_on
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=UTC)


def _advisories(organisation_id: UUID, cve: str) -> Iterator[AdvisoryView]:
    """Yield the advisories that speak of the CVE, newest first: imported ones, and this organisation's own hosts'."""
    rows = (
        Advisory.objects.filter(Q(organisation=None) | Q(organisation_id=organisation_id), advisorycve__cve=cve)
        .filter(stands(), withdrawn_at=None)
        .order_by(F("published_at").desc(nulls_last=True), "ref")
        .values_list("ref", "feed__name", "title", "severity", "cves", "published_at", "organisation_id")
    )
    for ref, feed, title, severity, cves, published_at, owner_id in rows[:ADVISORY_COUNT_MAX]:
        yield AdvisoryView(
            ref=ref,
            feed=feed,
            title=title,
            severity=severity or "unknown",
            cves=tuple(sorted(cves)),
            state="",
            fixed_version="",
            evidence="",
            since=None,
            published_at=published_at,
            told_by_hosts=owner_id is not None,
        )
