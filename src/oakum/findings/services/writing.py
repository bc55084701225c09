"""Write what matching has changed of the findings, in short transactions, each with its journal entry.

Set-based and idempotent: what is stored already as it was found is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from oakum.core.matching import Match
from oakum.findings.index import note_finding_changes
from oakum.findings.models import Finding
from oakum.findings.services.rows import FINDINGS, add_missing
from oakum.journal.services import append

ROW_COUNT_MAX: Final = 900  # of one write transaction

# Runs on SQLite and PostgreSQL: one statement a row and all rows in one batch.
_CHANGE: Final = """
UPDATE findings_finding
   SET advisory_id = %s, state = %s, state_author = %s, fixed_version = %s, evidence = %s
 WHERE id = %s
"""
_STORED: Final = ("package_version_id", "feed_name", "organisation_id", "advisory_ref", "id")
_COMPARED: Final = ("advisory_id", "state", "state_author", "fixed_version", "evidence")

Key = tuple[int, str, UUID | None, str]
Compared = tuple[int, str, str, str, str]


@dataclass(slots=True, kw_only=True)
class Writer:
    """Collects what changes in one stream and writes it whenever a transaction's worth has come together."""

    stream: str
    now: datetime
    appeared: list[Match] = field(default_factory=list)
    changed: list[tuple[int, Match]] = field(default_factory=list)
    gone: list[tuple[int, int]] = field(default_factory=list)  # finding, package version
    version_count: int = 0
    totals: list[int] = field(default_factory=lambda: [0, 0, 0])

    def take(self, versions: Sequence[int], matches: Iterable[Match]) -> None:
        """Compare what was found for these package versions with what is stored."""
        stored = _stored(versions)
        self.version_count += len(versions)
        for each in matches:
            before = stored.pop(each.key, None)
            if before is None:
                self.appeared.append(each)
            elif before[1] != _compared(each):
                self.changed.append((before[0], each))
            self._flush_if_full()
        for key, left in stored.items():
            self.gone.append((left[0], key[0]))
            self._flush_if_full()

    def _flush_if_full(self) -> None:
        if len(self.appeared) + len(self.changed) + len(self.gone) >= ROW_COUNT_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        counts = [len(self.appeared), len(self.changed), len(self.gone)]
        if not any(counts):
            return
        with transaction.atomic():
            _add(self.appeared, self.now)
            _change(self.changed)
            Finding.objects.filter(id__in=[id_ for id_, _ in self.gone]).delete()
            note_finding_changes(self._touched(), now=self.now)
            if counts[0] or counts[2]:
                _journal(self.stream, counts, self.now)
        self.totals = [total + count for total, count in zip(self.totals, counts, strict=True)]
        self.appeared, self.changed, self.gone = [], [], []

    def _touched(self) -> set[int]:
        touched = {each.package_version_id for each in self.appeared}
        touched.update(each.package_version_id for _, each in self.changed)
        touched.update(version_id for _, version_id in self.gone)
        return touched


def _stored(versions: Sequence[int]) -> dict[Key, tuple[int, Compared]]:
    rows = Finding.objects.filter(package_version_id__in=versions).values_list(*_STORED, *_COMPARED)
    return {(row[0], row[1], row[2], row[3]): (row[4], row[5:]) for row in rows.iterator(chunk_size=2_000)}


def _compared(each: Match) -> Compared:
    return (each.advisory_id, each.state, each.state_author, each.fixed_version, each.evidence)


def _add(appeared: Sequence[Match], now: datetime) -> None:
    if not appeared:
        return
    since = _adapted("since", now)
    owners = {owner: _adapted("organisation_id", owner) for owner in {each.organisation_id for each in appeared}}
    rows = [
        (each.package_version_id, owners[each.organisation_id], each.feed_name, each.ref, *_compared(each), since)
        for each in appeared
    ]
    add_missing(FINDINGS, rows)


def _adapted(name: str, value: object) -> Any:
    """Return a value as the database driver takes it for a column."""
    column: Any = Finding._meta.get_field(name)  # noqa: SLF001 - Django's documented way
    return column.get_db_prep_save(value, connection)


def _change(changed: Sequence[tuple[int, Match]]) -> None:
    if changed:
        with connection.cursor() as cursor:
            cursor.executemany(_CHANGE, [(*_compared(each), id_) for id_, each in changed])


def _journal(stream: str, counts: Sequence[int], now: datetime) -> None:
    append(
        organisation_id=None,
        kind="findings.assessed",
        actor="loop:assess",
        subject=f"stream:{stream}",
        payload={"stream": stream, "appeared_count": counts[0], "changed_count": counts[1], "gone_count": counts[2]},
        now=now,
    )
