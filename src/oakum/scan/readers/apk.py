"""apk's database of installed packages (Alpine): one text file of paragraphs of one-letter fields.

It reads neither the world file nor the repositories' indexes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from oakum.scan.readers.paragraphs import paragraphs
from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import APK, DAMAGED, INCOMPLETE, Found, FoundPackage, Note

# The second since /lib and /usr/lib are one (Alpine 3.23); where they are links to each other the first is both.
PLACES: Final = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
BYTES_MAX: Final = 256 * 1024 * 1024


def read(root: Root) -> Iterator[Found]:
    """Yield what apk has installed, in the order of its database."""
    for place in PLACES:
        try:
            content = root.read(place, size_max=BYTES_MAX)
        except Absent:
            continue
        except Unreadable as error:
            yield Note(kind=DAMAGED, place=place, reason=error.reason)
            return
        for entry in _entries(content):
            yield from _package(entry, place)
        return


def _entries(content: bytes) -> Iterator[list[str]]:
    return (entry.split("\n") for entry in paragraphs(content.decode("utf-8", "surrogateescape")))


def _package(lines: list[str], place: str) -> Iterator[Found]:
    fields = {line[0]: line[2:].strip() for line in lines if line[1:2] == ":" and line[0] in "PVAo"}
    name, version = fields.get("P", ""), fields.get("V", "")
    if not name or not version:
        reason = f"the entry of {name} has no version" if name else "an entry names no package"
        yield Note(kind=DAMAGED, place=place, reason=reason)
        return
    yield FoundPackage(
        kind=APK,
        name=name,
        version=version,
        architecture=fields.get("A", ""),
        # A package is built with its source's version.
        source_name=fields.get("o") or name,
        source_version=version,
        place=place,
    )


def owners(root: Root, places: Collection[str]) -> Iterator[tuple[str, str] | Note]:
    """Yield the packages that own the places: ``F`` names a directory, ``R`` the files in it."""
    for place in PLACES:
        try:
            content = root.read(place, size_max=BYTES_MAX)
        except Absent:
            continue
        except Unreadable as error:
            yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
            return
        for entry in _entries(content):
            yield from _owned(entry, places)
        return


def _owned(lines: list[str], places: Collection[str]) -> Iterator[tuple[str, str]]:
    package = directory = ""
    for line in lines:
        field, value = line[:2], line[2:]
        if field == "P:":
            package = value
        elif field == "F:":
            directory = value
        elif field == "R:":
            file = f"{directory}/{value}" if directory else value
            if file in places:
                yield file, package
