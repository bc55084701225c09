"""Rows that many tests begin with, made once by the rooms' own verbs and put back for each test.

It knows nothing of what the rows mean: it notes what making them wrote, and writes the same again.  A test that asks
how rows come about makes them itself.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import connection, transaction

# Pages and commands read the clock at their door: rows older than this would begin to tell of hosts that are late.
AGE_SECONDS_MAX = 60

Made = TypeVar("Made")


@dataclass(slots=True)
class Replay(Generic[Made]):
    """What ``make`` wrote into an empty database, and what it returned."""

    make: Callable[[], Made]
    _tables: dict[str, Any] = field(default_factory=dict)
    _made: Made | None = None
    _made_at: float = 0.0

    def __call__(self) -> Made:
        """Return what ``make`` returns, its rows in the database: made now, or written as they were made lately."""
        with transaction.atomic():
            if self._made is None or time.monotonic() - self._made_at > AGE_SECONDS_MAX:
                before = _row_counts()
                self._made, self._made_at = self.make(), time.monotonic()
                after = _row_counts()
                grown = [name for name, count in after.items() if count != before[name]]
                assert not any(before[name] for name in grown), "only rows in empty tables are put back"
                self._tables = {name: _read(name) for name in grown}
            else:
                _write_all(self._tables.items())
        return copy.deepcopy(self._made)


def _row_counts() -> dict[str, int]:
    with connection.cursor() as cursor:
        names = sorted(connection.introspection.table_names(cursor))
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}', count(*) FROM \"{name}\"" for name in names))  # noqa: S608
        return dict(cursor.fetchall())


def _read(table: str) -> Any:
    """Return the rows as the database's driver has them, so that no type is converted on the way."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.cursor.copy(f'COPY "{table}" TO STDOUT (FORMAT BINARY)') as copied:
                return b"".join(bytes(part) for part in copied)
        cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
        return cursor.fetchall()


def _write_all(tables: Iterable[tuple[str, Any]]) -> None:
    with connection.cursor() as cursor:
        # Tables come by name, not parents first.
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
            for table, rows in tables:
                with cursor.cursor.copy(f'COPY "{table}" FROM STDIN (FORMAT BINARY)') as copied:
                    copied.write(rows)
            cursor.execute("SET LOCAL session_replication_role = origin")
            return
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        for table, rows in tables:
            marks = ",".join(["%s"] * len(rows[0]))
            cursor.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)  # noqa: S608
