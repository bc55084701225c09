"""Files under a root, opened in a way that a hostile root cannot use against us.

Every path is walked from the root's own descriptor, one name at a time: a symbolic link is followed inside the root
only (an absolute one starts at the root again, ``..`` ends there), also when it changes meanwhile.  Only regular files
are opened: a device or a pipe could block or act.  Reads have a maximum.

It does not decide what is worth reading (``scan.walk``, ``scan.readers``) and writes nothing.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

LINK_COUNT_MAX: Final = 40  # as Linux
PIECE_BYTES_LEAST: Final = 64 * 1024  # files of the kernel's say that they are empty
NAME_COUNT_MAX: Final = 200_000  # of one directory

_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTING: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a pipe put in a file's place after the look at it would hold us for ever.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Absent(Exception):  # noqa: N818 - an answer, not a fault
    """There is nothing at the path."""


class Unreadable(Exception):  # noqa: N818 - becomes a note
    """What is at the path cannot be read; says why, in words."""

    def __init__(self, place: str, reason: str) -> None:
        """Keep the path from the root, and the reason."""
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class Root:
    """An open root directory; paths are relative to it, with or without a slash before them."""

    def __init__(self, path: Path) -> None:
        """Open the root.

        Raises:
            OSError: it is no directory, or may not be entered.
        """
        self.path = path
        self._fd = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the root's descriptor; nothing can be opened afterwards."""
        os.close(self._fd)

    def read(self, place: str, *, size_max: int) -> bytes:
        """Return a file's content.

        Raises:
            Absent: there is no such file.
            Unreadable: it is no regular file, may not be read, or is larger than ``size_max``.
        """
        with self.open(place) as file:
            return _read(file, place, size_max)

    @contextmanager
    def open(self, place: str) -> Iterator[BinaryIO]:
        """Open a file for reading.

        Raises:
            Absent, Unreadable: as ``read``.
        """
        with _worded(place):
            parent, name = self._parent_of(place)
        try:
            with _worded(place):
                fd = _open_file(name, parent, place)
        finally:
            os.close(parent)
        with os.fdopen(fd, "rb") as file, _worded(place):
            yield file

    @contextmanager
    def directory(self, place: str) -> Iterator[Directory]:
        """Open a directory, for many files in it.

        Raises:
            Absent, Unreadable: as ``read``.
        """
        with _worded(place):
            fd = self._resolve(place)
        try:
            yield Directory(fd, place.strip("/"))
        finally:
            os.close(fd)

    def target(self, place: str) -> str:
        """Return where a symbolic link points, as it is written; "" where there is none."""
        with suppress(OSError):
            return os.readlink(place.strip("/"), dir_fd=self._fd)
        return ""

    def list_root(self) -> int:
        """Return a new descriptor from which the root can be listed; the caller closes it."""
        return os.open(".", _LISTING, dir_fd=self._fd)

    def _resolve(self, place: str) -> int:
        """Return a descriptor of the directory at a path."""
        parent, name = self._parent_of(place)
        if not name:
            return parent
        try:
            return os.open(name, _DIRECTORY, dir_fd=parent)
        finally:
            os.close(parent)

    def _parent_of(self, place: str) -> tuple[int, str]:
        """Return a descriptor of the directory that really holds what is at a path, and its name there.

        The name is no symbolic link (unless it becomes one: opening refuses it then), and "" for the root itself.
        """
        names = deque(place.split("/"))
        above = [os.dup(self._fd)]
        link_count = 0
        try:
            while names:
                name = names.popleft()
                if name in {"", "."}:
                    continue
                if name == "..":
                    _ascend(above)
                    continue
                mode = os.stat(name, dir_fd=above[-1], follow_symlinks=False).st_mode
                if stat.S_ISLNK(mode):
                    link_count += 1
                    if link_count > LINK_COUNT_MAX:
                        raise Unreadable(place, "more symbolic links than Linux follows")
                    target = os.readlink(name, dir_fd=above[-1])
                    if target.startswith("/"):
                        _ascend(above, to=1)
                    names.extendleft(reversed(target.split("/")))
                elif not any(each not in {"", "."} for each in names):
                    return above.pop(), name
                else:
                    above.append(os.open(name, _DIRECTORY, dir_fd=above[-1]))
            return above.pop(), ""
        finally:
            _ascend(above, to=0)


class Directory:
    """An open directory under the root."""

    def __init__(self, fd: int, place: str) -> None:
        """Keep the descriptor, which stays its opener's."""
        self._fd = fd
        self.place = place

    def names(self) -> tuple[str, ...]:
        """Return the names in the directory, sorted.

        Raises:
            Unreadable: it may not be listed, or has more than ``NAME_COUNT_MAX`` names.
        """
        found: list[str] = []
        with _worded(self.place):
            listing = os.open(".", _LISTING, dir_fd=self._fd)
            try:
                with os.scandir(listing) as entries:
                    for entry in entries:
                        found.append(entry.name)
                        if len(found) > NAME_COUNT_MAX:
                            raise Unreadable(self.place, f"more than {NAME_COUNT_MAX} names in one directory")
            finally:
                os.close(listing)
        return tuple(sorted(found))

    def read(self, name: str, *, size_max: int) -> bytes:
        """Return the content of a file in the directory; a symbolic link is none.

        Raises:
            Absent, Unreadable: as ``Root.read``.
        """
        place = f"{self.place}/{name}"
        with _worded(place), os.fdopen(_open_file(name, self._fd, place), "rb") as file:
            return _read(file, place, size_max)


@contextmanager
def _worded(place: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise Absent from None
    except OSError as error:
        raise Unreadable(place, error.strerror or "it cannot be read") from None


def _ascend(above: list[int], *, to: int | None = None) -> None:
    """Close the descriptors above which a path climbs: one, but never the root's own; or all down to ``to``."""
    length = max(1, len(above) - 1) if to is None else to
    while len(above) > length:
        os.close(above.pop())


def _open_file(name: str, parent: int, place: str) -> int:
    if not name or not stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
        raise Unreadable(place, "it is no regular file")
    fd = os.open(name, _FILE, dir_fd=parent)
    # What was looked at may have been replaced before it was opened.
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise Unreadable(place, "it is no regular file")


def _read(file: BinaryIO, place: str, size_max: int) -> bytes:
    # By pieces of what the file says its size is: one read of the maximum would take the room for it.
    piece = max(os.fstat(file.fileno()).st_size, PIECE_BYTES_LEAST) + 1
    parts: list[bytes] = []
    left = size_max + 1
    while left > 0:
        wanted = min(piece, left)
        parts.append(file.read(wanted))
        left -= len(parts[-1])
        if len(parts[-1]) < wanted:
            break
    if left <= 0:
        raise Unreadable(place, f"it is larger than {size_max:,} bytes")
    return parts[0] if len(parts) == 1 else b"".join(parts)
