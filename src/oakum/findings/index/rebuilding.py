"""Build a shard anew from its hosts' sets, beside the one that readers see, and switch by one row.

Bitmaps of a generation are written in short transactions while nobody reads them; the switch takes the shard's lock.
What hosts report meanwhile is found by the next look, because what was indexed of each host stands beside.  A build
that is killed leaves rows that nobody reads; the next one removes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from pyroaring import BitMap

from oakum.findings.index.shards import (
    HOST_FIELDS,
    ensure_shard,
    indexed_row,
    ordinals_of,
    packages_of,
    put_hosts,
    shard_numbers,
)
from oakum.findings.models import IndexedHost, IndexShard, PackageHosts
from oakum.fleet.models import Host, HostState
from oakum.fleet.sets import load_set

T = TypeVar("T")

HOST_COUNT = 300  # written in one transaction: two blobs each
BITMAP_COUNT = 900  # written in one transaction
GATHER_COUNT = 8_192  # hosts whose ids are gathered before they go into bitmaps
REMOVE_COUNT = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """What a rebuild has made."""

    shard_count: int
    host_count: int
    bitmap_count: int


def rebuild_index(*, now: datetime, organisation_id: UUID | None = None) -> RebuildReport:
    """Build every shard (of one organisation) anew."""
    hosts = bitmaps = shards = 0
    for owner_id, number in shard_numbers():
        if organisation_id in {None, owner_id}:
            made = rebuild_shard(ensure_shard(owner_id, number), now=now)
            shards, hosts, bitmaps = shards + 1, hosts + made[0], bitmaps + made[1]
    return RebuildReport(shard_count=shards, host_count=hosts, bitmap_count=bitmaps)


def rebuild_shard(shard: IndexShard, *, now: datetime) -> tuple[int, int]:
    """Build one shard anew; return how many hosts and bitmaps it has."""
    with transaction.atomic():
        locked = IndexShard.objects.select_for_update().get(id=shard.id)
        generation = locked.generation_next
        IndexShard.objects.filter(id=shard.id).update(generation_next=generation + 1)
    gathered: dict[int, BitMap] = {}
    count = 0
    for rows in _slices(_hosts(shard), GATHER_COUNT):
        count += len(rows)
        _gather(rows, gathered)
        for part in _slices(rows, HOST_COUNT):
            with transaction.atomic():
                IndexedHost.objects.bulk_create(
                    [indexed_row(shard, row, generation=generation, revision=0) for row in part]
                )
    for pairs in _slices(gathered.items(), BITMAP_COUNT):
        for _, bitmap in pairs:
            bitmap.run_optimize()
        with transaction.atomic():
            put_hosts(shard, pairs, generation=generation, revision=0)
    _switch(shard, generation, now)
    _remove_former(shard)
    return count, len(gathered)


def _hosts(shard: IndexShard) -> Iterator[dict[str, Any]]:
    first, behind = ordinals_of(shard)
    rows = Host.objects.filter(organisation_id=shard.organisation_id, ordinal__gte=first, ordinal__lt=behind)
    yield from rows.exclude(state=HostState.RETIRED).order_by("ordinal").values(*HOST_FIELDS).iterator(chunk_size=1_000)


def _slices(items: Iterable[T], count: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while part := list(islice(iterator, count)):
        yield part


def _gather(rows: list[dict[str, Any]], into: dict[int, BitMap]) -> None:
    ordinals: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        ordinal = row["ordinal"]
        for version_id in load_set(packages_of(row)):
            ordinals[version_id].append(ordinal)
    for version_id, own in ordinals.items():
        if version_id in into:
            into[version_id].update(own)
        else:
            into[version_id] = BitMap(own)


def _switch(shard: IndexShard, generation: int, now: datetime) -> None:
    """Let readers see the new generation, unless a younger build has been faster."""
    with transaction.atomic():
        locked = IndexShard.objects.select_for_update().get(id=shard.id)
        if locked.generation < generation:
            IndexShard.objects.filter(id=shard.id).update(
                generation=generation, revision=locked.revision + 1, swept_at=now
            )


def _remove_former(shard: IndexShard) -> None:
    """Remove what no reader sees any more: every generation below the one that they do see."""
    seen = IndexShard.objects.get(id=shard.id).generation
    former = Q(organisation_id=shard.organisation_id, shard_id=shard.id, generation__lt=seen)
    _remove(PackageHosts.objects.filter(former))
    _remove(IndexedHost.objects.filter(former))


def _remove(rows: QuerySet[Any]) -> None:
    while ids := list(rows.order_by("id").values_list("id", flat=True)[:REMOVE_COUNT]):
        rows.model.objects.filter(id__in=ids).delete()
