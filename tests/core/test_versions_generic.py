"""The order for versions of no known scheme: the docstring's promises, as a table and as laws."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX

numbers = st.lists(st.integers(0, 300), min_size=1, max_size=5)
separators = st.sampled_from([".", "-", "_", " ", "+", "/", ":", ".."])
tails = st.sampled_from(["", "a", "-rc1", "~1", " (build 7)", ".patch2", "-SNAPSHOT"])


def key(text: str) -> bytes:
    return order_key("generic.1", text)


def sign(one: str, other: str) -> int:
    a, b = key(one), key(other)
    return (a > b) - (a < b)


ASCENDING = [
    "1.0~~rc1",
    "1.0~",
    "1.0~1",
    "1.0-dev",
    "1.0.dev3",
    "1.0 alpha",
    "1.0_alpha2",
    "1.0-beta",
    "1.0-beta.2",
    "1.0-beta.11",
    "1.0-Preview 1",
    "1.0-rc1",
    "1.0rc2",
    "1.0",
    "1.0a",
    "1.0b",
    "1.0ba",
    "1.0-patch1",
    "1.0é",
    "1.0.0.1",
    "1.0.1rc1",
    "1.0.1",
    "1.1",
    "1.239",
    "1.240",
    "2",
    "20240101",
    f"{10**50}",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert sign(lower, higher) == -1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0"),
        ("v1.2", "1.2"),
        ("V1.2", "1.2"),
        ("1.0-RC.1", "1rc1"),
        ("1.0-cr1", "1.0-rc1"),
        ("1_2", "1-2"),
        ("1.0-SNAPSHOT", "1.0.dev"),
        ("01.002", "1.2"),
        ("(1.2) ", "1.2"),
    ],
)
def test_versions_of_one_meaning_have_one_key(one: str, other: str) -> None:
    assert sign(one, other) == 0


@given(numbers, numbers, separators, separators)
def test_numbers_go_by_value_and_the_shorter_goes_on_with_zeroes(
    one: list[int], other: list[int], joint: str, other_joint: str
) -> None:
    pairs = list(itertools.zip_longest(one, other, fillvalue=0))
    left, right = [a for a, _ in pairs], [b for _, b in pairs]
    told = sign(joint.join(map(str, one)), other_joint.join(map(str, other)))
    assert told == (left > right) - (left < right)


@given(numbers, separators, tails)
def test_what_announces_a_release_stands_below_it_and_what_patches_it_above(
    version: list[int], joint: str, tail: str
) -> None:
    text = joint.join(map(str, version)) + tail
    assert key(text + "~") < key(text + "-dev") < key(text + "-alpha") < key(text + "-beta") < key(text + "-pre")
    assert key(text + "-pre") < key(text + "-rc") < key(text) < key(text + "-hotfix") < key(text + ".1")


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_has_its_place_or_is_refused_and_no_key_is_a_prefix(one: str, other: str) -> None:
    try:
        a, b = key(one), key(other)
    except InvalidVersion:
        return
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(st.text(min_size=1, max_size=20))
def test_letter_case_does_not_count(text: str) -> None:
    assume(text.upper().lower() == text.lower())
    try:
        told = sign(text, text.lower())
    except InvalidVersion:
        return
    assert told == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" ", "neither digit nor letter"),
        ("-.-", "neither digit nor letter"),
        ("~~", "neither digit nor letter"),
        ("1.0\n", "does not print"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_only_the_empty_and_the_absurd_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_the_most_zeroes_that_fit_still_count() -> None:
    many = VERSION_LENGTH_MAX // 2 - 1
    assert sign("0." * many + "1", "0." * (many - 1) + "1") == -1
