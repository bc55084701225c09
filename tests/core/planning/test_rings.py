"""Who goes first."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.core.planning.rings import Rings, rings_by_cover, rings_by_name, rings_by_size, unproved_pins
from oakum.core.planning.scope import Scope
from oakum.core.planning.values import ChangeSet, ChangeSetIndex, Target
from tests.core.planning.building import change_set, host_id


def make_scope(sets: list[ChangeSet], chosen: list[int], risks: list[int] | None = None) -> Scope:
    return Scope(
        change_sets=tuple(sets),
        targets=tuple(
            Target(host_id=host_id(number), change_set=ChangeSetIndex(index)) for number, index in enumerate(chosen)
        ),
        risks={host_id(number): (risks or [0] * len(chosen))[number] for number in range(len(chosen))},
        left_out=(),
        untouched_count=0,
    )


def sizes(rings: Rings) -> list[int]:
    return [len(ring) for ring in rings]


def ids(ring: tuple[Target, ...]) -> list[int]:
    return [target.host_id.int for target in ring]


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (5, [1, 2, 2]), (10, [1, 4, 5]), (100, [1, 9, 40, 50]),
     (300, [3, 27, 120, 150]), (5000, [5, 495, 2000, 2500])],
)  # fmt: skip
def test_one_percent_but_one_to_five_hosts_then_ten_fifty_hundred_percent(count: int, expected: list[int]) -> None:
    assert sizes(rings_by_cover(make_scope([change_set("openssl")], [0] * count))) == expected


def test_ring_zero_covers_every_version_and_stream_with_few_hosts() -> None:
    sets = [change_set("a"), change_set("a", "b"), change_set("a", "b", "c"), change_set("a", stream="ubuntu:22.04")]
    rings = rings_by_cover(make_scope(sets, [0] * 40 + [1] * 40 + [2] * 10 + [3] * 10))
    assert sorted(target.change_set for target in rings[0]) == [2, 3]
    assert not unproved_pins(make_scope(sets, []), rings)


def test_ring_zero_grows_where_the_fleet_is_that_varied() -> None:
    sets = [change_set(f"only-here-{number}") for number in range(8)]
    rings = rings_by_cover(make_scope(sets, [*range(8)] + [0] * 92))
    assert len(rings[0]) == 8


def test_hosts_whose_loss_means_less_go_earlier() -> None:
    rings = rings_by_cover(make_scope([change_set("a")], [0] * 6, risks=[3, 0, 2, 1, 3, 2]))
    assert [number for ring in rings for number in ids(ring)] == [1, 3, 2, 5, 0, 4]


def test_rings_of_given_sizes_and_one_for_what_is_left() -> None:
    scope = make_scope([change_set("a")], [0] * 7)
    assert sizes(rings_by_size(scope, [1, 2])) == [1, 2, 4]
    assert sizes(rings_by_size(scope, [3, 4])) == [3, 4]
    assert sizes(rings_by_size(scope, [10])) == [7]


def test_rings_by_name_are_left_as_they_are_less_who_is_left_out() -> None:
    scope = make_scope([change_set("a"), change_set("b")], [0, 1, 0])
    rings = rings_by_name(scope, [[host_id(2)], [host_id(9), host_id(1), host_id(0)]])
    assert [ids(ring) for ring in rings] == [[2], [1, 0]]
    assert {number: [pin.package for pin in pins] for number, pins in unproved_pins(scope, rings).items()} == {1: ["b"]}


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=1, max_value=200), st.integers(min_value=1, max_value=20), st.integers(0, 999))
def test_law_every_host_once_no_ring_empty_ring_zero_proves_all_and_the_answer_is_the_same(
    host_count: int, set_count: int, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - a test's choice
    sets = [
        change_set(
            *{f"p{draw.randrange(12)}" for _ in range(draw.randint(1, 5))}, stream=draw.choice(["debian:12", "u"])
        )
        for _ in range(set_count)
    ]
    scope = make_scope(sets, [draw.randrange(set_count) for _ in range(host_count)],
                       [draw.randrange(3) for _ in range(host_count)])  # fmt: skip
    rings = rings_by_cover(scope)
    assert sorted(number for ring in rings for number in ids(ring)) == list(range(host_count))
    assert all(rings)
    assert not unproved_pins(scope, rings)
    assert rings == rings_by_cover(scope)
