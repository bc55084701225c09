"""Hold an SPDX 2 document to its standard (ISO/IEC 5962, SPDX 2.2 and 2.3), in the JSON shape of either syntax.

Checked: what must be there, the shapes of identifiers, instants, creators, checksums and package URLs, licence
expressions (their syntax and own references, not the list of licences), and that references lead to something.  Not
checked: files' contents, addresses, and members that the standard does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from oakum.scan.sbom.problems import Problem, problem, shown
from oakum.scan.sbom.spdx import DOCUMENT_ID, NO_VALUES, VERSIONS

_ID: Final = re.compile(r"SPDXRef-[A-Za-z0-9.-]+\Z")
_EXTERNAL_ID: Final = re.compile(r"(?P<document>DocumentRef-[A-Za-z0-9.+-]+):SPDXRef-[A-Za-z0-9.-]+\Z")
_DOCUMENT_REF: Final = re.compile(r"DocumentRef-[A-Za-z0-9.+-]+\Z")
_LICENCE_REF: Final = re.compile(r"(?:DocumentRef-[A-Za-z0-9.+-]+:)?LicenseRef-[A-Za-z0-9.-]+\Z")
_LICENCE: Final = re.compile(r"[A-Za-z0-9.-]+\+?\Z")
_LICENCE_WORD: Final = re.compile(r"\(|\)|[^\s()]+")
# Fractions of a second are none of the standard's, but its schema lets them pass, and npm and trivy write them.
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z\Z", re.ASCII)
_CREATOR: Final = re.compile(r"(?:Person|Organization|Tool): ?\S.*\Z", re.DOTALL)
_HEX: Final = re.compile(r"[0-9a-fA-F]*\Z")
_NAMESPACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+\Z")
_REFERENCE_CATEGORIES: Final = frozenset(
    {"SECURITY", "PACKAGE-MANAGER", "PACKAGE_MANAGER", "PERSISTENT-ID", "PERSISTENT_ID", "OTHER"}
)
# Hexadecimal digits of a checksum; of MD6 the length is free.
_DIGITS: Final = {
    "MD2": 32,
    "MD4": 32,
    "MD5": 32,
    "MD6": None,
    "SHA1": 40,
    "SHA224": 56,
    "SHA256": 64,
    "SHA384": 96,
    "SHA512": 128,
    "SHA3-256": 64,
    "SHA3-384": 96,
    "SHA3-512": 128,
    "BLAKE2b-256": 64,
    "BLAKE2b-384": 96,
    "BLAKE2b-512": 128,
    "BLAKE3": 64,
    "ADLER32": 8,
}
_RELATIONSHIPS: Final = frozenset(
    {
        *("DESCRIBES", "DESCRIBED_BY", "CONTAINS", "CONTAINED_BY", "DEPENDS_ON", "DEPENDENCY_OF", "ANCESTOR_OF"),
        *("DEPENDENCY_MANIFEST_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF"),
        *("PROVIDED_DEPENDENCY_OF", "TEST_DEPENDENCY_OF", "RUNTIME_DEPENDENCY_OF", "EXAMPLE_OF", "GENERATES"),
        *("GENERATED_FROM", "DESCENDANT_OF", "VARIANT_OF", "DISTRIBUTION_ARTIFACT", "PATCH_FOR", "PATCH_APPLIED"),
        *("COPY_OF", "FILE_ADDED", "FILE_DELETED", "FILE_MODIFIED", "EXPANDED_FROM_ARCHIVE", "DYNAMIC_LINK"),
        *("STATIC_LINK", "DATA_FILE_OF", "TEST_CASE_OF", "BUILD_TOOL_OF", "DEV_TOOL_OF", "TEST_OF", "TEST_TOOL_OF"),
        *("DOCUMENTATION_OF", "OPTIONAL_COMPONENT_OF", "METAFILE_OF", "PACKAGE_OF", "AMENDS", "PREREQUISITE_FOR"),
        *("HAS_PREREQUISITE", "REQUIREMENT_DESCRIPTION_FOR", "SPECIFICATION_FOR", "OTHER"),
    }
)
_ELEMENTS: Final = ("packages", "files", "snippets")
_LICENCE_DEPTH_MAX: Final = 100
_LICENCE_WORD_COUNT_MAX: Final = 10_000


def problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a document."""
    checker = _Checker(document)
    yield from checker.check_head()
    yield from checker.check_elements()
    yield from checker.check_references()


