"""Composer's order as bytes: a table, laws, and Composer's own classes as the judge."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from tests.core.version_oracles import disagreements, our_signs
from tests.core.version_oracles_languages import composer

NUMBERS = ["0", "1", "00", "01", "10", "233", "234", "2010", "99999", "9999999", "9223372036854775808"]
WORDS = ["alpha", "a", "beta", "b", "RC", "stable", "patch", "pl", "p", "dev"]
DATES = ["2010-01-02", "2010.01.02", "20100102", "2010-01-02-10:20:30.5", "201001021", "2010:01"]
TAILS = [
    "-dev",
    ".dev",
    "+b.1-2",
    "@dev",
    " as 1.0",
    "#abc",
    ".x-dev",
    ".x.x-dev",
    ".*-dev",
    "-alpha.2.3-dev",
    "-x",
    ".",
]
PAIR_COUNT = 5_000

numbers = st.sampled_from(NUMBERS)
releases = st.lists(numbers, min_size=1, max_size=4).map(".".join).filter(lambda text: len(text.partition(".")[0]) <= 5)
words = st.builds(
    "{}{}{}".format, st.sampled_from(["-", ".", "_", ""]), st.sampled_from(WORDS[:-1]), numbers | st.just("")
)
versions = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "v"]),
    releases | st.sampled_from(DATES),
    words | st.just(""),
    st.sampled_from(["", "-dev"]),
)
branches = st.text("abc/-1é", max_size=8).map("dev-{}".format)


def key(text: str) -> bytes:
    return order_key("composer.1", text)


# Composer's own documents and PHP's version_compare: each stands before the next.
ASCENDING = [
    "dev-main",
    "0-dev",
    "0",
    "0.0.0.1",
    "1.0-dev",
    "1.0-alpha-dev",
    "1.0-alpha",
    "1.0-alpha1-dev",
    "1.0-alpha1",
    "1.0-alpha1.1",
    "1.0-alpha2",
    "1.0-beta10",
    "1.0-RC1",
    "1.0",
    "1.0-p",
    "1.0-patch1",
    "1.0.0.1",
    "1.0.1",
    "1.0.x-dev",
    "1.1",
    "1.9",
    "1.10",
    "1.233",
    "1.234",
    "1.99999",
    "1.x-dev",
    "2.0-dev",
    "2",
    "2010-01-01",
    "2010-01-02-dev",
    "2010-01-02",
    "2010-01-02.3",
    "20100102",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0.0"),
        ("V1.0", "1.0"),
        ("1.01", "1.1"),
        ("1.0-stable", "1.0"),
        ("1.0-stable-dev", "1.0"),
        ("1.0a1", "1.0-alpha.1"),
        ("1.0-pl3", "1.0-patch-3"),
        ("1.0rc1", "1.0-RC1"),
        ("1.0+build", "1.0"),
        ("1.0@dev", "1.0"),
        ("1.0 as 2.0", "1.0"),
        ("1.x-dev", "1.*.*-dev"),
        ("1-dev", "1.0-dev"),
        ("master", "dev-master"),
        ("DEV-main", "dev-main"),
        ("2010:01:02", "2010.01-02"),
        ("1.9223372036854775807", "1.9223372036854775808"),  # where PHP's integers end
    ],
)
def test_versions_that_composer_calls_equal_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" ", "no such form"),
        ("a", "no such form"),
        ("main", "no such form"),
        ("feature-dev", "no such form"),
        ("1.0.0.0.0", "no such form"),
        ("1.0.x", "no such form"),
        ("1.0-foo", "no such form"),
        ("1.0-1", "no such form"),
        ("1" * 20, "no such form"),
        ("1.0+a b", "no such form"),
        ("1.0\x00", ""),
        ("1.٣", "no such form"),
        ("1.0-" + "1" * 60 + "x", "no such form"),
        ("1.0-beta" + "1" * 100 + "x", "no such form"),
        ("dev-a\x07", "cannot be printed"),
        ("dev-\ud800", "cannot be printed"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    if not reason:  # PHP trims it off
        assert key(text) == key("1.0")
        return
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_a_branch_is_told_from_the_head_of_a_version() -> None:
    least = key("0.0.0.0-dev")  # the lowest that is no branch
    assert all(key(text) < least for text in ("dev-1.0", "master", "dev-x as 1.0"))
    assert all(key(text) >= least for text in ("1.x-dev", "1.0-dev"))


@given(branches, versions)
def test_a_branch_is_below_every_version(branch: str, version: str) -> None:
    """version_compare: "dev" is below every number."""
    assert key(branch) < key(version)


@given(branches, branches)
def test_branches_are_equal_only_by_name(one: str, other: str) -> None:
    assert (key(one) == key(other)) == (one == other)


@given(versions | branches, versions | branches)
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(versions)
def test_an_alias_a_flag_and_metadata_make_no_difference(text: str) -> None:
    assert key(text) == key(f"{text}+b.1") == key(f" {text}@stable ") == key(f"{text} as 3.x-dev")


@given(releases, st.permutations(["-dev", "-alpha", "-beta", "-RC", "", "-patch"]))
def test_stabilities_come_in_composers_order(release: str, tails: list[str]) -> None:
    ordered = sorted((release + tail for tail in tails), key=key)
    assert ordered == [release + tail for tail in ("-dev", "-alpha", "-beta", "-RC", "", "-patch")]


def test_composer_agrees_on_generated_pairs_and_refuses_what_we_refuse() -> None:
    rng = random.Random(20261122)  # noqa: S311 - reproducible examples, not secrets
    pairs: list[tuple[str, str]] = []
    while len(pairs) < PAIR_COUNT:
        start = ".".join(rng.choices(NUMBERS, k=rng.randrange(1, 4))) if rng.random() < 1 / 2 else ""
        one, other = (
            start + _tail(rng) if start else _tail(rng, rng.choice([*DATES, *NUMBERS, "1.0", "v1."])) for _ in "ab"
        )
        # For the judge two branches are never one below the other.
        if not ({one, other} <= {"dev-main", "master"}):
            pairs.append((one, other))
    assert disagreements(pairs, composer(pairs), our_signs("composer.1", pairs)) == []


def _tail(rng: random.Random, start: str = "") -> str:
    if rng.random() < 1 / 10:
        return rng.choice(["dev-main", "master", "", "dev", "1.x", "x-dev"])
    word = (
        rng.choice(["", "-", ".", "_"])
        + rng.choice(WORDS)
        + rng.choice(["", ".", "-"])
        + rng.choice([*NUMBERS, "", ""])
    )
    return start + rng.choice([word, word, ""]) + rng.choice(["", "", *TAILS])
