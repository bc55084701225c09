"""dpkg's database: ``status``, and the one file a package of images without dpkg (``status.d``).

Packages of which only configuration is left are not installed.  One that is half installed or not configured is: its
files are there.  It reads no version's order and knows no release.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from oakum.scan.readers.paragraphs import paragraphs
from oakum.scan.root import Absent, Directory, Root, Unreadable
from oakum.scan.values import DAMAGED, DEB, INCOMPLETE, Found, FoundPackage, Note

DIRECTORY: Final = "var/lib/dpkg"
STATUS_BYTES_MAX: Final = 256 * 1024 * 1024
LIST_BYTES_MAX: Final = 16 * 1024 * 1024

_FIELD: Final = re.compile(r"^(Package|Status|Version|Architecture|Source): *(.*?) *$", re.MULTILINE)
_SOURCE: Final = re.compile(r"([^ ]+)(?: \(([^)]+)\))?\Z")
# The third word of Status (dpkg(1)): these have no files of the package.
_GONE: Final = frozenset({"not-installed", "config-files"})


def read(root: Root) -> Iterator[Found]:
    """Yield what dpkg has installed, in the order of its database."""
    place = f"{DIRECTORY}/status"
    try:
        text = root.read(place, size_max=STATUS_BYTES_MAX).decode("utf-8", "replace")
    except Absent:
        pass
    except Unreadable as error:
        yield Note(kind=DAMAGED, place=place, reason=error.reason)
    else:
        for stanza in paragraphs(text):
            yield from _package(stanza, place)
    yield from _single_files(root)


def _single_files(root: Root) -> Iterator[Found]:
    place = f"{DIRECTORY}/status.d"
    try:
        with root.directory(place) as directory:
            for name in directory.names():
                if not name.endswith(".md5sums"):
                    yield from _single_file(directory, name)
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=DAMAGED, place=error.place, reason=error.reason)


def _single_file(directory: Directory, name: str) -> Iterator[Found]:
    try:
        text = directory.read(name, size_max=STATUS_BYTES_MAX).decode("utf-8", "replace")
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=DAMAGED, place=error.place, reason=error.reason)
        return
    for stanza in paragraphs(text):
        yield from _package(stanza, f"{directory.place}/{name}")


def _package(stanza: str, place: str) -> Iterator[Found]:
    fields = dict(_FIELD.findall(stanza))
    name, version = fields.get("Package", ""), fields.get("Version", "")
    # Single files of images have no Status: what is there is installed.
    status = fields.get("Status", "install ok installed").split()
    if len(status) == 3 and status[2] in _GONE:  # noqa: PLR2004 - want, flag, status
        return
    if not name or not version:
        reason = f"the entry of {name} has no version" if name else "an entry names no package"
        yield Note(kind=DAMAGED, place=place, reason=reason)
        return
    source = _SOURCE.match(fields.get("Source", ""))
    yield FoundPackage(
        kind=DEB,
        name=name,
        version=version,
        architecture=fields.get("Architecture", ""),
        source_name=source[1] if source else name,
        source_version=(source[2] if source else None) or version,
        place=place,
        is_held=status[:1] == ["hold"],
    )


def owners(root: Root, places: Collection[str]) -> Iterator[tuple[str, str] | Note]:
    """Yield the packages that own the places, by dpkg's lists of files."""
    wanted = {f"/{place}" for place in places}
    for folder, suffix in ((f"{DIRECTORY}/info", ".list"), (f"{DIRECTORY}/status.d", ".md5sums")):
        try:
            with root.directory(folder) as directory:
                for name in directory.names():
                    if name.endswith(suffix):
                        yield from _owned(directory, name, suffix, wanted)
        except Absent:
            continue
        except Unreadable as error:
            yield Note(kind=INCOMPLETE, place=error.place, reason=error.reason)


def _owned(directory: Directory, name: str, suffix: str, wanted: set[str]) -> Iterator[tuple[str, str] | Note]:
    try:
        text = directory.read(name, size_max=LIST_BYTES_MAX).decode("utf-8", "surrogateescape")
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=error.place, reason=error.reason)
        return
    lines = text.split("\n")
    if suffix == ".md5sums":
        lines = [f"/{line[34:].removeprefix('./')}" for line in lines]  # 32 digits and two blanks
    package = name.removesuffix(suffix).partition(":")[0]
    for line in wanted.intersection(lines):
        yield line.lstrip("/"), package
