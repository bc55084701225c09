"""Which running processes still use files that were replaced on the disk, and to which unit each belongs.

Read from /proc: a mapped file that is gone is marked "(deleted)".  Programs whose old text is not mapped (scripts read
once by an interpreter) cannot be seen this way.  It asks no package manager (``stale``).
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import Iterable

PROCESS_COUNT_MAX = 100_000
MAPS_BYTES_MAX = 16 * 1024 * 1024

DELETED = b" (deleted)"
# Places whose files come and go by nature, and names that are no files.
IGNORED = (
    "/memfd:", "/dev/", "/SYSV", "/[aio]", "/drm", "/anon_hugepage", "/i915",
    "/tmp/", "/var/tmp/", "/run/", "/var/run/", "/proc/", "/sys/", "/var/cache/", "/var/lib/",  # noqa: S108 - left out
)  # fmt: skip

# address, permissions, offset, device, inode, path
_MAPPED = re.compile(rb"^\S+ (?P<permissions>\S{4}) \S+ \S+ \S+ +(?P<path>/.*) \(deleted\)$", re.MULTILINE)


@dataclass(frozen=True)
class StaleProcess:
    """A process and the deleted files that it runs code from."""

    unit: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ProcessScan:
    """What was found; ``complete`` only if every process of this host could be looked at."""

    stale: tuple[StaleProcess, ...]
    complete: bool


def scan_processes(proc: str = "/proc", *, ignored_pids: frozenset[int] = frozenset()) -> ProcessScan:
    """Look at every process.  Those of containers (another root) are left out: their files are not this host's.

    Without root most processes cannot be read, and a hidden one cannot even be counted, so the scan is incomplete.
    """
    complete = os.geteuid() == 0
    stale = []
    own_root = _root(f"{proc}/self")
    pids = [int(name) for name in os.listdir(proc) if name.isdigit()]
    for pid in sorted(pids)[:PROCESS_COUNT_MAX]:
        if pid in ignored_pids:
            continue
        try:
            paths = _deleted_files(f"{proc}/{pid}")
            if paths and _root(f"{proc}/{pid}") == own_root:
                stale.append(StaleProcess(unit=_unit(f"{proc}/{pid}"), paths=paths))
        except PermissionError:
            complete = False
        except OSError:
            continue  # It ended while we looked.
    return ProcessScan(stale=tuple(stale), complete=complete and len(pids) <= PROCESS_COUNT_MAX)


def _root(process: str) -> tuple[int, int]:
    status = os.stat(f"{process}/root")
    return status.st_dev, status.st_ino


def _deleted_files(process: str) -> tuple[str, ...]:
    with open(f"{process}/maps", "rb") as stream:
        maps = stream.read(MAPS_BYTES_MAX)
    found = set(parse_maps(maps)) if DELETED in maps else set()
    with contextlib.suppress(FileNotFoundError):  # Kernel threads have no program.
        program = os.readlink(f"{process}/exe")
        if program.endswith(DELETED.decode()):
            found.update(select_paths([program[: -len(DELETED)]]))
    return tuple(sorted(found))


def parse_maps(maps: bytes) -> tuple[str, ...]:
    """Return the deleted files that ``maps`` (proc(5)) runs code from; data files and IGNORED places do not count."""
    paths = [match["path"] for match in _MAPPED.finditer(maps) if b"x" in match["permissions"]]
    return select_paths(path.decode("utf-8", "surrogateescape") for path in paths)


def select_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Return ``paths`` without the IGNORED ones, sorted, each once; dpkg's own temporary endings are taken off."""
    found = set()
    for path in paths:
        if path.startswith("/") and not path.startswith(IGNORED):
            found.add(re.sub(r"\.dpkg-(?:new|tmp)$", "", path))
    return tuple(sorted(found))


def _unit(process: str) -> str:
    with open(f"{process}/cgroup", "rb") as stream:
        cgroup = stream.read(64 * 1024).decode("utf-8", "replace")
    with open(f"{process}/comm", "rb") as stream:
        command = stream.read(64).decode("utf-8", "replace").strip()
    return parse_unit(cgroup, command)


def parse_unit(cgroup: str, command: str) -> str:
    r"""Return the systemd unit of a process by /proc/PID/cgroup, or ``process:COMMAND`` when no unit holds it.

    The outermost service counts, because it is what can be restarted; systemd's own hierarchy is the unified one (0::),
    or the named one where control groups are of version 1 (cgroups(7)).

    >>> parse_unit("0::/system.slice/nginx.service/worker", "nginx")
    'nginx.service'
    >>> parse_unit("12:cpu:/\n1:name=systemd:/user.slice/user-0.slice/session-3.scope\n0::/\n", "bash")
    'session-3.scope'
    """
    groups = {}
    for line in cgroup.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "name=systemd" or (number == "0" and controllers == ""):
            groups[controllers] = path
    for controllers in ("name=systemd", ""):
        for part in groups.get(controllers, "").split("/"):
            if part.endswith((".service", ".scope", ".socket", ".mount", ".swap")):
                return part
    return f"process:{command}"