def licence_problem(text: str) -> str:
    """Return what is wrong with a licence expression (SPDX annex D), "" where nothing is.

    >>> licence_problem("(MIT OR GPL-2.0+ WITH Classpath-exception-2.0) AND LicenseRef-1"), licence_problem("MIT OR")
    ('', 'an expression ends where a licence is expected')
    """
    words = _LICENCE_WORD.findall(text)
    if len(words) > _LICENCE_WORD_COUNT_MAX:
        return f"an expression has more than {_LICENCE_WORD_COUNT_MAX} words"
    depth, wants_licence, after_with = 0, True, False
    for word in words:
        if wants_licence and word == "(" and not after_with:
            depth += 1
        elif wants_licence and (_LICENCE.match(word) or _LICENCE_REF.match(word)) and not _is_operator(word):
            wants_licence, after_with = False, False
        elif not wants_licence and word == ")" and depth:
            depth -= 1
        elif not wants_licence and _is_operator(word):
            wants_licence, after_with = True, word.upper() == "WITH"
        else:
            return f"an expression does not have {shown(word)} there"
        if depth > _LICENCE_DEPTH_MAX:
            return f"an expression is nested more than {_LICENCE_DEPTH_MAX} deep"
    if wants_licence:
        return "an expression ends where a licence is expected"
    return "a parenthesis of an expression does not end" if depth else ""


def _word(value: object) -> str:
    """Return a text; "" for what is none."""
    return value if isinstance(value, str) else ""


def _is_operator(word: str) -> bool:
    return word.upper() in {"AND", "OR", "WITH"}


