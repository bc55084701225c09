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

# Looked up 600 times a report, so by stream first: a key of six words is not built for it.
_known: dict[str, dict[VersionKey, int]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """Ids of the package versions asked for, in that order; None for those that could not be taken.

    ``odd``: words as they should be, but a version that its scheme refuses.  ``broken``: not even words.
    """

    ids: Sequence[int | None]
    odd: Mapping[VersionKey, str]
    broken: Mapping[VersionKey, str]


def find_versions(stream: str, keys: Sequence[VersionKey], *, now: datetime) -> Versions:
    """Return the ids of these package versions, making the rows that are missing.

    It opens short transactions of its own; call it before opening one.
    """
    known = _known.get(stream, {})
    ids = list(map(known.get, keys))
    newest = max(filter(None, ids), default=None)  # no id is 0
    if newest is not None and not _still_there(stream, keys[ids.index(newest)], newest):
        _known.clear()
        ids = [None] * len(keys)
    if None not in ids:
        return Versions(ids=ids, odd={}, broken={})
    return _ask(stream, keys, ids, now)


def _still_there(stream: str, key: VersionKey, version_id: int) -> bool:
    """Say whether the newest of the remembered rows stands: a database restored beneath us has other ids."""
    name, version, architecture, _, _ = key
    with connection.cursor() as cursor:
        cursor.execute(STANDS_SQL, [version_id, stream, name, version, architecture])
        return cursor.fetchone() is not None


def _ask(stream: str, keys: Sequence[VersionKey], ids: Sequence[int | None], now: datetime) -> Versions:
    missing = [key for key, version_id in zip(keys, ids, strict=True) if version_id is None]
    broken = {key: fault for key in missing if (fault := words_problem(*key))}
    if broken:  # The report will be refused: nothing of it needs a row.
        return Versions(ids=ids, odd={}, broken=broken)
    rows = {key: VersionRow(stream, *key) for key in missing}
    upserted = upsert_versions(rows=rows.values(), now=now)
    found = {key: upserted.ids[row] for key, row in rows.items() if row in upserted.ids}
    odd = {key: upserted.refused[row] for key, row in rows.items() if key not in found}
    _remember(stream, found)
    ids = [found.get(key) if known is None else known for key, known in zip(keys, ids, strict=True)]
    return Versions(ids=ids, odd=odd, broken=broken)


def _remember(stream: str, found: Mapping[VersionKey, int]) -> None:
    if transaction.get_connection().in_atomic_block:
        return  # What is not committed may never have been.
    excess = sum(map(len, _known.values())) + len(found) - KNOWN_COUNT_MAX
    if excess > 0:
        _forget(excess + FORGET_COUNT)
    _known.setdefault(stream, {}).update(found)


def _forget(count: int) -> None:
    """Forget the oldest, of the stream that was seen first: dicts keep order."""
    for stream, known in list(_known.items()):
        going = list(known)[:count]
        for key in going:
            known.pop(key, None)
        if not known:
            _known.pop(stream, None)
        count -= len(going)
        if count <= 0:
            return
