"""Reads of the index: the hosts that have package versions, as bitmaps of ordinals.

It says what was indexed.  Answers about findings are ``queries``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from uuid import UUID

from pyroaring import BitMap

from oakum.findings.index.shards import ID_COUNT
from oakum.findings.models import IndexShard, PackageHosts

TRY_COUNT_MAX = 5
CHUNK_ROWS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardMark:
    """What of a shard a reader has seen."""

    shard_id: int
    generation: int
    revision: int


def shard_marks(organisation_id: UUID) -> tuple[ShardMark, ...]:
    """Return where each of the organisation's shards stands."""
    rows = IndexShard.objects.filter(organisation_id=organisation_id).order_by("number")
    return tuple(
        ShardMark(shard_id=row[0], generation=row[1], revision=row[2])
        for row in rows.values_list("id", "generation", "revision")
    )


def read_hosts(
    organisation_id: UUID, mark: ShardMark, *, after: int, version_ids: Collection[int] | None = None
) -> Iterator[tuple[int, BitMap]]:
    """Yield (package version id, hosts) of a shard as of revisions later than ``after`` (-1: all)."""
    rows = PackageHosts.objects.filter(
        organisation_id=organisation_id, shard_id=mark.shard_id, generation=mark.generation
    )
    if after >= 0:
        rows = rows.filter(revision__gt=after)
    for chunk in _chunks(version_ids):
        own = rows if chunk is None else rows.filter(package_version_id__in=chunk)
        for version_id, raw in own.values_list("package_version_id", "hosts").iterator(chunk_size=CHUNK_ROWS):
            yield version_id, BitMap.deserialize(bytes(raw))


def _chunks(version_ids: Collection[int] | None) -> Iterator[list[int] | None]:
    if version_ids is None:
        yield None
        return
    wanted = sorted(version_ids)
    for start in range(0, len(wanted), ID_COUNT):
        yield wanted[start : start + ID_COUNT]


def hosts_of_each(*, organisation_id: UUID, version_ids: Collection[int] | None = None) -> dict[int, BitMap]:
    """Return the ordinals of the organisation's hosts that have each of these package versions (None: of all)."""
    for _ in range(TRY_COUNT_MAX):
        marks = shard_marks(organisation_id)
        found: dict[int, BitMap] = {}
        for mark in marks:
            for version_id, hosts in read_hosts(organisation_id, mark, after=-1, version_ids=version_ids):
                found[version_id] = found[version_id] | hosts if version_id in found else hosts
        if generations_of(marks) == generations_of(shard_marks(organisation_id)):
            break  # Otherwise a rebuild has taken away what was being read.
    return {version_id: hosts for version_id, hosts in found.items() if hosts}


def generations_of(marks: tuple[ShardMark, ...]) -> tuple[tuple[int, int], ...]:
    """Return which generation of which shard was read."""
    return tuple((mark.shard_id, mark.generation) for mark in marks)


def hosts_of(*, organisation_id: UUID, version_ids: Collection[int]) -> BitMap:
    """Return the ordinals of the organisation's hosts that have any of these package versions."""
    return BitMap().union(*hosts_of_each(organisation_id=organisation_id, version_ids=version_ids).values())
