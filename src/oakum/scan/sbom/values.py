"""What a bill of materials lists, whatever its format, and how it is worded that one cannot be read.

It decides nothing: ``sbom.packages`` says which package an entry is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from oakum.core.errors import OakumError
from oakum.scan.values import PACKAGE_COUNT_MAX

ENTRY_COUNT_MAX: Final = PACKAGE_COUNT_MAX
NESTING_MAX: Final = 64  # of components in components; real ones end at three
INVALID: Final = "sbom_invalid"
SHOWN_LENGTH_MAX: Final = 300  # of a reason: some hold what the file holds


class SbomError(OakumError):
    """A bill of materials cannot be read; whoever made it must act.  ``place`` and ``reason`` stand by themselves."""

    def __init__(self, *, code: str, name: str, place: str, reason: str, next_step: str) -> None:
        """Keep where in the file, and why."""
        where = f"{name}, {place}" if place else name
        super().__init__(code=code, sentence=f"{where}: {reason}.", next_step=next_step)
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file's content; ``name`` is for sentences."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that a document lists, in the document's own words; "" where it has none.

    ``type_`` is CycloneDX's ``type``, or SPDX's ``primaryPackagePurpose`` in lower case.  ``place`` is where it stands
    in the document: a JSON pointer (RFC 6901) or a line; ``location`` is where on the scanned system it was found.
    """

    place: str
    type_: str
    group: str
    name: str
    version: str
    purl: str
    location: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bom:
    """A document: its format in words, what it is of (None where it does not tell), and what it lists.

    ``list_name`` is what its format calls the list.
    """

    format: str
    list_name: str
    subject: Entry | None
    entries: tuple[Entry, ...]


def invalid(source: Source, place: str, reason: str) -> SbomError:
    """Return the fault of a file that is no valid document of its format."""
    return SbomError(
        code=INVALID,
        name=source.name,
        place=place,
        reason=reason[:SHOWN_LENGTH_MAX],
        next_step="`oakum sbom check FILE` lists all that is wrong with it; ask whoever made it for another.",
    )


def too_large(source: Source, place: str, reason: str) -> SbomError:
    """Return the fault of a file beyond a limit that no honest one comes near."""
    return SbomError(
        code="sbom_too_large",
        name=source.name,
        place=place,
        reason=reason[:SHOWN_LENGTH_MAX],
        next_step="Check where the file came from; if it is genuine, split it, or report it so that the limit rises.",
    )
