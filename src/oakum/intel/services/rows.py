"""Write many rows at once, by literal SQL: the hot path of an import, which the ORM makes three times as long.

PostgreSQL takes ranges and CVEs by COPY, SQLite by one prepared statement; rows that may be there already (an import
that goes on after it was killed) are left as they are.  It opens no transaction and knows no generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

# The columns of each table that an import fills, in the order of the rows' values.
RANGES: Final = (
    "intel_affectedrange",
    (
        *("advisory_id", "stream", "name", "level", "architectures"),
        *("scheme", "low_key", "high_key", "fixed_version", "state"),
    ),
)
CVES: Final = ("intel_advisorycve", ("advisory_id", "cve"))
KEV_ENTRIES: Final = (
    "intel_keventry",
    ("feed_id", "generation", "cve", "name", "added_on", "due_on", "ransomware", "forensic_triage"),
)
SCORES: Final = ("intel_epssscore", ("feed_id", "generation", "cve", "score", "percentile"))
SUPERSEDENCES: Final = ("intel_supersedence", ("feed_id", "generation", '"update"', "replaces", "product"))

Table = tuple[str, tuple[str, ...]]


def add_rows(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows that are not there."""
    if not rows:
        return
    if connection.vendor == "postgresql":
        _copy(table, rows)
    else:
        _execute(table, rows, "")


def add_missing_rows(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, leaving what a unique constraint says is there already."""
    if rows:
        _execute(table, rows, " ON CONFLICT DO NOTHING")


def _execute(table: Table, rows: Sequence[Sequence[Any]], ending: str) -> None:
    name, columns = table
    marks = ", ".join(["%s"] * len(columns))
    sql = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks}){ending}"  # noqa: S608 - constants of this module
    with connection.cursor() as cursor:
        cursor.executemany(sql, rows)


def _copy(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    name, columns = table
    sql = f"COPY {name} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row(row)
