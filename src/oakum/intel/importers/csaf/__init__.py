"""CSAF 2.0 (OASIS): security advisories and VEX of Red Hat, SUSE and Microsoft, a document or an archive of them.

Deletions that a publisher lists apart (``deletions.csv``) need no reading: what is not in the archive is gone with the
generation.  Signatures beside the documents are not checked here: whoever fetches an archive does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from oakum.intel.importers.csaf.reading import read_document
from oakum.intel.importers.documents import document_count, documents
from oakum.intel.importers.plain import plain_object, plain_text
from oakum.intel.importers.values import Read, unreadable

NAME_LENGTH_MAX = 60
# What publishers call themselves, by a word of it, and what their feed is called here.
_PUBLISHERS = {"red hat": "redhat", "suse": "suse", "microsoft": "microsoft"}
_VEX = "csaf_vex"


class CsafImporter:
    """Reads CSAF."""

    kind = "csaf"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is CSAF 2.0: the document's head names the standard near its beginning."""
        del path
        return b'"csaf_version"' in head or (b'"document"' in head and b'"csaf_' in head)

    def default_name(self, path: Path) -> str:
        """Return ``csaf-`` or ``csaf-vex-`` and the publisher of the first document."""
        for document in documents(path):
            head = plain_object(plain_object(document.json()).get("document"))
            name = plain_text(plain_object(head.get("publisher")).get("name")).lower()
            publisher = next((ours for word, ours in _PUBLISHERS.items() if word in name), "")
            kind = "csaf-vex" if plain_text(head.get("category")) == _VEX else "csaf"
            return f"{kind}-{publisher or name.replace(' ', '-') or 'unnamed'}"[:NAME_LENGTH_MAX]
        return self.kind

    def record_count(self, path: Path) -> int | None:
        """Return the number of documents where that can be told without reading them."""
        return document_count(path)

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each document."""
        for document in documents(path):
            value = document.json()
            if not isinstance(value, dict):
                raise unreadable(document.path, document.place, "it is no CSAF document: a JSON object is expected")
            yield read_document(document.path, document.place, value)
