"""A scan as CycloneDX 1.6 with VEX: every package, and every vulnerability with what its publishers say of it.

The states map to ``analysis``: affected, will_not_fix, deferred and end_of_life are ``exploitable`` (with the
publisher's answer as ``response``), under_investigation is ``in_triage``, not_affected stays.  A justification is
written by nobody who does not know it, so there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
)
from oakum.scan.outputs.json_lines import json_lines
from oakum.scan.report import PENDING_REBOOT, UNKNOWN, ScanFinding, ScanReport
from oakum.scan.sbom.writing import WrittenPackage, document, references, system_of, with_serial
from oakum.scan.store import Threat

DETAIL_COUNT_MAX: Final = 20  # sentences of evidence in one analysis: of the rest the packages are listed all the same
VERSION_LENGTH_MAX: Final = 1024

_ANALYSES: Final = {
    AFFECTED: ("exploitable", ()),
    WILL_NOT_FIX: ("exploitable", ("will_not_fix",)),
    DEFERRED: ("exploitable", ()),
    END_OF_LIFE: ("exploitable", ("will_not_fix",)),
    UNDER_INVESTIGATION: ("in_triage", ()),
    NOT_AFFECTED: ("not_affected", ()),
}
_STATUSES: Final = {UNDER_INVESTIGATION: "unknown", NOT_AFFECTED: "unaffected"}
_METHODS: Final = {2: "CVSSv2", 3: "CVSSv3", 4: "CVSSv4"}
_CVSS_31: Final = "CVSS:3.1/"


def render(report: ScanReport) -> Iterator[str]:
    """Yield the document's lines."""
    yield from json_lines(bom(report))


def bom(report: ScanReport) -> dict[str, Any]:
    """Return the document in plain values; the same report gives the same document."""
    names = references(each.purl for each in report.packages)
    by_id = {each.id: name for each, name in zip(report.packages, names, strict=True)}
    packages = (
        WrittenPackage(
            reference=by_id[each.id],
            kind=each.kind,
            stream=each.stream,
            name=each.name,
            version=each.version,
            architecture=each.architecture,
            purl=each.purl,
            places=each.places,
            owner=each.owner,
            vendor=each.vendor,
            is_held=each.is_held,
            remarks={"left_out": each.left_out},
        )
        for each in report.packages
    )
    found = document(
        packages,
        subject=report.subject,
        system=system_of(report.stream, report.title),
        is_complete=report.is_complete and report.is_assessed,
        now=report.scanned_at,
    )
    found["vulnerabilities"] = _vulnerabilities(report, by_id)
    return with_serial(found)


def _vulnerabilities(report: ScanReport, names: dict[int, str]) -> list[dict[str, Any]]:
    """Return one entry for each vulnerability and what is said of it: an analysis is of all that it lists."""
    groups: dict[tuple[str, ...], list[tuple[Threat, ScanFinding]]] = {}
    for finding in report.findings:
        for threat in finding.threats or (Threat(cve=""),):
            id_ = threat.cve or finding.ref
            remedy = finding.remedy if finding.state == AFFECTED else ""
            groups.setdefault((id_, finding.state, finding.state_author, remedy), []).append((threat, finding))
    return [_vulnerability(key, own, names) for key, own in groups.items()]


def _vulnerability(
    key: tuple[str, ...], own: list[tuple[Threat, ScanFinding]], names: dict[int, str]
) -> dict[str, Any]:
    id_, state, author, _ = key
    threat, first = own[0]
    findings = [each for _, each in own]
    found: dict[str, Any] = {"bom-ref": "vulnerability:" + ":".join(key), "id": id_}
    found["source"] = {"name": "CVE" if threat.cve else first.feed}
    sources = dict.fromkeys((each.ref, each.feed) for each in findings if each.ref != id_)
    if sources:
        found["references"] = [{"id": ref, "source": {"name": feed}} for ref, feed in sources]
    found["ratings"] = _ratings(threat, first)
    if threat.summary or first.title:
        found["description"] = threat.summary or first.title
    if first.published_at is not None:
        found["published"] = first.published_at.isoformat()
    remedies = dict.fromkeys(
        f"Update {each.package.name} to {each.fixed_version}." for each in findings if each.fixed_version
    )
    if remedies:
        found["recommendation"] = " ".join(list(remedies)[:DETAIL_COUNT_MAX])
    found["analysis"] = _analysis(state, author, findings)
    found["affects"] = _affects(findings, names)
    properties = _threat_properties(threat)
    if properties:
        found["properties"] = [{"name": f"oakum:{name}", "value": value} for name, value in properties.items()]
    return found


def _ratings(threat: Threat, finding: ScanFinding) -> list[dict[str, Any]]:
    rating = threat.rating
    if rating is None:
        severity = {"source": {"name": finding.severity_source}, "severity": finding.severity}
        return [severity] if finding.severity_source else [{"severity": finding.severity}]
    found: dict[str, Any] = {"source": {"name": threat.rated_by}} if threat.rated_by else {}
    method = "CVSSv31" if rating.vector.startswith(_CVSS_31) else _METHODS.get(rating.version, "other")
    found |= {"score": rating.score, "severity": rating.severity or UNKNOWN, "method": method}
    if rating.vector:
        found["vector"] = rating.vector
    return [found]


def _analysis(state: str, author: str, findings: list[ScanFinding]) -> dict[str, Any]:
    told, response = _ANALYSES[state]
    if state == AFFECTED and findings[0].fixed_version:
        response = ("update",)
    found: dict[str, Any] = {"state": told}
    if response:
        found["response"] = list(response)
    sentences = list(dict.fromkeys(each.evidence for each in findings))
    detail = "; ".join(sentences[:DETAIL_COUNT_MAX])
    if len(sentences) > DETAIL_COUNT_MAX:
        detail += f"; and {len(sentences) - DETAIL_COUNT_MAX} more"
    words = {DEFERRED: "Deferred by its publisher. ", END_OF_LIFE: "Of a release that is no longer supported. "}
    pending = "Installed, and the former kernel still runs: reboot. " if findings[0].remedy == PENDING_REBOOT else ""
    said = f" (says {author})" if author else ""
    found["detail"] = f"{words.get(state, '')}{pending}{detail}{said}"
    return found


def _affects(findings: list[ScanFinding], names: dict[int, str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in findings:
        reference = names[each.package.id]
        own = found.setdefault(
            reference,
            {
                "ref": reference,
                "versions": [{"version": each.package.version, "status": _STATUSES.get(each.state, "affected")}],
            },
        )
        fixed = {"version": each.fixed_version[:VERSION_LENGTH_MAX], "status": "unaffected"}
        if each.fixed_version and fixed not in own["versions"]:
            own["versions"].append(fixed)
    return list(found.values())


def _threat_properties(threat: Threat) -> dict[str, str]:
    told = {
        "epss": "" if threat.epss is None else str(threat.epss),
        "epss_percentile": "" if threat.epss_percentile is None else str(threat.epss_percentile),
        "kev_listed_on": "" if threat.kev_listed_on is None else threat.kev_listed_on.isoformat(),
        "kev_due_on": "" if threat.kev_due_on is None else threat.kev_due_on.isoformat(),
        "ransomware": threat.ransomware,
    }
    return {name: value for name, value in told.items() if value}
