"""No import holds a write transaction over 200 ms, however slow the disk is: it writes fewer rows at a time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from oakum.intel.models import AffectedRange
from oakum.intel.services import import_feed, pace
from oakum.intel.services.pace import (
    ROW_COUNT_FIRST,
    ROW_COUNT_MAX,
    ROW_COUNT_MIN,
    SLOW_SECONDS,
    TRANSACTION_SECONDS_MAX,
    Pace,
)
from tests.intel import feeds as files


class Disk:
    """A clock that goes on by what each written row costs on this disk."""

    def __init__(self, row_seconds: float) -> None:
        self.row_seconds = row_seconds
        self.seconds = 0.0
        self.in_collection: list[bool] = []

    def __call__(self) -> float:
        return self.seconds

    def executing(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            count = len(parameters) if many else max(1, sql.count("(%s"))
            self.seconds += self.row_seconds * count
            self.in_collection.append(gc.isenabled())
        return execute(sql, parameters, many, context)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    packages = [files.osv_package(f"package-{number}") for number in range(700)]
    records = [files.osv_record(f"BIG-{number}", *packages) for number in range(3)]
    return files.write_zip(tmp_path / "all.zip", *records)


@pytest.mark.django_db
@pytest.mark.parametrize("row_seconds", [0.000_01, 0.000_4, 0.001])
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL takes ranges by COPY, which no wrapper sees")
def test_the_slower_the_disk_the_shorter_the_transactions(
    big: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, row_seconds: float
) -> None:
    disk = Disk(row_seconds)
    monkeypatch.setattr(pace, "perf_counter", disk)
    with connection.execute_wrapper(disk.executing):
        report = import_feed(big, now=now)
    assert AffectedRange.objects.count() == 2_100
    assert 0 < report.transaction_seconds_max <= TRANSACTION_SECONDS_MAX
    assert not any(disk.in_collection)
    assert gc.isenabled()


@pytest.mark.django_db
def test_the_longest_transaction_of_an_import_is_told(big: Path, now: datetime) -> None:
    assert import_feed(big, now=now).transaction_seconds_max > 0
    assert import_feed(big, now=now).transaction_seconds_max == 0  # nothing was read


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL copies its log by itself")
def test_afterwards_the_connection_copies_its_log_as_before(big: Path, now: datetime) -> None:
    def asked() -> int:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_autocheckpoint")
            return int(cursor.fetchone()[0])

    before = asked()
    assert before > 0
    during: list[int] = []
    import_feed(big, progress=lambda _done, _total: during.append(asked()), now=now)
    assert (set(during), asked()) == ({0}, before)


@given(seconds=st.lists(st.floats(0, 5), max_size=60))
def test_a_transaction_takes_between_few_and_many_rows_and_fewer_after_a_slow_one(seconds: list[float]) -> None:
    own = Pace()
    for each in seconds:
        before = own.taken_count = own.row_count
        own.note(each)
        assert ROW_COUNT_MIN <= own.row_count <= ROW_COUNT_MAX
        assert own.row_count <= before if each > SLOW_SECONDS else own.row_count >= before
    assert own.seconds_max == max(seconds, default=0)


def test_a_transaction_of_few_rows_says_nothing_of_many() -> None:
    own = Pace()
    for part in own.parts(range(ROW_COUNT_FIRST // 2)):
        assert len(part) < own.row_count
        own.note(0)
    own.note(0)
    assert own.row_count == ROW_COUNT_FIRST


@given(count=st.integers(0, 3_000), seconds=st.floats(0, 1))
def test_parts_are_all_of_the_rows_in_their_order(count: int, seconds: float) -> None:
    own = Pace()

    def told() -> Iterator[int]:
        for part in own.parts(range(count)):
            assert 0 < len(part) <= own.row_count
            own.note(seconds)
            yield from part

    assert list(told()) == list(range(count))
    assert ROW_COUNT_MIN <= ROW_COUNT_FIRST <= ROW_COUNT_MAX
