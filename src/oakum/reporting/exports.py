"""Findings and compliance for other programs, whole and as streams.

Every export says when it was made, how old what it says is, and by which deadline pack: in ``meta`` of the JSON, in
columns of every CSV row.  What is in a cell, and why some begin with an apostrophe, is ``tables``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from oakum.core.compliance import compliance_state
from oakum.core.packs import Pack
from oakum.findings.queries import FindingFilter, HostFinding, all_findings
from oakum.policy.queries import rules_of
from oakum.reporting.compliance import compliance, patch_compliance
from oakum.reporting.tables import csv_lines, json_parts
from oakum.reporting.values import HostCompliance, PatchCompliance

NO_FILTER = FindingFilter()

FINDING_COLUMNS = (
    "hostname",
    "host_id",
    "package",
    "version",
    "fixed_version",
    "binary_packages",
    "severity",
    "known_exploited",
    "cves",
    "advisories",
    "remedy",
    "installable",
    "due_at",
    "overdue",
    "rule",
    "reason",
    "defaulted_inputs",
    "forensic_triage_cves",
    "detected_at",
    "presence",
    "packages_status",
    "inventory_at",
    "pack",
    "pack_version",
    "exported_at",
)
COMPLIANCE_COLUMNS = (
    "hostname",
    "host_id",
    "verdict",
    "reason",
    "open_findings",
    "overdue_findings",
    "known_exploited_findings",
    "pending_restart",
    "pending_reboot",
    "unverified",
    "worst_due_at",
    "worst_package",
    "reachability",
    "environment",
    "criticality",
    "groups",
    "presence",
    "packages_status",
    "inventory_at",
    "last_seen_at",
    "pack",
    "pack_version",
    "exported_at",
)
PATCH_COLUMNS = (
    "source_package",
    "source_version",
    "stream",
    "kind",
    "cves",
    "hostname",
    "host_id",
    "state",
    "from_version",
    "due_at",
    "inventory_at",
    "exported_at",
)


def findings_csv(*, organisation_id: UUID, now: datetime, wanted: FindingFilter = NO_FILTER) -> Iterator[str]:
    """Yield every host finding that ``wanted`` lets through as CSV lines, soonest deadline first."""
    return csv_lines(FINDING_COLUMNS, _finding_rows(organisation_id, now, wanted))


def findings_json(*, organisation_id: UUID, now: datetime, wanted: FindingFilter = NO_FILTER) -> Iterator[str]:
    """Yield every host finding that ``wanted`` lets through as parts of one JSON object."""
    pack = rules_of(organisation_id=organisation_id).pack
    chosen = {name: value for name, value in asdict(wanted).items() if value not in (None, "", ())}
    return json_parts(
        {**_meta("findings", pack, now), "filter": {name: _plain(value) for name, value in chosen.items()}},
        _finding_rows(organisation_id, now, wanted),
    )


def _plain(value: object) -> object:
    return [str(each) for each in value] if isinstance(value, tuple) else value


def _finding_rows(organisation_id: UUID, now: datetime, wanted: FindingFilter) -> Iterator[dict[str, Any]]:
    rules = rules_of(organisation_id=organisation_id)
    for row in all_findings(organisation_id=organisation_id, rules=rules, now=now, wanted=wanted):
        yield {**_finding_row(row), "exported_at": now}


def _finding_row(row: HostFinding) -> dict[str, Any]:
    return {
        "hostname": row.hostname,
        "host_id": row.host_id,
        "package": row.package,
        "version": row.version,
        "fixed_version": row.fixed_version,
        "binary_packages": row.packages,
        "severity": row.severity,
        "known_exploited": row.kev,
        "cves": row.cves,
        "advisories": tuple(view.ref for view in row.advisories),
        "remedy": row.remedy,
        "installable": row.is_installable,
        "due_at": row.deadline.due_at,
        "overdue": row.overdue,
        "rule": row.deadline.rule,
        "reason": row.deadline.sentence,
        "defaulted_inputs": tuple(one.name for one in row.deadline.inputs if one.defaulted),
        "forensic_triage_cves": row.deadline.forensic_triage_cves,
        "detected_at": row.detected_at,
        "presence": row.presence,
        "packages_status": row.packages_status,
        "inventory_at": row.inventory_at,
        "pack": row.deadline.pack_id,
        "pack_version": row.deadline.pack_version,
    }


def compliance_csv(*, organisation_id: UUID, now: datetime) -> Iterator[str]:
    """Yield every host's compliance as CSV lines, worst first."""
    found = compliance(organisation_id=organisation_id, now=now)
    pack: dict[str, Any] = {"pack": found.pack.id, "pack_version": found.pack.version, "exported_at": now}
    return csv_lines(COMPLIANCE_COLUMNS, ({**_compliance_row(row), **pack} for row in found.rows))


