"""CISA's catalogue of known exploited vulnerabilities, as JSON or CSV.

Unknown fields are ignored and young ones (``forensicTriage``) may be missing.  The catalogue does not mark what it has
removed: an entry that is gone is gone with the generation (``intel.services``).  A CSV cut at the end of a line cannot
be told from a shorter one; the JSON says how many entries it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from oakum.core.changelog import find_cves
from oakum.core.text import clean_text
from oakum.intel.importers.documents import Document, documents, peeked
from oakum.intel.importers.table import table_rows
from oakum.intel.importers.values import KevRecord, Read, too_large, unreadable

RECORD_COUNT_MAX = 50_000  # some 1,600 today
NAME_LENGTH_MAX = 300
SUMMARY_LENGTH_MAX = 4_000


class KevImporter:
    """Reads KEV."""

    kind = "kev"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a KEV JSON or CSV."""
        del path
        return b"cveID" in head and (b'"vulnerabilities"' in head or b"dateAdded" in head.partition(b"\n")[0])

    def default_name(self, path: Path) -> str:
        """Return ``kev``."""
        del path
        return "kev"

    def record_count(self, path: Path) -> int | None:
        """Return None: the file is small and its own count is checked against what it holds."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each listed CVE once."""
        seen: set[str] = set()
        for number, (place, row) in enumerate(_rows(path), start=1):
            if number > RECORD_COUNT_MAX:
                raise too_large(path, place, f"it lists more than {RECORD_COUNT_MAX} vulnerabilities")
            record = _record(path, place, row)
            if record.cve in seen:
                yield Read(record=None, skipped=("CVE ids listed twice",))
            else:
                seen.add(record.cve)
                yield Read(record=record)


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, document in enumerate(documents(path, suffixes=(".json", ".csv"))):
        if number:
            raise unreadable(path, document.place, "a second catalogue: one is expected")
        start, whole = peeked(document)
        yield from _json_rows(whole) if start.lstrip().startswith(b"{") else _csv_rows(whole)


def _json_rows(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    told = document.json()
    rows = told.get("vulnerabilities")
    if not isinstance(rows, list):
        raise unreadable(document.path, document.place, "it has no list of vulnerabilities")
    count = told.get("count")
    if isinstance(count, int) and count != len(rows):
        reason = f"it says that it lists {count} vulnerabilities and lists {len(rows)}"
        raise unreadable(document.path, document.place, reason)
    for number, row in enumerate(rows, start=1):
        place = document.at(f"entry {number}")
        if not isinstance(row, dict):
            raise unreadable(document.path, place, "it is no object")
        yield place, row


def _csv_rows(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from table_rows(document, columns=frozenset({"cveID", "dateAdded"}), count_max=RECORD_COUNT_MAX)


def _record(path: Path, place: str, row: Mapping[str, Any]) -> KevRecord:
    cves = find_cves(_text(row, "cveID"))
    if len(cves) != 1 or cves[0] != _text(row, "cveID").strip().upper():
        raise unreadable(path, place, f"cveID is no CVE id: {_text(row, 'cveID')[:40]!r}")
    added_on = _date(row, "dateAdded")
    if added_on is None:
        raise unreadable(path, place, f"dateAdded is no date: {_text(row, 'dateAdded')[:40]!r}")
    return KevRecord(
        cve=cves[0],
        name=clean_text(_text(row, "vulnerabilityName"), length_max=NAME_LENGTH_MAX),
        summary=clean_text(_text(row, "shortDescription"), length_max=SUMMARY_LENGTH_MAX),
        added_on=added_on,
        due_on=_date(row, "dueDate"),
        ransomware="known" if _text(row, "knownRansomwareCampaignUse").strip().lower() == "known" else "unknown",
        forensic_triage=_answer(_text(row, "forensicTriage")),
    )


def _answer(text: str) -> str:
    word = text.strip().lower()
    return word if word in {"yes", "no"} else "unknown"


def _date(row: Mapping[str, Any], field: str) -> date | None:
    try:
        return date.fromisoformat(_text(row, field).strip())
    except ValueError:
        return None


def _text(row: Mapping[str, Any], field: str) -> str:
    value = row.get(field)
    return value if isinstance(value, str) else ""
