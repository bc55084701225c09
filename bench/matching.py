"""Measure matching: 500,000 affected ranges of 220,000 CVEs with 50,000 package versions, and writing what follows.

Prints one JSON line per measurement and database: ``match.full`` is the matching itself (every pair of package version
and range, in seconds), ``match.findings`` how many findings a second a first run of the assess loop writes,
``match.again`` a run after a new generation of the feed in which one advisory has changed, ``match.one_version`` a run
after one new package version.

    python -m bench.matching [--scale 1.0]

It asserts nothing: limits belong to whoever reads the lines.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bench.database import database, database_kind, refresh_statistics

STREAMS = ("debian:11", "debian:12", "debian:13", "ubuntu:22.04", "ubuntu:24.04")
NAME_COUNT = 12_500  # over all streams
VERSION_COUNT = 50_000
RANGE_COUNT = 500_000
CVE_COUNT = 220_000
HISTORY_COUNT = 2_000  # versions that a package has ever had
LAG = 0.03  # how far behind the newest version the installed ones are, of its history
AGE = 5  # the higher, the more of what was ever fixed was fixed long ago: some 370,000 pairs are left
OPEN_SHARE = 0.002  # ranges without a fix
INTRODUCED_SHARE = 0.3  # ranges that do not begin with the first version
INSERT_COUNT = 2_000
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FEED = "osv-bench"


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of everything there is, and of which names: a power law, as in distributions."""

    names: tuple[tuple[str, str], ...]
    newest: tuple[int, ...]
    version_counts: tuple[int, ...]
    range_names: tuple[int, ...]
    cve_count: int


