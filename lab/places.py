"""Where the lab keeps things, how a lab is named, and whether its owner still lives.

Every name that can outlive a crashed lab (namespace, cgroup, mount, folder) starts with its lab id, and a
lab id holds its owner's process id.  It does not make or remove any of those things.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

LAB_DIR_VARIABLE = "OAKUM_LAB_DIR"
LAB_DIR_DEFAULT = "/var/tmp/oakum-lab"  # noqa: S108 - a cache worth keeping over a reboot, made 0700 by us
LAB_PREFIX = "oklab"

_LAB_ID = re.compile(rf"{LAB_PREFIX}(?P<pid>\d+)-\d+")
_sequence = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders of one lab directory."""

    top: Path

    @property
    def roots(self) -> Path:
        """Finished base roots, one folder each."""
        return self.top / "roots"

    @property
    def packages(self) -> Path:
        """What the proxy fetched."""
        return self.top / "packages"

    @property
    def runs(self) -> Path:
        """One folder for each lab that is up."""
        return self.top / "run"

    @property
    def locks(self) -> Path:
        """Files that processes lock while they change something shared."""
        return self.top / "lock"


def places() -> Places:
    """Return the lab directory's folders, made if need be.

    Set by ``OAKUM_LAB_DIR``; must lie on a file system that can carry an overlay's upper layer (not itself
    an overlay, as a container's own disk is).
    """
    found = Places(top=Path(os.environ.get(LAB_DIR_VARIABLE) or LAB_DIR_DEFAULT).absolute())
    if set(str(found.top)) & set(":,\\ "):
        raise LabError(
            f"{found.top} cannot be a lab directory: overlay mounts take no ':', ',', '\\' or blank in a path.",
            remedy=f"set {LAB_DIR_VARIABLE} to a plain path",
        )
    found.top.mkdir(mode=0o755, parents=True, exist_ok=True)
    for folder in (found.roots, found.packages, found.runs, found.locks):
        folder.mkdir(exist_ok=True)
    return found


def new_lab_id() -> str:
    """Return a name no other living lab on this machine has."""
    return f"{LAB_PREFIX}{os.getpid()}-{next(_sequence)}"


def lab_id_of(name: str) -> str | None:
    """Return the lab id that ``name`` (of a namespace or cgroup) starts with, or None if it is not ours.

    >>> lab_id_of("oklab812-1.web01")
    'oklab812-1'
    >>> lab_id_of("labctl") is None
    True
    """
    head = name.partition(".")[0]
    return head if _LAB_ID.fullmatch(head) else None


def record_owner(run_dir: Path) -> None:
    """Write down, in a lab's folder, which process it belongs to."""
    pid = os.getpid()
    (run_dir / "owner.json").write_text(json.dumps({"pid": pid, "started": _process_start(pid)}))


def owner_is_alive(lab_id: str, run_dir: Path) -> bool:
    """Say whether the process that made the lab still runs.

    A process id can be given out again, so the start time counts too where the lab's folder still has it.
    """
    match = _LAB_ID.fullmatch(lab_id)
    assert match is not None, lab_id
    started = _process_start(int(match["pid"]))
    if started is None:
        return False
    try:
        record = json.loads((run_dir / "owner.json").read_text())
    except (OSError, ValueError):
        return True
    return bool(record["started"] == started)


def process_is_alive(pid: int) -> bool:
    """Say whether the process runs; one that is dead and not yet collected does not."""
    return _process_start(pid) is not None


def _process_start(pid: int) -> int | None:
    """Return when the process started, in clock ticks since boot, or None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): field 22 is starttime; the command in field 2 may hold blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    zombie = fields[0] in "ZX"
    return None if zombie else int(fields[19])
