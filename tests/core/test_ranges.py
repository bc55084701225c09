"""Intervals of keys: the laws of an algebra of sets, and OSV's evaluation of events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.ranges import (
    EVENT_KINDS,
    EVERYTHING,
    LOWEST,
    NOTHING,
    Event,
    Interval,
    complement,
    contains,
    difference,
    holds,
    intersection,
    intervals_of_events,
    point,
    successor,
    union,
)
from oakum.core.ranges.intervals import above, at_least, at_most, below, exactly, intersection_of, other_than
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
normal = sets.map(union)
keys = st.sampled_from(KEYS)


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


@given(sets, keys)
def test_a_binary_search_finds_what_a_look_at_each_finds(some: list[Interval], at: bytes) -> None:
    assert holds(union(some), at) == contains(some, at)


@given(normal, normal, keys)
def test_containment_distributes_over_every_operation(
    one: tuple[Interval, ...], other: tuple[Interval, ...], at: bytes
) -> None:
    assert holds(intersection(one, other), at) == (holds(one, at) and holds(other, at))
    assert holds(difference(one, other), at) == (holds(one, at) and not holds(other, at))
    assert holds(complement(one), at) == (not holds(one, at))


@given(normal, normal)
def test_de_morgan(one: tuple[Interval, ...], other: tuple[Interval, ...]) -> None:
    assert complement(union([*one, *other])) == intersection(complement(one), complement(other))
    assert complement(intersection(one, other)) == union([*complement(one), *complement(other)])


@given(normal)
def test_a_double_complement_is_the_set(some: tuple[Interval, ...]) -> None:
    assert complement(complement(some)) == some


@given(normal, normal)
def test_absorption(one: tuple[Interval, ...], other: tuple[Interval, ...]) -> None:
    assert union([*one, *intersection(one, other)]) == one
    assert intersection(one, union([*one, *other])) == one


@given(normal, normal, normal)
def test_intersection_is_associative_commutative_idempotent_and_distributes(
    one: tuple[Interval, ...], other: tuple[Interval, ...], third: tuple[Interval, ...]
) -> None:
    assert intersection(intersection(one, other), third) == intersection(one, intersection(other, third))
    assert intersection(one, other) == intersection(other, one)
    assert intersection(one, one) == one
    both = union([*intersection(one, other), *intersection(one, third)])
    assert intersection(one, union([*other, *third])) == both
    assert intersection_of([one, other, third]) == intersection(intersection(one, other), third)


@given(normal)
def test_nothing_and_everything_are_the_bounds(some: tuple[Interval, ...]) -> None:
    assert union([*some, *complement(some)]) == EVERYTHING
    assert intersection(some, complement(some)) == NOTHING
    assert (intersection(some, EVERYTHING), intersection(some, NOTHING)) == (some, NOTHING)
    assert (complement(EVERYTHING), complement(NOTHING)) == (NOTHING, EVERYTHING)
    assert intersection_of([]) == EVERYTHING


@given(keys)
def test_the_comparators_of_one_version_divide_all_versions(at: bytes) -> None:
    assert union([*below(at), *exactly(at), *above(at)]) == EVERYTHING
    assert union([*below(at), *exactly(at)]) == at_most(at) == complement(above(at))
    assert union([*exactly(at), *above(at)]) == at_least(at) == complement(below(at))
    assert union([*below(at), *above(at)]) == other_than(at)


@pytest.mark.parametrize("release", ["1", "2.el9", "99999999999999999999"])
def test_a_version_without_a_release_stands_for_all_of_its_releases(release: str) -> None:
    bare, full = order_key("rpm.1", "1.0"), order_key("rpm.1", f"1.0-{release}")
    assert holds(exactly(bare), full)
    assert holds(at_most(bare), full)
    assert holds(at_least(bare), full)
    assert not holds(below(bare), full)
    assert not holds(above(bare), full)
    assert holds(above(bare), order_key("rpm.1", "1.0^git-1"))


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


events_ = st.lists(
    st.builds(
        Event,
        kind=st.sampled_from([*EVENT_KINDS, "introduced", "fixed", "last_affected"]),
        version=st.sampled_from(["0", "1.0", "1.0-0", "1.0-1", "1.5", "2", "3"]),
    ),
    max_size=8,
)


def is_affected(events: list[Event], at: bytes) -> bool:
    """Say what the OSV schema's evaluation says, read off it word by word."""
    limits = [each.version for each in events if each.kind == "limit"]
    if limits and not any(at < key(limit) for limit in limits):
        return False
    affected = False
    for each in sorted(events, key=event_key):
        counts = at > event_key(each) if each.kind == "last_affected" else at >= event_key(each)
        if counts and each.kind != "limit":
            affected = each.kind == "introduced"
    return affected


def event_key(event: Event) -> bytes:
    return LOWEST if event.kind == "introduced" and event.version == "0" else key(event.version)


@given(
    events_,
    st.sampled_from([key(text) for text in ("0~", "0", "0.5", "1.0", "1.0-1", "1.0-2", "1.5", "2", "2.5", "9")]),
)
def test_any_events_are_evaluated_as_the_schema_evaluates_them(events: list[Event], at: bytes) -> None:
    found = [each.interval for each in intervals_of_events("deb.1", events)]
    assert contains(found, at) == is_affected(events, at)
    assert sorted(found, key=lambda interval: interval.low) == found


@given(events_)
def test_events_out_of_order_mean_what_they_mean_in_order(events: list[Event]) -> None:
    in_order = sorted(events, key=event_key)
    assert intervals_of_events("deb.1", in_order) == intervals_of_events("deb.1", events)


def test_a_limit_cuts_the_whole_range_off_and_fixes_nothing() -> None:
    events = [("introduced", "0"), ("fixed", "1"), ("introduced", "2"), ("limit", "1.5"), ("limit", "3")]
    found = intervals_of_events("deb.1", [Event(kind=kind, version=text) for kind, text in events])
    assert [each.fixed_version for each in found] == ["1", ""]
    assert [each.interval.high for each in found] == [key("1"), key("3")]


def test_a_fix_of_what_is_introduced_anew_at_once_is_no_fix() -> None:
    events = [("introduced", "0"), ("fixed", "1"), ("introduced", "1"), ("fixed", "2")]
    found = intervals_of_events("deb.1", [Event(kind=kind, version=text) for kind, text in events])
    assert [each.fixed_version for each in found] == ["2"]


def test_only_a_fix_names_a_fixed_version() -> None:
    events = [("introduced", "0"), ("fixed", "1"), ("introduced", "2"), ("last_affected", "3"), ("introduced", "4")]
    found = intervals_of_events("deb.1", [Event(kind=kind, version=text) for kind, text in events])
    assert [each.fixed_version for each in found] == ["1", "", ""]
    assert found[-1].interval.high is None


def test_an_event_without_a_version_is_refused() -> None:
    with pytest.raises(InvalidVersion, match="'1 0'"):
        intervals_of_events("deb.1", [Event(kind="introduced", version="1 0")])
