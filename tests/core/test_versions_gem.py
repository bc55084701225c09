"""RubyGems' order as bytes: a table, laws, and Gem::Version itself as the judge."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from oakum.core.versions.gem import parse
from tests.core.version_oracles import disagreements, our_signs
from tests.core.version_oracles_languages import rubygems

PARTS = ["0", "1", "00", "01", "10", "235", "236", "256", "99999999999999999999", "a", "b", "pre", "rc", "A", "B"]
PARTS += [".0", ".0.0", ".a", ".0.b", "-1", "-0", "-a", ".1"]
STARTS = ["1", "1.0", "1.a", "1.a.0", "1.0.0.a.0.0"]
PAIR_COUNT = 5_000


def key(text: str) -> bytes:
    return order_key("gem.1", text)


def _is_valid(text: str) -> bool:
    try:
        key(text)
    except InvalidVersion:
        return False
    return True


versions = st.builds(
    "{}{}".format, st.sampled_from(STARTS), st.lists(st.sampled_from(PARTS), max_size=7).map("".join)
).filter(_is_valid)


# Each stands before the next.
ASCENDING = [
    "0.a",
    "0",
    "0.0.1",
    "1.A",
    "1.Z",
    "1.a.0.A",
    "1.a.0.0.A",
    "1.a",
    "1.a.0.0.1",
    "1.a.0.1",
    "1.a.1",
    "1.aa",
    "1.b1",
    "1.b2",
    "1.b10",
    "1-rc1",
    "1.pre.1",
    "1-2",
    "1.0.0.rc",
    "1",
    "1.0.0.1.a",
    "1.0.0.1",
    "1.0.1.a",
    "1.0.1",
    "1.1",
    "1.9",
    "1.10",
    "1.235",
    "1.236",
    "1.20240101",
    f"1.{10**60}",
    f"1.{10**60 + 1}",
    "2.a",
    "2",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0"),
        ("", "0"),
        (" \n", "0.0"),
        (" 1.0\n", "1"),
        ("1.01", "1.1"),
        ("1.0.0.a", "1.a"),
        ("1.a1", "1.a.1"),
        ("1.a.0", "1.a"),
        ("1-1", "1.pre.1"),
        ("1-a-b", "1.0.pre.a.pre.b"),
        ("1--1", "1.pre.pre.1"),
    ],
)
def test_versions_that_rubygems_calls_equal_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a", "a number, then"),
        ("v1.0", "a number, then"),
        ("1.", "a number, then"),
        (".1", "a number, then"),
        ("1..2", "a number, then"),
        ("1.0-", "a number, then"),
        ("1+b", "a number, then"),
        ("1_0", "a number, then"),
        ("1 0", "a number, then"),
        ("1\n2", "a number, then"),
        ("1.0\x00", "a number, then"),
        ("1.é", "a number, then"),
        ("1.٣", "a number, then"),
        ("\u00a01", "a number, then"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_segments_are_told_apart_as_rubygems_does() -> None:
    assert parse("1.02b3-x") == (1, 2, "b", 3, "pre", "x")
    assert parse("") == (0,)


@given(versions, versions)
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(versions, versions)
def test_the_keys_order_is_the_segments_order_on_equal_lengths(one: str, other: str) -> None:
    """Gem::Version#<=>: a version that ends goes on with zeroes, and letters are below every number."""
    a, b = _rank(one), _rank(other)
    length = max(len(a), len(b))
    a += [(1, "", 0)] * (length - len(a))
    b += [(1, "", 0)] * (length - len(b))
    assert (key(one) < key(other), key(one) == key(other)) == (a < b, a == b)


@given(versions)
def test_letters_make_a_prerelease_and_zeroes_make_nothing(text: str) -> None:
    assert key(f"{text}.a") < key(text)
    assert key(f"{text}.0.0") == key(text) < key(f"{text}.1")


def test_rubygems_agrees_on_generated_pairs_and_refuses_what_we_refuse() -> None:
    rng = random.Random(20261122)  # noqa: S311 - reproducible examples, not secrets
    pairs = []
    for _ in range(PAIR_COUNT):
        start = rng.choice([*STARTS, ""])
        one, other = ("".join(rng.choices([*PARTS, ".", "-"], k=rng.randrange(5))) for _ in "ab")
        pairs.append((start + one, start + other))
    assert disagreements(pairs, rubygems(pairs), our_signs("gem.1", pairs)) == []


def _rank(text: str) -> list[tuple[int, str, int]]:
    """Return the segments that count, written without the keys' help."""
    segments = list(parse(text))
    first = next((index for index, segment in enumerate(segments) if isinstance(segment, str)), len(segments))
    numbers, rest = segments[:first], segments[first:]
    for part in (numbers, rest):
        while part and part[-1] == 0:
            part.pop()
    return [(0, segment, 0) if isinstance(segment, str) else (1, "", segment) for segment in numbers + rest]
