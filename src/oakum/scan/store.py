"""What the imported feeds say, read straight from the database.

By SQL of its own and not by the ORM: importing it takes longer than a whole scan may.  Tests hold the answers to those
of ``intel.queries``.  It reads only, and only what publishers say: what an organisation's own hosts told stays with it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from oakum.config import parse_database_url
from oakum.core.errors import StoreError
from oakum.core.matching import RangeFacts
from oakum.core.ratings import Rating
from oakum.core.vex import Statement

PARAMETER_COUNT_MAX: Final = 500  # of one statement
BUSY_SECONDS: Final = 20
CVSS_VERSION_WITHOUT_PREFIX: Final = 2  # its vectors name no version

_FEEDS: Final = """
SELECT name, kind, imported_at, record_count FROM intel_feed
 WHERE generation > 0 AND kind <> 'host' ORDER BY name
"""
_HAS_STREAM: Final = """
SELECT f.name
  FROM intel_feed f
 WHERE EXISTS (SELECT 1
                 FROM intel_affectedrange r JOIN intel_advisory a ON a.id = r.advisory_id
                WHERE r.stream = ? AND a.feed_id = f.id AND a.organisation_id IS NULL
                  AND a.generation <= f.generation AND (a.generation_end IS NULL OR a.generation_end > f.generation))
"""
_RANGES: Final = """
SELECT r.advisory_id, f.name, a.ref, a.cves, r.stream, r.scheme, r.name, r.low_key, r.high_key, r.fixed_version,
       r.state, r.level, r.architectures
  FROM intel_affectedrange r
  JOIN intel_advisory a ON a.id = r.advisory_id
  JOIN intel_feed f ON f.id = a.feed_id
 WHERE r.stream = ? AND r.name IN ({names})
   AND a.generation <= f.generation AND (a.generation_end IS NULL OR a.generation_end > f.generation)
   AND a.withdrawn_at IS NULL AND a.organisation_id IS NULL
"""
_STATEMENTS: Final = """
SELECT v.id, v.author, v.vulnerability, v.aliases, v.stream, v.name, v.level, v.architecture, v.product, v.versions,
       v.status, v.justification, COALESCE(v.said_at, f.imported_at)
  FROM intel_vexstatement v
  JOIN intel_feed f ON f.id = v.feed_id
 WHERE v.stream = ? AND v.name IN ({names}) AND v.generation = f.generation AND v.organisation_id IS NULL
"""
_ADVISORIES: Final = "SELECT id, title, severity, published_at, cves FROM intel_advisory WHERE id IN ({names})"
_RATINGS: Final = """
SELECT cve, summary, cvss_vector, cvss_score, cvss_source FROM intel_vulnerability WHERE cve IN ({names})
"""
_KEV: Final = """
SELECT k.cve, k.added_on, k.due_on, k.ransomware
  FROM intel_keventry k JOIN intel_feed f ON f.id = k.feed_id
 WHERE k.generation = f.generation AND k.cve IN ({names})
"""
_EPSS: Final = """
SELECT e.cve, e.score, e.percentile
  FROM intel_epssscore e JOIN intel_feed f ON f.id = e.feed_id
 WHERE e.generation = f.generation AND e.cve IN ({names})
"""


class Cursor(Protocol):
    """What both databases' drivers have in common (DB-API 2.0)."""

    def execute(self, statement: str, parameters: Sequence[object] = ..., /) -> Any:
        """Run a statement."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""


class Connection(Protocol):
    """The same of a connection."""

    def cursor(self) -> Cursor:
        """Return a cursor."""

    def close(self) -> None:
        """Close it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """An imported feed, and when it was imported."""

    name: str
    kind: str
    imported_at: datetime | None
    record_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryFacts:
    """What an advisory says beside its ranges."""

    title: str
    severity: str
    published_at: datetime | None
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """What is known of a vulnerability; None and "" where nobody has told."""

    cve: str
    summary: str = ""
    rating: Rating | None = None
    rated_by: str = ""
    epss: float | None = None
    epss_percentile: float | None = None
    kev_listed_on: date | None = None
    kev_due_on: date | None = None
    ransomware: str = ""


