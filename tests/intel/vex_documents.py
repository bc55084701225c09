"""VEX documents for tests, in the three formats' own layouts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oakum.intel.importers.values import VexRecord
from oakum.intel.importers.vex import VexImporter

AUTHOR = "Example Security Team"
LIBSSL = "pkg:deb/debian/libssl3@3.0.1-1?arch=amd64&distro=debian-12"


def openvex(*statements: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.test/vex/one",
        "author": AUTHOR,
        "timestamp": "2026-01-02T03:04:05Z",
        "version": 1,
        "statements": list(statements),
    } | more


def statement(*products: Any, cve: str = "CVE-2024-0001", **more: Any) -> dict[str, Any]:
    return {
        "vulnerability": {"name": cve},
        "products": [{"@id": each} if isinstance(each, str) else each for each in products or (LIBSSL,)],
        "status": "not_affected",
        "justification": "vulnerable_code_not_present",
    } | more


def cyclonedx(*vulnerabilities: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 1,
        "metadata": {"timestamp": "2026-01-02T03:04:05Z", "authors": [{"name": AUTHOR}]},
        "vulnerabilities": list(vulnerabilities),
    } | more


def analysed(*affects: Any, state: str = "not_affected", **more: Any) -> dict[str, Any]:
    return {
        "id": "CVE-2024-0001",
        "analysis": {"state": state, "justification": "code_not_reachable", "detail": "Looked at."},
        "affects": [{"ref": each} if isinstance(each, str) else each for each in affects or (LIBSSL,)],
    } | more


def csaf(*branches: Mapping[str, Any], status: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "publisher": {"category": "vendor", "name": AUTHOR, "namespace": "https://example.test"},
            "title": "An example",
            "tracking": {"id": "EX-2026-1", "current_release_date": "2026-01-02T03:04:05Z", "status": "final"},
        },
        "product_tree": {"branches": [{"category": "vendor", "name": "Example", "branches": list(branches)}]},
        "vulnerabilities": [{"cve": "CVE-2024-0001", "product_status": dict(status)} | more],
    }


def branch(product_id: str, purl: str = "", *, category: str = "product_name", name: str = "thing") -> dict[str, Any]:
    product: dict[str, Any] = {"name": f"The {name}", "product_id": product_id}
    if purl:
        product["product_identification_helper"] = {"purl": purl}
    return {"category": category, "name": name, "product": product}


def write(path: Path, document: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps(document))
    return path


def said(path: Path, document: Mapping[str, Any], *, stream: str = "") -> tuple[list[VexRecord], list[str]]:
    """Read a document, and return the records and the reasons why the rest was left out."""
    reads = list(VexImporter(stream=stream).records(write(path / "vex.json", document)))
    records = [each for read in reads for each in read.records]
    assert all(isinstance(each, VexRecord) for each in records)
    return records, [reason for read in reads for reason in read.skipped]  # type: ignore[return-value]
