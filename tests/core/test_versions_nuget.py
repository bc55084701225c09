"""NuGet's order as bytes: a table and laws.  No tool of NuGet's is at hand, so the table is its specification's."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from oakum.core.versions.nuget import NugetVersion, parse

NUMBERS = ["0", "1", "2", "01", "10", "237", "238", "256", "65536", "2147483647"]
LABELS = [
    "0",
    "1",
    "2",
    "10",
    "2147483647",
    "2147483648",
    "-1",
    "-2",
    "a",
    "B",
    "beta",
    "Beta2",
    "rc",
    "0a",
    "-",
    "z-1",
]

numbers = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4).map(".".join)
labels = st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(".".join)
prereleases = st.builds("{}-{}".format, numbers, labels)
versions = st.one_of(numbers, prereleases)


def key(text: str) -> bytes:
    return order_key("nuget.1", text)


# SemVer 2.0.0 section 11, NuGet's "Package versioning" and its Int32 labels: each stands before the next.
ASCENDING = [
    "0-0",
    "0",
    "0.0.0.1-a",
    "0.0.0.1",
    "0.0.1",
    "1.0.0--2147483648",
    "1.0.0--2",
    "1.0.0--1",
    "1.0.0-0",
    "1.0.0-0.0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-2147483647",
    "1.0.0--",
    "1.0.0--a",
    "1.0.0-0a",
    "1.0.0-2147483648",
    "1.0.0-alpha",
    "1.0.0-alpha.-1",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-ALPHA-1",
    "1.0.0-alpha1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-Beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.0.1-beta",
    "1.0.0.1",
    "1.0.0.237",
    "1.0.0.238",
    "1.0.0.65536",
    "1.0.1-beta",
    "1.0.1",
    "1.0.9",
    "1.0.10",
    "1.1",
    "2.0.0-a",
    "2",
    "2147483647",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0.0"),
        ("1.01.1", "1.1.1"),
        ("1.0-BETA", "1.0.0-beta"),
        ("1.0+sha.5114f85", "1.0"),
        ("1.0-a+b.01", "1.0-A"),
        ("1.0.0.0-beta", "1.0.0-beta"),
        (" 1.0\t", "1.0"),
        ("1 . 2", "1.2"),
        ("1.0--0", "1.0-0"),
    ],
)
def test_versions_that_nuget_calls_equal_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" ", "one to four numbers"),
        ("v1.0", "one to four numbers"),
        ("a", "one to four numbers"),
        ("1.", "one to four numbers"),
        ("1..2", "one to four numbers"),
        ("1.2.3.4.5", "one to four numbers"),
        ("1.0.beta", "one to four numbers"),
        ("1.0-be_ta", "one to four numbers"),
        ("1.0+a+b", "one to four numbers"),
        ("1.0\x00", "one to four numbers"),
        ("1.٣", "one to four numbers"),
        ("1.0-é", "one to four numbers"),
        ("-1", "one to four numbers"),
        ("1.0-", "label is empty"),
        ("1.0-a..b", "label is empty"),
        ("1.0-a.", "label is empty"),
        ("1.0-a.01", "leading zero"),
        ("1.0+", "metadata is empty"),
        ("1.0+a..b", "metadata is empty"),
        ("2147483648", "above 2147483647"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_the_parts_of_a_version() -> None:
    assert parse("1.02-RC.1+b") == NugetVersion(numbers=(1, 2, 0, 0), labels=("rc", "1"))
    assert parse("1.2.3.4") == NugetVersion(numbers=(1, 2, 3, 4), labels=())


@given(versions, versions)
@example("1", "1.0.0.1")
@example("1-a", "1.0.0.1")
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(versions, versions)
def test_the_keys_order_is_the_order_of_the_parts(one: str, other: str) -> None:
    """SemVer 2.0.0 section 11 with a fourth number: fewer labels first, numbers below text, a release last."""
    a, b = _rank(parse(one)), _rank(parse(other))
    assert (key(one) < key(other), key(one) == key(other)) == (a < b, a == b)


@given(prereleases, st.sampled_from(["", "+1", "+sha-5.01"]))
def test_case_missing_numbers_and_metadata_make_no_difference(text: str, build: str) -> None:
    version = parse(text)
    spelled = f"{'.'.join(map(str, version.numbers))}-{'.'.join(version.labels).upper()}{build}"
    assert key(spelled) == key(text)


def _rank(version: NugetVersion) -> tuple[object, ...]:
    """Return a version as a tuple that Python orders as NuGet does, written without the keys' help."""
    return version.numbers, not version.labels, [_label_rank(label) for label in version.labels]


def _label_rank(label: str) -> tuple[int, int, str]:
    try:
        value = int(label)
    except ValueError:
        return 1, 0, label
    return (0, value, "") if -(2**31) <= value < 2**31 else (1, 0, label)
