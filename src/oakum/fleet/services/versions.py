"""Package versions to ids, fast for what has been seen before: a fleet's hosts share nearly all of their packages.

The catalogue owns the rows and decides what may become one; here is only a memory in front of it, and the line between
an odd version (left out) and garbage (refused).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from oakum.catalogue.models import PackageVersion
from oakum.catalogue.services import VersionRow, upsert_versions
from oakum.fleet.shape import words_problem

# About 50 MB at worst; 50,000 distinct versions are a large fleet's.
KNOWN_COUNT_MAX = 100_000
FORGET_COUNT = 10_000

# Asked with every report; the ORM would take ten times as long to word the same.
STANDS_SQL = (
    f"SELECT 1 FROM {PackageVersion._meta.db_table} "  # noqa: S608, SLF001 - a constant; Django's own name for it
    "WHERE id = %s AND stream = %s AND name = %s AND version = %s AND architecture = %s"
)

VersionKey = tuple[str, str, str, str, str]  # name, version, architecture, source name, source version

# By stream and key: as VersionRow, which is equal to the plain tuple and hashed alike.
_known: dict[tuple[str, ...], int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Ids of the package versions that could be taken; the others by what is wrong with them.

    ``odd``: words as they should be, but a version that its scheme refuses.  ``broken``: not even words.
    """

    ids: Mapping[VersionKey, int]
    odd: Mapping[VersionKey, str]
    broken: Mapping[VersionKey, str]


def find_versions(stream: str, keys: Sequence[VersionKey], *, now: datetime) -> Versions:
    """Return the ids of these package versions, making the rows that are missing.

    It opens short transactions of its own; call it before opening one.
    """
    ids: dict[VersionKey, int] = {}
    missing: list[VersionKey] = []
    for key in keys:
        known = _known.get((stream, *key))
        if known is None:
            missing.append(key)
        else:
            ids[key] = known
    if ids and not _still_there(stream, max(ids.items(), key=lambda item: item[1])):
        _known.clear()
        ids, missing = {}, list(keys)
    if not missing:
        return Versions(ids=ids, odd={}, broken={})
    return _ask(stream, missing, ids, now)


def _still_there(stream: str, newest: tuple[VersionKey, int]) -> bool:
    """Say whether the newest of the remembered rows stands: a database restored beneath us has other ids."""
    (name, version, architecture, _, _), version_id = newest
    with connection.cursor() as cursor:
        cursor.execute(STANDS_SQL, [version_id, stream, name, version, architecture])
        return cursor.fetchone() is not None


def _ask(stream: str, missing: Sequence[VersionKey], ids: dict[VersionKey, int], now: datetime) -> Versions:
    odd: dict[VersionKey, str] = {}
    broken = {key: fault for key in missing if (fault := words_problem(*key))}
    if broken:  # The report will be refused: nothing of it needs a row.
        return Versions(ids=ids, odd=odd, broken=broken)
    rows = {VersionRow(stream, *key): key for key in missing}
    upserted = upsert_versions(rows=rows.keys(), now=now)
    for row, key in rows.items():
        if row in upserted.ids:
            ids[key] = upserted.ids[row]
        else:
            odd[key] = upserted.refused[row]
    _remember(upserted.ids)
    return Versions(ids=ids, odd=odd, broken=broken)


def _remember(found: Mapping[VersionRow, int]) -> None:
    if transaction.get_connection().in_atomic_block:
        return  # What is not committed may never have been.
    if len(_known) + len(found) > KNOWN_COUNT_MAX:
        for row in list(_known)[: FORGET_COUNT + len(found)]:  # the oldest first: dicts keep order
            _known.pop(row, None)
    _known.update(found.items())
