"""Headers out of rpm's SQLite database (``rpmdb.sqlite``).

The file is copied first, by the descriptor that ``root`` vetted: SQLite opens files by their paths, and would write
beside one that was not closed (with a write-ahead log).
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from oakum.scan.readers.rpm.header import HEADER_BYTES_MAX, Budget, Damaged
from oakum.scan.root import Absent, Root, Unreadable

DATABASE_BYTES_MAX: Final = 2 * 1024 * 1024 * 1024
LOG_BYTES_MAX: Final = 256 * 1024 * 1024
COPY_BYTES: Final = 1024 * 1024
# Virtual instructions between two looks at how many there were: a schema made to loop ends.
STEP_COUNT: Final = 1_000_000
STEPS_COUNT_MAX: Final = 500


def headers(root: Root, place: str) -> Iterator[bytes | Damaged]:
    """Yield the headers in the order they were installed.

    Raises:
        Absent: there is no such file.
        Unreadable: it may not be read.
        Damaged: it is no database of rpm's, or broken.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="oakum-scan-")
    except OSError as error:
        raise Unreadable(place, f"no temporary directory can be made for a copy: {error.strerror}") from None
    with folder as name:
        copy = Path(name) / "rpmdb.sqlite"
        _copy(root, place, copy)
        try:
            log = root.read(f"{place}-wal", size_max=LOG_BYTES_MAX)
        except Absent:
            log = b""
        copy.with_name("rpmdb.sqlite-wal").write_bytes(log)
        yield from _rows(copy)


def _copy(root: Root, place: str, target: Path) -> None:
    with root.open(place) as file, target.open("wb") as out:
        if file.seek(0, 2) > DATABASE_BYTES_MAX:
            raise Unreadable(place, f"it is larger than {DATABASE_BYTES_MAX:,} bytes")
        file.seek(0)
        shutil.copyfileobj(file, out, COPY_BYTES)


def _rows(path: Path) -> Iterator[bytes]:
    budget = Budget(path.stat().st_size + path.with_name(f"{path.name}-wal").stat().st_size)
    try:
        with closing(sqlite3.connect(path)) as connection:
            _fence(connection)
            kind = connection.execute("SELECT type FROM sqlite_master WHERE name = 'Packages'").fetchone()
            if kind != ("table",):
                raise Damaged("it has no table of packages")
            for (blob,) in connection.execute("SELECT blob FROM Packages"):
                if isinstance(blob, bytes):
                    budget.take(len(blob))
                    yield blob
    except (sqlite3.Error, OverflowError) as error:
        raise Damaged(f"the SQLite database is damaged: {error}") from None


def _fence(connection: sqlite3.Connection) -> None:
    """Bound what a database made to harm can do: it runs no functions, and ends."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, HEADER_BYTES_MAX)
    left = iter(range(STEPS_COUNT_MAX))
    connection.set_progress_handler(lambda: next(left, None) is None, STEP_COUNT)
    for each in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {each}")
