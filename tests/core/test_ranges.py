"""Intervals of keys: laws of an algebra of sets, and OSV's evaluation of events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.ranges import (
    LOWEST,
    Event,
    Interval,
    contains,
    intervals_of_events,
    point,
    successor,
    union,
)
from oakum.core.versions import InvalidVersion, order_key

VERSIONS = [f"{upstream}-{revision}" for upstream in ("1.0~rc1", "1.0", "1.0.1", "2", "10") for revision in (1, 2, 10)]
KEYS = sorted({order_key("deb.1", version) for version in VERSIONS})

bounds = st.sampled_from([LOWEST, *KEYS])
intervals = st.builds(
    lambda low, high: Interval(low=low, high=high if high is None or low < high else successor(low)),
    bounds,
    st.one_of(st.none(), st.sampled_from(KEYS)),
)
sets = st.lists(intervals, max_size=6)


def key(text: str) -> bytes:
    return order_key("deb.1", text)


@given(sets, sets, st.sampled_from(KEYS))
def test_a_union_contains_what_either_contains(one: list[Interval], other: list[Interval], at: bytes) -> None:
    assert contains(union([*one, *other]), at) == (contains(one, at) or contains(other, at))


@given(sets, sets, sets)
def test_union_is_associative_commutative_and_idempotent(
    one: list[Interval], other: list[Interval], third: list[Interval]
) -> None:
    assert union([*union([*one, *other]), *third]) == union([*one, *union([*other, *third])])
    assert union([*one, *other]) == union([*other, *one])
    assert union(union(one)) == union(one)


@given(sets)
def test_a_union_is_disjoint_ascending_and_joined(some: list[Interval]) -> None:
    found = union(some)
    for lower, higher in itertools.pairwise(found):
        assert lower.high is not None
        assert lower.high < higher.low


def test_an_interval_holds_its_low_end_and_not_its_high_end() -> None:
    interval = Interval(low=key("1.0-1"), high=key("1.0-2"))
    assert interval.contains(key("1.0-1"))
    assert interval.contains(key("1.0-1+deb12u1"))
    assert not interval.contains(key("1.0-2"))
    assert not interval.contains(key("0.9"))


def test_a_point_holds_one_version_in_all_its_spellings() -> None:
    assert point(key("1.0")).contains(key("0:1.0-0"))
    assert not point(key("1.0")).contains(key("1.0-1"))
    assert not point(key("1.0")).contains(key("1.0~"))


def test_an_empty_interval_cannot_be_made() -> None:
    with pytest.raises(AssertionError):
        Interval(low=key("1"), high=key("1"))


def held(events: list[tuple[str, str]], version: str) -> bool:
    found = intervals_of_events("deb.1", [Event(kind=kind, version=text) for kind, text in events])
    return contains([each.interval for each in found], key(version))


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([("introduced", "0"), ("fixed", "1.0-2")], ["0~~", "1.0-1"], ["1.0-2", "2"]),
        ([("introduced", "1.0")], ["1.0", "99:1"], ["0.9"]),
        ([("introduced", "0"), ("last_affected", "1.0-1")], ["1.0-1"], ["1.0-1+b1", "1.0-2"]),
        # Two stretches, told out of order.
        ([("fixed", "3"), ("introduced", "2"), ("introduced", "0"), ("fixed", "1")], ["0.5", "2.5"], ["1", "1.5", "3"]),
        # Fixed and introduced anew at one version, in the record's order: still affected there.
        ([("introduced", "0"), ("fixed", "1"), ("introduced", "1"), ("fixed", "2")], ["0.5", "1", "1.5"], ["2"]),
        # A limit ends a range and fixes nothing; "*" limits nothing.
        ([("introduced", "0"), ("limit", "2")], ["1"], ["2"]),
        ([("introduced", "0"), ("limit", "*")], ["1", "2147483647:9"], []),
        # Introduced twice and fixed once: affected from the first on.
        ([("introduced", "1"), ("introduced", "2"), ("fixed", "3")], ["1", "1.5", "2.5"], ["0.5", "3"]),
        # A fix of what was never introduced says nothing.
        ([("fixed", "1")], [], ["0.5", "1", "2"]),
        ([], [], ["1"]),
    ],
)
def test_events_are_evaluated_as_osv_says(events: list[tuple[str, str]], inside: list[str], outside: list[str]) -> None:
    assert [held(events, version) for version in inside] == [True] * len(inside)
    assert [held(events, version) for version in outside] == [False] * len(outside)


def test_only_a_fix_names_a_fixed_version() -> None:
    events = [("introduced", "0"), ("fixed", "1"), ("introduced", "2"), ("last_affected", "3"), ("introduced", "4")]
    found = intervals_of_events("deb.1", [Event(kind=kind, version=text) for kind, text in events])
    assert [each.fixed_version for each in found] == ["1", "", ""]
    assert found[-1].interval.high is None


def test_an_event_without_a_version_is_refused() -> None:
    with pytest.raises(InvalidVersion, match="'1 0'"):
        intervals_of_events("deb.1", [Event(kind="introduced", version="1 0")])
