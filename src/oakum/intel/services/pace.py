"""How much an import writes at a time, so that whoever else writes never waits long for it.

Fewer rows where a transaction took long, more again where it was quick; what can be done outside of a transaction is:
collecting garbage, and on SQLite copying the log into the database.  It knows no table.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Final, TypeVar

from django.db import OperationalError, connection, transaction

TRANSACTION_SECONDS_MAX: Final = 0.2  # what is promised
SLOW_SECONDS: Final = 0.05  # with room for a computer that is suddenly four times as slow
QUICK_SECONDS: Final = 0.025
ROW_COUNT_MIN: Final = 20
ROW_COUNT_FIRST: Final = 150
ROW_COUNT_MAX: Final = 300  # of one transaction: some 8 ms of work, the rest is for a computer that is busy
LOG_PAGE_COUNT: Final = 1_000  # SQLite's own measure of when its log is long enough to be copied
COPY_EVERY_MAX: Final = 64  # transactions

_Row = TypeVar("_Row")


@dataclass(slots=True, kw_only=True)
class Pace:
    """How many rows the next transaction takes, how many this one does, and how long the longest was."""

    row_count: int = ROW_COUNT_FIRST
    seconds_max: float = 0.0
    taken_count: int = 0
    copy_every: int = 1
    uncopied: int = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a write transaction and learn from how long it took, also where it fails.

        Waiting for others that write is not counted: SQLite makes it wait at its beginning.
        """
        began_at = None
        try:
            with _without_collection(), transaction.atomic():
                began_at = perf_counter()
                yield
        finally:
            if began_at is not None:
                self.note(perf_counter() - began_at)
        self._copy_log()

    def note(self, seconds: float) -> None:
        """Take fewer rows after a slow transaction, more after a quick one that took as many as it might."""
        self.seconds_max = max(self.seconds_max, seconds)
        if seconds > SLOW_SECONDS:
            self.row_count = max(ROW_COUNT_MIN, self.row_count // 2)
        elif seconds < QUICK_SECONDS and self.taken_count >= self.row_count:
            self.row_count = min(ROW_COUNT_MAX, self.row_count + self.row_count // 4)
        self.taken_count = 0

    def parts(self, rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
        """Yield the rows a transaction's worth at a time, as many as are right when each is asked for."""
        start = 0
        while start < len(rows):
            part = rows[start : start + self.row_count]
            self.taken_count = len(part)
            yield part
            start += len(part)

    def _copy_log(self) -> None:
        """Copy SQLite's log where it is long enough: its own way would do so within the next commit."""
        self.uncopied += 1
        if self.uncopied < self.copy_every or connection.vendor != "sqlite" or connection.in_atomic_block:
            return
        with suppress(OperationalError), connection.cursor() as cursor:  # locked: it is copied another time
            cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            _, page_count, _ = cursor.fetchone()
            self.copy_every = max(1, min(COPY_EVERY_MAX, self.uncopied * LOG_PAGE_COUNT // max(1, page_count)))
        self.uncopied = 0


@contextmanager
def _without_collection() -> Iterator[None]:
    """Let no garbage be collected: going through what an import holds takes longer than its transactions."""
    # Whoever has switched it off switches it on, and nobody else: threads may do so at once.
    is_own = gc.isenabled()
    if is_own:
        gc.disable()
    try:
        yield
    finally:
        if is_own:
            gc.enable()


@contextmanager
def without_own_copies() -> Iterator[None]:
    """Keep this connection from copying SQLite's log within a commit, for as long as a pace does so in between."""
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_autocheckpoint")
        (before,) = cursor.fetchone()
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {int(before)}")
