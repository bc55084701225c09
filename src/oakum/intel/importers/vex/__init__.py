"""VEX (CISA's minimum requirements) in its three formats: OpenVEX, CycloneDX, CSAF.

What is read are other authors' statements on packages.  They bring no findings and close none by themselves: who is
believed is decided where findings are assessed (``core.vex``).  A file, folder or archive may mix the formats.

Canonical's OpenVEX is a feed of advisories, and so is distributions' CSAF: other importers recognise both.  Asked for
by name (``--kind vex``) they are read here as statements.  Signatures around a document are not checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.values import Read, unreadable
from oakum.intel.importers.vex import csaf, cyclonedx, openvex
from oakum.intel.importers.vex.statements import UNNAMED, Head

__all__ = ["VexImporter"]

NAME_LENGTH_MAX: Final = 60
AUTHOR_LENGTH_MAX: Final = 40  # of a feed's name
NO_STATEMENT: Final = "documents without a statement"

_WORD: Final = re.compile(r"[a-z0-9]+")
_CANONICAL: Final = re.compile(rb'"author"\s*:\s*"Canonical\b')
_CYCLONEDX: Final = re.compile(rb'"bomFormat"\s*:\s*"CycloneDX"')


class _Format(Protocol):
    """One of the three, as a module."""

    def is_own(self, content: Mapping[str, Any]) -> bool:
        """Say whether a document is of this format."""

    def head_of(self, document: Document, content: Mapping[str, Any]) -> Head:
        """Return the document's head."""

    def reads(self, document: Document, content: Mapping[str, Any], own: Head) -> Iterator[Read]:
        """Yield each statement."""


_FORMATS: Final[tuple[_Format, ...]] = (openvex, cyclonedx, csaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class VexImporter:
    """Reads VEX; ``stream`` is what distributions' packages are for whose package URLs do not tell their release."""

    stream: str = ""
    kind: str = "vex"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is CycloneDX, or OpenVEX whose author is not Canonical.

        CSAF is taken for a distribution's unless somebody says otherwise.
        """
        del path
        if _CYCLONEDX.search(head):
            return True
        # Others speak of Canonical, too: what makes a document its advisory is who wrote it.
        return b"openvex.dev/ns" in head and not _CANONICAL.search(head)

    def default_name(self, path: Path) -> str:
        """Return ``vex-``, the author, and a mark of the document's id: its next edition replaces it, no other does.

        A folder or archive, and a document without an id, is named after the file.
        """
        name, _, _ = path.name.lower().partition(".")
        for document in documents(path):
            content = _object(document)
            own = _format(document, content).head_of(document, content)
            if document.place or own.document == document.name:
                break
            author = "-".join(_WORD.findall(own.author.lower()))[:AUTHOR_LENGTH_MAX].strip("-")
            if own.author == UNNAMED or not author:
                author = "unnamed"
            return f"{self.kind}-{author}-{sha256(own.document.encode()).hexdigest()[:8]}"
        return f"{self.kind}-{'-'.join(_WORD.findall(name)) or 'document'}"[:NAME_LENGTH_MAX].rstrip("-")

    def record_count(self, path: Path) -> int | None:
        """Return None: how many statements there are only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each statement of each document."""
        for document in documents(path):
            content = _object(document)
            form = _format(document, content)
            own = replace(form.head_of(document, content), stream=self.stream)
            is_empty = True
            for read in form.reads(document, content, own):
                is_empty = False
                yield read
            if is_empty:
                yield Read(record=None, skipped=(NO_STATEMENT,))


def _object(document: Document) -> Mapping[str, Any]:
    content = document.json()
    if not isinstance(content, dict):
        raise unreadable(document.path, document.place, "it is no VEX document: a JSON object is expected")
    return content


def _format(document: Document, content: Mapping[str, Any]) -> _Format:
    found = next((each for each in _FORMATS if each.is_own(content)), None)
    if found is None:
        raise unreadable(document.path, document.place, "it is neither OpenVEX nor CycloneDX nor CSAF")
    return found
