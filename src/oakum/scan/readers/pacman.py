"""pacman's local database (Arch): a directory a package, with ``desc`` and ``files``.

It reads no sync database: what the repositories offer is not what is installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import ALPM, DAMAGED, INCOMPLETE, Found, FoundPackage, Note

DIRECTORY: Final = "var/lib/pacman/local"
DESC_BYTES_MAX: Final = 1024 * 1024
FILES_BYTES_MAX: Final = 16 * 1024 * 1024

# pacman's own file in the directory, which is no package.
_VERSION_FILE: Final = "ALPM_DB_VERSION"


def read(root: Root) -> Iterator[Found]:
    """Yield what pacman has installed, by name."""
    try:
        with root.directory(DIRECTORY) as directory:
            names = directory.names()
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=DAMAGED, place=error.place, reason=error.reason)
        return
    for name in names:
        if name != _VERSION_FILE:
            yield from _package(root, f"{DIRECTORY}/{name}/desc")


def _package(root: Root, place: str) -> Iterator[Found]:
    try:
        text = root.read(place, size_max=DESC_BYTES_MAX).decode("utf-8", "replace")
    except Absent:
        yield Note(kind=DAMAGED, place=place, reason="the package's description is missing")
        return
    except Unreadable as error:
        yield Note(kind=DAMAGED, place=place, reason=error.reason)
        return
    fields = _fields(text)
    name, version = fields.get("NAME", ""), fields.get("VERSION", "")
    if not name or not version:
        yield Note(kind=DAMAGED, place=place, reason="the description has no name or no version")
        return
    yield FoundPackage(
        kind=ALPM,
        name=name,
        version=version,
        architecture=fields.get("ARCH", ""),
        source_name=fields.get("BASE") or name,
        source_version=version,
        place=place,
    )


def _fields(text: str) -> dict[str, str]:
    """Return the first line under each ``%HEADING%``."""
    lines = text.splitlines()
    return {
        head[1:-1]: below.strip()
        for head, below in pairwise(lines)
        if head[:1] == head[-1:] == "%" and len(head) > len("%%")
    }


def owners(root: Root, places: Collection[str]) -> Iterator[tuple[str, str] | Note]:
    """Yield the packages that own the places, by pacman's lists of files."""
    wanted = frozenset(places)
    try:
        with root.directory(DIRECTORY) as directory:
            names = directory.names()
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=error.place, reason=error.reason)
        return
    for name in names:
        place = f"{DIRECTORY}/{name}/files"
        try:
            lines = root.read(place, size_max=FILES_BYTES_MAX).decode("utf-8", "surrogateescape").split("\n")
        except Absent:
            continue
        except Unreadable as error:
            yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
            continue
        for line in wanted.intersection(lines):
            yield line, name.rsplit("-", 2)[0]
