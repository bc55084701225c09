"""An import that is killed goes on where it was, and gives what an undisturbed one gives."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from oakum.intel.importers.osv import OsvImporter
from oakum.intel.importers.values import Read
from oakum.intel.models import Advisory, AffectedRange, EpssScore, Feed, KevEntry
from oakum.intel.services import import_feed
from oakum.intel.services import rows as rows_module
from oakum.intel.services.filling import RECORD_COUNT
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db


def many(path: Path, count: int = 1_000) -> Path:
    packages = [files.osv_package(f"package-{number}") for number in range(4)]
    return files.write_zip(
        path / "all.zip", *(files.osv_record(f"DSA-{number}-1", *packages) for number in range(count))
    )


def content() -> list[tuple[Any, ...]]:
    shown = AffectedRange.objects.filter(advisory__generation=Feed.objects.get().generation)
    return sorted(shown.values_list("advisory__ref", "stream", "name", "fixed_version"))


def kill_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the import be killed when it writes for the time after so many."""
    add, done = rows_module.add_rows, [0]

    def killed(table: rows_module.Table, rows: Any) -> None:
        done[0] += 1
        if done[0] > count:
            raise KeyboardInterrupt
        add(table, rows)

    monkeypatch.setattr(rows_module, "add_rows", killed)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 12])
def test_whatever_was_written_last_the_result_is_that_of_an_undisturbed_import(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    path = many(tmp_path)
    with monkeypatch.context() as patch:
        kill_after(patch, count)
        with pytest.raises(KeyboardInterrupt):
            import_feed(path, now=now)
    assert Feed.objects.get().generation == 0
    left = Advisory.objects.count()
    report = import_feed(path, now=now)
    assert (report.record_count, report.affected_count, report.generation) == (1_000, 4_000, 1)
    assert len(content()) == len(set(content())) == 4_000
    assert Advisory.objects.count() == 1_000
    if count >= 7:
        assert left > 0


def test_what_was_written_is_not_written_again(tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    path = many(tmp_path)
    whole = OsvImporter.records

    def killed(self: OsvImporter, path: Path) -> Iterator[Read]:
        for number, each in enumerate(whole(self, path)):
            if number == 3 * RECORD_COUNT:
                raise KeyboardInterrupt
            yield each

    with monkeypatch.context() as patch:
        patch.setattr(OsvImporter, "records", killed)
        with pytest.raises(KeyboardInterrupt):
            import_feed(path, now=now)
    kept = set(Advisory.objects.values_list("id", flat=True))
    assert len(kept) == 3 * RECORD_COUNT
    import_feed(path, now=now)
    assert kept < set(Advisory.objects.values_list("id", flat=True))


def test_another_content_begins_anew(tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        kill_after(patch, 7)
        with pytest.raises(KeyboardInterrupt):
            import_feed(many(tmp_path), now=now)
    import_feed(many(tmp_path, 500), now=now)
    assert len(content()) == 2_000
    assert Advisory.objects.count() == 500


def test_the_same_content_is_not_read_again_unless_it_is_forced(tmp_path: Path, now: datetime) -> None:
    path = many(tmp_path, 3)
    first = import_feed(path, now=now)
    again = import_feed(path, now=now)
    assert (first.is_unchanged, again.is_unchanged, again.generation, again.record_count) == (False, True, 1, 3)
    forced = import_feed(path, force=True, now=now)
    assert (forced.is_unchanged, forced.generation) == (False, 2)
    assert import_feed(path, name="other", now=now).is_unchanged is False


def test_another_oakum_reads_the_same_content_again(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = many(tmp_path, 3)
    import_feed(path, now=now)
    monkeypatch.setattr("oakum.intel.services.importing.__version__", "99.0")
    assert import_feed(path, now=now).generation == 2


def test_scores_and_listings_resume_too(tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "epss.csv"
    lines = [f"CVE-2024-{number:05},0.5,0.5" for number in range(1_000)]
    path.write_text("\n".join(["#model_version:v1,score_date:2026-01-01", "cve,epss,percentile", *lines]))
    add, done = rows_module.add_missing_rows, [0]

    def killed(table: rows_module.Table, rows: Any) -> None:
        done[0] += bool(rows)
        if done[0] > 2:
            raise KeyboardInterrupt
        add(table, rows)

    with monkeypatch.context() as patch:
        patch.setattr(rows_module, "add_missing_rows", killed)
        with pytest.raises(KeyboardInterrupt):
            import_feed(path, now=now)
    assert 0 < EpssScore.objects.count() < 1_000
    assert import_feed(path, now=now).record_count == 1_000
    assert EpssScore.objects.count() == 1_000
    assert KevEntry.objects.count() == 0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the process of its own has a SQLite database of its own")
def test_a_process_that_is_killed_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    path = many(tmp_path, 4_000)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OAKUM_")},
        "OAKUM_DATA_DIR": str(tmp_path / "data"),
    }
    (tmp_path / "data").mkdir()
    oakum = [sys.executable, "-m", "oakum.cli.main"]
    subprocess.run([*oakum, "db", "migrate"], env=environment, check=True, capture_output=True)

    def ask(statement: str) -> Any:
        """Ask the database itself: a process of our own would take as long to start as the import takes."""
        address = f"{(tmp_path / 'data' / 'oakum.sqlite3').as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=30)) as database:
            (answer,) = database.execute(statement).fetchone()
        return answer

    with subprocess.Popen([*oakum, "feed", "import", str(path)], env=environment) as process:
        marked = 0
        while not marked and process.poll() is None:
            marked = ask("SELECT COALESCE(MAX(record_count_next), 0) FROM intel_feed")
        process.send_signal(signal.SIGKILL)
    assert 0 < marked < 4_000
    assert ask("SELECT generation FROM intel_feed") == 0
    first = ask("SELECT MIN(id) FROM intel_advisory")
    again = subprocess.run(
        [*oakum, "feed", "import", str(path)], env=environment, capture_output=True, text=True, check=True
    )
    assert again.stdout == "Feed osv-debian: 4000 records, 16000 packages, generation 1.\n"
    assert ask("SELECT MIN(id) FROM intel_advisory") == first
    assert ask("SELECT COUNT(*) FROM intel_advisory") == 4_000
