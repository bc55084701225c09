"""Feed files for tests, in the publishers' own layouts."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

KEV_HEADER = (
    "cveID,vendorProject,product,vulnerabilityName,dateAdded,shortDescription,requiredAction,dueDate,"
    "knownRansomwareCampaignUse,notes,cwes"
)


def osv_package(
    name: str = "openssl", fixed: str = "3.0-2", *, ecosystem: str = "Debian:12", introduced: str = "0", **more: Any
) -> dict[str, Any]:
    events = [{"introduced": introduced}] + ([{"fixed": fixed}] if fixed else [])
    return {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    } | more


def osv_record(ref: str = "DSA-1-1", *packages: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema_version": "1.7.0",
        "id": ref,
        "published": "2026-01-02T03:04:05Z",
        "modified": "2026-01-03T00:00:00Z",
        "summary": f"{ref} - security update",
        "upstream": ["CVE-2024-0001"],
        "affected": list(packages) or [osv_package()],
    } | more


def write_zip(path: Path, *records: Mapping[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, record in enumerate(records):
            archive.writestr(f"{number:06}-{record['id']}.json", json.dumps(record))
    return path


def kev_row(cve: str = "CVE-2024-0001", **more: str) -> dict[str, Any]:
    return {
        "cveID": cve,
        "vendorProject": "Example",
        "product": "Thing",
        "vulnerabilityName": f"Example Thing Flaw {cve}",
        "dateAdded": "2026-01-02",
        "shortDescription": "Example Thing contains a flaw.",
        "requiredAction": "Update.",
        "dueDate": "2026-01-23",
        "knownRansomwareCampaignUse": "Unknown",
        "notes": "",
        "cwes": [],
    } | more


def write_kev(path: Path, rows: Sequence[Mapping[str, Any]], **more: Any) -> Path:
    document = {"title": "Catalog", "catalogVersion": "2026.01.02", "count": len(rows), "vulnerabilities": rows}
    path.write_text(json.dumps(document | more))
    return path
