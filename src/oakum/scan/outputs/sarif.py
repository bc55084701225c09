"""A scan as SARIF 2.1.0 (OASIS), which code hosting shows: one rule an advisory, one result a package that it affects.

A result's fingerprint stays as long as the advisory applies to the package, whatever its version, so that a finding
keeps its history.  SARIF has no word for most of the publishers' states: they are in the message and the properties.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from oakum import __version__
from oakum.core.advisories import UNDER_INVESTIGATION
from oakum.core.ratings import CRITICAL, HIGH, LOW, MEDIUM
from oakum.scan.outputs.json_lines import json_lines
from oakum.scan.report import AFFECTED_STATES, NO_UPDATE, PENDING_REBOOT, UNKNOWN, ScanFinding, ScanReport

PLACE_COUNT_MAX: Final = 10  # locations of one result; the first is the one that is shown
ROOT: Final = "ROOT"
FINGERPRINT: Final = "oakum/v1"

# Unknown is not low: nobody has rated it yet.
_LEVELS: Final = {CRITICAL: "error", HIGH: "error", MEDIUM: "warning", LOW: "note", UNKNOWN: "warning"}
_SCORES: Final = {CRITICAL: "9.0", HIGH: "7.0", MEDIUM: "4.0", LOW: "0.1"}  # the least CVSS score of each


def render(report: ScanReport) -> Iterator[str]:
    """Yield the document's lines."""
    yield from json_lines(document(report))


def document(report: ScanReport) -> dict[str, Any]:
    """Return the document in plain values; the same report gives the same document."""
    rules: dict[str, ScanFinding] = {}
    for each in report.findings:
        rules.setdefault(each.ref, each)
    numbers = {ref: number for number, ref in enumerate(rules)}
    driver = {
        "name": "Oakum",
        "version": __version__,
        "rules": [_rule(each) for each in rules.values()],
    }
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": report.is_assessed,
                "endTimeUtc": report.scanned_at.isoformat().replace("+00:00", "Z"),
                "toolExecutionNotifications": _notifications(report),
            }
        ],
        "results": [_result(each, numbers[each.ref], report) for each in report.findings],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _rule(finding: ScanFinding) -> dict[str, Any]:
    cves = [each.cve for each in finding.threats if each.cve]
    summary = finding.title or next((each.summary for each in finding.threats if each.summary), "") or finding.ref
    properties: dict[str, Any] = {"tags": ["security", "vulnerability", *cves], "feed": finding.feed}
    score = finding.cvss
    if score is not None or finding.severity in _SCORES:
        properties["security-severity"] = f"{score:.1f}" if score is not None else _SCORES[finding.severity]
    return {
        "id": finding.ref,
        "name": "VulnerablePackage",
        "shortDescription": {"text": f"{finding.ref}: {finding.title or ', '.join(cves) or finding.feed}"},
        "fullDescription": {"text": summary},
        "help": {"text": f"{', '.join(cves)} {summary}".strip()},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": properties,
    }


def _result(finding: ScanFinding, rule_number: int, report: ScanReport) -> dict[str, Any]:
    is_open = finding.state in AFFECTED_STATES
    found: dict[str, Any] = {
        "ruleId": finding.ref,
        "ruleIndex": rule_number,
        # Only what is a failure has a level (section 3.27.10).
        "kind": "fail" if is_open else "review" if finding.state == UNDER_INVESTIGATION else "notApplicable",
        "level": _LEVELS[finding.severity] if is_open else "none",
        "message": {"text": _message(finding)},
        "locations": _locations(finding, report),
        "partialFingerprints": {FINGERPRINT: fingerprint(finding)},
        "properties": {
            "purl": finding.package.purl,
            "installed": finding.package.version,
            "fixed": finding.fixed_version,
            "state": finding.state,
            "remedy": finding.remedy,
            "severity": finding.severity,
            "exploited": finding.is_exploited,
        },
    }
    return found


def fingerprint(finding: ScanFinding) -> str:
    """Return what stays the same of a finding while its advisory applies to the package."""
    package = finding.package
    place = package.places[0] if package.places else ""
    parts = (finding.ref, package.kind, package.stream, package.name, package.architecture, place)
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _message(finding: ScanFinding) -> str:
    package = finding.package
    cves = ", ".join(each.cve for each in finding.threats if each.cve)
    what = f"{package.name} {package.version}: {finding.ref}{f' ({cves})' if cves and cves != finding.ref else ''}."
    if finding.remedy == PENDING_REBOOT:
        remedy = "Installed; reboot to run it."
    else:
        remedy = "No update yet." if finding.remedy == NO_UPDATE else f"Update to {finding.fixed_version}."
    exploited = " Known to be exploited." if finding.is_exploited else ""
    return f"{what} {remedy}{exploited} {finding.evidence}".strip()


def _locations(finding: ScanFinding, report: ScanReport) -> list[dict[str, Any]]:
    package = finding.package
    logical = [{"name": package.name, "fullyQualifiedName": package.purl or package.name, "kind": "package"}]
    places = [each for each in package.places if each][:PLACE_COUNT_MAX]
    artifacts = [{"uri": quote(each, safe="/"), "uriBaseId": ROOT} for each in places] or [
        {"uri": quote(report.subject.replace("\\", "/"), safe="/")}
    ]
    return [
        {"physicalLocation": {"artifactLocation": each, "region": {"startLine": 1}}, "logicalLocations": logical}
        for each in artifacts
    ]


def _notifications(report: ScanReport) -> list[dict[str, Any]]:
    """Say what the absence of results does not mean."""
    unassessed = (f"Not assessed: {each.subject} ({each.package_count}): {each.reason}." for each in report.unassessed)
    notes = (f"{each.kind}: /{each.place}: {each.reason}" for each in report.notes)
    return [{"level": "warning", "message": {"text": text}} for text in (*unassessed, *notes)]
