"""Bills of materials for the tests, in the shapes that the usual tools write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oakum.scan.inventory import Inventory
from oakum.scan.sbom.packages import inventory_of
from oakum.scan.sbom.reading import bom_of
from oakum.scan.sbom.values import Source

LIBSSL = "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.4&upstream=openssl"


def component(name: str, version: str = "1.0", **more: Any) -> dict[str, Any]:
    properties = more.pop("properties", None)
    found = {"type": "library", "name": name, "version": version, **more}
    if properties:
        found["properties"] = [{"name": key, "value": value} for key, value in properties.items()]
    return found


def cyclonedx(*components: Mapping[str, Any], version: str = "1.6", **more: Any) -> dict[str, Any]:
    return {"bomFormat": "CycloneDX", "specVersion": version, "version": 1, "components": list(components), **more}


def cyclonedx_xml(body: str, *, version: str = "1.5") -> str:
    return f'<?xml version="1.0"?>\n<bom xmlns="http://cyclonedx.org/schema/bom/{version}" version="1">{body}</bom>'


def spdx_package(name: str, version: str = "1.0", purl: str = "", **more: Any) -> dict[str, Any]:
    reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
    found = {"SPDXID": f"SPDXRef-Package-{name}", "name": name, "versionInfo": version, "downloadLocation": "NONE"}
    return found | ({"externalRefs": [reference]} if purl else {}) | more


def spdx(*packages: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "test",
        "documentNamespace": "https://example.test/spdx/1",
        "creationInfo": {"created": "2026-01-31T12:00:00Z", "creators": ["Tool: test-1.0"]},
        "packages": list(packages),
        **more,
    }


TAG_VALUE = f"""SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: test
DocumentNamespace: https://example.test/spdx/2
Creator: Tool: test-1.0
Created: 2026-01-31T12:00:00Z

# the first
PackageName: libssl3
SPDXID: SPDXRef-a
PackageVersion: 3.0.11-1~deb12u2
PackageDownloadLocation: NOASSERTION
PackageComment: <text>over
several lines: even with a colon</text>
ExternalRef: PACKAGE-MANAGER purl {LIBSSL}

PackageName: rsa
SPDXID: SPDXRef-b
PackageVersion: 4.0
PackageDownloadLocation: NONE
PackageChecksum: SHA1: 85ed0817af83a24ad8da68c2b5094de69833983c
ExternalRef: PACKAGE-MANAGER purl pkg:pypi/rsa@4.0
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-b
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a
"""


def source_of(content: Mapping[str, Any] | str | bytes) -> Source:
    if isinstance(content, Mapping):
        content = json.dumps(content)
    return Source(name="bom", data=content.encode() if isinstance(content, str) else content)


def read(content: Mapping[str, Any] | str | bytes) -> Inventory:
    return inventory_of(bom_of(source_of(content)))


def write(path: Path, content: Mapping[str, Any] | str | bytes) -> str:
    path.write_bytes(source_of(content).data)
    return str(path)
