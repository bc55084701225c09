"""The rows of a rollout's hosts, as the spec says them.

The spec is the truth and immutable; these rows follow from it and carry how far each host is.  They are made in chunks,
so that a rollout of 100,000 hosts holds up no halt; cut off in the middle, the executor makes the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from django.db import transaction

from oakum.core.planning.values import HostState, Spec, Target
from oakum.protocol.codec import to_plain
from oakum.rollout.models import Rollout, RolloutHost

ROW_CHUNK_COUNT = 500
MADE_COUNT_MAX = 10_000  # in one call: two seconds


def make_missing_hosts(rollout_id: UUID, spec: Spec, *, now: datetime) -> bool:
    """Make rows that the spec has and the table lacks, at most MADE_COUNT_MAX; say whether they are complete now."""
    expected = sum(len(ring) for ring in spec.rings)
    if RolloutHost.objects.filter(rollout_id=rollout_id).count() == expected:
        return True
    present = set(RolloutHost.objects.filter(rollout_id=rollout_id).values_list("host_id", flat=True))
    missing = [
        (number, target) for number, ring in enumerate(spec.rings) for target in ring if target.host_id not in present
    ]
    for chunk in _chunks(missing[:MADE_COUNT_MAX]):
        with transaction.atomic():
            # The lock makes two executors that both see rows missing wait for each other.
            Rollout.objects.select_for_update(no_key=True).only("id").get(id=rollout_id)
            RolloutHost.objects.bulk_create(_rows(rollout_id, spec, chunk, now), ignore_conflicts=True)
    return len(missing) <= MADE_COUNT_MAX


def _rows(rollout_id: UUID, spec: Spec, targets: Iterable[tuple[int, Target]], now: datetime) -> Iterator[RolloutHost]:
    plain: dict[int, list[object]] = {}
    for ring, target in targets:
        if target.change_set not in plain:
            plain[target.change_set] = to_plain(spec.change_sets[target.change_set].changes)
        yield RolloutHost(
            rollout_id=rollout_id,
            host_id=target.host_id,
            ring=ring,
            change_set=target.change_set,
            changes=plain[target.change_set],
            state=HostState.WAITING,
            changed_at=now,
        )


def _chunks(items: list[tuple[int, Target]]) -> Iterator[list[tuple[int, Target]]]:
    rest = iter(items)
    while chunk := list(islice(rest, ROW_CHUNK_COUNT)):
        yield chunk
