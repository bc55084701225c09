"""Remove a folder of the lab's, and never anything that is only mounted into it.

A builder or a host that was killed can leave the machine's own /dev or /proc bound inside its folder; to remove
through such a mount would destroy what others use.  It unmounts nothing: ``lab.teardown`` does that.
"""

from __future__ import annotations

from pathlib import Path

from lab import commands
from lab.errors import LabError

MOUNTS = Path("/proc/self/mountinfo")


# Eight hosts' upper layers are some gigabytes, and a disk that others write to is slow.
REMOVE_SECONDS_MAX = 900.0


def mounts_below(folder: Path) -> list[str]:
    """Return the mount points at or below the folder, outer ones first.

    proc(5): field 5 of mountinfo is the mount point, with blanks and such written as octal escapes, which the
    lab's own paths never hold.
    """
    points = (line.split()[4] for line in MOUNTS.read_text().splitlines())
    return [point for point in points if Path(point).is_relative_to(folder)]


def remove_folder(folder: Path) -> None:
    """Remove the folder and all in it; absent already is fine.

    Raises:
        LabError: something is mounted in it; then nothing at all is removed.
    """
    if not folder.exists():
        return
    real = folder.resolve(strict=True)
    mounted = mounts_below(real)
    if mounted:
        raise LabError(
            f"{folder} is not removed: {', '.join(mounted)} is mounted in it.",
            remedy=f"unmount that first (`umount {mounted[-1]}`), then run `python -m lab down`",
        )
    # A mount made between the look and the removal is still not entered, unless it is of the same file system.
    commands.run(["rm", "-rf", "--one-file-system", str(real)], timeout=REMOVE_SECONDS_MAX)