def make_shape(scale: float, dice: random.Random) -> Shape:
    """Share versions and ranges out among the names."""
    count = int(NAME_COUNT * scale)
    weights = list(itertools.accumulate(1 / (number + 5) ** 0.8 for number in range(count)))
    counts = [1] * count
    for number in dice.choices(range(count), cum_weights=weights, k=int(VERSION_COUNT * scale) - count):
        counts[number] += 1
    return Shape(
        names=tuple((STREAMS[number % len(STREAMS)], f"package-{number}") for number in range(count)),
        newest=tuple(dice.randrange(HISTORY_COUNT // 4, HISTORY_COUNT) for _ in range(count)),
        version_counts=tuple(counts),
        range_names=tuple(dice.choices(range(count), cum_weights=weights, k=int(RANGE_COUNT * scale))),
        cve_count=int(CVE_COUNT * scale),
    )


def version_text(number: int) -> str:
    """Return the text of the ``number``-th version of a package."""
    return f"{1 + number // 400}.{number // 20 % 20}.{number % 20}-1+deb12u{number % 7}"


def insert(model: Any, rows: Iterable[Any]) -> None:
    """Insert rows in transactions of INSERT_COUNT."""
    iterator = iter(rows)
    while part := list(itertools.islice(iterator, INSERT_COUNT)):
        model.objects.bulk_create(part)


def make_versions(shape: Shape, dice: random.Random) -> None:
    """Store the package versions: of each name the newest and some that lag behind."""
    from oakum.catalogue.services import VersionRow, upsert_versions  # noqa: PLC0415

    rows: list[VersionRow] = []
    for (stream, name), newest, count in zip(shape.names, shape.newest, shape.version_counts, strict=True):
        behind = min(newest, max(count, int(newest * LAG)))
        for lag in (0, *dice.sample(range(1, behind + 1), min(count - 1, behind))):
            text = version_text(newest - lag)
            rows.append(VersionRow(stream, name, text, "amd64", name, text))
    for start in range(0, len(rows), 20_000):
        upsert_versions(rows=rows[start : start + 20_000], now=NOW)


def make_generation(shape: Shape, generation: int, seed: int) -> None:
    """Store one generation of the feed as an import does: the first whole, the next with its first advisory changed."""
    from oakum.intel.models import Advisory, AffectedRange, Feed  # noqa: PLC0415

    dice = random.Random(seed)
    feed, _ = Feed.objects.get_or_create(name=FEED, defaults={"kind": "osv"})
    count = shape.cve_count if generation == 1 else 1
    Advisory.objects.filter(feed=feed, ref="CVE-2024-0").update(generation_end=generation)
    insert(
        Advisory,
        (
            Advisory(feed=feed, generation=generation, ref=f"CVE-2024-{number}", cves=[f"CVE-2024-{number}"])
            for number in range(count)
        ),
    )
    ids = list(Advisory.objects.filter(generation=generation).order_by("id").values_list("id", flat=True))
    ranges = sorted((dice.randrange(shape.cve_count), number) for number in shape.range_names)
    insert(
        AffectedRange,
        (_range(shape, number, ids, advisory, dice, generation) for advisory, number in ranges if advisory < count),
    )
    Feed.objects.filter(id=feed.id).update(generation=generation, generation_next=generation, imported_at=NOW)


def _range(shape: Shape, number: int, ids: Sequence[int], advisory: int, dice: random.Random, generation: int) -> Any:
    from oakum.core.versions import order_key  # noqa: PLC0415
    from oakum.intel.models import AffectedRange  # noqa: PLC0415

    stream, name = shape.names[number]
    fixed = 1 + int((shape.newest[number] + 1) * dice.random() ** AGE)
    low = dice.randrange(fixed) if dice.random() < INTRODUCED_SHARE else 0
    is_open = dice.random() < OPEN_SHARE
    changed = advisory == 0 and generation > 1
    text = version_text(fixed + changed)
    low_key = order_key("deb.1", version_text(low)) if low else b""
    high_key = order_key("deb.1", text)
    return AffectedRange(
        advisory_id=ids[advisory],
        stream=stream,
        name=name,
        scheme="deb.1",
        low_key=low_key if low_key < high_key else b"",
        high_key=None if is_open else high_key,
        fixed_version="" if is_open else text,
    )


def measure(scale: float) -> Iterator[dict[str, Any]]:
    """Measure on the database that Django is set up on."""
    from pyroaring import BitMap  # noqa: PLC0415

    from oakum.catalogue.models import PackageVersion  # noqa: PLC0415
    from oakum.catalogue.services import VersionRow, upsert_versions  # noqa: PLC0415
    from oakum.findings.services import assess  # noqa: PLC0415
    from oakum.findings.services.joining import hidden_advisories, pairs, slices  # noqa: PLC0415
    from oakum.findings.services.targets import make_targets  # noqa: PLC0415

    dice = random.Random(1)
    shape = make_shape(scale, dice)
    make_versions(shape, dice)
    make_generation(shape, 1, 2)
    ids = BitMap(PackageVersion.objects.values_list("id", flat=True))
    make_targets(ids)
    refresh_statistics()
    sizes = {"versions": len(ids), "ranges": len(shape.range_names), "hosts": 0, "database": database_kind()}

    began, cpu = time.perf_counter(), time.process_time()
    hidden = hidden_advisories()
    pair_count = sum(len(pairs(chunk, hidden)) for chunk in slices(ids))
    took = time.perf_counter() - began
    own_cpu = round(time.process_time() - cpu, 3)  # the server's own is not in it, where there is one
    yield {"name": "match.full", "value": round(took, 3), "unit": "s", **sizes, "pairs": pair_count, "cpu": own_cpu}

    began = time.perf_counter()
    count = assess(now=NOW).appeared_count
    took = time.perf_counter() - began
    yield {"name": "match.findings", "value": round(count / took), "unit": "1/s", **sizes, "findings": count}

    make_generation(shape, 2, 2)
    refresh_statistics()
    began = time.perf_counter()
    report = assess(now=NOW)
    took = time.perf_counter() - began
    yield {"name": "match.again", "value": round(took, 3), "unit": "s", **sizes, "matched": report.version_count}

    stream, name = shape.names[0]
    upsert_versions(rows=[VersionRow(stream, name, "0.1-1", "amd64", name, "0.1-1")], now=NOW)
    began = time.perf_counter()
    report = assess(now=NOW)
    took = time.perf_counter() - began
    yield {"name": "match.one_version", "value": round(took, 3), "unit": "s", **sizes, "matched": report.version_count}


def main() -> None:
    """Measure on the database that the environment names."""
    parser = argparse.ArgumentParser(description="Measure matching.")
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    with database():
        for line in measure(arguments.scale):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
