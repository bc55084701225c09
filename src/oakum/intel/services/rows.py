"""Write many rows at once, by literal SQL: the hot path of an import, which the ORM makes three times as long.

PostgreSQL takes ranges and CVEs by COPY, SQLite by one prepared statement; rows that may be there already (an import
that goes on after it was killed) are left as they are.  It opens no transaction and knows no generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from django.db import connection

# The columns of each table that an import fills, in the order of the rows' values.
Table = tuple[str, tuple[str, ...]]

ADVISORIES: Final[Table] = (
    "intel_advisory",
    (
        *("feed_id", "generation", "ref", "title", "details", "severity", "published_at", "modified_at"),
        *("withdrawn_at", "cves", "cvss_vector", "aliases", "superseded_by", "digest", "settled"),
    ),
)
RANGES: Final[Table] = (
    "intel_affectedrange",
    (
        *("advisory_id", "stream", "name", "level", "architectures"),
        *("scheme", "low_key", "high_key", "fixed_version", "state"),
    ),
)
CVES: Final[Table] = ("intel_advisorycve", ("advisory_id", "cve"))
KEV_ENTRIES: Final[Table] = (
    "intel_keventry",
    ("feed_id", "generation", "cve", "name", "added_on", "due_on", "ransomware", "forensic_triage"),
)
SCORES: Final[Table] = ("intel_epssscore", ("feed_id", "generation", "cve", "score", "percentile"))
SUPERSEDENCES: Final[Table] = ("intel_supersedence", ("feed_id", "generation", '"update"', "replaces", "product"))
VEX_STATEMENTS: Final[Table] = (
    "intel_vexstatement",
    (
        *("feed_id", "generation", "digest", "document", "author", "vulnerability", "aliases", "stream", "name"),
        *("level", "architecture", "product", "versions", "status", "justification", "statement", "said_at"),
    ),
)

STATEMENT_ROW_COUNT: Final = 300  # 17 values a row at most, and 32,766 in a statement of SQLite

_TAKE_IDS: Final = {
    # The write lock is held, so nobody else takes these; AUTOINCREMENT goes on from the highest id that is used.
    "sqlite": "SELECT COALESCE(MAX(seq), 0) + %s FROM sqlite_sequence WHERE name = 'intel_advisory'",
    "postgresql": "SELECT nextval(pg_get_serial_sequence('intel_advisory', 'id')) FROM generate_series(1, %s)",
}


def add_advisories(rows: Sequence[Sequence[Any]]) -> list[int]:
    """Add advisories and return their ids, which grow, in the order of the rows."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_IDS[connection.vendor], [len(rows)])
        found = [row[0] for row in cursor.fetchall()]
    ids = found if connection.vendor == "postgresql" else list(range(found[0] - len(rows) + 1, found[0] + 1))
    name, columns = ADVISORIES
    add_rows((name, ("id", *columns)), [(id_, *row) for id_, row in zip(ids, rows, strict=True)])
    return ids


def instant(value: datetime | None) -> Any:
    """Return an instant as the database takes it in literal SQL."""
    return connection.ops.adapt_datetimefield_value(value)


def day(value: date | None) -> Any:
    """Return a date as the database takes it in literal SQL."""
    return connection.ops.adapt_datefield_value(value)


def add_rows(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows that are not there."""
    if not rows:
        return
    if connection.vendor == "postgresql":
        _copy(table, rows)
        return
    name, columns = table
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        # The names are constants of this module and of those that call it.
        cursor.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", rows)  # noqa: S608


def add_missing_rows(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, leaving what a unique constraint says is there already."""
    name, columns = table
    marks = f"({', '.join(['%s'] * len(columns))})"
    # One statement for many rows, which PostgreSQL's driver needs and SQLite's limit of values allows.
    for start in range(0, len(rows), STATEMENT_ROW_COUNT):
        part = rows[start : start + STATEMENT_ROW_COUNT]
        values = ", ".join([marks] * len(part))
        sql = f"INSERT INTO {name} ({', '.join(columns)}) VALUES {values} ON CONFLICT DO NOTHING"  # noqa: S608 - as above
        with connection.cursor() as cursor:
            cursor.execute(sql, [value for row in part for value in row])


def update_rows(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Give rows new values; the first column is the key by which each is found."""
    if not rows:
        return
    name, (key, *columns) = table
    changes = ", ".join(f"{column} = %s" for column in columns)
    with connection.cursor() as cursor:
        sql = f"UPDATE {name} SET {changes} WHERE {key} = %s"  # noqa: S608 - as above
        cursor.executemany(sql, [[*row[1:], row[0]] for row in rows])


def _copy(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    name, columns = table
    sql = f"COPY {name} ({', '.join(columns)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        for row in rows:
            copy.write_row(row)