class _Checker:
    """The rules; ids are gathered first, so that references can be followed in any order."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._ids: dict[str, str] = {DOCUMENT_ID: ""}
        self._documents = {
            _word(each.get("externalDocumentId")) for _, each in self._objects(document, "externalDocumentRefs", "")
        }

    def check_head(self) -> Iterator[Problem]:
        """Check what a document must say of itself."""
        document = self._document
        if document.get("spdxVersion") not in VERSIONS:
            yield problem("/spdxVersion", f"{shown(document.get('spdxVersion'))} is none of {', '.join(VERSIONS)}")
        if document.get("SPDXID") != DOCUMENT_ID:
            yield problem("/SPDXID", f"{shown(document.get('SPDXID'))} must be {DOCUMENT_ID}")
        if document.get("dataLicense") != "CC0-1.0":
            yield problem("/dataLicense", f"{shown(document.get('dataLicense'))} must be CC0-1.0")
        yield from self._needs(document, "", "name")
        namespace = document.get("documentNamespace")
        if not isinstance(namespace, str) or not _NAMESPACE.match(namespace):
            yield problem("/documentNamespace", f"{shown(namespace)} is no absolute URI without a fragment")
        creation = document.get("creationInfo")
        if not isinstance(creation, dict):
            yield problem("/creationInfo", "it is missing, or no object")
            return
        yield from self._instant(creation, "/creationInfo", "created")
        creators = creation.get("creators")
        if not isinstance(creators, list) or not creators:
            yield problem("/creationInfo/creators", "there must be one or more")
            return
        for number, each in enumerate(creators):
            if not isinstance(each, str) or not _CREATOR.match(each):
                yield problem(
                    f"/creationInfo/creators/{number}", f"{shown(each)} is none of Person: , Organization: , Tool: "
                )

    def check_elements(self) -> Iterator[Problem]:
        """Check packages, files, snippets, licences and the lists of the document."""
        for name in (*_ELEMENTS, "hasExtractedLicensingInfos", "relationships", "annotations", "externalDocumentRefs"):
            yield from self._shape(self._document, name, "")
        for name in _ELEMENTS:
            for place, each in self._objects(self._document, name, ""):
                yield from self._id(each, place)
                yield from self._element(name, each, place)
        for place, each in self._objects(self._document, "hasExtractedLicensingInfos", ""):
            if not isinstance(each.get("licenseId"), str) or not _LICENCE_REF.match(each["licenseId"]):
                yield problem(f"{place}/licenseId", f"{shown(each.get('licenseId'))} is no LicenseRef-")
            yield from self._needs(each, place, "extractedText")
        for place, each in self._objects(self._document, "externalDocumentRefs", ""):
            if not isinstance(each.get("externalDocumentId"), str) or not _DOCUMENT_REF.match(
                each["externalDocumentId"]
            ):
                yield problem(f"{place}/externalDocumentId", "it is no DocumentRef-")
            yield from self._needs(each, place, "spdxDocument")
            yield from self._checksum(each.get("checksum"), f"{place}/checksum")
        yield from self._annotations(self._document, "")

    def check_references(self) -> Iterator[Problem]:
        """Check that relationships and descriptions lead to elements."""
        for place, each in self._objects(self._document, "relationships", ""):
            for end in ("spdxElementId", "relatedSpdxElement"):
                yield from self._reference(each.get(end), f"{place}/{end}", may_be_nothing=end == "relatedSpdxElement")
            if _word(each.get("relationshipType")) not in _RELATIONSHIPS:
                yield problem(f"{place}/relationshipType", f"{shown(each.get('relationshipType'))} is none of SPDX")
        described = self._document.get("documentDescribes")
        for number, each in enumerate(described if isinstance(described, list) else ()):
            yield from self._reference(each, f"/documentDescribes/{number}", may_be_nothing=False)

    def _element(self, name: str, element: Mapping[str, Any], place: str) -> Iterator[Problem]:
        needed = {"packages": ("name", "downloadLocation"), "files": ("fileName",), "snippets": ("snippetFromFile",)}
        for member in needed[name]:
            yield from self._needs(element, place, member)
        for member in ("licenseConcluded", "licenseDeclared"):
            yield from self._licence(element.get(member), f"{place}/{member}")
        yield from self._shape(element, "checksums", place)
        checksums = list(self._objects(element, "checksums", place))
        for where, each in checksums:
            yield from self._checksum(each, where)
        if name == "files" and "SHA1" not in {_word(each.get("algorithm")) for _, each in checksums}:
            yield problem(f"{place}/checksums", "a file must have a checksum by SHA1")
        yield from self._shape(element, "externalRefs", place)
        for where, each in self._objects(element, "externalRefs", place):
            if _word(each.get("referenceCategory")) not in _REFERENCE_CATEGORIES:
                reason = f"{shown(each.get('referenceCategory'))} is none of SPDX"
                yield problem(f"{where}/referenceCategory", reason)
            yield from self._needs(each, where, "referenceType")
            yield from self._needs(each, where, "referenceLocator")
            locator = each.get("referenceLocator")
            if each.get("referenceType") == "purl" and isinstance(locator, str) and not locator.startswith("pkg:"):
                yield problem(f"{where}/referenceLocator", f"{shown(locator)} is no package URL")
        yield from self._annotations(element, place)

    def _id(self, element: Mapping[str, Any], place: str) -> Iterator[Problem]:
        found = element.get("SPDXID")
        if not isinstance(found, str) or not _ID.match(found):
            yield problem(f"{place}/SPDXID", f"{shown(found)} is no SPDXRef- of letters, digits, . and -")
        elif self._ids.setdefault(found, place) != place:
            yield problem(f"{place}/SPDXID", f"{shown(found)} is the id of {self._ids[found] or 'the document'} too")

    def _reference(self, value: object, place: str, *, may_be_nothing: bool) -> Iterator[Problem]:
        word = _word(value)
        if word in self._ids or (may_be_nothing and word in NO_VALUES):
            return
        found = _EXTERNAL_ID.match(word)
        if found is None:
            yield problem(place, f"{shown(value)} is the id of no element of the document")
        elif found["document"] not in self._documents:
            yield problem(place, f"{shown(found['document'])} is none of externalDocumentRefs")

    def _licence(self, value: object, place: str) -> Iterator[Problem]:
        if value is None or _word(value) in NO_VALUES:
            return
        if not isinstance(value, str):
            yield problem(place, f"{shown(value)} is no licence expression")
        elif reason := licence_problem(value):
            yield problem(place, f"{shown(value)}: {reason}")

    def _checksum(self, value: object, place: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield problem(place, "it is missing, or no object")
            return
        algorithm, digits = value.get("algorithm"), value.get("checksumValue")
        if not isinstance(algorithm, str) or algorithm not in _DIGITS:
            yield problem(f"{place}/algorithm", f"{shown(algorithm)} is none of SPDX")
        elif not isinstance(digits, str) or not digits or not _HEX.match(digits):
            yield problem(f"{place}/checksumValue", f"{shown(digits)} is not hexadecimal")
        elif (length := _DIGITS[algorithm]) is not None and len(digits) != length:
            yield problem(f"{place}/checksumValue", f"of {algorithm} it has {length} digits, not {len(digits)}")

    def _annotations(self, owner: Mapping[str, Any], place: str) -> Iterator[Problem]:
        yield from self._shape(owner, "annotations", place) if place else ()
        for where, each in self._objects(owner, "annotations", place):
            yield from self._instant(each, where, "annotationDate")
            for member in ("annotator", "comment"):
                yield from self._needs(each, where, member)
            if _word(each.get("annotationType")) not in {"OTHER", "REVIEW"}:
                yield problem(f"{where}/annotationType", f"{shown(each.get('annotationType'))} is no OTHER or REVIEW")

    def _instant(self, owner: Mapping[str, Any], place: str, member: str) -> Iterator[Problem]:
        value = owner.get(member)
        reason = f"{shown(value)} is no instant like 2026-01-31T12:00:00Z"
        if not isinstance(value, str) or not _INSTANT.match(value):
            yield problem(f"{place}/{member}", reason)
            return
        try:
            datetime.fromisoformat(value)
        except ValueError:
            yield problem(f"{place}/{member}", reason)

    def _needs(self, owner: Mapping[str, Any], place: str, member: str) -> Iterator[Problem]:
        value = owner.get(member)
        if not isinstance(value, str) or not value.strip():
            yield problem(f"{place}/{member}", "it is missing, empty, or no text")

    def _shape(self, owner: Mapping[str, Any], name: str, place: str) -> Iterator[Problem]:
        found = owner.get(name)
        if found is None:
            return
        if not isinstance(found, list):
            yield problem(f"{place}/{name}", "a list is expected")
            return
        for number, each in enumerate(found):
            if not isinstance(each, dict):
                yield problem(f"{place}/{name}/{number}", "an object is expected")

    @staticmethod
    def _objects(owner: Mapping[str, Any], name: str, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        found = owner.get(name)
        for number, each in enumerate(found if isinstance(found, list) else ()):
            if isinstance(each, dict):
                yield f"{place}/{name}/{number}", each
