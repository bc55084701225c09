"""Read SPDX's tag-value syntax into the shape of its JSON, with the line of everything.

It takes the lines apart (``Tag: value``, values in ``<text>`` over several lines); whether they are right is for
``spdx`` and ``spdx_checking``, so that each rule stands once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from oakum.scan.sbom.documents import text_of
from oakum.scan.sbom.values import ENTRY_COUNT_MAX, Source, invalid, too_large

LINE_COUNT_MAX: Final = 5_000_000

_BEGIN: Final = "<text>"
_END: Final = "</text>"
_CHECKSUM: Final = re.compile(r"(?P<algorithm>[A-Za-z0-9-]+):\s*(?P<value>\S+)\Z")
_EXTERNAL: Final = re.compile(r"(?P<category>\S+)\s+(?P<type>\S+)\s+(?P<locator>\S+)\Z")
_RELATIONSHIP: Final = re.compile(r"(?P<left>\S+)\s+(?P<type>\S+)\s+(?P<right>\S+)\Z")
_DOCUMENT_REF: Final = re.compile(r"(?P<id>\S+)\s+(?P<uri>\S+)\s+(?P<algorithm>[A-Za-z0-9-]+):\s*(?P<value>\S+)\Z")

# The tags that begin an element: the list it goes to, and the member that the value is.
_STARTS: Final = {
    "PackageName": ("packages", "name"),
    "FileName": ("files", "fileName"),
    "SnippetSPDXID": ("snippets", "SPDXID"),
    "LicenseID": ("hasExtractedLicensingInfos", "licenseId"),
    "Annotator": ("annotations", "annotator"),
}
# Members that are one text, by the tag.
_TEXTS: Final = {
    "SPDXVersion": "spdxVersion",
    "DataLicense": "dataLicense",
    "DocumentName": "name",
    "DocumentNamespace": "documentNamespace",
    "SPDXID": "SPDXID",
    "PackageVersion": "versionInfo",
    "PackageDownloadLocation": "downloadLocation",
    "PackageLicenseConcluded": "licenseConcluded",
    "PackageLicenseDeclared": "licenseDeclared",
    "PackageSourceInfo": "sourceInfo",
    "PrimaryPackagePurpose": "primaryPackagePurpose",
    "LicenseConcluded": "licenseConcluded",
    "SnippetFromFileSPDXID": "snippetFromFile",
    "ExtractedText": "extractedText",
    "AnnotationType": "annotationType",
    "AnnotationDate": "annotationDate",
    "AnnotationComment": "comment",
    "SPDXREF": "spdxElementId",
}
_CREATION: Final = {"Created": "created", "LicenseListVersion": "licenseListVersion"}
_OF_DOCUMENT: Final = frozenset({"SPDXVersion", "DataLicense", "DocumentName", "DocumentNamespace"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TagValue:
    """The document in JSON's shape; ``lines`` has the line of an element or member by its JSON pointer."""

    document: Mapping[str, Any]
    lines: Mapping[str, int]


def parse(source: Source) -> TagValue:
    """Return the whole document.

    Raises:
        SbomError: a line has no tag, a text does not end, or it is beyond a limit.
    """
    reader = _Reader(source)
    for number, tag, value in _tags(source):
        reader.take(number, tag, value)
    return TagValue(document=reader.document, lines=reader.lines)


def _tags(source: Source) -> Iterator[tuple[int, str, str]]:
    """Yield the line, tag and value of each; comments and blank lines are passed over."""
    began, tag, parts = 0, "", []
    for number, line in enumerate(text_of(source).split("\n"), start=1):
        if number > LINE_COUNT_MAX:
            raise too_large(source, f"line {number}", f"it has more than {LINE_COUNT_MAX} lines")
        if began:
            parts.append(line.rstrip("\r"))
            if _END in line:
                yield began, tag, "\n".join(parts).partition(_END)[0].strip()
                began, parts = 0, []
            continue
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        tag, colon, value = (each.strip() for each in text.partition(":"))
        if not colon or not tag.isalnum():
            raise invalid(source, f"line {number}", f"a line is `Tag: value`, and this is none: {text[:60]!r}")
        if not value.startswith(_BEGIN):
            yield number, tag, value
        elif _END in value:
            yield number, tag, value.removeprefix(_BEGIN).partition(_END)[0].strip()
        else:
            began, parts = number, [value.removeprefix(_BEGIN)]
    if began:
        raise invalid(source, f"line {began}", f"the text of {tag} does not end ({_END})")


