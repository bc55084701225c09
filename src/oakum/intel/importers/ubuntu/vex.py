"""Canonical's OpenVEX documents: what it says of a CVE, or of a notice, in each release.

Read: the statements on source packages (``arch=source``); the binaries say the same again.  A ``fixed`` statement of a
CVE names the newest version of the archive, not the first one that has the patch: taken as a range it would call every
version between the two affected.  It is counted and left out; the notices (USN) name the right one, also as VEX.

What other authors say by OpenVEX about packages is read elsewhere: it changes findings and brings none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from packageurl import PackageURL

from oakum.core.advisories import AdvisoryRecord, AffectedPackage
from oakum.core.changelog import find_cves
from oakum.intel.importers.documents import Document, document_count, documents
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.ubuntu.releases import archive_of
from oakum.intel.importers.ubuntu.statuses import RELEASED, Status, affected_packages, support_has_ended
from oakum.intel.importers.values import Read, parse_instant, too_large, unreadable
from oakum.intel.importers.vendor import checked_ref, details_of, is_name, title_of

PRODUCT_COUNT_MAX: Final = 500_000  # kernels have some ten thousand binaries, each by release and architecture
PURL_LENGTH_MAX: Final = 1_000

_SOURCE_MARK: Final = "arch=source"
_PATCHED: Final = "patched"
_POSTPONED: Final = re.compile(r"deferred|postponed", re.IGNORECASE)
_REFUSED: Final = re.compile(r"ignored|will not|won't|not going to|no plans?\b|superseded|replaced", re.IGNORECASE)


class UbuntuVexImporter:
    """Reads Canonical's OpenVEX."""

    kind = "ubuntu-vex"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is OpenVEX by Canonical."""
        del path
        return b"openvex.dev/ns" in head and b"Canonical" in head

    def default_name(self, path: Path) -> str:
        """Return ``ubuntu-vex``, with the file's name for one document, which is not the whole."""
        name = path.name.lower()
        return f"ubuntu-vex-{name.removesuffix('.json')}"[:60] if name.endswith(".json") else "ubuntu-vex"

    def record_count(self, path: Path) -> int | None:
        """Return the number of documents where that can be told."""
        return document_count(path)

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each document."""
        for document in documents(path):
            yield read_document(document, document.json())


def read_document(document: Document, content: object) -> Read:
    """Return what one OpenVEX document says.

    Raises:
        FeedError: it is no OpenVEX document, names no vulnerability, or is beyond a limit.
    """
    fields = plain_object(content)
    statements = fields.get("statements")
    if not isinstance(statements, list):
        raise unreadable(document.path, document.place, "it is no OpenVEX document: it has no statements")
    if not statements:
        return Read(record=None, skipped=("documents without a statement",))
    name = plain_text(plain_object(plain_object(statements[0]).get("vulnerability")).get("name"))
    words: list[str] = []
    skipped: list[str] = []
    statuses = _statuses(document, name, statements, skipped)
    affected = tuple(affected_packages(statuses, words, skipped))
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("documents that name no source package",))
    record = _advisory(document, fields, statements[0], name, words, affected)
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _advisory(
    document: Document,
    fields: Mapping[str, Any],
    statement: Mapping[str, Any],
    name: str,
    words: list[str],
    affected: tuple[AffectedPackage, ...],
) -> AdvisoryRecord:
    vulnerability = plain_object(statement.get("vulnerability"))
    aliases = " ".join(plain_text(each) for each in plain_list(vulnerability.get("aliases")))
    description = plain_text(vulnerability.get("description"))
    head = plain_object(fields.get("metadata")) or fields
    is_notice = name.startswith("USN-")
    return AdvisoryRecord(
        ref=checked_ref(document.path, document.place, name if is_notice else f"UBUNTU-{name}"),
        title=title_of(description, name),
        details=details_of(description, words),
        severity="",
        published_at=parse_instant(statement.get("timestamp")),
        modified_at=parse_instant(head.get("timestamp")),
        withdrawn_at=None,
        cves=find_cves(aliases if is_notice else name),
        cvss_vector="",
        affected=affected,
    )


def _statuses(document: Document, name: str, statements: list[Any], skipped: list[str]) -> Sequence[Status]:
    count = 0
    found: list[Status] = []
    for statement in map(plain_object, statements):
        if plain_text(plain_object(statement.get("vulnerability")).get("name")) != name:
            raise unreadable(document.path, document.place, "its statements are on several vulnerabilities, or on none")
        for product in plain_list(statement.get("products")):
            count += 1
            if count > PRODUCT_COUNT_MAX:
                reason = f"it names more than {PRODUCT_COUNT_MAX} products"
                raise too_large(document.path, document.at(name[:40]), reason)
            purl = plain_text(plain_object(product).get("@id"))
            if _SOURCE_MARK in purl:
                found += _status(document, name, statement, purl, skipped)
    # What one archive of a release has patched is no longer open in the release, since whichever version.
    patched = {(each.archive.stream, each.name) for each in found if each.word == _PATCHED}
    return [each for each in found if (each.archive.stream, each.name) not in patched]


def _status(
    document: Document, name: str, statement: Mapping[str, Any], text: str, skipped: list[str]
) -> Iterator[Status]:
    try:
        purl = PackageURL.from_string(text[:PURL_LENGTH_MAX])
    except ValueError as error:
        raise unreadable(document.path, document.at(name[:40]), f"it names no package ({error})") from error
    release = plain_text(plain_object(purl.qualifiers).get("distro"))
    archive = archive_of(release)
    if archive is None or purl.type != "deb" or not is_name(purl.name):
        skipped.append(f"packages of {release[:40] or 'no release'}, which is no release that Oakum matches")
        return
    word, note = _word(name, statement)
    if word == _PATCHED:
        skipped.append("statements that a CVE is patched: they do not say since which version, notices do")
    note = (purl.version or "") if word == RELEASED else note
    yield Status(name=purl.name, archive=archive, word=word, note=note)


def _word(name: str, statement: Mapping[str, Any]) -> tuple[str, str]:
    """Return the tracker's own word for a statement, and the note."""
    status = plain_text(statement.get("status"))
    if status == "fixed":
        return (RELEASED if name.startswith("USN-") else _PATCHED), ""
    note = plain_text(statement.get("action_statement"))
    if status != "affected":
        return status.replace("_", "-").replace("under-investigation", "needs-triage"), ""
    if support_has_ended(note) or _REFUSED.search(note):
        return "ignored", note.removeprefix("This package (for the given release) ")
    return ("deferred" if _POSTPONED.search(note) else "needed"), ""