class Store:
    """The feeds of one database."""

    def __init__(self, connection: Connection, *, mark: str) -> None:
        """Keep an open connection; ``mark`` is its driver's mark of a parameter, ``?`` or ``%s``."""
        self._connection = connection
        self._mark = mark
        # An advisory's list comes with each of its ranges.
        self._read_texts: dict[str, tuple[str, ...]] = {}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def feeds(self) -> tuple[FeedState, ...]:
        """Return the imported feeds by name."""
        return tuple(
            FeedState(name=name, kind=kind, imported_at=_instant(imported_at), record_count=count)
            for name, kind, imported_at, count in self._rows(_FEEDS)
        )

    def feeds_of(self, stream: str) -> tuple[str, ...]:
        """Return the feeds that say anything of a stream's packages."""
        return tuple(sorted(name for (name,) in self._rows(_HAS_STREAM, stream)))

    def ranges(self, stream: str, names: Collection[str]) -> Iterator[RangeFacts]:
        """Yield the affected ranges that stand now for these packages of a stream, of every imported feed."""
        for row in self._rows_of(_RANGES, names, stream):
            yield RangeFacts(
                advisory_id=row[0],
                feed_name=row[1],
                organisation_id=None,
                ref=row[2],
                cves=self._texts(row[3]),
                stream=row[4],
                scheme=row[5],
                name=row[6],
                low=bytes(row[7]),
                high=None if row[8] is None else bytes(row[8]),
                fixed_version=row[9],
                state=row[10],
                level=row[11],
                architectures=tuple(row[12].split()),
            )

    def statements(self, stream: str, names: Collection[str]) -> Iterator[Statement]:
        """Yield what VEX documents say now of these packages of a stream."""
        for row in self._rows_of(_STATEMENTS, names, stream):
            said_at = _instant(row[12])
            assert said_at is not None, "a generation that is seen was imported at some instant"
            yield Statement(
                number=row[0],
                author=row[1],
                vulnerability=row[2],
                aliases=self._texts(row[3]),
                stream=row[4],
                name=row[5],
                level=row[6],
                architecture=row[7],
                product=row[8],
                versions=row[9],
                status=row[10],
                justification=row[11],
                said_at=said_at,
            )

    def advisories(self, ids: Collection[int]) -> dict[int, AdvisoryFacts]:
        """Return advisories by their id."""
        return {
            row[0]: AdvisoryFacts(
                title=row[1],
                severity=row[2].strip().lower(),
                published_at=_instant(row[3]),
                cves=tuple(sorted(self._texts(row[4]))),
            )
            for row in self._rows_of(_ADVISORIES, ids)
        }

    def threats(self, cves: Collection[str]) -> dict[str, Threat]:
        """Return what is known of each of the vulnerabilities."""
        ratings = {row[0]: row for row in self._rows_of(_RATINGS, cves)}
        listings = {row[0]: row for row in self._rows_of(_KEV, cves)}
        scores = {row[0]: row for row in self._rows_of(_EPSS, cves)}
        found = {}
        for cve in cves:
            _, summary, vector, score, source = ratings.get(cve, ("", "", "", None, ""))
            _, listed_on, due_on, ransomware = listings.get(cve, ("", None, None, ""))
            _, epss, percentile = scores.get(cve, ("", None, None))
            found[cve] = Threat(
                cve=cve,
                summary=summary,
                rating=_rating(vector, score),
                rated_by=source,
                epss=epss,
                epss_percentile=percentile,
                kev_listed_on=_day(listed_on),
                kev_due_on=_day(due_on),
                ransomware=ransomware,
            )
        return found

    def _texts(self, value: list[str] | str) -> tuple[str, ...]:
        """Return a list of JSON, which PostgreSQL's driver has read already."""
        if not isinstance(value, str):
            return tuple(value)
        if value not in self._read_texts:
            self._read_texts[value] = tuple(json.loads(value))
        return self._read_texts[value]

    def _rows_of(self, statement: str, wanted: Collection[object], *before: object) -> Iterator[Any]:
        """Yield the rows of a statement with a list of values, however long the list is."""
        values = list(wanted)
        for start in range(0, len(values), PARAMETER_COUNT_MAX):
            chunk = values[start : start + PARAMETER_COUNT_MAX]
            yield from self._rows(statement.format(names=", ".join("?" * len(chunk))), *before, *chunk)

    def _rows(self, statement: str, *parameters: object) -> Iterable[Any]:
        cursor = self._connection.cursor()
        cursor.execute(statement.replace("?", self._mark), parameters)
        return cursor.fetchall()


def open_store(database_url: str) -> Store | None:
    """Open the database that Oakum uses; None where the embedded one has not been made yet.

    Raises:
        OperatorError: the address names no database Oakum knows.
        StoreError: the database does not answer, or may not be read.
    """
    settings = parse_database_url(database_url)
    if str(settings["ENGINE"]).endswith("sqlite3"):
        return _open_sqlite(Path(str(settings["NAME"])))
    return _open_postgres(settings)


def _open_sqlite(path: Path) -> Store | None:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        if not path.exists():
            return None
        try:
            connection = _connected(address)
        except sqlite3.OperationalError:
            # Who may read the file but not write beside it cannot open its log; where there is none, none is needed.
            log = path.with_name(f"{path.name}-wal")
            if log.exists() and log.stat().st_size:
                raise
            connection = _connected(f"{address}&immutable=1")
    except (sqlite3.Error, OSError) as error:
        raise _unreachable(error) from error
    return Store(connection, mark="?")


def _connected(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)
    connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return connection


def _open_postgres(settings: dict[str, object]) -> Store:
    import psycopg  # noqa: PLC0415 - whoever uses the embedded database does not pay for it

    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    told = {word: str(settings[name]) for name, word in names.items() if settings[name]}
    try:
        address = psycopg.conninfo.make_conninfo("", **told, options="-c default_transaction_read_only=on")
        connection = psycopg.connect(address, connect_timeout=BUSY_SECONDS, autocommit=True)
    except psycopg.Error as error:
        raise _unreachable(error) from error
    return Store(connection, mark="%s")


def _unreachable(error: Exception) -> StoreError:
    return StoreError(
        code="database_unreachable",
        sentence=f"The database does not answer: {str(error).strip().splitlines()[0]}.",
        next_step="Check OAKUM_DATA_DIR or OAKUM_DATABASE_URL, and that this user may read it.",
    )


def _instant(value: datetime | str | None) -> datetime | None:
    """Return an aware instant: SQLite keeps UTC as text without a zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _day(value: date | str | None) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _rating(vector: str, score: float | None) -> Rating | None:
    if score is None:
        return None
    digit = vector[5:6] if vector.startswith("CVSS:") else ""
    version = int(digit) if digit.isdigit() else CVSS_VERSION_WITHOUT_PREFIX
    return Rating(vector=vector, score=score, version=version if vector else 3)
