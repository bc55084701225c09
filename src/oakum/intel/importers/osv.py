"""OSV: an archive or folder of one JSON record an advisory (``all.zip``), or one such record.

Nothing is unpacked to disk, and limits are checked before anything is read (``documents``).  What a record says is read
by ``osv_record``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from oakum.intel.importers.documents import document_count, documents
from oakum.intel.importers.osv_record import read_record
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, unreadable

NAME_LENGTH_MAX = 60
INDEX = "lists of records, which are no records"


class OsvImporter:
    """Reads OSV."""

    kind = "osv"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether the first document is an OSV record."""
        del path
        if not head.lstrip().startswith(b"{") or b'"document"' in head:
            return False
        # Records whose fields are sorted begin with their packages, and the id is further down than is looked.
        return (b'"id"' in head and any(mark in head for mark in _MARKS)) or (
            b'"affected"' in head and b'"ecosystem"' in head
        )

    def default_name(self, path: Path) -> str:
        """Return ``osv-`` and the first record's ecosystem, or a single record's own id.

        A single record must never replace a whole feed because nobody named it.
        """
        for place, record in _records(path):
            if not place:
                return _name(plain_text(record.get("id")))
            for affected in plain_list(record.get("affected")):
                ecosystem = plain_text(plain_object(plain_object(affected).get("package")).get("ecosystem"))
                if ecosystem:
                    return _name(ecosystem.partition(":")[0])
        return "osv"

    def record_count(self, path: Path) -> int | None:
        """Return the number of JSON documents, None for an archive that does not say it first."""
        return document_count(path)

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each record that speaks of a stream of ours."""
        for place, document in _records(path):
            yield read_record(path, place, document) if document else Read(record=None, skipped=(INDEX,))


# What an OSV record has beside its id, in the first few thousand bytes of whoever's spelling.
_MARKS = (b'"affected"', b'"modified"', b'"schema_version"')


def _name(text: str) -> str:
    return f"osv-{text.lower().replace(' ', '-')}"[:NAME_LENGTH_MAX]


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each document's place and JSON object, an empty one for an index of the records (SUSE's all.json)."""
    for document in documents(path):
        record = document.json()
        if document.place and isinstance(record, list) and all(isinstance(each, dict) for each in record):
            yield document.place, {}
        elif isinstance(record, dict) and record:
            yield document.place, record
        else:
            raise unreadable(path, document.place, "it is no OSV record: a JSON object is expected")
