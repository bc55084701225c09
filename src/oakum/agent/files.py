"""Write files so that a crash at any instant leaves the old content or the new, never a part of either.

It knows nothing of what is in the files, and takes no locks (``state`` does).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from oakum.agent.errors import HostError

# Whoever reads a file of ours reads at most this: the largest is a cached section of an inventory report.
FILE_BYTES_MAX = 32 * 1024 * 1024

MODE_PRIVATE = 0o600
MODE_PUBLIC = 0o644
MODE_DIRECTORY = 0o700


def make_directory(path: Path, mode: int = MODE_DIRECTORY) -> None:
    """Make ``path`` and its parents if they are absent; ``mode`` is for ``path`` alone.

    Raises:
        HostError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=mode)
    except OSError as error:
        raise _fault("directory_unwritable", "make the directory", path, error) from error


def write_atomically(path: Path, content: bytes, mode: int = MODE_PRIVATE) -> None:
    """Put ``content`` into ``path``: written aside, synced, renamed over it, and the directory synced.

    Raises:
        HostError: the disk is full, or the place cannot be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        try:
            os.fchmod(descriptor, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        aside.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise _fault("file_unwritable", "write", path, error) from error


def remove_durably(path: Path) -> None:
    """Remove ``path`` if it is there, and sync its directory.

    Raises:
        HostError: it is there and cannot be removed.
    """
    try:
        path.unlink()
        sync_directory(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _fault("file_unwritable", "remove", path, error) from error


def read_bounded(path: Path) -> bytes | None:
    """Return the content of ``path``, or None if there is no such file.

    Raises:
        HostError: it cannot be read, or is larger than FILE_BYTES_MAX.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _fault("file_unreadable", "read", path, error) from error
    if len(content) > FILE_BYTES_MAX:
        raise HostError(
            code="file_too_large",
            sentence=f"{path} is larger than {FILE_BYTES_MAX // 1024 // 1024} MB, which no file of the agent is.",
            next_step="Move it away and run the agent again.",
        )
    return content


def sync_directory(path: Path) -> None:
    """Make renames and removals inside ``path`` durable.  Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_aside(path: Path, target: Path) -> None:
    """Rename ``path`` to ``target``; what was at ``target`` is removed first.  Absent ``path`` is fine.

    Raises:
        HostError: it cannot be moved.
    """
    try:
        if not path.exists():
            return
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True, mode=MODE_DIRECTORY)
        path.replace(target)
        sync_directory(target.parent)
        sync_directory(path.parent)
    except OSError as error:
        raise _fault("file_unwritable", "move away", path, error) from error


def _fault(code: str, verb: str, path: Path, error: OSError) -> HostError:
    lacks_right = isinstance(error, PermissionError)
    return HostError(
        code=code,
        sentence=f"Cannot {verb} {path}: {error.strerror or error}.",
        next_step="Run the agent as root." if lacks_right else "Check the disk's free space and the directory.",
    )
