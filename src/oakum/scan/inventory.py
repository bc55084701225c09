"""Take the inventory of a root: its distribution, what its package databases list, and language packages beside them.

A language package whose file belongs to a distribution's package keeps that owner; programs and archives that do are
not even opened.  It does not say what is vulnerable (``scan.assess``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from oakum.scan.readers import DATABASE_READERS, FILE_READERS, os_release, reader_of
from oakum.scan.readers.os_release import UNNAMED, Distribution
from oakum.scan.report import Unassessed
from oakum.scan.root import Root, Unreadable
from oakum.scan.values import (
    DAMAGED,
    INCOMPLETE,
    PACKAGE_COUNT_MAX,
    TEXT_LENGTH_MAX,
    Found,
    FoundPackage,
    Note,
)
from oakum.scan.walk import PROGRAM, Candidate, Progress, left_out_places, walk

NOTE_COUNT_MAX: Final = 2_000  # of a kind
# What one package or file of a root can add: an archive with millions of coordinates is nobody's program.
PACKAGE_OF_FILE_COUNT_MAX: Final = 20_000

# Directories that distributions have turned into links, while their packages' lists may still name the former place.
_MERGED: Final = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr/sbin", "usr/bin")
# Files whose whole content speaks for their owner: not opened where a distribution owns them.
_OPAQUE_READERS: Final = frozenset({PROGRAM, "jar"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What is installed under a root or listed by a file, and what a reader of it must know."""

    distribution: Distribution
    packages: tuple[FoundPackage, ...]
    notes: tuple[Note, ...]
    unassessed: tuple[Unassessed, ...] = ()


def take_inventory(root: Root, *, is_this_host: bool, progress: Progress | None = None) -> Inventory:
    """Read everything that tells of packages under the root.

    ``is_this_host`` says that the root is where this process runs, so that mounts can be told.
    """
    gathered = _Gathered()
    try:
        distribution = os_release.read(root)
    except Unreadable as error:
        gathered.add(Note(kind=DAMAGED, place=error.place, reason=error.reason))
        distribution = UNNAMED
    for reader in DATABASE_READERS:
        gathered.add_all(reader.read(root))
    candidates = []
    for each in walk(root, reader_of, left_out=left_out_places(root, is_this_host=is_this_host), progress=progress):
        if isinstance(each, Note):
            gathered.add(each)
        else:
            candidates.append(each)
    owners = _owners(root, candidates, gathered)
    for candidate in candidates:
        owner = owners.get(candidate.place, "")
        if not owner or candidate.reader not in _OPAQUE_READERS:
            gathered.add_all(_of_file(root, candidate, owner))
    return Inventory(distribution=distribution, packages=tuple(gathered.packages), notes=gathered.notes())


class _Gathered:
    """Packages and notes, each within its maximum and printable on one line."""

    def __init__(self) -> None:
        self.packages: list[FoundPackage] = []
        self._notes: dict[str, dict[Note, None]] = {}

    def notes(self) -> tuple[Note, ...]:
        """Return the notes, each once, at most NOTE_COUNT_MAX of a kind, so that none hides those of another kind."""
        return tuple(note for own in self._notes.values() for note in own)

    def add_all(self, found: Iterable[Found]) -> None:
        for count, each in enumerate(found):
            if count >= PACKAGE_COUNT_MAX:
                reason = f"it tells of more than {PACKAGE_COUNT_MAX:,} packages: the rest is missing"
                self.add(Note(kind=DAMAGED, place=each.place, reason=reason))
                return
            self.add(each)

    def add(self, found: Found) -> None:
        if isinstance(found, Note):
            own = self._notes.setdefault(found.kind, {})
            if len(own) < NOTE_COUNT_MAX:
                own[found] = None
        elif len(self.packages) >= PACKAGE_COUNT_MAX:
            self.add(
                Note(kind=DAMAGED, place="", reason=f"more than {PACKAGE_COUNT_MAX:,} packages: the rest is missing")
            )
        elif problem := _problem(found):
            self.add(Note(kind=INCOMPLETE, place=found.place, reason=problem))
        else:
            self.packages.append(found)


def _problem(package: FoundPackage) -> str:
    for word, text in (("name", package.name), ("version", package.version)):
        if len(text) > TEXT_LENGTH_MAX:
            return f"a package's {word} is longer than {TEXT_LENGTH_MAX} characters"
        if not text.isprintable() or " " in text:
            return f"a package's {word} is none: {text!r}"
    return ""


def _owners(root: Root, candidates: Iterable[Candidate], gathered: _Gathered) -> dict[str, str]:
    """Return which distribution package owns a candidate, by its place."""
    merged = [(name, target) for name in _MERGED if (target := _merged_into(root, name))]
    places: dict[str, str] = {}  # as a database may name it -> as the walk met it
    for candidate in candidates:
        places[candidate.place] = candidate.place
        for name, target in merged:
            if candidate.place.startswith(f"{target}/"):
                places[f"{name}{candidate.place[len(target) :]}"] = candidate.place
    found: dict[str, str] = {}
    if not places:
        return found
    for reader in DATABASE_READERS:
        for each in reader.owners(root, places.keys()):
            if isinstance(each, Note):
                gathered.add(each)
            else:
                found[places[each[0]]] = each[1]
    return found


def _merged_into(root: Root, name: str) -> str:
    target = root.target(name)
    if not target:
        return ""
    parent = name.rpartition("/")[0]
    return target.strip("/") if target.startswith("/") or not parent else f"{parent}/{target.strip('/')}"


def _of_file(root: Root, candidate: Candidate, owner: str) -> Iterator[Found]:
    for count, each in enumerate(FILE_READERS[candidate.reader].read(root, candidate.place), start=1):
        if count > PACKAGE_OF_FILE_COUNT_MAX:
            reason = f"it tells of more than {PACKAGE_OF_FILE_COUNT_MAX:,} packages: the rest is missing"
            yield Note(kind=INCOMPLETE, place=candidate.place, reason=reason)
            return
        yield replace(each, owner=owner) if owner and isinstance(each, FoundPackage) else each
