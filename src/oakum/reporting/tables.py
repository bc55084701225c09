"""Rows to text that other programs read: CSV by RFC 4180, and JSON; both as streams.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` (or a tab or line break) as a formula, and hosts
choose their names: such a cell gets an apostrophe in front, as does one that begins with an apostrophe.  So whoever
reads the CSV with a program takes one leading apostrophe off, or reads the JSON, which is never changed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from uuid import UUID

GUARDED_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")

Cell = str | int | float | bool | datetime | UUID | Enum | None | Sequence[str]
Row = Mapping[str, Cell]


class _Line:
    """What ``csv.writer`` writes into: it hands the line back instead of keeping it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """Yield CSV lines (UTF-8 when encoded, CRLF), the header first; a list is one cell, its items parted by spaces."""
    writer = csv.writer(_Line(), lineterminator="\r\n")
    yield str(writer.writerow(columns))
    for row in rows:
        yield str(writer.writerow([_cell(row[column]) for column in columns]))


def _cell(value: Cell) -> str:
    text = _text(value)
    return f"'{text}" if text.startswith(GUARDED_STARTS) else text


def _text(value: Cell) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() | int() | float() | UUID():
            return str(value)
        case datetime():
            return instant_text(value)
        case Enum():
            return str(value.value)
        case _:
            return " ".join(value)


def json_parts(meta: Mapping[str, object], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """Yield the parts of one JSON object: ``meta`` and the list ``rows``, one row a line."""
    yield f'{{"meta": {_json(meta)},\n"rows": ['
    before = "\n"
    for row in rows:
        yield f"{before}{_json(row)}"
        before = ",\n"
    yield "\n]}\n"


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return instant_text(value)
        case Enum():
            return value.value
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an export")


def instant_text(instant: datetime) -> str:
    """Return an instant as RFC 3339 text in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
