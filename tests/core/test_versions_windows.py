"""The order of dotted Windows versions as bytes: a table, laws, and a comparison written from winget's description."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX

parts = st.one_of(
    st.sampled_from(["0", "1", "2", "9", "10", "00", "01", "239", "240", "65535", "18446744073709551616", ""]),
    st.sampled_from(
        ["alpha", "-rc", "1-RC", "1-rc", "1rc1", "0beta", "2 beta", " 3 ", "é", "É", "ß", "SS", "-5", "+5"]
    ),
)
bounds = st.sampled_from(["", "", "", "< ", "> "])
versions = st.builds("{}{}".format, bounds, st.lists(parts, min_size=1, max_size=5).map(".".join)).filter(str.strip)
Part = tuple[int, str]


def key(text: str) -> bytes:
    return order_key("windows.1", text)


def sign(one: str, other: str) -> int:
    a, b = key(one), key(other)
    return (a > b) - (a < b)


def read(text: str) -> tuple[int, list[Part], int]:
    """Return rank (unknown, known, latest), parts and bound as winget's Version class reads them."""
    text = text.strip()
    bound = {"< ": -1, "> ": 1}.get(text[:2], 0)
    base = text[2:] if bound else text
    digit, dot = re.search("[0-9]", base), base.find(".")
    if digit is not None and (dot < 0 or digit.start() < dot):
        base = base[digit.start() :]
    found = [_part(part.strip()) for part in base.split(".")]
    while found and found[-1] == (0, ""):
        found.pop()
    rank = {"[(0, 'unknown')]": -1, "[(0, 'latest')]": 1}.get(str(found), 0)
    return rank, found, bound


def _part(text: str) -> Part:
    match = re.match(r"[+-]?[0-9]+", text)
    if match is None:
        return 0, text.casefold()
    if abs(int(match[0])) >= 2**64:
        return 0, text.casefold()
    return int(match[0]) % 2**64, text[match.end() :].casefold()


def compare(one: str, other: str) -> int:
    (rank_a, a, bound_a), (rank_b, b, bound_b) = read(one), read(other)
    if rank_a != rank_b:
        return 1 if rank_a > rank_b else -1
    for left, right in itertools.zip_longest(a, b, fillvalue=(0, "")):
        if left[0] != right[0]:
            return 1 if left[0] > right[0] else -1
        if left[1] != right[1]:
            if not left[1] or not right[1]:
                return 1 if not left[1] else -1
            return 1 if left[1].encode() > right[1].encode() else -1
    return (bound_a > bound_b) - (bound_a < bound_b)


ASCENDING = [
    "unknown",
    "alpha",
    "version",
    "0.0.alpha",
    "0.0",
    "0.0.0.1",
    "0.0.1-alpha",
    "0.0.1-beta",
    "0.0.1",
    "0.0.2-alpha",
    "0.9",
    "1.alpha",
    "1.0.alpha",
    "1.0.0.alpha",
    "< 1.0",
    "1.0",
    "> 1.0.0.0",
    "1.0.0.1",
    "1.0.1-rc",
    "1.0.1",
    "1.1",
    "9.9.239",
    "9.9.240",
    "10.0.19045.3570",
    "10.0.22631.2428",
    "13.9.8",
    "14.1",
    "943849587389754876.1",
    "< latest",
    "LATEST",
    "> latest",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert sign(lower, higher) == -1
    assert compare(lower, higher) == -1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0"),
        ("1.0-RC", "1.0-rc"),
        ("v1.2", "1.2"),
        ("Version 1.2", "1.2"),
        ("foo1", "bar1"),
        (" 1.2 ", "1.2"),
        ("1 .2", "1.2"),
        ("< 1.0", "< 1.0.0"),
        ("< v1.0", "< 1.0"),
        ("01.002", "1.2"),
        (".1", "0.1"),
        (".", "0"),
        ("Unknown", "UNKNOWN"),
        ("1.STRASSE", "1.straße"),
    ],
)
def test_versions_that_winget_calls_equal_have_one_key(one: str, other: str) -> None:
    assert sign(one, other) == 0


def test_more_zeroes_come_nearer_to_the_end() -> None:
    assert sign("1.0.0.0.5", "1.0.0.5") == sign("1.0.beta", "1.0.0.beta") == -1


def test_a_number_beyond_64_bits_is_text() -> None:
    assert sign(f"1.{2**64}", "1") == -1
    assert sign(f"1.{2**64 - 1}", "1.1") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("   ", "it is blank"),
        ("1.0\n", "does not print"),
        ("1.\x000", "does not print"),
        ("< unknown", "bounds nothing"),
        ("> Unknown", "bounds nothing"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
        ("1." * 100_000, "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_the_most_zeroes_that_fit_still_count() -> None:
    many = VERSION_LENGTH_MAX // 2 - 1
    assert sign("0." * many + "1", "0." * (many - 1) + "1") == -1
    assert sign("." * (VERSION_LENGTH_MAX - 1) + "1", "." * (VERSION_LENGTH_MAX - 2) + "1") == -1


@given(versions, versions)
def test_keys_agree_with_a_comparison_part_by_part(one: str, other: str) -> None:
    assert sign(one, other) == compare(one, other)


@given(versions, versions)
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_has_its_place_or_is_refused(one: str, other: str) -> None:
    try:
        a, b = key(one), key(other)
    except InvalidVersion:
        return
    assert (a > b) - (a < b) == compare(one, other)
