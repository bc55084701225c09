"""Measure the findings index and the pages on it, on fleets of growing size.

Prints one JSON line per measurement, size and database:

- ``index.build``: from the hosts' sets to the whole index, in seconds; ``index.one_host``: one changed host taken in.
- ``index.cve_hosts``: the most widespread CVE to its hosts, in memory; ``index.all_counts``: every CVE's exact number
  of hosts.
- ``page.ready``: processor time, in seconds, until a new process has ready what its pages need; a server does it by
  itself when it starts, and only a page that comes earlier waits.
- ``page.*``: the 95th percentile of a page's queries, in milliseconds.
- ``advisory.to_pages``: from a new advisory's commit, through the assess loop's step, until the pages of its CVE, of a
  host that has it and the overview's numbers answer with it.
- ``memory.server``: what a process that has served all these pages holds.

    python -m bench.index [--hosts 1000,10000]     (or BENCH_HOSTS=1000,10000,100000)

The fleets are those of ``bench.fleet``: the findings come from the assess loop itself.  It asserts nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.database import POSTGRESQL, database, database_kind, refresh_statistics
from bench.fleet import EPOCH, make_fleet

SIZES = "1000,10000"
PAGE_COUNT = 20  # times that a page is asked for
NEW_CVE = "CVE-2026-99999"


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _line(name: str, value: float, unit: str, hosts: int, **more: object) -> None:
    line = {"name": name, "value": value, "unit": unit, "hosts": hosts, "database": database_kind()}
    print(json.dumps(line | more), flush=True)


def _empty() -> None:
    """Empty a database that another size was measured on."""
    from django.core.management import call_command  # noqa: PLC0415 - after set-up

    call_command("flush", interactive=False, verbosity=0)


def measure(host_count: int) -> None:
    """Make a fleet, build its index, and let a new process look at it."""
    from oakum.findings.index import keep_index, rebuild_index  # noqa: PLC0415 - after set-up

    if database_kind() == POSTGRESQL:
        _empty()
    took, fleet = _timed(lambda: make_fleet(host_count))
    refresh_statistics()
    print(f"{host_count:,} hosts, {fleet.finding_count:,} findings made in {took:.0f} s", file=sys.stderr)
    took, report = _timed(lambda: rebuild_index(now=EPOCH))
    _line("index.build", round(took, 2), "s", host_count, bitmaps=report.bitmap_count)
    took, _ = _timed(lambda: keep_index(now=EPOCH, is_whole=True))
    _line("index.sweep", round(took, 3), "s", host_count)
    keep_index(now=EPOCH + timedelta(seconds=1))
    _change_host(fleet.organisation_id)
    took, kept = _timed(lambda: keep_index(now=EPOCH))
    _line("index.one_host", round(1_000 * took, 1), "ms", host_count, rows=kept.row_count)
    subprocess.run([sys.executable, "-m", "bench.index", "--pages", str(fleet.organisation_id)], check=True)


def _change_host(organisation_id: UUID) -> None:
    """Let one host report that it has lost some packages."""
    from pyroaring import BitMap  # noqa: PLC0415

    from oakum.fleet.models import Host, HostChange  # noqa: PLC0415 - after set-up

    host = Host.objects.filter(organisation_id=organisation_id).order_by("ordinal")[7]
    before = BitMap.deserialize(bytes(host.package_set))
    gone = BitMap(list(before)[10:15])
    Host.objects.filter(id=host.id).update(package_set=(before - gone).serialize())
    HostChange.objects.create(
        organisation_id=organisation_id, host=host, at=EPOCH, added=BitMap().serialize(), removed=gone.serialize()
    )


def measure_pages(organisation_id: UUID) -> None:
    """Look at the fleet as a server's process does that has just been started."""
    from oakum.fleet.models import Host  # noqa: PLC0415 - after set-up

    host_count = Host.objects.filter(organisation_id=organisation_id).count()
    pages = _pages(organisation_id)
    busy = time.process_time()
    took, _ = _timed(lambda: _make_ready(organisation_id))
    _line("page.ready", round(time.process_time() - busy, 2), "s", host_count, wall=round(took, 2))
    for name, page in pages.items():
        page()
        busy = time.process_time()
        times = sorted(_timed(page)[0] for _ in range(PAGE_COUNT))
        # The processor's own time beside the clock's: others may be at work on the machine.
        cpu = 1_000 * (time.process_time() - busy) / PAGE_COUNT
        p95 = 1_000 * times[int(0.95 * PAGE_COUNT) - 1]
        median = 1_000 * statistics.median(times)
        _line(f"page.{name}", round(p95, 1), "ms", host_count, median=round(median, 1), cpu=round(cpu, 1))
    _line("memory.server", round(_resident_mb()), "MB", host_count)
    _measure_change(organisation_id, host_count, pages)
    _measure_advisory(host_count, pages)
    _measure_index(organisation_id, host_count)


def _make_ready(organisation_id: UUID) -> None:
    """Do what the server's thread does for a large organisation when it starts."""
    from oakum.core.packs import load_pack  # noqa: PLC0415 - after set-up
    from oakum.findings import queries  # noqa: PLC0415

    rules = queries.Rules(pack=load_pack("cisa-bod-26-04"), stale_after=timedelta(days=1))
    queries.keep_ready(organisation_id=organisation_id, rules=rules, now=EPOCH)


