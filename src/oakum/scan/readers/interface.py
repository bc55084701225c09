"""What a reader is: of a distribution's package database, or of a file that says which language package lies there.

Every reader parses files and nothing else.  What it cannot read it tells in a ``Note``, and goes on: one damaged record
never hides the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from oakum.scan.root import Root
from oakum.scan.values import Found, Note


class DatabaseReader(Protocol):
    """A distribution's package database, at its well-known place."""

    def read(self, root: Root) -> Iterator[Found]:
        """Yield the installed packages; nothing where the root has no such database."""

    def owners(self, root: Root, places: Collection[str]) -> Iterator[tuple[str, str] | Note]:
        """Yield (place, package) for those of the places that the database lists as a package's own."""


class FileReader(Protocol):
    """A file that tells of packages, wherever it lies."""

    def wants(self, directory: str, name: str) -> bool:
        """Say by its place alone whether a file may tell of packages."""

    def read(self, root: Root, place: str) -> Iterator[Found]:
        """Yield the packages that the file tells of."""
