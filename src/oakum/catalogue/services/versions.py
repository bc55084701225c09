"""Find or make the rows of package versions, by sets.

Rows are never changed and never deleted, so whoever has an id may keep it for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from oakum.catalogue.models import PackageVersion
from oakum.core.purls import is_word, purl_of
from oakum.core.streams import normal_name, scheme_of_stream
from oakum.core.versions import InvalidVersion, UnknownStream, order_key

ROW_COUNT_MAX = 100_000  # of one call; a host has at most 40,000 packages and 40,000 offers
CHUNK_COUNT = 500  # rows of one statement and of one write transaction
PURL_COUNT_MAX = 50_000  # remembered texts; a fleet's hosts share most of their packages

_LENGTHS = {"stream": 60, "name": 200, "version": 200, "architecture": 30, "source_name": 200, "source_version": 200}
_MAY_BE_EMPTY = "architecture"


class VersionRow(NamedTuple):
    """What makes a package version one.

    The source is part of it: a host that lies about a package's source makes a row of its own, and cannot change what
    other hosts' packages are matched with.  Where there is no source, it is the package itself; packages that fit every
    architecture, or know none, may have an empty one.
    """

    stream: str
    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertedVersions:
    """The id of each row that could be taken; the others with the reason, in words that name the package."""

    ids: Mapping[VersionRow, int]
    refused: Mapping[VersionRow, str]


def upsert_versions(*, rows: Collection[VersionRow], now: datetime) -> UpsertedVersions:
    """Return the ids of these package versions, making the rows that are missing.

    Names that an ecosystem holds for one (PyPI's ``Zope.Interface`` and ``zope-interface``) are one row.

    A row that is none (a version that its scheme refuses, a stream without a known order) is refused by name and does
    not hold up the others.  Each chunk is a transaction of its own unless the caller has one open; call it before
    opening one, since two callers that insert the same rows wait for each other.
    """
    assert len(rows) <= ROW_COUNT_MAX, "a caller bounds what it passes on"
    refused: dict[VersionRow, str] = {}
    ids: dict[VersionRow, int] = {}
    normal = {row: _normal(row) for row in rows}
    # In one order everywhere: two transactions that insert the same rows then wait, and never for each other.
    for chunk in _chunks(sorted(set(normal.values()))):
        found = _find(chunk)
        missing = [row for row in chunk if row not in found]
        if missing:
            found |= _make(missing, refused, now)
        ids |= found
    return UpsertedVersions(
        ids={row: ids[each] for row, each in normal.items() if each in ids},
        refused={row: refused[each] for row, each in normal.items() if each in refused},
    )


def _normal(row: VersionRow) -> VersionRow:
    name, source_name = normal_name(row.stream, row.name), normal_name(row.stream, row.source_name)
    return (
        row if (name, source_name) == (row.name, row.source_name) else row._replace(name=name, source_name=source_name)
    )


def _chunks(rows: Sequence[VersionRow]) -> Iterator[Sequence[VersionRow]]:
    for start in range(0, len(rows), CHUNK_COUNT):
        yield rows[start : start + CHUNK_COUNT]


def _find(rows: Sequence[VersionRow]) -> dict[VersionRow, int]:
    """Return the ids of the rows that exist.  The purl finds them, the whole identity decides."""
    wanted = set(rows)
    found = PackageVersion.objects.filter(purl__in=[_purl(*row[:4]) for row in rows])
    return {row: id_ for id_, row in _identities(found) if row in wanted}


def _find_by_name(rows: Sequence[VersionRow]) -> dict[VersionRow, int]:
    """Find rows whose purl was spelled otherwise when they were made: the slow way, for the few that need it."""
    wanted = set(rows)
    found = PackageVersion.objects.filter(stream__in={row.stream for row in rows}, name__in={row.name for row in rows})
    return {row: id_ for id_, row in _identities(found) if row in wanted}


def _identities(found: QuerySet[PackageVersion]) -> Iterator[tuple[int, VersionRow]]:
    for id_, *identity in found.values_list("id", *VersionRow._fields):
        yield id_, VersionRow(*identity)


def _make(rows: Sequence[VersionRow], refused: dict[VersionRow, str], now: datetime) -> dict[VersionRow, int]:
    made: list[PackageVersion] = []
    taken: list[VersionRow] = []
    for row in rows:
        version = _package_version(row, now)
        if isinstance(version, str):
            refused[row] = version
        else:
            made.append(version)
            taken.append(row)
    if not made:
        return {}
    with transaction.atomic():
        # Another process may have made some of them by now: theirs stand, and are found below.
        PackageVersion.objects.bulk_create(made, ignore_conflicts=True)
    found = _find(taken)
    if len(found) < len(taken):
        found |= _find_by_name([row for row in taken if row not in found])
    assert len(found) == len(taken), "what was inserted, or was there already, is found"
    return found


def _package_version(row: VersionRow, now: datetime) -> PackageVersion | str:
    """Return the row to insert, or why it is none."""
    for field, value in zip(row._fields, row, strict=True):
        if len(value) > _LENGTHS[field] or not (
            is_word(value, stream=row.stream) or (field == _MAY_BE_EMPTY and not value)
        ):
            return f"{row.name[:80]!r}: {field} is empty, too long or not printable"
    try:
        scheme = scheme_of_stream(row.stream)
        key, source_key = order_key(scheme, row.version), order_key(scheme, row.source_version)
    except (InvalidVersion, UnknownStream) as error:
        return f"{row.name}: {error}"
    return PackageVersion(
        **row._asdict(),
        scheme=scheme,
        order_key=key,
        source_order_key=source_key,
        purl=_purl(*row[:4]),
        first_seen_at=now,
    )


@lru_cache(maxsize=PURL_COUNT_MAX)
def _purl(stream: str, name: str, version: str, architecture: str) -> str:
    try:
        return purl_of(stream=stream, name=name, version=version, architecture=architecture)
    except ValueError:
        return ""  # no such package can be; whoever wanted its row is told why