def _pages(organisation_id: UUID) -> dict[str, Callable[[], Any]]:
    """Return what the pages ask for, by page."""
    from oakum.core.packs import load_pack  # noqa: PLC0415 - after set-up
    from oakum.findings import queries  # noqa: PLC0415
    from oakum.fleet.models import Host  # noqa: PLC0415

    rules = queries.Rules(pack=load_pack("cisa-bod-26-04"), stale_after=timedelta(days=1))
    own: dict[str, Any] = {"organisation_id": organisation_id, "rules": rules, "now": EPOCH}
    ids = list(
        Host.objects.filter(organisation_id=organisation_id).order_by("hostname").values_list("id", flat=True)[:50]
    )
    wanted = queries.FindingFilter
    return {
        "overview": lambda: queries.digest(**own, wanted=wanted()),
        "findings": lambda: queries.findings(**own),
        "findings_overdue": lambda: queries.findings(**own, wanted=wanted(kev=True, overdue=True)),
        "findings_group": lambda: queries.findings(**own, wanted=wanted(group="production")),
        "findings_search": lambda: queries.findings(**own, wanted=wanted(search="package-1")),
        "vulnerabilities": lambda: queries.vulnerabilities(**own),
        "vulnerability": lambda: queries.vulnerability(**own, cve=NEW_CVE),
        "host": lambda: queries.host_findings(**own, host_id=ids[0]),
        "hosts": lambda: queries.host_summaries(**own, host_ids=ids),
        "counts": lambda: queries.counts(**own),
        "patches": lambda: queries.patches(**own),
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _measure_change(organisation_id: UUID, host_count: int, pages: dict[str, Callable[[], Any]]) -> None:
    from oakum.findings.index import keep_index  # noqa: PLC0415 - after set-up

    keep_index(now=EPOCH)
    _change_host(organisation_id)
    keep_index(now=EPOCH)
    took, _ = _timed(pages["overview"])
    _line("page.overview_after_change", round(1_000 * took, 1), "ms", host_count)


def _measure_advisory(host_count: int, pages: dict[str, Callable[[], Any]]) -> None:
    from oakum.findings.services import assess  # noqa: PLC0415 - after set-up
    from oakum.intel.services import import_feed  # noqa: PLC0415

    record = {
        "schema_version": "1.7.0",
        "id": "BENCH-1",
        "published": "2026-11-22T00:00:00Z",
        "modified": "2026-11-22T00:00:00Z",
        "summary": "Something new",
        "upstream": [NEW_CVE],
        "affected": [
            {
                "package": {"ecosystem": "Debian:12", "name": "package-7"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9.0-1"}]}],
            }
        ],
    }
    assess(now=EPOCH)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new.json"
        path.write_text(json.dumps(record), encoding="utf-8")
        import_feed(path, name="bench-new", now=EPOCH + timedelta(minutes=1))
    gc.collect()
    took_assess, _ = _timed(lambda: assess(now=EPOCH + timedelta(minutes=1)))
    took, found = _timed(lambda: (pages["vulnerability"](), pages["counts"](), pages["host"]()))
    _line(
        "advisory.to_pages",
        round(took_assess + took, 3),
        "s",
        host_count,
        assess=round(took_assess, 3),
        pages=round(took, 3),
        hosts_hit=found[0].host_count,
    )


def _measure_index(organisation_id: UUID, host_count: int) -> None:
    from pyroaring import BitMap  # noqa: PLC0415

    from oakum.findings.index import hosts_of_each  # noqa: PLC0415 - after set-up
    from oakum.findings.models import Finding  # noqa: PLC0415

    took, bitmaps = _timed(lambda: hosts_of_each(organisation_id=organisation_id))
    _line("index.load", round(took, 3), "s", host_count, bitmaps=len(bitmaps))
    versions: dict[str, set[int]] = defaultdict(set)
    rows = Finding.objects.values_list("advisory__advisorycve__cve", "package_version_id")
    for cve, version_id in rows.iterator(chunk_size=10_000):
        versions[cve].add(version_id)

    def count_all() -> dict[str, int]:
        return {cve: _count(ids) for cve, ids in versions.items()}

    def _count(ids: set[int]) -> int:
        found = [bitmaps[each] for each in ids if each in bitmaps]
        return len(found[0]) if len(found) == 1 else len(BitMap.union(*found)) if found else 0

    took, counts = _timed(count_all)
    open_count = sum(bool(count) for count in counts.values())
    _line("index.all_counts", round(took, 3), "s", host_count, cves=len(counts), open=open_count)
    widest = max(counts, key=counts.__getitem__)
    own = [bitmaps[each] for each in versions[widest] if each in bitmaps]
    times = [_timed(lambda: BitMap.union(*own) if len(own) > 1 else own[0])[0] for _ in range(1_000)]
    _line("index.cve_hosts", round(1_000 * statistics.median(times), 4), "ms", host_count, hosts_hit=counts[widest])


def _children(sizes: str) -> Iterator[list[str]]:
    for size in sizes.split(","):
        yield [sys.executable, "-m", "bench.index", "--one", str(int(size))]


def main() -> None:
    """Measure each size in processes of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", default=os.environ.get("BENCH_HOSTS", SIZES))
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--pages", type=UUID, help=argparse.SUPPRESS)
    wanted, _ = parser.parse_known_args()
    if wanted.pages is not None:
        import django  # noqa: PLC0415 - the parent has chosen the settings and the database

        django.setup()
        measure_pages(wanted.pages)
    elif wanted.one is not None:
        with database():
            measure(wanted.one)
    else:
        for argv in _children(wanted.hosts):
            subprocess.run(argv, check=True)


if __name__ == "__main__":
    main()
