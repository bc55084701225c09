"""What importers give, and how they word that a file cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.core.streams import LEVELS
from oakum.core.vex import STATUSES

HEAD_BYTES = 4_096
YEAR_MIN = 1990  # nothing that is read here is older
FILE_BYTES_MAX = 4 * 1024**3  # the largest published feed has a few hundred MB


@dataclass(frozen=True, slots=True, kw_only=True)
class KevRecord:
    """A CVE listed as exploited.  ``ransomware``: known or unknown; ``forensic_triage``: yes, no or unknown."""

    cve: str
    name: str
    summary: str
    added_on: date
    due_on: date | None
    ransomware: str
    forensic_triage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EpssRecord:
    """FIRST's estimate for one CVE; ``percentile`` None where it is not told."""

    cve: str
    score: float
    percentile: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpssDay:
    """Of which day and of which model the scores are; both empty or None where the file does not tell."""

    model_version: str
    scored_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CveFactsRecord:
    """What one source says of one CVE; empty where it says nothing.

    ``exploitation`` is none, poc or active, ``automatable`` yes or no, ``technical_impact`` partial or total: the SSVC
    points of CISA's vulnrichment.  ``cvss_vectors`` are all that the source gives, whatever the version.
    """

    cve: str
    summary: str = ""
    exploitation: str = ""
    automatable: str = ""
    technical_impact: str = ""
    cvss_vectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersedenceRecord:
    """An update that replaces another one (Microsoft's KB articles), in one product or, empty, wherever both are."""

    update: str
    replaces: str
    product: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VexRecord:
    """What an author says of one vulnerability in one package (OpenVEX, CSAF, CycloneDX).

    ``document`` is the document's own id, ``vulnerability`` a CVE id or another publisher's, ``aliases`` further ones.
    ``name`` is a source package's where ``level`` says so; ``versions`` is a VERS range, empty: all; ``architecture``
    empty: all.  ``product`` is what the author speaks of where the package is a part of it: an image, an application.
    ``status`` is a VEX status, ``justification`` the format's own word.  ``said_at`` is None where nobody tells.
    """

    document: str
    author: str
    vulnerability: str
    aliases: tuple[str, ...]
    stream: str
    name: str
    level: str
    versions: str
    architecture: str
    product: str
    status: str
    justification: str
    statement: str
    said_at: datetime | None

    def __post_init__(self) -> None:  # noqa: D105 - the class says it
        assert self.status in STATUSES
        assert self.level in LEVELS


Record = AdvisoryRecord | KevRecord | EpssRecord | EpssDay | CveFactsRecord | SupersedenceRecord | VexRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one record of the file amounts to.

    ``record`` is None where it is not for us, ``more`` are further ones of the same record of the file (a Microsoft
    document holds advisories and supersedences); ``skipped`` are the reasons why parts were left out, to be counted.
    """

    record: Record | None
    skipped: tuple[str, ...] = ()
    more: tuple[Record, ...] = ()

    @property
    def records(self) -> tuple[Record, ...]:
        """All that it holds for us."""
        return (() if self.record is None else (self.record,)) + self.more


def unreadable(path: Path, place: str, reason: str) -> FeedError:
    """Return the fault of a file that is cut, corrupt or not what it claims to be."""
    where = f"{path.name}, {place}" if place else path.name
    return FeedError(
        code="feed_unreadable",
        sentence=f"{where}: {reason}; nothing was changed.",
        next_step="Fetch the file again and import it anew; the former import is still in use.",
    )


def too_large(path: Path, place: str, reason: str) -> FeedError:
    """Return the fault of a file beyond a limit that no honest feed comes near."""
    return FeedError(
        code="feed_too_large",
        sentence=f"{path.name}{f', {place}' if place else ''}: {reason}; nothing was changed.",
        next_step="Check where the file came from; if it is genuine, report it so that the limit can be raised.",
    )


def check_size(path: Path, bytes_max: int) -> None:
    """Refuse a file larger than ``bytes_max``.

    Raises:
        FeedError: it is larger, or cannot be looked at.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(path, "", f"it cannot be read ({error.strerror or error})") from error
    if size > bytes_max:
        raise too_large(path, "", f"it has {size} bytes, more than {bytes_max}")


def parse_instant(text: object) -> datetime | None:
    """Return an RFC 3339 text's instant in UTC, None where there is none: dates are told for people, not matched.

    Go's database has the year 1 where nothing is told.
    """
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
        told = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return told if told.year >= YEAR_MIN else None