@dataclass(slots=True)
class _Reader:
    """The document while it is read; tags belong to the element that began last."""

    source: Source
    document: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    element: dict[str, Any] = field(default_factory=dict)
    place: str = ""

    def __post_init__(self) -> None:
        self.element = self.document

    def take(self, line: int, tag: str, value: str) -> None:
        """Put one tag's value where JSON has it; a tag that no reader or check asks for is passed over."""
        if tag in _STARTS:
            name, member = _STARTS[tag]
            self.element = {}
            self.place = self._append(line, self.document, "", name, self.element)
            self._set(line, member, value)
        elif tag in _OF_DOCUMENT:
            self.document[_TEXTS[tag]] = value
            self.lines[f"/{_TEXTS[tag]}"] = line
        elif tag in _TEXTS:
            self._set(line, _TEXTS[tag], value)
        elif tag in _CREATION or tag == "Creator":
            self._take_creation(line, tag, value)
        elif tag in {"PackageChecksum", "FileChecksum", "ExternalRef"}:
            self._take_part(line, tag, value)
        elif tag == "ExternalDocumentRef":
            found = self._parts(_DOCUMENT_REF, line, tag, value, "ID URI ALGORITHM: VALUE")
            checksum = {"algorithm": found["algorithm"], "checksumValue": found["value"]}
            reference = {"externalDocumentId": found["id"], "spdxDocument": found["uri"], "checksum": checksum}
            self._append(line, self.document, "", "externalDocumentRefs", reference)
        elif tag == "Relationship":
            found = self._parts(_RELATIONSHIP, line, tag, value, "ID TYPE ID")
            relationship = {
                "spdxElementId": found["left"],
                "relationshipType": found["type"],
                "relatedSpdxElement": found["right"],
            }
            self._append(line, self.document, "", "relationships", relationship)

    def _take_creation(self, line: int, tag: str, value: str) -> None:
        creation = self.document.setdefault("creationInfo", {})
        self.lines.setdefault("/creationInfo", line)
        if tag == "Creator":
            self._append(line, creation, "/creationInfo", "creators", value)
        else:
            creation[_CREATION[tag]] = value
            self.lines[f"/creationInfo/{_CREATION[tag]}"] = line

    def _take_part(self, line: int, tag: str, value: str) -> None:
        if tag == "ExternalRef":
            found = self._parts(_EXTERNAL, line, tag, value, "CATEGORY TYPE LOCATOR")
            part = {
                "referenceCategory": found["category"],
                "referenceType": found["type"],
                "referenceLocator": found["locator"],
            }
            self._append(line, self.element, self.place, "externalRefs", part)
            return
        found = self._parts(_CHECKSUM, line, tag, value, "ALGORITHM: VALUE")
        part = {"algorithm": found["algorithm"], "checksumValue": found["value"]}
        self._append(line, self.element, self.place, "checksums", part)

    def _parts(self, pattern: re.Pattern[str], line: int, tag: str, value: str, shape: str) -> Mapping[str, str]:
        found = pattern.match(value)
        if found is None:
            raise invalid(self.source, f"line {line}", f"{tag} is `{shape}`, and this is none: {value[:60]!r}")
        return found.groupdict()

    def _set(self, line: int, member: str, value: str) -> None:
        self.element[member] = value
        self.lines[f"{self.place}/{member}"] = line

    def _append(self, line: int, owner: dict[str, Any], place: str, name: str, value: object) -> str:
        values = owner.setdefault(name, [])
        if len(values) >= ENTRY_COUNT_MAX:
            raise too_large(self.source, f"line {line}", f"it has more than {ENTRY_COUNT_MAX} of {name}")
        values.append(value)
        where = f"{place}/{name}/{len(values) - 1}"
        self.lines[where] = line
        return where
