"""Walk a root once, and name the files that a reader may want to open.

Symbolic links are never followed, so that every file is met once.  What is left out on purpose (other hosts' file
systems, container images) and what cannot be listed becomes a note; the kernel's own file systems are passed over in
silence.  It opens no file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import INCOMPLETE, LEFT_OUT, Note

DEPTH_MAX: Final = 128  # each level holds a descriptor; real trees (nested packages of npm) end near 60
ENTRY_COUNT_MAX: Final = 20_000_000
CANDIDATE_COUNT_MAX: Final = 1_000_000
NOTE_COUNT_MAX: Final = 1_000  # a directory tree that may not be read must not fill the answer
PROGRESS_EVERY: Final = 256  # directories
_MOUNTS_BYTES_MAX: Final = 4 * 1024 * 1024
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")

KERNELS_OWN: Final = "the kernel's own, or gone with the next boot"
_IMAGES: Final = "packages in containers are the image's, not this host's"
LEFT_OUT_PLACES: Final[Mapping[str, str]] = {
    "proc": KERNELS_OWN,
    "sys": KERNELS_OWN,
    "dev": KERNELS_OWN,
    "run": KERNELS_OWN,
    "var/lib/docker": _IMAGES,
    "var/lib/containerd": _IMAGES,
    "var/lib/containers/storage": _IMAGES,
    "var/lib/lxc": _IMAGES,
    "var/lib/lxd": _IMAGES,
    "var/lib/machines": _IMAGES,
}
# Another host answers for these (or nobody does, and a look would hang).
_REMOTE_KINDS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "afs", "lustre", "beegfs", "gpfs", "ocfs2", "9p"}
)

# Which reader wants a file, by its directory and name; for one that only its content can tell (a program), PROGRAM.
PROGRAM: Final = "program"
Classify = Callable[[str, str], str]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that a reader wants to open."""

    place: str
    reader: str


def walk(
    root: Root, classify: Classify, *, left_out: Mapping[str, str] = LEFT_OUT_PLACES, progress: Progress | None = None
) -> Iterator[Candidate | Note]:
    """Yield the files of the root that ``classify`` names a reader for; PROGRAM ones only where they are executable.

    ``progress`` gets how many directories and names were seen and where, now and then.
    """
    return _Walk(root=root, classify=classify, left_out=left_out, progress=progress).run()


def remote_places(mounts: str) -> dict[str, str]:
    r"""Return what proc_pid_mountinfo(5) says lies on other hosts, by its place under "/", with the reason.

    >>> remote_places("36 35 98:0 / /mnt/a\\040b rw,noatime shared:1 - nfs4 server:/x rw")
    {'mnt/a b': "nfs4: another host's files"}
    """
    found = {}
    for line in mounts.splitlines():
        words = line.split(" ")
        if "-" not in words[6:] or len(words) < words.index("-", 6) + 2:
            continue
        kind = words[words.index("-", 6) + 1]
        place = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), words[4]).strip("/")
        if place and (kind in _REMOTE_KINDS or kind.startswith("fuse")):
            found[place] = f"{kind}: another host's files"
    return found


@dataclass(slots=True)
class _Level:
    """A directory whose own directories are still to be walked, the last one first."""

    fd: int
    place: str
    names: list[str]


class _Walk:
    def __init__(
        self, *, root: Root, classify: Classify, left_out: Mapping[str, str], progress: Progress | None
    ) -> None:
        self._root = root
        self._classify = classify
        self._left_out = left_out
        self._progress = progress
        self._directory_count = 0
        self._entry_count = 0
        self._candidate_count = 0
        self._note_count = 0

    def run(self) -> Iterator[Candidate | Note]:
        levels: list[_Level] = []
        try:
            yield from self._enter(levels, self._root.list_root(), "")
            while levels:
                level = levels[-1]
                if not level.names:
                    os.close(levels.pop().fd)
                    continue
                name = level.names.pop()
                place = f"{level.place}/{name}" if level.place else name
                if place in self._left_out:
                    # Of the kernel's own nobody expects a word.
                    if self._left_out[place] != KERNELS_OWN:
                        yield Note(kind=LEFT_OUT, place=place, reason=self._left_out[place])
                elif len(levels) >= DEPTH_MAX:
                    yield from self._note(place, f"more than {DEPTH_MAX} directories deep")
                elif self._is_full():
                    yield Note(kind=INCOMPLETE, place=place, reason="too many files: the rest was not looked at")
                    return
                else:
                    yield from self._descend(levels, name, place)
        finally:
            for level in levels:
                os.close(level.fd)

    def _is_full(self) -> bool:
        return self._entry_count > ENTRY_COUNT_MAX or self._candidate_count > CANDIDATE_COUNT_MAX

    def _descend(self, levels: list[_Level], name: str, place: str) -> Iterator[Candidate | Note]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=levels[-1].fd)
        except FileNotFoundError:
            return
        except OSError as error:
            yield from self._note(place, error.strerror or "it cannot be listed")
            return
        yield from self._enter(levels, fd, place)

    def _enter(self, levels: list[_Level], fd: int, place: str) -> Iterator[Candidate | Note]:
        """Look at the files of an open directory, and keep its directories for later."""
        level = _Level(fd=fd, place=place, names=[])
        levels.append(level)
        self._directory_count += 1
        if self._progress is not None and self._directory_count % PROGRESS_EVERY == 0:
            self._progress(self._directory_count, self._entry_count, place)
        try:
            with os.scandir(fd) as entries:
                for entry in entries:
                    self._entry_count += 1
                    if entry.is_dir(follow_symlinks=False):
                        level.names.append(entry.name)
                    elif self._entry_count > ENTRY_COUNT_MAX:
                        return
                    else:
                        reader = self._classify(place, entry.name)
                        if reader and _may_be(entry, reader):
                            self._candidate_count += 1
                            yield Candidate(place=f"{place}/{entry.name}" if place else entry.name, reader=reader)
        except OSError as error:
            yield from self._note(place, error.strerror or "it cannot be listed")
        level.names.sort(reverse=True)

    def _note(self, place: str, reason: str) -> Iterator[Note]:
        self._note_count += 1
        if self._note_count < NOTE_COUNT_MAX:
            yield Note(kind=INCOMPLETE, place=place, reason=reason)
        elif self._note_count == NOTE_COUNT_MAX:
            yield Note(kind=INCOMPLETE, place=place, reason="and more places, which are not listed")


def _may_be(entry: os.DirEntry[str], reader: str) -> bool:
    if not entry.is_file(follow_symlinks=False):
        return False
    return reader != PROGRAM or bool(entry.stat(follow_symlinks=False).st_mode & 0o111)


def left_out_places(root: Root, *, is_this_host: bool) -> dict[str, str]:
    """Return what a walk of the root leaves out; on this host also what is mounted from other hosts."""
    found = dict(LEFT_OUT_PLACES)
    if is_this_host:
        try:
            mounts = root.read("proc/self/mountinfo", size_max=_MOUNTS_BYTES_MAX)
        except (Absent, Unreadable):
            return found
        found |= remote_places(mounts.decode("utf-8", "surrogateescape"))
    return found
