"""Take hosts that have changed into the index: diff against what was indexed last, write both sides together.

Each transaction leaves the bitmaps and the indexed hosts in agreement, under the lock of the shard's row; so it may be
killed at any instant, and two that run at once wait for each other.  Which hosts to look at is ``looking``'s matter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from pyroaring import BitMap

from oakum.findings.index.shards import (
    ID_COUNT,
    ROW_COUNT_MAX,
    get_hosts,
    host_rows,
    indexed_row,
    packages_of,
    put_hosts,
    told_of,
)
from oakum.findings.models import IndexedHost, IndexShard
from oakum.fleet.models import HostState
from oakum.fleet.sets import load_set

HOST_COUNT_MAX = 300  # looked at in one transaction


@dataclass(slots=True, kw_only=True)
class _Batch:
    """What one transaction will write."""

    plus: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    minus: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    rows: list[dict[str, Any]] = field(default_factory=list)

    def versions(self) -> frozenset[int]:
        """Return the package versions whose bitmaps change."""
        return frozenset(self.plus) | frozenset(self.minus)


def take_hosts(shard_id: int, ordinals: Sequence[int]) -> tuple[int, int]:
    """Bring the index up to these hosts of a shard; return how many had changed, and how many rows were written.

    Short transactions: at most ROW_COUNT_MAX rows each, more only where one host alone changes more.
    """
    changed = written = start = 0
    while start < len(ordinals):
        with transaction.atomic():
            shard = IndexShard.objects.select_for_update().get(id=shard_id)
            if not shard.generation:
                return changed, written  # Never built: the rebuild reads every host.
            batch, looked_at = _collect(shard, ordinals[start : start + HOST_COUNT_MAX])
            if batch.rows:
                written += _write(shard, batch)
        changed += len(batch.rows)
        start += looked_at
    return changed, written


def _collect(shard: IndexShard, ordinals: Sequence[int]) -> tuple[_Batch, int]:
    """Return what is to be written for as many of the hosts, from the first on, as one transaction holds."""
    batch = _Batch()
    rows = host_rows(shard, ordinals)
    before = _indexed(shard, [row["id"] for row in rows])
    for row in rows:
        own = before.get(row["ordinal"])
        if own is None and row["state"] == HostState.RETIRED:
            continue
        if own is not None and _is_same(own, row):
            continue
        old = load_set(own.package_set) if own else BitMap()
        new = load_set(packages_of(row))
        added, removed = new - old, old - new
        fresh = len((added | removed) - BitMap(batch.versions()))
        if batch.rows and len(batch.versions()) + fresh + len(batch.rows) >= ROW_COUNT_MAX:
            return batch, sum(ordinal < row["ordinal"] for ordinal in ordinals)
        for version_id in added:
            batch.plus[version_id].append(row["ordinal"])
        for version_id in removed:
            batch.minus[version_id].append(row["ordinal"])
        batch.rows.append(row)
    return batch, len(ordinals)


def _indexed(shard: IndexShard, host_ids: Sequence[UUID]) -> Mapping[int, IndexedHost]:
    """Return what is indexed of these hosts, by ordinal; asked by id, which the index of the table is of."""
    found: dict[int, IndexedHost] = {}
    for start in range(0, len(host_ids), ID_COUNT):
        rows = IndexedHost.objects.filter(
            organisation_id=shard.organisation_id,
            shard_id=shard.id,
            generation=shard.generation,
            host_id__in=host_ids[start : start + ID_COUNT],
        )
        found |= {row.ordinal: row for row in rows}
    return found


def _is_same(own: IndexedHost, row: Mapping[str, Any]) -> bool:
    return (own.told, bytes(own.package_set), bytes(own.running_old_set)) == (
        told_of(row),
        packages_of(row),
        bytes(row["running_old_set"]),
    )


def _write(shard: IndexShard, batch: _Batch) -> int:
    """Write both sides and say how many rows these were."""
    revision, versions = shard.revision + 1, batch.versions()
    bitmaps = get_hosts(shard, versions, generation=shard.generation)
    put_hosts(
        shard,
        (
            (each, (bitmaps.get(each, BitMap()) | BitMap(batch.plus.get(each, ()))) - BitMap(batch.minus.get(each, ())))
            for each in sorted(versions)
        ),
        generation=shard.generation,
        revision=revision,
    )
    IndexedHost.objects.bulk_create(
        [indexed_row(shard, row, generation=shard.generation, revision=revision) for row in batch.rows],
        update_conflicts=True,
        unique_fields=["organisation", "shard", "generation", "host_id"],
        update_fields=["revision", "has_left", "told", "package_set", "running_old_set"],
    )
    IndexShard.objects.filter(id=shard.id).update(revision=F("revision") + 1)
    return len(versions) + len(batch.rows)
