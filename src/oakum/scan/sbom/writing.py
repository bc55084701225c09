"""Write bills of materials in CycloneDX 1.6 (ECMA-424), as plain values: what a host or a root holds.

The same content gives the same document: its serial number is a UUID (version 5, RFC 9562) of the content, and the
instant comes from the caller.  Vulnerabilities are ``scan.outputs.cyclonedx``'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from oakum import __version__
from oakum.core.streams import base_stream
from oakum.scan.values import DISTRIBUTION_TYPES, MAVEN

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json; version=1.6"
SPEC_VERSION: Final = "1.6"
OPERATING_SYSTEM: Final = "operating-system"
# Of our documents' serial numbers: a name made once, so that nobody else's content gives the same.
_NAMESPACE: Final = UUID("7a1f5c1e-52f5-5b0e-9f4e-0a6b7f2d4c61")
_GROUP_JOINTS: Final = {MAVEN: ":", "npm": "/", "composer": "/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPackage:
    """A package version as it is written; "" where nothing is known.  ``reference`` is unique in the document."""

    reference: str
    kind: str
    stream: str
    name: str
    version: str
    architecture: str
    purl: str
    places: tuple[str, ...] = ()
    owner: str = ""
    vendor: str = ""
    is_held: bool = False
    remarks: Mapping[str, str] | None = None


def references(purls: Iterable[str]) -> tuple[str, ...]:
    """Return a reference for each package, from its package URL, each once.

    >>> references(["pkg:npm/a@1", "", "pkg:npm/a@1"])
    ('pkg:npm/a@1', 'package-2', 'pkg:npm/a@1#3')
    """
    taken: set[str] = set()
    found = []
    for number, purl in enumerate(purls, start=1):
        reference = purl or f"package-{number}"
        found.append(reference if reference not in taken else f"{reference}#{number}")
        taken.add(found[-1])
    return tuple(found)


def document(
    packages: Iterable[WrittenPackage], *, subject: str, system: tuple[str, str, str], is_complete: bool, now: datetime
) -> dict[str, Any]:
    """Return a document of what a host, a root or a file holds; further members may be added before ``with_serial``.

    ``system`` is the distribution: ID and VERSION_ID of os-release(5) and its title, each "" where nobody knows.
    """
    os_id, os_version, os_title = system
    components = [_component(each) for each in packages]
    if os_id:
        components.insert(0, _system(os_id, os_version, os_title))
    found: dict[str, Any] = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": "",
        "version": 1,
        "metadata": {
            "timestamp": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "tools": {"components": [{"type": "application", "name": "oakum", "version": __version__}]},
            "component": {"type": OPERATING_SYSTEM, "bom-ref": "subject", "name": subject},
        },
        "components": components,
    }
    if not is_complete:
        found["compositions"] = [{"aggregate": "incomplete", "assemblies": ["subject"]}]
    return found


def with_serial(members: dict[str, Any]) -> dict[str, Any]:
    """Return a document with the serial number of its content."""
    content = json.dumps(members | {"serialNumber": ""}, sort_keys=True, ensure_ascii=True)
    return members | {"serialNumber": f"urn:uuid:{uuid5(_NAMESPACE, content)}"}


def system_of(stream: str, title: str) -> tuple[str, str, str]:
    """Return the distribution that a stream is of.

    >>> system_of("almalinux:8+nodejs:18", "AlmaLinux 8.10")
    ('almalinux', '8', 'AlmaLinux 8.10')
    """
    os_id, _, os_version = base_stream(stream).partition(":")
    return os_id, os_version, title


def _system(os_id: str, os_version: str, title: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": OPERATING_SYSTEM, "bom-ref": "system", "name": os_id}
    if os_version:
        found["version"] = os_version
    if title:
        found["description"] = title
    return found


def _component(package: WrittenPackage) -> dict[str, Any]:
    group, name = _group_and_name(package)
    found: dict[str, Any] = {"type": "library", "bom-ref": package.reference}
    if group:
        found["group"] = group
    found |= {"name": name, "version": package.version}
    if package.purl:
        found["purl"] = package.purl
    if package.places:
        found["evidence"] = {"occurrences": [{"location": f"/{each}"} for each in package.places if each]}
        if not found["evidence"]["occurrences"]:
            del found["evidence"]
    properties = _properties(package)
    if properties:
        found["properties"] = [{"name": f"oakum:{key}", "value": value} for key, value in properties.items()]
    return found


def _group_and_name(package: WrittenPackage) -> tuple[str, str]:
    joint = _GROUP_JOINTS.get(package.kind, "")
    group, _, name = package.name.rpartition(joint) if joint else ("", "", package.name)
    return group, name or package.name


def _properties(package: WrittenPackage) -> dict[str, str]:
    """Return what no member of CycloneDX's tells; what a package URL would tell only where there is none."""
    told = {"owner": package.owner, "vendor": package.vendor, "held": "true" if package.is_held else ""}
    if not package.purl:
        told |= {"kind": package.kind, "architecture": package.architecture}
        told["stream"] = package.stream if package.kind in DISTRIBUTION_TYPES else ""
    return {key: value for key, value in (told | dict(package.remarks or {})).items() if value}
