"""pacman's order as bytes: a table, laws, a comparison written from vercmp(8), and libalpm itself as the judge."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from tests.core.version_oracles import disagreements, libalpm, our_signs

PARTS = ["0", "1", "9", "10", "00", "007", "239", "240", "256", "65536", "a", "B", "rc", "z", "Z", ".", "..", "___"]
PARTS += ["+", "_", "~", "^", "%"]
PAIR_COUNT = 5_000


def has_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


anything = st.lists(st.sampled_from(PARTS), min_size=1, max_size=7).map("".join).filter(has_something)
labels = anything.filter(lambda text: text[-1].isalnum())  # those on which libalpm's relation is an order
epochs = st.sampled_from(["", "", "0:", "1:", "240:"])


def key(text: str) -> bytes:
    return order_key("alpm.1", text)


def sign(one: str, other: str) -> int:
    a, b = key(one), key(other)
    return (a > b) - (a < b)


def compare(one: str, other: str) -> int:
    """Compare two labels that end in no separator, segment by segment, as vercmp(8) tells it."""
    for a, b in itertools.zip_longest(_segments(one), _segments(other)):
        if a == b:
            continue
        if a is None or b is None:
            # What is left over makes a version newer, but for letters right behind a number (1.0rc1).
            (count, value), is_longer = (a, 1) if b is None else (b, -1)
            return -is_longer if count == 0 and isinstance(value, str) else is_longer
        if a[0] != b[0]:
            return 1 if a[0] > b[0] else -1
        if isinstance(a[1], int) and isinstance(b[1], int):
            return 1 if a[1] > b[1] else -1
        if isinstance(a[1], str) and isinstance(b[1], str):
            return 1 if a[1] > b[1] else -1
        return 1 if isinstance(a[1], int) else -1
    return 0


def _segments(text: str) -> list[tuple[int, int | str]]:
    found = re.findall(r"([^0-9A-Za-z]*)([0-9]+|[A-Za-z]+)", text)
    return [(len(before), int(value) if value.isdigit() else value) for before, value in found]


# vercmp(8) and what lies around its examples: each stands before the next.
ASCENDING = [
    "1.0a-1",
    "1.0alpha-1",
    "1.0b-1",
    "1.0beta-1",
    "1.0p-1",
    "1.0pre-1",
    "1.0rc-1",
    "1.0rc1-1",
    "1.0",
    "1.0-1a",
    "1.0-1",
    "1.0-1.1",
    "1.0-2",
    "1.0-10",
    "1.0.a-1",
    "1.0.a1-1",
    "1.0.b-1",
    "1.0.-1",
    "1.0.1rc-1",
    "1.0.1-1",
    "1.0.1.1-1",
    "1.0.239-1",
    "1.0.240-1",
    "1.0.256-1",
    f"1.0.{10**60}-1",
    f"1.0.{10**60 + 1}-1",
    "1.0..a-1",
    "1.0..1-1",
    "1.0...a-1",
    "1.1-1",
    "2a-1",
    "2-1",
    ".1-1",
    "1:0.1-1",
    "10:0.1-1",
    f"{10**20}:0-1",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert sign(lower, higher) == -1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0-1", "0:1.0-1"),
        ("2.0-1", "2_0-1"),
        ("2.0_a-1", "2_0.a-1"),
        ("1.0-1", "1.00-01"),
        ("1~rc1-1", "1.rc1-1"),
        ("1.0.-1", "1.0..-1"),
    ],
)
def test_versions_that_pacman_calls_equal_have_one_key(one: str, other: str) -> None:
    assert sign(one, other) == 0


def test_an_end_in_separators_has_the_place_that_the_docstring_gives_it() -> None:
    """libalpm's relation has a cycle here, so the key decides: above one separator and letters, below digits."""
    assert sign("1.0", "1.0.") == sign("1.0.a", "1.0.") == sign("1.0.", "1.0.1") == sign("1.0.", "1.0..a") == -1
    cycle = [("1.0.", "1.0.1"), ("1.0.1", "1.0..a"), ("1.0..a", "1.0.")]
    assert libalpm(cycle) == [-1, -1, -1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" 1.0-1", "not printable ASCII"),
        ("1 0-1", "not printable ASCII"),
        ("1.0-1\n", "not printable ASCII"),
        ("1.0é-1", "not printable ASCII"),
        ("1.٣-1", "not printable ASCII"),
        ("1/0-1", "a slash"),
        (":1.0-1", "before the colon is not a number"),
        ("a:1.0-1", "before the colon is not a number"),
        ("-1:1.0-1", "before the colon is not a number"),
        ("1:2:3-1", "more than one colon"),
        ("1:", "nothing follows the colon"),
        ("1:-1", "no version before the pkgrel"),
        ("-1", "no version before the pkgrel"),
        ("1.0-", "nothing follows the hyphen"),
        ("1.0-beta-1", "more than one hyphen"),
        ("...", "neither digit nor letter"),
        ("1.0-.", "neither digit nor letter"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


@given(labels, labels)
def test_keys_agree_with_a_comparison_by_segments(one: str, other: str) -> None:
    assert sign(f"{one}-1", f"{other}-1") == compare(one, other)
    assert sign(f"1-{one}", f"1-{other}") == compare(one, other)


@given(labels, labels, labels)
def test_the_comparison_by_segments_is_an_order(one: str, two: str, three: str) -> None:
    """Only an order can have keys: antisymmetric, and transitive."""
    assert compare(one, two) == -compare(two, one)
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0


@given(epochs, anything, anything, anything)
def test_a_version_without_pkgrel_holds_all_its_pkgrels(epoch: str, version: str, release: str, other: str) -> None:
    """Its key is a prefix of theirs, so [key, key + 0xFF) is the version with every pkgrel and nothing else."""
    bare = key(f"{epoch}{version}")
    released = key(f"{epoch}{version}-{release}")
    assert released.startswith(bare)
    assert bare < released < bare + b"\xff"
    other_bare, other_released = key(f"{epoch}{other}"), key(f"{epoch}{other}-{release}")
    assert (bare <= other_released < bare + b"\xff") == (bare == other_bare)


@given(anything, anything, anything, anything)
def test_keys_with_a_pkgrel_are_self_delimiting(one: str, rel_one: str, two: str, rel_two: str) -> None:
    a, b = key(f"{one}-{rel_one}"), key(f"{two}-{rel_two}")
    assert a == b or not (a.startswith(b) or b.startswith(a))


def test_libalpm_agrees_on_generated_pairs() -> None:
    pairs = hard_pairs(random.Random(20261122), PAIR_COUNT)  # noqa: S311 - reproducible examples, not secrets
    assert disagreements(pairs, libalpm(pairs), our_signs("alpm.1", pairs)) == []


def hard_pairs(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Return pairs that share a beginning, where orders go wrong, and end in no separator."""

    def label(most: int) -> str:
        return "".join(rng.choices(PARTS, k=rng.randrange(1, most)))

    def end() -> str:
        return label(5) + rng.choice(["0", "1", "10", "a", "rc"])

    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        start = rng.choice(["", "", "1:", "0:"]) + label(4)
        one, other = start + end(), start + end()
        if rng.random() < 1 / 3:
            other = one
        if rng.random() < 1 / 2:
            release = label(3)
            one, other = f"{one}-{release}{end()}", f"{other}-{release}{end()}"
        pairs.append((one, other))
    return pairs
