"""One interface for every format of a feed, one module a format.

An importer reads and translates.  It writes nothing, fetches nothing and decides nothing about generations: that is
``intel.services``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from oakum.core.errors import FeedError
from oakum.intel.importers import (
    alpine,
    arch,
    csaf,
    debian_tracker,
    epss,
    kev,
    msrc,
    osv,
    patched_ranges,
    photon,
    ubuntu,
    updateinfo,
    vex,
    vulnrichment,
)
from oakum.intel.importers.documents import head_of
from oakum.intel.importers.values import (
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


BEGINNING_LENGTH_MAX = 60  # of an unknown document, to be shown


class Importer(Protocol):
    """A format.

    A path may name a file, plain or packed, an archive or a folder: ``documents`` reads them all.  ``records`` and
    ``record_count`` raise FeedError naming the place where a file is cut, corrupt or too large; a record that is in
    order but not for us is a ``Read`` that says so.  What ``records`` yields must be the same each time for the same
    content: an import that was killed goes on by counting.
    """

    @property
    def kind(self) -> str:
        """The format's short name: what ``--kind`` takes and ``Feed.kind`` keeps."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether a feed is of this format, from its name and the first HEAD_BYTES bytes of its first document."""

    def default_name(self, path: Path) -> str:
        """Return the feed's name where nobody gave one."""

    def record_count(self, path: Path) -> int | None:
        """Return how many records there will be, None where only reading can tell."""

    def records(self, path: Path) -> Iterator[Read]:
        """Yield what the file says, in bounded memory."""


# In the order in which they are asked: OSV last, whose records others' look like; anybody's VEX before Canonical's.
IMPORTERS: tuple[Importer, ...] = (
    kev.KevImporter(),
    epss.EpssImporter(),
    vulnrichment.VulnrichmentImporter(),
    csaf.CsafImporter(),
    msrc.MsrcImporter(),
    debian_tracker.DebianTrackerImporter(),
    ubuntu.UbuntuNoticesImporter(),
    ubuntu.UbuntuTrackerImporter(),
    vex.VexImporter(),
    ubuntu.UbuntuVexImporter(),
    updateinfo.UpdateinfoImporter(),
    updateinfo.AlmaLinuxImporter(),
    updateinfo.RockyImporter(),
    updateinfo.FedoraImporter(),
    photon.PhotonImporter(),
    alpine.AlpineSecdbImporter(),
    arch.ArchTrackerImporter(),
    patched_ranges.RubysecImporter(),
    patched_ranges.NodeImporter(),
    osv.OsvImporter(),
)


def importer_for(path: Path, kind: str | None, stream: str = "") -> Importer:
    """Return the importer of that kind, or the one that recognises the file.

    ``stream`` is what the packages are for, given where the format itself does not tell.

    Raises:
        FeedError: none does, there is no such kind, it tells its streams itself, or the file cannot be read.
    """
    found = _found(path, kind)
    if not stream:
        return found
    if not isinstance(found, updateinfo.UpdateinfoImporter | vex.VexImporter):
        raise FeedError(
            code="feed_stream_unwanted",
            sentence=f"{path.name} is of the format {found.kind!r}, which says itself what its packages are for.",
            next_step="Leave --stream out.",
        )
    return replace(found, stream=stream)


def _found(path: Path, kind: str | None) -> Importer:
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
    head = head_of(path)
    found = next((importer for importer in IMPORTERS if importer.recognises(path, head)), None)
    if found is None:
        raise FeedError(
            code="feed_format_unknown",
            sentence=f"{path.name} is of no format that Oakum knows{_beginning(head)}; nothing was changed.",
            next_step=f"Name it with --kind (one of: {kinds}) if it is one of them after all.",
        )
    return found


def _beginning(head: bytes) -> str:
    """Say how a document begins, for the person who wonders what it is."""
    line = head.lstrip().partition(b"\n")[0][:BEGINNING_LENGTH_MAX].decode("utf-8", "replace").strip()
    return f" (it begins with {line!r})" if line else " (it holds no document)"
