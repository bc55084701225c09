"""Find the hosts that may differ from what the index says of them.

Two ways: a look at what hosts and people did lately, by three marks that cost next to nothing, and a sweep that
compares every host of a shard with what was indexed.  The sweep needs no marks and so finds whatever the look has
missed; neither is ever wrong about a host, because taking it compares again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min

from oakum.findings.index.shards import ID_COUNT, TOLD_SQL, ordinals_of
from oakum.findings.models import IndexShard
from oakum.fleet.models import Host, HostChange
from oakum.identity.models import Organisation
from oakum.journal.models import Entry

# A report's instant is that of its request, and it is committed later: hosts are looked at for so long after it.  One
# that takes longer is found by its changed packages or by the sweep.
REPORT_WITHIN = timedelta(seconds=10)
# Ids are given before they are committed: a change with a lower id may show up a moment later.
LATE_ID_COUNT = 1_000
CHANGE_COUNT_MAX = 20_000  # looked at in one go; the rest is found by the sweep

# Both run on SQLite and PostgreSQL, on one shard.  Compared where the rows are: of 65,536 hosts a handful differs.
# By the index of reports: with a plus before it, the ordinal is none that an index could be searched for.
_REPORTED_LATELY = f"""
SELECT host.ordinal
  FROM findings_indexshard shard
  JOIN fleet_host host ON host.organisation_id = shard.organisation_id
  LEFT JOIN findings_indexedhost stored
    ON stored.organisation_id = shard.organisation_id AND stored.shard_id = shard.id
   AND stored.generation = shard.generation AND stored.host_id = host.id
 WHERE shard.id = %s AND host.reported_at >= %s AND +host.ordinal >= %s AND +host.ordinal < %s
   AND (stored.host_id IS NULL OR stored.told <> {TOLD_SQL})
 ORDER BY +host.ordinal
 LIMIT %s
"""  # noqa: S608 - the columns are our own constants

_DIFFERENT = f"""
SELECT host.ordinal
  FROM findings_indexshard shard
  JOIN fleet_host host ON host.organisation_id = shard.organisation_id
  LEFT JOIN findings_indexedhost stored
    ON stored.organisation_id = shard.organisation_id AND stored.shard_id = shard.id
   AND stored.generation = shard.generation AND stored.host_id = host.id
 WHERE shard.id = %s AND host.ordinal >= %s AND host.ordinal < %s
   AND ((stored.host_id IS NULL AND host.state <> 'retired')
     OR stored.told <> {TOLD_SQL}
     OR stored.running_old_set <> host.running_old_set
     OR (stored.package_set <> host.package_set AND host.state <> 'retired'))
 ORDER BY host.ordinal
 LIMIT %s
"""  # noqa: S608 - the columns are our own constants


_GROUP_KINDS = ("fleet.group_", "fleet.host_enrolled")  # a host that enrols may join a group


@dataclass(slots=True, kw_only=True)
class Marks:
    """How far one process has looked.  It only saves looking: a new process sweeps first."""

    looked_at: datetime
    change_id: int = 0
    noticed: set[int] = field(default_factory=set)
    positions: dict[UUID, int] = field(default_factory=dict)
    groups_moved: bool = False  # a person has changed a group, or a host has joined one


def start_marks(now: datetime) -> Marks:
    """Return marks at the present end: whoever takes them must sweep after."""
    marks = Marks(looked_at=now, change_id=HostChange.objects.aggregate(newest=Max("id"))["newest"] or 0)
    for organisation_id in Organisation.objects.values_list("id", flat=True):
        marks.positions[organisation_id] = _head(organisation_id)
    return marks


def _head(organisation_id: UUID) -> int:
    newest = Entry.objects.filter(chain=str(organisation_id)).aggregate(newest=Max("position"))["newest"]
    return newest or 0


def changed_lately(marks: Marks) -> set[int]:
    """Return the ordinals of hosts whose packages changed, or of which people decided something, since the last look.

    Moves the marks.
    """
    ids = _changed_hosts(marks)
    for organisation_id in Organisation.objects.values_list("id", flat=True):
        ids |= _spoken_of(organisation_id, marks)
    wanted = sorted(ids)
    found: set[int] = set()
    for start in range(0, len(wanted), ID_COUNT):
        found.update(Host.objects.filter(id__in=wanted[start : start + ID_COUNT]).values_list("ordinal", flat=True))
    return found


def _changed_hosts(marks: Marks) -> set[UUID]:
    rows = HostChange.objects.filter(id__gt=max(0, marks.change_id - LATE_ID_COUNT)).order_by("id")
    found: set[UUID] = set()
    for change_id, host_id in rows.values_list("id", "host_id")[:CHANGE_COUNT_MAX]:
        if change_id not in marks.noticed:
            marks.noticed.add(change_id)
            marks.change_id = max(marks.change_id, change_id)
            found.add(host_id)
    marks.noticed = {each for each in marks.noticed if each > marks.change_id - LATE_ID_COUNT}
    return found


def _spoken_of(organisation_id: UUID, marks: Marks) -> set[UUID]:
    """Return the hosts that the journal speaks of: enrolled, retired, quarantined, released, set by a person."""
    position = marks.positions.get(organisation_id, 0)
    rows = Entry.objects.filter(chain=str(organisation_id), position__gt=position).order_by("position")
    found: set[UUID] = set()
    for at, kind, subject in rows.values_list("position", "kind", "subject")[:CHANGE_COUNT_MAX]:
        assert at is not None, "the filter asks for sealed entries"
        marks.positions[organisation_id] = at
        marks.groups_moved |= kind.startswith(_GROUP_KINDS)
        if kind.startswith("fleet.host_") and subject.startswith("host:"):
            found.add(UUID(subject.removeprefix("host:")))
    return found


def reported_lately(shard: IndexShard, marks: Marks, *, limit: int) -> list[int]:
    """Return the hosts that reported since the last look whose facts, status or package hash are not as indexed."""
    since = connection.ops.adapt_datetimefield_value(marks.looked_at - REPORT_WITHIN)
    return _ordinals(_REPORTED_LATELY, (shard.id, since, *ordinals_of(shard), limit))


def different(shard: IndexShard, *, limit: int) -> list[int]:
    """Return the hosts of a shard that differ from what was indexed, found by comparing every one of them."""
    return _ordinals(_DIFFERENT, (shard.id, *ordinals_of(shard), limit))


def _ordinals(sql: str, parameters: tuple[Any, ...]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [int(row[0]) for row in cursor.fetchall()]


def inventory_instants(shard: IndexShard) -> tuple[datetime | None, datetime | None]:
    """Return the oldest and the newest inventory of the shard's hosts that are not retired."""
    first, behind = ordinals_of(shard)
    rows = Host.objects.filter(organisation_id=shard.organisation_id, ordinal__gte=first, ordinal__lt=behind)
    found = rows.exclude(state="retired").aggregate(oldest=Min("inventory_at"), newest=Max("inventory_at"))
    return found["oldest"], found["newest"]
