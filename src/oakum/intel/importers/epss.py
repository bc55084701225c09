"""FIRST's EPSS: how probable the exploitation of each CVE in the next 30 days is.

The published layout has a comment on its first line (``#model_version:v2026.06.15,score_date:...``), then a header.
Older files have no comment, no percentile, or further columns; files of many days, with a ``date`` column, give each
CVE its newest score.  A score that is none is left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from oakum.core.changelog import find_cves
from oakum.intel.importers.documents import documents
from oakum.intel.importers.table import table_rows
from oakum.intel.importers.values import EpssDay, EpssRecord, Read, unreadable

ROW_COUNT_MAX: Final = 2_000_000  # the published file has some 380,000
MODEL_LENGTH_MAX: Final = 40
NO_CVE: Final = "rows without a CVE id"
NO_SCORE: Final = "rows whose score is none from 0 to 1"
REPEATED: Final = "CVE ids listed twice"

_COMMENT: Final = re.compile(r"(?P<key>model_version|score_date):(?P<value>[^,\s]{1,60})")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SUFFIXES: Final = (".csv",)


class EpssImporter:
    """Reads EPSS."""

    kind = "epss"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it has the comment of EPSS, or a header with its two columns."""
        del path
        header = head.partition(b"\n")[0].strip().split(b",")
        return head.startswith(b"#model_version:") or (b"cve" in header and b"epss" in header)

    def default_name(self, path: Path) -> str:
        """Return ``epss``."""
        del path
        return "epss"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield first of which model and day the scores are, then each CVE once."""
        for number, document in enumerate(documents(path, suffixes=_SUFFIXES)):
            if number:
                raise unreadable(path, document.place, "a second table: one is expected")
            comments: list[str] = []
            rows = table_rows(document, columns=frozenset({"cve", "epss"}), count_max=ROW_COUNT_MAX, comments=comments)
            first = next(rows, None)
            told = {each["key"]: each["value"] for line in comments for each in _COMMENT.finditer(line)}
            if first is None:
                return
            if "date" in first[1]:
                yield from _newest(first[1], rows)
                continue
            day = _day(told.get("score_date", "")) or _day(path.name)
            yield Read(record=EpssDay(model_version=told.get("model_version", "")[:MODEL_LENGTH_MAX], scored_on=day))
            yield from _each(first[1], rows)


Rows = Iterator[tuple[str, Mapping[str, str]]]


def _each(first: Mapping[str, str], rows: Rows) -> Iterator[Read]:
    seen: set[str] = set()
    for row in _chain(first, rows):
        record = _record(row)
        if isinstance(record, str):
            yield Read(record=None, skipped=(record,))
        elif record.cve in seen:
            yield Read(record=None, skipped=(REPEATED,))
        else:
            seen.add(record.cve)
            yield Read(record=record)


def _newest(first: Mapping[str, str], rows: Rows) -> Iterator[Read]:
    """Yield each CVE's score of its newest day; the scores of former days are history."""
    newest: dict[str, tuple[str, EpssRecord]] = {}
    skipped: list[str] = []
    for row in _chain(first, rows):
        record, day = _record(row), row["date"][:10]
        if isinstance(record, str):
            skipped.append(record)
        elif record.cve not in newest or newest[record.cve][0] <= day:
            newest[record.cve] = (day, record)
    last = max((day for day, _ in newest.values()), default="")
    yield Read(record=EpssDay(model_version="", scored_on=_day(last)), skipped=tuple(skipped))
    for _, record in newest.values():
        yield Read(record=record)


def _chain(first: Mapping[str, str], rows: Rows) -> Iterator[Mapping[str, str]]:
    yield first
    for _, row in rows:
        yield row


def _record(row: Mapping[str, str]) -> EpssRecord | str:
    """Return a row's score, or why it is left out."""
    cves = find_cves(row["cve"])
    if len(cves) != 1 or cves[0] != row["cve"].strip().upper():
        return NO_CVE
    score = _share(row["epss"])
    if score is None:
        return f"{NO_SCORE} ({cves[0]}: {row['epss'][:40]!r})"
    return EpssRecord(cve=cves[0], score=score, percentile=_share(row.get("percentile", "")))


def _share(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def _day(text: str) -> date | None:
    found = _DAY.search(text)
    try:
        return date.fromisoformat(found.group()) if found else None
    except ValueError:
        return None
