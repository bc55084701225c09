"""The whole report as one JSON document: what `oakum scan --json` prints.

Fields are only ever added.  Instants are RFC 3339 in UTC, days ISO 8601; what nobody has told is null or "".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oakum.scan.outputs.json_lines import json_lines
from oakum.scan.report import ScanFinding, ScannedPackage, ScanReport
from oakum.scan.store import Threat


def render(report: ScanReport) -> Iterator[str]:
    """Yield the document's lines, one for each package and finding.

    What a terminal would obey is escaped, which changes no value.
    """
    yield from json_lines(document(report))


def document(report: ScanReport) -> Mapping[str, object]:
    """Return the report in plain values."""
    return {
        "subject": report.subject,
        "distribution": report.title,
        "stream": report.stream,
        "scanned_at": report.scanned_at.isoformat(),
        "kernel": report.kernel,
        "complete": report.is_complete,
        "assessed": report.is_assessed,
        "packages": [_package(each) for each in report.packages],
        "findings": [_finding(each) for each in report.findings],
        "unassessed": [
            {"subject": each.subject, "packages": each.package_count, "reason": each.reason}
            for each in report.unassessed
        ],
        "notes": [{"kind": each.kind, "place": each.place, "reason": each.reason} for each in report.notes],
        "remarks": list(report.remarks),
        "feeds": [
            {
                "name": each.name,
                "imported_at": each.imported_at.isoformat() if each.imported_at else None,
                "records": each.record_count,
            }
            for each in report.feeds
        ],
    }


def _package(package: ScannedPackage) -> Mapping[str, object]:
    return {
        "id": package.id,
        "kind": package.kind,
        "stream": package.stream,
        "name": package.name,
        "version": package.version,
        "architecture": package.architecture,
        "source": package.source_name,
        "source_version": package.source_version,
        "purl": package.purl,
        "places": list(package.places),
        "owner": package.owner,
        "vendor": package.vendor,
        "held": package.is_held,
        "left_out": package.left_out,
    }


def _finding(finding: ScanFinding) -> Mapping[str, object]:
    return {
        "package": finding.package.id,
        "purl": finding.package.purl,
        "name": finding.package.name,
        "version": finding.package.version,
        "advisory": finding.ref,
        "feed": finding.feed,
        "title": finding.title,
        "state": finding.state,
        "state_author": finding.state_author,
        "fixed_version": finding.fixed_version,
        "remedy": finding.remedy,
        "severity": finding.severity,
        "severity_source": finding.severity_source,
        "exploited": finding.is_exploited,
        "evidence": finding.evidence,
        "published_at": finding.published_at.isoformat() if finding.published_at else None,
        "vulnerabilities": [_threat(each) for each in finding.threats],
    }


def _threat(threat: Threat) -> Mapping[str, object]:
    rating = threat.rating
    return {
        "id": threat.cve,
        "cvss_score": rating.score if rating else None,
        "cvss_vector": rating.vector if rating else "",
        "cvss_source": threat.rated_by,
        "epss": threat.epss,
        "epss_percentile": threat.epss_percentile,
        "kev_listed_on": threat.kev_listed_on.isoformat() if threat.kev_listed_on else None,
        "kev_due_on": threat.kev_due_on.isoformat() if threat.kev_due_on else None,
        "ransomware": threat.ransomware,
    }
