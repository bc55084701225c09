"""Keep the index: look for hosts that have changed, take them, sweep now and then, build where nothing was built.

The loop's step.  It takes no input but the instant, may be killed at any instant, and may run twice at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from oakum.findings.index.changes import forget_old_changes
from oakum.findings.index.groups import take_groups
from oakum.findings.index.looking import (
    Marks,
    changed_lately,
    different,
    inventory_instants,
    reported_lately,
    start_marks,
)
from oakum.findings.index.rebuilding import rebuild_shard
from oakum.findings.index.shards import ID_COUNT, ensure_shard, shard_numbers, shard_of
from oakum.findings.index.taking import take_hosts
from oakum.findings.models import IndexShard
from oakum.fleet.models import Host

SWEEP_EVERY = timedelta(seconds=60)
TAKEN_COUNT_MAX = 5_000  # hosts of a shard that one look takes
REBUILD_COUNT = 2_500  # hosts of a shard that differ: more are built anew faster than they are taken one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What one run has done."""

    host_count: int
    row_count: int
    built_count: int  # shards
    group_count: int


@dataclass(slots=True, kw_only=True)
class _Memory:
    """What this process remembers from run to run: it only saves looking."""

    marks: Marks | None = None
    swept_at: datetime | None = None


_memory = _Memory()


def keep_index(*, now: datetime, is_whole: bool = False) -> IndexReport:
    """Bring the index up to the hosts' sets; with ``is_whole`` compare every host, whatever was looked at before."""
    if is_whole or _memory.marks is None or _memory.swept_at is None or now - _memory.swept_at >= SWEEP_EVERY:
        # Marks first: what moves during the sweep is found by the next look.
        _memory.marks = start_marks(now)
        report = _sweep(now)
        _memory.swept_at = now
    else:
        report = _look(_memory.marks, now)
    return report


def _sweep(now: datetime) -> IndexReport:
    hosts = rows = built = 0
    for organisation_id, number in shard_numbers():
        shard = ensure_shard(organisation_id, number)
        found = different(shard, limit=REBUILD_COUNT + 1)
        if not shard.generation or len(found) > REBUILD_COUNT:
            hosts += rebuild_shard(shard, now=now)[0]
            built += 1
        else:
            changed, written = take_hosts(shard.id, found)
            hosts, rows = hosts + changed, rows + written
        oldest, newest = inventory_instants(shard)
        IndexShard.objects.filter(id=shard.id).update(
            swept_at=now, inventory_oldest_at=oldest, inventory_newest_at=newest
        )
    forget_old_changes()
    return IndexReport(host_count=hosts, row_count=rows, built_count=built, group_count=take_groups())


def _owners(ordinals: Collection[int]) -> Iterator[tuple[int, UUID]]:
    wanted = sorted(ordinals)
    for start in range(0, len(wanted), ID_COUNT):
        rows = Host.objects.filter(ordinal__in=wanted[start : start + ID_COUNT])
        yield from rows.values_list("ordinal", "organisation_id")


def _look(marks: Marks, now: datetime) -> IndexReport:
    """Look at what hosts did and people decided lately; groups only where somebody has touched one."""
    ordinals: dict[int, set[int]] = defaultdict(set)
    by_place = {(shard.organisation_id, shard.number): shard for shard in IndexShard.objects.all()}
    for ordinal, organisation_id in _owners(changed_lately(marks)):
        place = (organisation_id, shard_of(ordinal))
        if place not in by_place:
            by_place[place] = ensure_shard(*place)
        ordinals[by_place[place].id].add(ordinal)
    hosts = rows = built = 0
    for shard in by_place.values():
        if not shard.generation:
            hosts, built = hosts + rebuild_shard(shard, now=now)[0], built + 1
            continue
        ordinals[shard.id].update(reported_lately(shard, marks, limit=TAKEN_COUNT_MAX))
        changed, written = take_hosts(shard.id, sorted(ordinals[shard.id]))
        hosts, rows = hosts + changed, rows + written
    groups = take_groups() if marks.groups_moved else 0
    marks.groups_moved, marks.looked_at = False, now
    return IndexReport(host_count=hosts, row_count=rows, built_count=built, group_count=groups)
