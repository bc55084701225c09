"""Raise the machine's inotify limit while labs are up, and put it back after the last one.

Each systemd takes several inotify instances and the kernel's default of 128 ends at about fifteen hosts.
Labs of several processes share the limit, so who still needs it is written down under a lock.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.places import Places

INOTIFY_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES_WANTED = 8192


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file's lock for the length of the block; waits for other processes."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def raise_inotify_limit(places: Places, lab_id: str, *, limit: Path = INOTIFY_INSTANCES) -> None:
    """See that many hosts can run, for as long as ``lab_id`` has not given it back."""
    with locked(places.locks / "inotify.lock"):
        users, before = _load(places)
        now = int(limit.read_text())
        if now < INOTIFY_INSTANCES_WANTED:
            limit.write_text(str(INOTIFY_INSTANCES_WANTED))
        _save(places, users | {lab_id}, now if before is None else before)


def restore_inotify_limit(places: Places, lab_id: str, *, limit: Path = INOTIFY_INSTANCES) -> None:
    """Give back what ``lab_id`` asked for; the last one restores the limit that was found."""
    with locked(places.locks / "inotify.lock"):
        users, before = _load(places)
        left = users - {lab_id}
        if left or before is None:
            _save(places, left, before)
            return
        # Someone else may have set a limit of their own meanwhile: then it is no longer ours to restore.
        if int(limit.read_text()) == INOTIFY_INSTANCES_WANTED:
            limit.write_text(str(before))
        _record(places).unlink(missing_ok=True)


def _record(places: Places) -> Path:
    return places.locks / "inotify.json"


def _load(places: Places) -> tuple[set[str], int | None]:
    try:
        record = json.loads(_record(places).read_text())
    except FileNotFoundError:
        return set(), None
    return set(record["labs"]), int(record["before"])


def _save(places: Places, users: set[str], before: int | None) -> None:
    if before is not None:
        _record(places).write_text(json.dumps({"labs": sorted(users), "before": before}))