def compliance_json(*, organisation_id: UUID, now: datetime) -> Iterator[str]:
    """Yield every host's compliance as parts of one JSON object, with the totals and how old they are in ``meta``."""
    found = compliance(organisation_id=organisation_id, now=now)
    meta = {
        **_meta("compliance", rules_of(organisation_id=organisation_id).pack, now),
        "as_of": asdict(found.as_of),
        "total": asdict(found.total),
        "groups": [asdict(group) for group in found.groups],
    }
    return json_parts(meta, (_compliance_row(row) for row in found.rows))


def _compliance_row(row: HostCompliance) -> dict[str, Any]:
    host = row.host
    return {
        "hostname": host.hostname,
        "host_id": host.host_id,
        "verdict": row.verdict,
        "reason": row.sentence,
        "open_findings": host.open,
        "overdue_findings": host.overdue,
        "known_exploited_findings": host.kev,
        "pending_restart": host.pending_restart,
        "pending_reboot": host.pending_reboot,
        "unverified": host.unverified,
        "worst_due_at": host.worst_due_at,
        "worst_package": host.worst_package,
        "reachability": host.context.reachability,
        "environment": host.context.environment,
        "criticality": host.context.criticality,
        "groups": host.groups,
        "presence": host.presence,
        "packages_status": host.packages_status,
        "inventory_at": host.inventory_at,
        "last_seen_at": host.last_seen_at,
    }


def patches_csv(*, organisation_id: UUID, now: datetime, kind: str = "") -> Iterator[str]:
    """Yield every patch (of ``kind``) on every host that it concerns as CSV lines.

    A host that is not listed for a patch has no package that it is for: not_applicable.
    """
    return csv_lines(PATCH_COLUMNS, _patch_lines(organisation_id, now, kind))


def _patch_lines(organisation_id: UUID, now: datetime, kind: str) -> Iterator[dict[str, Any]]:
    for patch in patch_compliance(organisation_id=organisation_id, now=now, kind=kind):
        for host in patch.hosts:
            yield {
                "source_package": patch.source_name,
                "source_version": patch.source_version,
                "stream": patch.stream,
                "kind": patch.kind,
                "cves": patch.cves,
                "hostname": host.hostname,
                "host_id": host.host_id,
                "state": host.state,
                "from_version": host.from_version,
                "due_at": host.due_at,
                "inventory_at": host.inventory_at,
                "exported_at": now,
            }


def patches_json(*, organisation_id: UUID, now: datetime, kind: str = "") -> Iterator[str]:
    """Yield every patch (of ``kind``) as parts of one JSON object: each host's state, and how many are in which."""
    pack = rules_of(organisation_id=organisation_id).pack
    rows = patch_compliance(organisation_id=organisation_id, now=now, kind=kind)
    return json_parts(_meta("patches", pack, now), (_patch_row(row) for row in rows))


def _patch_row(row: PatchCompliance) -> dict[str, Any]:
    states = Counter(host.state.value for host in row.hosts)
    states[compliance_state(None, last_attempt_failed=False).value] = row.not_applicable_count
    return {
        "source_package": row.source_name,
        "source_version": row.source_version,
        "stream": row.stream,
        "kind": row.kind,
        "cves": row.cves,
        "states": dict(sorted(states.items())),
        "hosts": [asdict(host) for host in row.hosts],
    }


def _meta(report: str, pack: Pack, now: datetime) -> Mapping[str, object]:
    return {
        "report": report,
        "exported_at": now,
        "pack": pack.id,
        "pack_version": pack.version,
        "pack_source": pack.source,
    }
