"""Alpine's order as bytes: a table, laws, and a comparison by tokens as apk-tools 3 describes it.

apk-tools is in no distribution but Alpine, so no tool is asked here: ``compare`` below walks two versions token by
token, as the tool does, and shares nothing with the keys.
"""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX

PAIR_COUNT = 5_000

FIRST, NUMBER, LETTER, SUFFIX, SUFFIX_NUMBER, HASH, REVISION, END = range(8)  # apk-tools' own order of kinds
SUFFIXES = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"]
PRE_COUNT = SUFFIXES.index("")
Token = tuple[int, str]

digits = st.sampled_from(["0", "1", "9", "10", "00", "01", "001", "0015", "002", "239", "240", "256", "20240101"])
versions = st.builds(
    lambda first, parts, letter, suffixes, commit, revision: (
        first + "".join(parts) + letter + "".join(suffixes) + commit + revision
    ),
    digits,
    st.lists(digits.map(".{}".format), max_size=3),
    st.sampled_from(["", "", "a", "b", "z"]),
    st.lists(st.builds("_{}{}".format, st.sampled_from([w for w in SUFFIXES if w]), st.just("") | digits), max_size=3),
    st.sampled_from(["", "", "", "~abc", "~abd", "~0", "~00"]),
    st.just("") | digits.map("-r{}".format),
)


def key(text: str) -> bytes:
    return order_key("apk.1", text)


def sign(one: str, other: str) -> int:
    a, b = key(one), key(other)
    return (a > b) - (a < b)


