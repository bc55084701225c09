"""Which services run old code: processes with deleted files, by unit, with the packages that own the files now.

Pure but for the question to the package manager, which comes in as a callable.
"""

from __future__ import annotations

from typing import Callable, Sequence

from oakum.agent.observer.processes import ProcessScan
from oakum.protocol.inventory import SERVICE_COUNT_MAX, UNKNOWN, StaleService

Owners = Callable[[Sequence[str]], "dict[str, tuple[str, ...]]"]


def list_stale_services(scan: ProcessScan, owners: Owners) -> tuple[tuple[StaleService, ...], str]:
    """Return the stale services sorted by unit, and ``known`` or ``unknown``.

    A deleted file that no package owns (a program of the owner's own making) still makes its service stale, with no
    package named.
    """
    paths = sorted({path for process in scan.stale for path in process.paths})
    found = owners(paths) if paths else {}
    packages: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for process in scan.stale:
        counts[process.unit] = counts.get(process.unit, 0) + 1
        names = packages.setdefault(process.unit, set())
        names.update(name for path in process.paths for name in found.get(path, ()))
    services = tuple(
        StaleService(unit=unit, packages=tuple(sorted(packages[unit])), process_count=counts[unit])
        for unit in sorted(counts)
    )
    complete = scan.complete and len(services) <= SERVICE_COUNT_MAX
    return services[:SERVICE_COUNT_MAX], "known" if complete else UNKNOWN
