"""Add many rows at once by literal SQL, leaving what is there already.

The ORM takes three times as long.  SQLite is fastest with one prepared statement, PostgreSQL with one array a column:
its driver takes longer to read a statement of thousands of values than the server takes to add them.  It opens no
transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

# A table, and its columns with their types on PostgreSQL in the order of the rows' values.
Table = tuple[str, tuple[tuple[str, str], ...]]

FINDINGS: Final[Table] = (
    "findings_finding",
    (
        ("package_version_id", "bigint"),
        ("organisation_id", "uuid"),
        ("feed_name", "text"),
        ("advisory_ref", "text"),
        ("advisory_id", "bigint"),
        ("state", "text"),
        ("state_author", "text"),
        ("fixed_version", "text"),
        ("evidence", "text"),
        ("since", "timestamptz"),
    ),
)
TARGETS: Final[Table] = (
    "findings_matchtarget",
    (
        ("package_version_id", "bigint"),
        ("stream", "text"),
        ("scheme", "text"),
        ("name", "text"),
        ("level", "text"),
        ("order_key", "bytea"),
        ("architecture", "text"),
    ),
)


def add_missing(table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Add the rows that no unique constraint says are there; another process may have added them by now."""
    if not rows:
        return
    name, columns = table
    names = ", ".join(column for column, _ in columns)
    with connection.cursor() as cursor:
        # Names and types are the constants above.
        if connection.vendor == "postgresql":
            arrays = ", ".join(f"%s::{type_}[]" for _, type_ in columns)
            sql = f"INSERT INTO {name} ({names}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608
            cursor.execute(sql, [list(values) for values in zip(*rows, strict=True)])
        else:
            marks = ", ".join(["%s"] * len(columns))
            sql = f"INSERT INTO {name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
            cursor.executemany(sql, rows)
