"""Maven's order as bytes: tables, laws, and Maven's own ComparableVersion as the judge where it is an order."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from tests.core.version_oracles import disagreements, our_signs
from tests.core.version_oracles_languages import maven

NUMBERS = ["0", "1", "00", "01", "2", "10", "220", "221", "65536", "99999999999999999999"]
BELOW = ["alpha", "beta", "milestone", "rc", "CR", "SNAPSHOT"]
NOTHING = ["final", "GA", "Release"]
ABOVE = ["sp", "a", "b", "foo", "foobar", "jre", "redhat", "v", "ζ"]
SEPARATORS = [".", "-", "", "..", ".-", "--"]
PAIR_COUNT = 5_000

# How projects name what follows the numbers: each project keeps to one notation, and there Maven is an order.
NOTATIONS = [
    [".Alpha{n}", ".Beta{n}", ".CR{n}", ".Final", ".SP{n}"],
    ["-alpha-{n}", "-beta-{n}", "-rc-{n}", "", "-SNAPSHOT"],
    [".M{n}", ".RC{n}", ".RELEASE", ".SR{n}"],
    ["-M{n}", "-RC{n}", "", "-SNAPSHOT"],
    ["-alpha.{n}", "-beta.{n}", "-rc.{n}", ""],
    ["-jre", "-android", "-rc{n}-jre"],
    [".v2023{n:04}", ""],
    ["-b{n:02}", "", "-rc{n}"],
    ["-incubating", "", "-SNAPSHOT"],
    ["a{n}", "b{n}", "m{n}", "rc{n}", ""],
    ["-pre{n}", "-ea", "", "-beta{n}", "-jdk15on"],
    ["-alpha-{n}-SNAPSHOT", "-alpha-{n}", ""],
]

pieces = st.builds(
    "{}{}".format, st.sampled_from(SEPARATORS), st.sampled_from([*NUMBERS, *NUMBERS, *BELOW, *NOTHING, *ABOVE])
)
versions = st.builds("{}{}".format, st.sampled_from(NUMBERS), st.lists(pieces, max_size=6).map("".join))
releases = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4).map(".".join)


def key(text: str) -> bytes:
    return order_key("maven.1", text)


# Each stands before the next.
ASCENDING = [
    "alpha",
    "0-rc",
    "0",
    "foo",
    "0-1",
    "0.0.1",
    "1-alpha.beta",
    "1-alpha-SNAPSHOT",
    "1-alpha",
    "1-alpha.1",
    "1-alpha.2",
    "1-alpha1-SNAPSHOT",
    "1-alpha-1",
    "1a2snapshot",
    "1-alpha-2",
    "1.0-alpha-123",
    "1-beta-2",
    "1.beta123",
    "1-m2",
    "1-milestone11",
    "1-RC",
    "1-rc0",
    "1-cr2",
    "1.0.0.rc123",
    "1-SNAPSHOT",
    "1.Final-SNAPSHOT",
    "1.0.Final",
    "1.0.Final-redhat-1",
    "1.0.Final-redhat-2",
    "1-ga-1",
    "1-sp",
    "1-sp.1",
    "1-sp-1-redhat",
    "1-sp2",
    "1-sp123",
    "1-a",
    "1-abc",
    "1x",
    "1x1",
    "1-xa",
    "1-1-snapshot",
    "1-1",
    "1-2",
    "1-123",
    "1.0-1",
    "1.0.1-SNAPSHOT",
    "1.0.1",
    "1.0.1-jre",
    "1.0.1.1",
    "1.0.220",
    "1.0.221",
    "1.0.222",
    "1.0.236",
    "1.0.237",
    "1.1",
    "1.1H.5-beta",
    "1.2",
    "1.10",
    "1.20190126.230843",
    f"1.{10**60}",
    f"1.{10**60 + 1}",
    "2",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0"),
        ("1", "1-0"),
        ("1", "1.0-0.0"),
        ("1", "1.0.GA"),
        ("1", "1-final.release-ga0"),
        ("01.007", "1.7"),
        ("1-FooBar", "1.foobar"),
        ("1foo", "1.0.0-foo"),
        ("1-0-foo", "1.foo"),
        ("1.0.foo-bar", "1-foo-bar"),
        ("1.0.final.1-foo", "1-final.1-foo"),
        ("1a1", "1-ALPHA-1"),
        ("1.b2", "1-beta2"),
        ("1-m-3", "1-Milestone3"),
        ("1cr", "1.0-RC"),
        (".1", "0.1"),
        ("-1", "0-1"),
        ("1..2", "1.0.2"),
        ("1-", "1"),
    ],
)
def test_versions_that_maven_calls_equal_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" ", "no version has in Maven"),
        (" 1.0", "no version has in Maven"),
        ("1 0", "no version has in Maven"),
        ("1.0\n", "no version has in Maven"),
        ("1.0\x00", "no version has in Maven"),
        ("1.0\u200b", "no version has in Maven"),
        ("1.0-\ud800", "no version has in Maven"),
        ("[1.0,2.0)", "no version has in Maven"),
        ("${project.version}", "no version has in Maven"),
        ("1/2", "no version has in Maven"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


@given(versions, versions)
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(versions, st.sampled_from(["upper", "lower", "title"]))
def test_letter_case_makes_no_difference(text: str, how: str) -> None:
    if how == "title":
        assert key(text.title()) == key(text)
    else:
        assert key(text.upper() if how == "upper" else text.lower()) == key(text)


@given(versions, st.sampled_from([".0", ".0.0", ".0-0", ".final", "-GA", "-release.0", "-"]))
def test_nothing_at_the_end_makes_no_difference(text: str, nothing: str) -> None:
    assert key(text + nothing) == key(text)


@given(releases, st.permutations([*BELOW[:4], "snapshot", "", "sp", "xyz", "1"]))
def test_qualifiers_come_in_mavens_order(release: str, tails: list[str]) -> None:
    ordered = sorted(tails, key=lambda tail: key(f"{release}-{tail}" if tail else release))
    assert ordered == ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp", "xyz", "1"]


@given(releases, st.sampled_from(BELOW + ABOVE), st.sampled_from(NUMBERS))
def test_a_text_and_its_number_are_one_item_however_they_are_joined(release: str, text: str, number: str) -> None:
    spellings = {key(f"{release}{join}{text}{dash}{number}") for join in (".", "-", ".0-") for dash in ("", "-")}
    assert len(spellings) == 1


@given(versions, versions)
def test_what_follows_final_goes_beyond_it_by_its_own_sign(text: str, other: str) -> None:
    """The look-ahead: final-X stands to nothing as X does."""
    tail = f"foo{other}"
    assert key(text) < key(f"{text}-final-{tail}") < key(f"{text}-sp") < key(f"{text}-{tail}")
    assert key(f"{text}-snapshot") < key(f"{text}-final-snapshot") < key(text)


def test_maven_agrees_where_a_project_keeps_to_one_notation() -> None:
    rng = random.Random(20261122)  # noqa: S311 - reproducible examples, not secrets
    pairs = []
    for _ in range(PAIR_COUNT):
        notation = rng.choice(NOTATIONS)
        pairs.append((_version(rng, notation), _version(rng, notation)))
    assert disagreements(pairs, maven(pairs), our_signs("maven.1", pairs)) == []


def test_maven_agrees_on_the_tables_but_for_what_the_module_names() -> None:
    pairs = list(itertools.pairwise(ASCENDING))
    wrong = {(one, other) for one, other, *_ in disagreements(pairs, maven(pairs), [-1] * len(pairs))}
    assert wrong <= {
        ("1-alpha.2", "1-alpha1-SNAPSHOT"),
        ("1-RC", "1-rc0"),
        ("1-SNAPSHOT", "1.Final-SNAPSHOT"),
        ("1.0.Final-redhat-2", "1-ga-1"),
        ("1-ga-1", "1-sp"),
        ("1-sp.1", "1-sp-1-redhat"),
        ("1-123", "1.0-1"),
    }


def test_mavens_own_relation_goes_round_in_a_circle_so_the_key_defines_the_order() -> None:
    ring = ["1", "1.0.sp", "1.0.beta-x"]
    pairs = [(ring[0], ring[1]), (ring[1], ring[2]), (ring[2], ring[0])]
    assert maven(pairs) == [-1, -1, -1], "Maven: each is below the next, and the last below the first"
    assert sorted(ring, key=key) == ["1.0.beta-x", "1", "1.0.sp"]


def _version(rng: random.Random, notation: list[str]) -> str:
    release = ".".join(rng.choices(["0", "0", "1", "2", "3", "10"], k=rng.randrange(2, 5)))
    return release + rng.choice(notation).format(n=rng.randrange(1, 15))