def scan(text: str) -> list[Token]:
    """Return the tokens of a valid version by reading it one character at a time."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        sign_at, start = text[place], place
        if sign_at in "._~-":
            place += 2 if sign_at == "-" else 1
            start = place
        kind = {".": NUMBER, "_": SUFFIX, "~": HASH, "-": REVISION}.get(sign_at)
        if kind is None:
            kind = LETTER if sign_at.isalpha() else FIRST if not found else SUFFIX_NUMBER
        is_in = str.isalpha if kind in {LETTER, SUFFIX} else str.isalnum if kind == HASH else str.isdigit
        while place < len(text) and is_in(text[place]):
            place += 1
        found.append((kind, text[start:place]))
    return [*found, (END, "")]


def compare(one: str, other: str) -> int:
    """Compare as apk-tools 3 does: token by token, then by what is left on either side."""
    for (kind_a, a), (kind_b, b) in zip(scan(one), scan(other), strict=False):
        if kind_a != kind_b:
            return _by_kind(kind_a, a, kind_b, b)
        told = _by_value(kind_a, a, b)
        if told:
            return told
    return 0


def _by_kind(kind_a: int, a: str, kind_b: int, b: str) -> int:
    if kind_a == SUFFIX and SUFFIXES.index(a) < PRE_COUNT:
        return -1
    if kind_b == SUFFIX and SUFFIXES.index(b) < PRE_COUNT:
        return 1
    return -1 if kind_a > kind_b else 1


def _by_value(kind: int, a: str, b: str) -> int:
    left: int | str = a
    right: int | str = b
    if kind in {FIRST, SUFFIX_NUMBER, REVISION} or (kind == NUMBER and "0" not in {a[0], b[0]}):
        left, right = int(a), int(b)
    if kind == SUFFIX:
        left, right = SUFFIXES.index(a), SUFFIXES.index(b)
    return (left > right) - (left < right)  # type: ignore[operator] # both of one type


# Each stands before the next, by apk-tools 3.
ASCENDING = [
    "0_alpha",
    "0",
    "0.0",
    "0.1.0_alpha_pre2",
    "0.1.0_alpha",
    "0.1.0_alpha-r0",
    "0.1.0_alpha0",
    "0.1.0_alpha1",
    "0.1.0_alpha2",
    "0.1.0_alpha_p",
    "0.1.0_beta",
    "0.1.0_pre",
    "0.1.0_rc",
    "0.1.0_rc1",
    "0.1.0",
    "0.1.0-r0",
    "0.1.0-r1",
    "0.1.0-r10",
    "0.1.0~abc",
    "0.1.0~abc-r1",
    "0.1.0~abcd",
    "0.1.0~b",
    "0.1.0_cvs",
    "0.1.0_svn",
    "0.1.0_git",
    "0.1.0_git20240101",
    "0.1.0_hg",
    "0.1.0_p",
    "0.1.0_p1",
    "0.1.0_p9-r0",
    "0.1.0_p10-r0",
    "0.1.0a",
    "0.1.0b_rc1",
    "0.1.0b",
    "0.1.0.0",
    "0.1.00",
    "0.1.001",
    "0.1.01",
    "0.1.1",
    "0.1.239",
    "0.1.240",
    "0.1.256",
    "8.2.0015",
    "8.2.002",
    "8.2.2",
    "0010",  # the first number goes by value, whatever zeroes it has
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert sign(lower, higher) == -1
    assert compare(lower, higher) == -1


@pytest.mark.parametrize(("one", "other"), [("1.0-r0", "1.0-r00"), ("01.0", "1.0"), ("1_p1", "1_p01")])
def test_versions_that_apk_calls_equal_have_one_key(one: str, other: str) -> None:
    assert sign(one, other) == 0


@pytest.mark.parametrize(
    "text",
    [
        *(
            "5.7.1p1-r0",
            "1.0bc",
            "1.0B",
            "1.0a.1",
            "1a1",
            "1.0_foo",
            "1.0_alphax",
            "1.0_",
            "1.0_p1.2",
            "1.0-1",
            "1.0-r",
        ),
        *(
            "1.0-rc1",
            "1.0-r1-r2",
            "1.0-r1_p1",
            "1.0-r1~abc",
            "1.0~",
            "1.0~ABC",
            "1.0~xyz",
            "1.0~a~b",
            "1.",
            ".1",
            "1..0",
        ),
        *("a", "v1.0", "-r1", "1.0 ", " 1.0", "1.0\n", "1:1.0", "1.0+b", "1.٣", "1.0_alpha_", "latest"),
    ],
)
def test_what_apk_calls_invalid_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidVersion, match="it is not number") as caught:
        key(text)
    assert caught.value.text == text


@pytest.mark.parametrize("text", ["", "1." + "0" * VERSION_LENGTH_MAX, "9" * 100_000, "1" + "_p" * 100_000])
def test_empty_and_absurd_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidVersion, match=r"empty|longer than"):
        key(text)


@given(versions, versions)
def test_keys_agree_with_a_comparison_by_tokens(one: str, other: str) -> None:
    assert sign(one, other) == compare(one, other)


@given(versions, versions, versions)
def test_the_comparison_by_tokens_is_an_order(one: str, two: str, three: str) -> None:
    """Only an order can have keys: antisymmetric, and transitive."""
    assert compare(one, two) == -compare(two, one)
    if compare(one, two) <= 0 and compare(two, three) <= 0:
        assert compare(one, three) <= 0


@given(versions, versions)
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


def test_keys_agree_with_a_comparison_by_tokens_on_near_neighbours() -> None:
    rng = random.Random(20261122)  # noqa: S311 - reproducible examples, not secrets
    wrong = [(one, other) for one, other in near_pairs(rng, PAIR_COUNT) if sign(one, other) != compare(one, other)]
    assert wrong == []


def near_pairs(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Return pairs that share a beginning, where orders go wrong."""
    numbers = ["0", "1", "2", "9", "10", "00", "01", "001", "010", "100", "239", "240", "65536"]
    words = [word for word in SUFFIXES if word]

    def tail(stage: int) -> str:
        parts = "".join("." + rng.choice(numbers) for _ in range(rng.randrange(3))) if stage < 1 else ""
        letter = rng.choice(["", "", "a", "b"]) if stage < 2 else ""
        suffixes = "".join(
            "_" + rng.choice(words) + rng.choice(["", rng.choice(numbers)]) for _ in range(rng.randrange(3))
        )
        return parts + letter + suffixes + rng.choice(["", "", "~a1", "~a"]) + rng.choice(["", "-r0", "-r1", "-r10"])

    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        stage = rng.randrange(3)
        start = rng.choice(numbers) + "".join("." + rng.choice(numbers) for _ in range(rng.randrange(3)))
        start += ["", rng.choice(["", "a"]), "_" + rng.choice(words)][stage]
        pairs.append((start + tail(stage + (stage > 0)), start + tail(stage + (stage > 0))))
    return pairs
