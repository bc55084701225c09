"""VERS: what the specification's rules accept, refuse and mean; and what is written can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.ranges import InvalidRange, Range, parse_range, render_vers, union
from oakum.core.ranges.intervals import above, at_least, at_most, below, exactly, intersection_of, other_than
from oakum.core.versions import order_key

SCHEMES = "alpm apk cargo composer deb gem generic golang maven npm nuget pypi rpm semver windows".split()  # noqa: SIM905 - shorter


def held(text: str, version: str, scheme: str = "deb.1") -> bool:
    return parse_range(scheme, text).contains(version)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("vers:deb/>=1.0|<2.0", ["1.0", "1.9-1"], ["0.9", "2.0", "2.0-1"]),
        ("vers:deb/>=1.0|!=1.5|<2.0", ["1.4", "1.5-1"], ["1.5", "1.5-0", "2.0"]),
        ("vers:deb/1.2.3|>=2.0.0|<5.0.0", ["1.2.3", "2.0.0", "4.9"], ["1.2.2", "1.3", "5.0.0"]),
        ("vers:deb/<=1.0|>=2.0|<=3.0|>4", ["0", "1.0", "2.0", "3.0", "4-1", "5"], ["1.0-1", "3.0-1", "4"]),
        ("vers:deb/1.0|1.1", ["1.0", "1.1"], ["1.0-1", "1.05"]),
        ("vers:deb/!=1.0|!=1.1", ["0", "1.05", "2"], ["1.0", "1.1"]),
        ("vers:deb/>1.0|!=1.5", ["1.1", "2"], ["1.0", "1.5"]),
        ("vers:deb/*", ["0~", "9:9"], []),
        ("vers:all/*", ["0~", "9:9"], []),
        ("vers:none/*", [], ["0~", "9:9"]),
        # What only earlier editions allow.
        ("vers:deb/>=1.0|<2.0|!=1.5", ["1.4"], ["1.5"]),
        ("vers:deb/=1.0", ["1.0"], ["1.1"]),
        ("vers:deb/ >= 1.0 | < 2.0 ", ["1.5"], ["2.0"]),
        ("vers:deb/|>=1.0||<2.0|", ["1.5"], ["2.0"]),
        ("vers:DEB/>=1.0", ["1.5"], ["0.5"]),
        ("vers:debian/>=1.0", ["1.5"], ["0.5"]),
        # Percent-encoding, decoded once.
        ("vers:deb/1%3A1.0%2Bdfsg", ["1:1.0+dfsg"], ["1.0"]),
        ("vers:deb/1:1.0+dfsg", ["1:1.0+dfsg"], ["1.0"]),
    ],
)
def test_a_vers_string_holds_what_its_constraints_enclose(text: str, inside: list[str], outside: list[str]) -> None:
    assert [held(text, version) for version in inside] == [True] * len(inside)
    assert [held(text, version) for version in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("text", "at", "reason"),
    [
        ("vers:deb", 8, "no '/' follows"),
        ("vers:/1.0", 5, "is no type"),
        ("vers:-deb/1.0", 5, "is no type"),
        ("vers:rpm/1.0", 5, "it is a range of rpm versions and deb was asked for"),
        ("vers:windows95/1.0", 5, "there is no version scheme"),
        ("vers:invalid/1.0", 5, "there is no version scheme"),
        ("vers:deb/", 9, "there is no constraint"),
        ("vers:deb/ | ", 9, "there is no constraint"),
        ("vers:deb/>=", 9, "without a version"),
        ("vers:deb/>=1.0|*", 15, "stands alone"),
        ("vers:deb/**", 9, "not percent-encoded"),
        ("vers:none/1.0", 10, "no other constraint"),
        ("vers:all/>1.0", 9, "no other constraint"),
        ("vers:deb/1.0|1.0", 13, "named twice"),
        ("vers:deb/>=1.0|<1.0-0", 15, "named twice"),
        ("vers:deb/>=1.0|>=2.0", 15, "in a row"),
        ("vers:deb/<1.0|<2.0", 14, "in a row"),
        ("vers:deb/1.0|<2.0", 13, "meaningless"),
        ("vers:deb/>=1.0|1.5|<2.0", 19, "meaningless"),
        ("vers:deb/>=1.0%", 9, "begins no escape"),
        ("vers:deb/>=1.0%2G", 9, "begins no escape"),
        ("vers:deb/%FF", 9, "UTF-8"),
        ("vers:deb/1.0<2", 9, "not percent-encoded"),
        ("vers:deb/>=a:1", 9, "not a valid version"),
        ("vers:deb/" + "1|" * 2_001, 9, "more than 2000"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str, at: int, reason: str) -> None:
    with pytest.raises(InvalidRange, match=reason) as refused:
        parse_range("deb.1", text)
    assert refused.value.at == at


@pytest.mark.parametrize(
    ("kind", "scheme"),
    [
        *((scheme, scheme) for scheme in SCHEMES),
        ("alpine", "apk"),
        ("arch", "alpm"),
        ("debian", "deb"),
    ],
)
def test_every_type_that_is_a_scheme_of_ours_is_known(kind: str, scheme: str) -> None:
    told = parse_range(f"{scheme}.1", f"vers:{kind}/>=1.0.0|<2.0.0")
    assert (told.contains("1.5.0"), told.contains("2.0.0")) == (True, False)


VERSIONS = ("1.0~rc1", "1.0", "1.0-1", "1%2", "2:1.0", "3")
NAMED = {order_key("deb.1", version): version for version in VERSIONS}
pieces = st.builds(
    lambda make, key: make(key),
    st.sampled_from([above, at_least, at_most, below, exactly, other_than]),
    st.sampled_from(sorted(NAMED)),
)
sets = st.lists(st.lists(pieces, min_size=1, max_size=3).map(intersection_of), max_size=4).map(
    lambda some: union([interval for each in some for interval in each])
)


@given(sets)
def test_what_is_written_is_read_as_the_same_range(intervals: tuple) -> None:  # type: ignore[type-arg]
    text = render_vers(Range(scheme="deb.1", intervals=intervals, named=NAMED))
    assert parse_range("deb.1", text).intervals == intervals
    assert " " not in text


@pytest.mark.parametrize(
    ("scheme", "text", "written"),
    [
        ("deb.1", ">= 1.0, << 2.0 || 3.1", "vers:deb/>=1.0|<2.0|3.1"),
        ("deb.1", "introduced=0,fixed=1.0-2", "vers:deb/<1.0-2"),
        ("deb.1", "introduced=1.0,last_affected=2", "vers:deb/>=1.0|<=2"),
        ("deb.1", "!= 1.0", "vers:deb/!=1.0"),
        ("deb.1", "> 2 < 1", "vers:none/*"),
        ("deb.1", "", "vers:deb/*"),
        ("deb.1", "vers:deb/<2.0|!=1.5|>=1.0", "vers:deb/>=1.0|!=1.5|<2.0"),
        ("maven.1", "[1.0,2.0),[2.1]", "vers:maven/>=1.0|<2.0|2.1"),
    ],
)
def test_other_notations_become_vers(scheme: str, text: str, written: str) -> None:
    assert render_vers(parse_range(scheme, text)) == written


@pytest.mark.parametrize(("scheme", "text"), [("npm.1", "^1.2"), ("pypi.1", "===1.0"), ("gem.1", "~> 1.2")])
def test_what_vers_has_no_words_for_is_not_written(scheme: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"no words in VERS|has no text"):
        render_vers(parse_range(scheme, text))
