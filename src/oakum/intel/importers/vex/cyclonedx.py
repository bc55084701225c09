"""CycloneDX 1.4 to 1.7 (ECMA-424), JSON: what a BOM's author found of vulnerabilities in its packages.

A vulnerability counts where it has an ``analysis``, or says of versions that they are not affected; what merely lists
vulnerabilities is a report and no VEX.  What is affected is named by a reference: to a part of the BOM that has a
package URL, to a package URL itself, or to another BOM (``urn:cdx:``) whose reference is one.

An author is named by whoever made the BOM, else by whose product it is; many name none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, UNDER_INVESTIGATION
from oakum.core.vex import FIXED
from oakum.intel.importers.documents import Document
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, parse_instant, unreadable
from oakum.intel.importers.vex.statements import (
    NO_PACKAGE,
    NO_VULNERABILITY,
    Claim,
    Counted,
    Head,
    Place,
    aliases_of,
    head,
    justification_of,
    place_of,
    reads_of,
    vulnerability_of,
    with_range,
    with_version,
    words_of,
)

SPEC_VERSIONS: Final = ("1.4", "1.5", "1.6", "1.7")
NO_ANALYSIS: Final = "vulnerabilities without an analysis"
ELSEWHERE: Final = "references to nothing in the document"

_STATUSES: Final = {
    "resolved": FIXED,
    "resolved_with_pedigree": FIXED,
    "exploitable": AFFECTED,
    "in_triage": UNDER_INVESTIGATION,
    "false_positive": NOT_AFFECTED,
    "not_affected": NOT_AFFECTED,
}
# What a version's own status says whatever the analysis does; an affected version has the analysis' status.
_STATUSES_OF_VERSIONS: Final = {"unaffected": NOT_AFFECTED, "unknown": UNDER_INVESTIGATION}
_VERSION_IS_WHY: Final = "These versions do not have the vulnerability."
_BOM_LINK: Final = "urn:cdx:"
_PURL: Final = "pkg:"


def is_own(content: Mapping[str, Any]) -> bool:
    """Say whether a document is a CycloneDX BOM."""
    return content.get("bomFormat") == "CycloneDX"


def head_of(document: Document, content: Mapping[str, Any]) -> Head:
    """Return the document's head.

    Raises:
        FeedError: it is of an edition that is not read.
    """
    edition = content.get("specVersion")
    if edition not in SPEC_VERSIONS:
        reason = f"CycloneDX {plain_text(edition)[:20]!r} is not read, only {', '.join(SPEC_VERSIONS)}"
        raise unreadable(document.path, document.place, reason)
    told = plain_object(content.get("metadata"))
    subject = plain_object(told.get("component"))
    authors = (plain_object(each) for each in plain_list(told.get("authors")))
    makers = (told.get("manufacturer"), *authors, told.get("supplier"), told.get("manufacture"))
    makers = (*makers, subject.get("manufacturer"), subject.get("supplier"))
    names = (plain_text(plain_object(each).get("name")).strip() for each in makers)
    author = next(filter(None, names), "") or plain_text(subject.get("publisher"))
    said_at = parse_instant(told.get("timestamp"))
    return head(plain_text(content.get("serialNumber")), author, said_at, otherwise=document.name)


def reads(document: Document, content: Mapping[str, Any], own: Head) -> Iterator[Read]:
    """Yield what each vulnerability says.

    Raises:
        FeedError: it names too many products.
    """
    subject = plain_object(plain_object(content.get("metadata")).get("component"))
    named = (plain_text(subject.get("name")), plain_text(subject.get("version")))
    bom = _Bom(
        parts=_parts(content),
        serial=plain_text(content.get("serialNumber")).removeprefix("urn:uuid:").lower(),
        subject=plain_text(subject.get("bom-ref")),
        product=plain_text(subject.get("purl")) or " ".join(filter(None, named)),
        stream=own.stream,
    )
    counted = Counted(document=document)
    for each in plain_list(content.get("vulnerabilities")):
        yield from _vulnerability(plain_object(each), bom, own, counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bom:
    """What references lead to.

    ``parts`` has the package URL of each part by its reference, empty where it has none; ``product`` is what the whole
    BOM is of, and ``subject`` the reference to that.
    """

    parts: Mapping[str, str]
    serial: str
    subject: str
    product: str
    stream: str

    def place(self, ref: str) -> Place | str:
        """Return the package behind a reference, or why there is none."""
        own, product = self._inside(ref)
        purl = self.parts.get(own, own if own.startswith(_PURL) else None)
        if purl is None:
            return f"{ELSEWHERE} ({ref[:60]!r})"
        return place_of(purl, stream=self.stream, product=product) if purl else NO_PACKAGE

    def _inside(self, ref: str) -> tuple[str, str]:
        """Return a reference without the BOM it leads into (``urn:cdx:SERIAL/VERSION#REF``), and that BOM's product.

        What another BOM calls by a name of its own is not what this one calls so: of others only package URLs count.
        """
        if not ref.startswith(_BOM_LINK):
            return ref, "" if ref == self.subject else self.product
        link, _, told = ref.partition("#")
        if link.removeprefix(_BOM_LINK).partition("/")[0].lower() == self.serial:
            own = told if told in self.parts else unquote(told)
            return own, "" if own == self.subject else self.product
        return (told, link) if told.startswith(_PURL) else _decoded(ref, told, link)


def _decoded(ref: str, told: str, link: str) -> tuple[str, str]:
    decoded = unquote(told)
    return (decoded, link) if decoded.startswith(_PURL) else (ref, link)


def _parts(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the package URL of each part of the BOM, by its reference; parts of parts too."""
    found: dict[str, str] = {}
    waiting = [plain_object(plain_object(content.get("metadata")).get("component"))]
    waiting += (plain_object(each) for each in plain_list(content.get("components")))
    while waiting:
        part = waiting.pop()
        ref, purl = plain_text(part.get("bom-ref")), plain_text(part.get("purl"))
        if ref:
            found.setdefault(ref, purl)
        waiting += (plain_object(each) for each in plain_list(part.get("components")))
    return found


def _vulnerability(told: Mapping[str, Any], bom: _Bom, own: Head, counted: Counted) -> Iterator[Read]:
    """Yield a read a status: versions may have another one than the whole."""
    by_status: dict[str, list[Place | str]] = {}
    analysis = plain_object(told.get("analysis"))
    state = plain_text(analysis.get("state"))
    for each in plain_list(told.get("affects")):
        counted.take()
        affected = plain_object(each)
        place = bom.place(plain_text(affected.get("ref")))
        for status, found in _versions(place, affected.get("versions"), counted):
            by_status.setdefault(status or _STATUSES.get(state, ""), []).append(found)
    for status, places in (by_status or {_STATUSES.get(state, ""): []}).items():
        yield from reads_of(_claim(told, analysis, status), places, own)


def _versions(place: Place | str, told: object, counted: Counted) -> Iterator[tuple[str, Place | str]]:
    """Yield what is said of a package's versions, the status empty where it is the analysis'."""
    versions = plain_list(told) or ([told] if isinstance(told, dict) else [])
    if isinstance(place, str) or not versions:
        yield "", place
        return
    for each in versions:
        counted.take()
        entry = plain_object(each)
        status = _STATUSES_OF_VERSIONS.get(plain_text(entry.get("status")), "")
        version, range_ = plain_text(entry.get("version")), plain_text(entry.get("range"))
        if version:
            yield status, with_version(place, version)
        elif range_:
            yield status, with_range(place, range_)
        else:
            yield status, "versions that are not told"


def _claim(told: Mapping[str, Any], analysis: Mapping[str, Any], status: str) -> Claim | str:
    if not status:
        state = plain_text(analysis.get("state"))
        return f"analyses with a state that is none ({state[:40]!r})" if state else NO_ANALYSIS
    vulnerability = vulnerability_of(plain_text(told.get("id")))
    if not vulnerability:
        return NO_VULNERABILITY
    references = (plain_object(each).get("id") for each in plain_list(told.get("references")))
    state = plain_text(analysis.get("state"))
    detail = words_of(plain_text(analysis.get("detail")))
    if status != _STATUSES.get(state):
        detail = detail or _VERSION_IS_WHY
    elif state == "false_positive":
        detail = detail or "False positive."
    return Claim(
        vulnerability=vulnerability,
        aliases=aliases_of(vulnerability, references),
        status=status,
        justification=justification_of(plain_text(analysis.get("justification"))) if status == NOT_AFFECTED else "",
        statement=detail,
        said_at=parse_instant(analysis.get("lastUpdated")) or parse_instant(analysis.get("firstIssued")),
    )
