"""Measure the import of one large feed, on a SQLite database of its own or the PostgreSQL that the environment names.

500,000 ranges over 220,000 CVEs and 12,500 packages, most of them in few packages: an OSV archive with a record a CVE,
which is the shape that costs most (few ranges share a record).  Prints one JSON line per measurement: ``feed.import``
is how many ranges a second, ``feed.import_transaction_max`` the longest write transaction in milliseconds with how long
another writer beside it ever had to wait, ``feed.import_again`` the seconds for the same archive with one record
changed, with how many rows of advisories that wrote.

    python -m bench.feed_import [--ranges 500000]
    ./scripts/with-postgres.sh python -m bench.feed_import

It asserts nothing: limits belong to whoever reads the line.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.database import database, database_kind

if TYPE_CHECKING:
    from oakum.intel.services import ImportReport

RANGE_COUNT = 500_000
RANGES_PER_CVE = 500_000 / 220_000
NAME_COUNT = 2_500  # of a release: five of them make 12,500 packages
RELEASES = ("Debian:11", "Debian:12", "Debian:13", "Ubuntu:22.04:LTS", "Ubuntu:24.04:LTS")
WORDS = ("flaw", "input", "crafted", "file", "memory", "read", "remote", "attacker", "service", "parser", "overflow")
PAUSE_SECONDS = 0.02
OFTEN_SECONDS = 0.1


def write_feed(path: Path, range_count: int, *, title: str = "") -> None:
    """Write an OSV archive with so many ranges; the same number gives the same archive, but for its first title."""
    dice = random.Random(1)
    written = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        number = 0
        while written < range_count:
            number += 1
            count = min(range_count - written, 1 + min(len(RELEASES) - 1, int(dice.expovariate(1 / 1.8))))
            ref = f"X-CVE-{2000 + number % 26}-{10_000 + number}"
            record = _record(ref, count, dice) | ({"summary": title} if number == 1 else {})
            archive.writestr(f"{ref}.json", json.dumps(record))
            written += count


def _record(ref: str, count: int, dice: random.Random) -> dict[str, object]:
    name = f"package-{min(NAME_COUNT - 1, int(dice.paretovariate(0.5)) - 1)}"
    version = f"{dice.randrange(9)}.{dice.randrange(60)}.{dice.randrange(30)}"
    return {
        "schema_version": "1.7.0",
        "id": ref,
        "details": " ".join(dice.choices(WORDS, k=40)),
        "published": "2026-01-02T03:04:05Z",
        "modified": "2026-01-03T00:00:00Z",
        "upstream": [ref.removeprefix("X-")],
        "severity": [{"type": "CVSS_V3", "score": f"CVSS:3.1/AV:{dice.choice('NAL')}/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "affected": [
            {
                "package": {"ecosystem": release, "name": name},
                "ranges": [
                    {
                        "type": "ECOSYSTEM",
                        "events": [{"introduced": "0"}, {"fixed": f"{version}-{dice.randrange(20)}+u{place}"}],
                    }
                ],
            }
            for place, release in enumerate(dice.sample(RELEASES, count))
        ],
    }


@contextmanager
def other_writer(waits: list[float]) -> Iterator[None]:
    """Write a row every now and then beside the import, and note how long each took."""
    from django.db import connection, transaction  # noqa: PLC0415 - tables exist only after set-up

    from oakum.intel.models import TrustedBundleKey  # noqa: PLC0415

    row, _ = TrustedBundleKey.objects.get_or_create(key="0" * 64, defaults={"trusted_at": datetime.now(tz=UTC)})
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(PAUSE_SECONDS):
            began_at = time.perf_counter()
            with transaction.atomic():
                TrustedBundleKey.objects.filter(id=row.id).update(trusted_at=datetime.now(tz=UTC))
            waits.append(time.perf_counter() - began_at)
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextmanager
def timed_transactions(lengths: list[float]) -> Iterator[None]:
    """Note how long each outermost transaction of this thread was, from its begin to its end."""
    from django.db import connection, transaction  # noqa: PLC0415 - tables exist only after set-up

    enter, leave = transaction.Atomic.__enter__, transaction.Atomic.__exit__
    own, began_at = threading.get_ident(), [0.0]

    def entered(self: transaction.Atomic) -> None:
        enter(self)
        if threading.get_ident() == own and not connection.savepoint_ids and len(connection.atomic_blocks) == 1:
            began_at[0] = time.perf_counter()

    def left(self: transaction.Atomic, *arguments: Any) -> None:
        leave(self, *arguments)
        if threading.get_ident() == own and not connection.in_atomic_block:
            lengths.append(time.perf_counter() - began_at[0])

    transaction.Atomic.__enter__, transaction.Atomic.__exit__ = entered, left  # type: ignore[method-assign]
    try:
        yield
    finally:
        transaction.Atomic.__enter__, transaction.Atomic.__exit__ = enter, leave  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one import took; ``lengths`` and ``waits`` in seconds."""

    report: ImportReport
    seconds: float
    cpu_seconds: float
    lengths: Sequence[float]
    waits: Sequence[float]


