"""Read SPDX 2.2 and 2.3 (ISO/IEC 5962): its packages, from the JSON shape that both of its syntaxes are read into.

Files, snippets and licences are passed over.  What the document describes is told apart from what it consists of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from oakum.scan.sbom.documents import SPDX
from oakum.scan.sbom.values import ENTRY_COUNT_MAX, Bom, Entry, Source, invalid, too_large

VERSIONS: Final = ("SPDX-2.2", "SPDX-2.3")
DOCUMENT_ID: Final = "SPDXRef-DOCUMENT"
NO_VALUES: Final = frozenset({"NOASSERTION", "NONE"})
# trivy tells the source package in this sentence, and in no other field.
_BUILT_FROM: Final = re.compile(r"built package from: (?P<name>\S+)(?: (?P<version>\S+))?\Z")

# trivy's ids tell what an entry is; before SPDX 2.3 nothing else could.  What it calls an application holds packages.
_TRIVY_ID: Final = re.compile(r"SPDXRef-(OperatingSystem|Application|ContainerImage|Filesystem|Repository)-[0-9a-f]+\Z")
_TRIVY_TYPES: Final = {
    "OperatingSystem": "operating-system",
    "Application": "file",
    **dict.fromkeys(("ContainerImage", "Filesystem", "Repository"), "container"),
}
_DESCRIBES: Final = frozenset({"DESCRIBES", "DESCRIBE"})  # the latter is none of SPDX, and trivy's

SOURCE_NAME: Final = "oakum:source"
SOURCE_VERSION: Final = "oakum:source_version"


def read(source: Source, document: Mapping[str, Any], *, syntax: str) -> Bom:
    """Return what the document lists, in its order.

    Raises:
        SbomError: its version is none of VERSIONS, or something is not of its type; nothing is half read.
    """
    version = document.get("spdxVersion")
    if version not in VERSIONS:
        raise invalid(source, "/spdxVersion", f"{version!r} is no version that is read ({', '.join(VERSIONS)})")
    packages = _list(source, document, "packages", "")
    if len(packages) > ENTRY_COUNT_MAX:
        raise too_large(source, "/packages", f"it lists more than {ENTRY_COUNT_MAX} packages")
    entries = {number: _entry(source, each, f"/packages/{number}") for number, each in enumerate(packages)}
    described = frozenset(_described(source, document))
    subjects = [number for number, each in enumerate(packages) if str(each.get("SPDXID")) in described]
    # A document that describes all of its packages describes none in particular.
    subject = entries.pop(subjects[0]) if len(subjects) == 1 else None
    return Bom(
        format=f"{SPDX} {version.removeprefix('SPDX-')} ({syntax})",
        list_name="packages",
        subject=subject,
        entries=tuple(entries.values()),
    )


def _entry(source: Source, package: Mapping[str, Any], place: str) -> Entry:
    entry = Entry(
        place=place,
        type_=_type(source, package, place),
        group="",
        name=_text(source, package, "name", place),
        version=_text(source, package, "versionInfo", place),
        purl=_purl(source, package, place),
        location="",
        properties={},
    )
    built_from = _BUILT_FROM.match(_text(source, package, "sourceInfo", place))
    if built_from:
        told = {SOURCE_NAME: built_from["name"], SOURCE_VERSION: built_from["version"] or ""}
        return replace(entry, properties=told)
    return entry


def _type(source: Source, package: Mapping[str, Any], place: str) -> str:
    purpose = _text(source, package, "primaryPackagePurpose", place).lower().replace("_", "-")
    found = _TRIVY_ID.match(_text(source, package, "SPDXID", place))
    return _TRIVY_TYPES[found[1]] if found and purpose in {"", "application"} else purpose


def _purl(source: Source, package: Mapping[str, Any], place: str) -> str:
    for number, each in enumerate(_list(source, package, "externalRefs", place)):
        if each.get("referenceType") == "purl":
            return _text(source, each, "referenceLocator", f"{place}/externalRefs/{number}")
    return ""


def _described(source: Source, document: Mapping[str, Any]) -> Iterator[object]:
    listed = document.get("documentDescribes") or ()
    if not isinstance(listed, list | tuple):
        raise invalid(source, "/documentDescribes", "a list is expected")
    yield from (each for each in listed if isinstance(each, str))
    for each in _list(source, document, "relationships", ""):
        ends = each.get("spdxElementId"), each.get("relatedSpdxElement")
        if str(each.get("relationshipType")) in _DESCRIBES and ends[0] == DOCUMENT_ID and isinstance(ends[1], str):
            yield ends[1]
        elif each.get("relationshipType") == "DESCRIBED_BY" and ends[1] == DOCUMENT_ID and isinstance(ends[0], str):
            yield ends[0]


def _list(source: Source, value: Mapping[str, Any], name: str, place: str) -> list[dict[str, Any]]:
    found = value.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise invalid(source, f"{place}/{name}", "a list is expected")
    for number, each in enumerate(found):
        if not isinstance(each, dict):
            raise invalid(source, f"{place}/{name}/{number}", "an object is expected")
    return found


def _text(source: Source, value: Mapping[str, Any], name: str, place: str) -> str:
    found = value.get(name)
    if found is not None and not isinstance(found, str):
        raise invalid(source, f"{place}/{name}", "a text is expected")
    return "" if not found or found in NO_VALUES else found
