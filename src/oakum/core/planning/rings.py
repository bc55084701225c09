"""Who goes first?  Targets into rings: a small first one that tries everything, then growing shares.

Ring 0 covers every version that any later ring installs (greedy set cover), so nothing is tried first on the many.
Within that, hosts whose loss would mean less go earlier.  Deterministic: the same targets give the same rings.  It does
not look at hosts' states, and it moves nobody that a person put into a ring by name.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

from oakum.core.planning.scope import Scope
from oakum.core.planning.values import RING_COUNT_MAX, ChangeSetIndex, HostId, Pin, Target

RING_ZERO_PERCENT = 1
RING_ZERO_COUNT_MAX = 5
RING_PERCENTS = (10, 50, 100)  # of all hosts, cumulative, after ring 0

Rings = tuple[tuple[Target, ...], ...]


def rings_by_cover(
    scope: Scope, *, zero_count_max: int = RING_ZERO_COUNT_MAX, percents: Sequence[int] = RING_PERCENTS
) -> Rings:
    """Return ring 0 by set cover, then rings up to each of the cumulative ``percents``; the last takes the rest.

    Ring 0 has 1 % of the hosts, at least one and at most ``zero_count_max``, unless covering every version takes more:
    what is installed somewhere for the first time is installed under ring 0's rules, where one rollback halts.
    """
    total = len(scope.targets)
    wanted = min(zero_count_max, max(1, -(-total * RING_ZERO_PERCENT // 100)))
    sizes = [wanted]
    sizes += [-(-total * percent // 100) for percent in sorted(percents)[: RING_COUNT_MAX - 2]]
    return _fill(scope, [*sizes, total], cover=True)


def rings_by_size(scope: Scope, sizes: Sequence[int]) -> Rings:
    """Return rings of these sizes; what is left over goes into one more.  Ring 0 covers what its size allows."""
    assert sizes
    assert all(size > 0 for size in sizes)
    bounds = [sum(sizes[: index + 1]) for index in range(min(len(sizes), RING_COUNT_MAX - 1))]
    return _fill(scope, [*bounds, len(scope.targets)], cover=False)


def rings_by_name(scope: Scope, named: Sequence[Sequence[HostId]]) -> Rings:
    """Return the rings as a person listed them, less the hosts that are left out; a ring may come out empty."""
    targets = {target.host_id: target for target in scope.targets}
    return tuple(tuple(targets[host_id] for host_id in ring if host_id in targets) for ring in named)


def unproved_pins(scope: Scope, rings: Rings) -> Mapping[int, tuple[Pin, ...]]:
    """Return, per later ring, the versions that no earlier ring installs: there, each goes to one host first."""
    known: set[Pin] = set()
    unproved: dict[int, tuple[Pin, ...]] = {}
    for number, ring in enumerate(rings):
        here = {pin for index in {target.change_set for target in ring} for pin in scope.change_sets[index].pins()}
        if number and here - known:
            unproved[number] = tuple(sorted(here - known))
        known |= here
    return unproved


def _fill(scope: Scope, bounds: Sequence[int], *, cover: bool) -> Rings:
    """Cut the hosts, in their order of going, at ``bounds``."""
    order, cover_count = _order(scope)
    cuts = [max(bounds[0], cover_count) if cover else bounds[0], *bounds[1:]]
    rings: list[tuple[Target, ...]] = []
    start = 0
    for cut in cuts:
        if cut > start:
            rings.append(tuple(order[start:cut]))
            start = cut
    return tuple(ring for ring in rings if ring)


def _order(scope: Scope) -> tuple[list[Target], int]:
    """Return the hosts in their order of going, and how many of the first cover every version.

    First the cover; then, so that ring 0 is padded with what is common, hosts by risk, taking turns among change sets.
    """
    by_set: dict[ChangeSetIndex, list[Target]] = defaultdict(list)
    for target in sorted(scope.targets, key=lambda each: (scope.risks[each.host_id], each.host_id.int)):
        by_set[target.change_set].append(target)
    cover = [by_set[index].pop(0) for index in _cover(scope, by_set)]
    rest = [
        (scope.risks[target.host_id], turn, -len(targets), target.host_id.int, target)
        for targets in by_set.values()
        for turn, target in enumerate(targets)
    ]
    return cover + [entry[-1] for entry in sorted(rest, key=lambda entry: entry[:-1])], len(cover)


def _cover(scope: Scope, by_set: Mapping[ChangeSetIndex, Sequence[Target]]) -> list[ChangeSetIndex]:
    """Return change sets that together bring every pin: each time the one that adds most, then the least risky.

    Greedy, with lazy gains: what a set adds only shrinks as others are taken, so a stale gain is an upper bound and
    most sets are never looked at again.
    """
    pins = {index: frozenset(scope.change_sets[index].pins()) for index in by_set}
    heap = [(-len(pins[index]), scope.risks[targets[0].host_id], index) for index, targets in by_set.items()]
    heapq.heapify(heap)
    covered: set[Pin] = set()
    chosen: list[ChangeSetIndex] = []
    while heap:
        stale_gain, risk, index = heapq.heappop(heap)
        gain = -len(pins[index] - covered)
        if gain == 0:
            continue
        if gain != stale_gain:
            heapq.heappush(heap, (gain, risk, index))
            continue
        covered |= pins[index]
        chosen.append(index)
    return chosen