def run(path: Path) -> Run:
    """Import an archive beside another writer."""
    from oakum.intel.services import import_feed  # noqa: PLC0415 - tables exist only after set-up

    waits: list[float] = []
    lengths: list[float] = []
    with other_writer(waits), timed_transactions(lengths):
        began_at, cpu = time.perf_counter(), time.process_time()
        report = import_feed(path, name="bench", now=datetime.now(tz=UTC))
        seconds, cpu = time.perf_counter() - began_at, time.process_time() - cpu
    return Run(report=report, seconds=seconds, cpu_seconds=cpu, lengths=lengths, waits=waits)


def measure(folder: Path, range_count: int) -> Iterator[dict[str, object]]:
    """Import an archive into an empty database, then one with a changed record, and yield the lines."""
    from oakum.intel.models import Advisory, AffectedRange  # noqa: PLC0415 - tables exist only after set-up

    path, again = folder / "all.zip", folder / "again.zip"
    write_feed(path, range_count)
    first = run(path)
    count = AffectedRange.objects.count()
    common = {"hosts": 0, "database": database_kind(), "ranges": count, "records": first.report.record_count}
    yield {
        "name": "feed.import",
        "value": round(count / first.seconds),
        "unit": "ranges/s",
        **common,
        "seconds": round(first.seconds, 1),
        "cpu_seconds": round(first.cpu_seconds, 1),
        "memory_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    yield {
        "name": "feed.import_transaction_max",
        "value": round(max(first.lengths) * 1000),
        "unit": "ms",
        **common,
        "transactions": len(first.lengths),
        "over_100_ms": sum(length > OFTEN_SECONDS for length in first.lengths),
        "told_ms": round(first.report.transaction_seconds_max * 1000),
        "other_writer_wait_max_ms": round(max(first.waits, default=0) * 1000),
    }
    write_feed(again, range_count, title="Other words")
    advisory_id = Advisory.objects.order_by("-id").values_list("id", flat=True)[0]
    second = run(again)
    yield {
        "name": "feed.import_again",
        "value": round(second.seconds, 1),
        "unit": "s",
        **common,
        "cpu_seconds": round(second.cpu_seconds, 1),
        "advisories_written": Advisory.objects.filter(id__gt=advisory_id).count(),
        "ranges_written": AffectedRange.objects.filter(advisory_id__gt=advisory_id).count(),
        "transaction_max_ms": round(max(second.lengths) * 1000),
    }


def main() -> None:
    """Print a JSON line per measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ranges", type=int, default=RANGE_COUNT)
    arguments = parser.parse_args()
    with database() as data_dir:
        for line in measure(Path(data_dir), arguments.ranges):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
