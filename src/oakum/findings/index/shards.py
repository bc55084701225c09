"""Shards: which there are, what readers remember of a host, and writing bitmaps by the hundred.

It decides nothing about what is indexed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F
from pyroaring import BitMap

from oakum.findings.models import IndexedHost, IndexShard, PackageHosts
from oakum.fleet.models import Host, HostState

SHARD_ORDINAL_COUNT = 65_536  # one roaring container: fleet.services.ordinals gives out blocks of the same size
ROW_COUNT_MAX = 900  # of one write transaction
ID_COUNT = 900  # in one statement

# What readers remember of a host's row beside its sets; a change of any of them is told to them.
TOLD_FIELDS = (
    "state",
    "packages_status",
    "stale_status",
    "offers_status",
    "reachability",
    "environment",
    "criticality",
    "packages_hash",
    "facts_hash",
    "kernel_running",
    "hostname",
)
HOST_FIELDS = ("id", "ordinal", "package_set", "running_old_set", *TOLD_FIELDS)


def shard_of(ordinal: int) -> int:
    """Return the number of the shard that an ordinal belongs to."""
    return ordinal // SHARD_ORDINAL_COUNT


def ordinals_of(shard: IndexShard) -> tuple[int, int]:
    """Return a shard's first ordinal, and the first behind it."""
    return shard.number * SHARD_ORDINAL_COUNT, (shard.number + 1) * SHARD_ORDINAL_COUNT


def ensure_shard(organisation_id: UUID, number: int) -> IndexShard:
    """Return an organisation's shard, made empty if it is new."""
    shard, _ = IndexShard.objects.get_or_create(organisation_id=organisation_id, number=number)
    return shard


def shard_numbers() -> tuple[tuple[UUID, int], ...]:
    """Return every (organisation, shard) that has hosts: looks at every host's row, so for sweeps only."""
    rows = Host.objects.order_by().annotate(number=F("ordinal") / SHARD_ORDINAL_COUNT)
    return tuple(sorted(rows.values_list("organisation_id", "number").distinct()))


def told_of(row: Mapping[str, Any]) -> str:
    """Return what readers remember of a host's row, in the very text that ``TOLD_SQL`` makes."""
    return "|".join(str(row[name]) for name in TOLD_FIELDS)


TOLD_SQL = " || '|' || ".join(f"host.{name}" for name in TOLD_FIELDS)


def host_rows(shard: IndexShard, ordinals: Collection[int]) -> list[dict[str, Any]]:
    """Return these hosts of a shard as they are now, retired ones too."""
    wanted = list(ordinals)
    found: list[dict[str, Any]] = []
    for start in range(0, len(wanted), ID_COUNT):
        rows = Host.objects.filter(
            organisation_id=shard.organisation_id, ordinal__in=wanted[start : start + ID_COUNT]
        ).order_by("ordinal")
        found += rows.values(*HOST_FIELDS)
    return found


def packages_of(row: Mapping[str, Any]) -> bytes:
    """Return the set that the index shall hold of a host: nothing once it is retired."""
    return b"" if row["state"] == HostState.RETIRED else bytes(row["package_set"])


def indexed_row(shard: IndexShard, row: Mapping[str, Any], *, generation: int, revision: int) -> IndexedHost:
    """Return what the index will say of a host."""
    return IndexedHost(
        organisation_id=shard.organisation_id,
        shard_id=shard.id,
        generation=generation,
        host_id=row["id"],
        ordinal=row["ordinal"],
        revision=revision,
        has_left=row["state"] == HostState.RETIRED,
        told=told_of(row),
        package_set=packages_of(row),
        running_old_set=bytes(row["running_old_set"]),
    )


# Runs on SQLite and PostgreSQL.  A bitmap of a common version is some kilobytes; through the ORM's bulk_create the
# same rows take three times as long, and a rebuild writes a hundred thousand.
_PUT_HOSTS = """
INSERT INTO findings_packagehosts (organisation_id, shard_id, generation, package_version_id, revision, hosts)
SELECT organisation_id, id, %s, %s, %s, %s FROM findings_indexshard WHERE id = %s
ON CONFLICT (organisation_id, shard_id, generation, package_version_id)
DO UPDATE SET revision = excluded.revision, hosts = excluded.hosts
"""


def put_hosts(shard: IndexShard, bitmaps: Iterable[tuple[int, BitMap]], *, generation: int, revision: int) -> None:
    """Write which hosts have these package versions."""
    rows = [(generation, version_id, revision, bytes(bitmap.serialize()), shard.id) for version_id, bitmap in bitmaps]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_PUT_HOSTS, rows)


def get_hosts(shard: IndexShard, version_ids: Collection[int], *, generation: int) -> dict[int, BitMap]:
    """Return the hosts of a shard that have each of these package versions."""
    wanted = sorted(version_ids)
    found: dict[int, BitMap] = {}
    for start in range(0, len(wanted), ID_COUNT):
        rows = PackageHosts.objects.filter(
            organisation_id=shard.organisation_id,
            shard_id=shard.id,
            generation=generation,
            package_version_id__in=wanted[start : start + ID_COUNT],
        )
        for version_id, raw in rows.values_list("package_version_id", "hosts"):
            found[version_id] = BitMap.deserialize(bytes(raw))
    return found
