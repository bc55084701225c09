"""Read what the risk side is made of as plain tuples: findings, advisories, vulnerabilities, package versions.

Literal SQL that runs on SQLite and PostgreSQL: a new process reads hundreds of thousands of these rows before its first
page, and the ORM takes four times as long for them.  It judges nothing (``risk_load``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection
from pyroaring import BitMap

from oakum.core.advisories import NOT_AFFECTED
from oakum.findings.queries.risk import ID_COUNT_MAX, SourceVersion
from oakum.sql import one_of, stored_id

# Instants come as text and are read here, each once: a few thousand stand behind hundreds of thousands of rows.
# COALESCE, so that no planner goes by the organisation, which most findings do not have.
# No look at the advisory's generation: findings follow a new one when the assess loop has matched it.  Until then the
# former word stands, or each import would make every host look clean for a while.
_FINDINGS: Final = """
SELECT package_version_id, organisation_id, feed_name, advisory_ref, state, fixed_version, evidence,
       CAST(since AS text), advisory_id
  FROM findings_finding
 WHERE COALESCE(organisation_id, %s) = %s AND state <> %s AND package_version_id {among}
"""
_ADVISORIES: Final = """
SELECT id, title, severity, CAST(published_at AS text), CAST(cves AS text)
  FROM intel_advisory
 WHERE withdrawn_at IS NULL AND id {among}
"""
_VULNERABILITIES: Final = """
SELECT cve, cvss_vector, cvss_score, cvss_source, ssvc_automatable, ssvc_technical_impact, ssvc_source
  FROM intel_vulnerability
 WHERE cve {among}
"""
_VERSIONS: Final = """
SELECT id, stream, name, source_name, source_version, source_order_key, scheme
  FROM catalogue_packageversion
 WHERE id {among}
"""


class FindingRow(NamedTuple):
    """A finding as it is stored.  A tuple: made hundreds of thousands of times, and gone a moment later."""

    package_version_id: int
    owner_id: UUID | None
    feed: str
    ref: str
    state: str
    fixed_version: str
    evidence: str
    since: datetime
    advisory_id: int


def finding_rows(organisation_id: UUID, version_ids: BitMap) -> Iterator[FindingRow]:
    """Yield the findings of package versions that this organisation may see, less those whose state says it is none."""
    own = stored_id(organisation_id)
    instants: dict[str, datetime] = {}
    refs: dict[int, str] = {}
    words: dict[str, str] = {}  # a few thousand, said a hundred thousand times
    for row in _read(_FINDINGS, (own, own, NOT_AFFECTED), version_ids):
        since = instants.get(row[7])
        if since is None:
            since = instants[row[7]] = instant(row[7])
        yield FindingRow(
            package_version_id=row[0],
            owner_id=None if row[1] is None else organisation_id,
            feed=words.setdefault(row[2], row[2]),
            ref=refs.setdefault(row[8], row[3]),
            state=words.setdefault(row[4], row[4]),
            fixed_version=words.setdefault(row[5], row[5]),
            evidence=row[6],
            since=since,
            advisory_id=row[8],
        )


def advisory_rows(ids: Collection[int]) -> Iterator[tuple[int, str, str, datetime | None, tuple[str, ...]]]:
    """Yield (id, title, severity, publication, CVEs in order) of advisories that are not withdrawn."""
    for rows in _batches(_ADVISORIES, (), sorted(ids)):
        told = json.loads(f"[{','.join(row[4] for row in rows)}]")  # one call for all: each has a word or two
        for row, cves in zip(rows, told, strict=True):
            yield row[0], row[1], row[2], None if row[3] is None else instant(row[3]), tuple(sorted(cves))


def vulnerability_rows(cves: Collection[str]) -> Iterator[tuple[Any, ...]]:
    """Yield (CVE, CVSS vector, score, source, SSVC automatable, technical impact, source)."""
    return _read(_VULNERABILITIES, (), sorted(cves))


def source_versions(ids: Collection[int]) -> dict[int, SourceVersion]:
    """Return package versions by their ids."""
    return {
        row[0]: SourceVersion(
            stream=row[1],
            name=row[2],
            source_name=row[3],
            source_version=row[4],
            source_key=bytes(row[5]),
            scheme=row[6],
        )
        for row in _read(_VERSIONS, (), ids)
    }


def instant(text: str) -> datetime:
    """Return an instant that either database has written; SQLite's has no zone and is in UTC."""
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _read(sql: str, parameters: tuple[Any, ...], wanted: Iterable[int] | Iterable[str]) -> Iterator[tuple[Any, ...]]:
    for rows in _batches(sql, parameters, wanted):
        yield from rows


def _batches(
    sql: str, parameters: tuple[Any, ...], wanted: Iterable[int] | Iterable[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of ID_COUNT_MAX wanted ids at a time; all of them are one parameter."""
    ids: list[int] | list[str] = list(wanted)  # type: ignore[assignment] # of either kind, never of both
    for start in range(0, len(ids), ID_COUNT_MAX):
        among, chunk = one_of(ids[start : start + ID_COUNT_MAX])
        with connection.cursor() as cursor:
            cursor.execute(sql.format(among=among), (*parameters, chunk))
            yield cursor.fetchall()
