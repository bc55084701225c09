"""One interface for every format of a feed, one module a format.

An importer reads and translates.  It writes nothing, fetches nothing and decides nothing about generations: that is
``intel.services``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from oakum.core.errors import FeedError
from oakum.intel.importers import kev, osv
from oakum.intel.importers.values import (
    HEAD_BYTES,
    CveFactsRecord,
    EpssDay,
    EpssRecord,
    KevRecord,
    Read,
    Record,
    SupersedenceRecord,
)

__all__ = [
    "IMPORTERS",
    "CveFactsRecord",
    "EpssDay",
    "EpssRecord",
    "Importer",
    "KevRecord",
    "Read",
    "Record",
    "SupersedenceRecord",
    "importer_for",
]


class Importer(Protocol):
    """A format.

    ``records`` and ``record_count`` raise FeedError naming the place where a file is cut, corrupt or too large; a
    record that is in order but not for us is a ``Read`` that says so.
    """

    @property
    def kind(self) -> str:
        """The format's short name: what ``--kind`` takes and ``Feed.kind`` keeps."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether a file is of this format, from its name and its first HEAD_BYTES bytes."""

    def default_name(self, path: Path) -> str:
        """Return the feed's name where nobody gave one."""

    def record_count(self, path: Path) -> int | None:
        """Return how many records there will be, None where only reading can tell."""

    def records(self, path: Path) -> Iterator[Read]:
        """Yield what the file says, in bounded memory."""


IMPORTERS: tuple[Importer, ...] = (osv.OsvImporter(), kev.KevImporter())


def importer_for(path: Path, kind: str | None) -> Importer:
    """Return the importer of that kind, or the one that recognises the file.

    Raises:
        FeedError: none does, there is no such kind, or the file cannot be read.
    """
    kinds = ", ".join(importer.kind for importer in IMPORTERS)
    if kind is not None:
        found = next((importer for importer in IMPORTERS if importer.kind == kind), None)
        if found is None:
            raise FeedError(
                code="feed_kind_unknown",
                sentence=f"There is no feed format {kind!r}.",
                next_step=f"Use one of: {kinds}.",
            )
        return found
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise FeedError(
            code="feed_unreadable",
            sentence=f"{path} cannot be read: {error.strerror or error}.",
            next_step="Check the path and its permissions.",
        ) from error
    found = next((importer for importer in IMPORTERS if importer.recognises(path, head)), None)
    if found is None:
        raise FeedError(
            code="feed_format_unknown",
            sentence=f"{path.name} is of no format that Oakum knows; nothing was changed.",
            next_step=f"Name it with --kind (one of: {kinds}) if it is one of them after all.",
        )
    return found
