"""Semantic versions as bytes, and what npm, Cargo and Go make of them: tables, laws, and node-semver as the judge."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from tests.core.version_oracles import disagreements, node_semver, our_signs

PAIR_COUNT = 5_000
FAMILY = ["semver.1", "npm.1", "cargo.1", "golang.1"]

numbers = st.one_of(st.integers(0, 3), st.sampled_from([9, 10, 239, 240, 255, 256, 2**32, 2**53 - 1]))
identifiers = st.one_of(
    st.integers(0, 300).map(str),
    st.sampled_from(["alpha", "beta", "rc", "RC", "a", "ab", "-", "--", "-1", "0a", "x-y", "1a", "A", "z"]),
)
prereleases = st.lists(identifiers, max_size=4).map(tuple)
versions = st.tuples(numbers, numbers, numbers, prereleases)
Version = tuple[int, int, int, tuple[str, ...]]


def written(version: Version) -> str:
    major, minor, patch, prerelease = version
    return f"{major}.{minor}.{patch}" + (f"-{'.'.join(prerelease)}" if prerelease else "")


def compare(one: Version, other: Version) -> int:
    """Compare as clause 11 of semver.org says, one sub-clause after the other."""
    if one[:3] != other[:3]:
        return 1 if one[:3] > other[:3] else -1
    a, b = one[3], other[3]
    if not a or not b:
        return bool(b) - bool(a)
    for left, right in zip(a, b, strict=False):
        if left == right:
            continue
        if left.isdigit() != right.isdigit():
            return -1 if left.isdigit() else 1
        if left.isdigit():
            return 1 if int(left) > int(right) else -1
        return 1 if left > right else -1
    return (len(a) > len(b)) - (len(a) < len(b))


def sign(scheme: str, one: str, other: str) -> int:
    a, b = order_key(scheme, one), order_key(scheme, other)
    return (a > b) - (a < b)


# Clause 11's own examples and what lies around them.
ASCENDING = [
    "0.0.0--",
    "0.0.0",
    "1.0.0-0",
    "1.0.0-239",
    "1.0.0-240",
    "1.0.0--",
    "1.0.0-0a",
    "1.0.0-A",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-alpha-1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1-0",
    "1.0.239",
    "1.0.240",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    f"{2**53 - 1}.0.0",
]


@pytest.mark.parametrize("scheme", FAMILY)
@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(scheme: str, lower: str, higher: str) -> None:
    assert sign(scheme, lower, higher) == -1


@pytest.mark.parametrize("scheme", FAMILY)
@given(versions, versions)
def test_keys_agree_with_clause_11(scheme: str, one: Version, other: Version) -> None:
    assert sign(scheme, written(one), written(other)) == compare(one, other)


@pytest.mark.parametrize("scheme", FAMILY)
@given(versions, versions)
def test_no_key_is_a_prefix_of_another(scheme: str, one: Version, other: Version) -> None:
    a, b = order_key(scheme, written(one)), order_key(scheme, written(other))
    assert a == b or not (a.startswith(b) or b.startswith(a))


@pytest.mark.parametrize("scheme", FAMILY)
@given(versions, st.sampled_from(["+build", "+1", "+20130313144700", "+exp.sha.5114f85", "+00"]))
def test_build_metadata_does_not_count(scheme: str, version: Version, build: str) -> None:
    assert sign(scheme, written(version), written(version) + build) == 0


@pytest.mark.parametrize("scheme", ["semver.1", "cargo.1"])
@pytest.mark.parametrize(
    "text",
    [
        *("1", "1.2", "1.2.3.4", "v1.2.3", "=1.2.3", " 1.2.3", "1.2.3 ", "1.2.3\n", "01.2.3", "1.02.3", "1.2.3-01"),
        *("1.2.3-", "1.2.3-a..b", "1.2.3-é", "1.2.3+", "1.2.3+a..b", "1.2.3-a_b", "1.2.x", "-1.2.3", "٣.1.1", "latest"),
        "1.2.3beta",
    ],
)
def test_what_the_grammar_does_not_derive_is_refused(scheme: str, text: str) -> None:
    with pytest.raises(InvalidVersion, match=r"major\.minor\.patch") as caught:
        order_key(scheme, text)
    assert caught.value.text == text


@pytest.mark.parametrize("scheme", FAMILY)
@pytest.mark.parametrize("text", ["", "1." + "0" * VERSION_LENGTH_MAX, "9" * 100_000, "1.2.3-" + "a." * 100_000])
def test_empty_and_absurd_texts_are_refused_in_every_dialect(scheme: str, text: str) -> None:
    with pytest.raises(InvalidVersion, match=r"empty|longer than"):
        order_key(scheme, text)


def test_semver_numbers_have_any_size() -> None:
    assert sign("semver.1", f"{10**60}.0.0", f"{10**60 + 1}.0.0") == -1


# npm: node-semver, loose.


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("v1.2.3", "1.2.3"),
        ("=1.2.3", "1.2.3"),
        ("=v 1.2.3", "1.2.3"),
        ("  v1.2.3 \t", "1.2.3"),
        ("\u00a01.2.3\ufeff", "1.2.3"),
        ("01.02.03", "1.2.3"),
        ("1.2.3beta", "1.2.3-beta"),
        ("1.2.3-01", "1.2.3-1"),
        ("1.2.3beta.1+x", "1.2.3-beta.1"),
        ("1.2.3-", "1.2.3--"),
    ],
)
def test_npm_reads_what_node_semver_reads_loosely(text: str, plain: str) -> None:
    assert sign("npm.1", text, plain) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.2", "major.minor.patch"),
        ("1.2.3.4", "major.minor.patch"),
        ("1.2.x", "major.minor.patch"),
        ("latest", "major.minor.patch"),
        ("1.2.3 4", "major.minor.patch"),
        ("git+https://x", "major.minor.patch"),
        ("V1.2.3", "major.minor.patch"),
        ("1.2.3+", "major.minor.patch"),
        ("9007199254740992.0.0", "above 9007199254740991"),
        ("1.2.99999999999999999999", "above 9007199254740991"),
    ],
)
def test_npm_refuses_what_node_semver_refuses(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=re.escape(reason)):
        order_key("npm.1", text)


def test_node_semver_agrees_on_generated_pairs_valid_or_not() -> None:
    pairs = hard_pairs(random.Random(20261122), PAIR_COUNT)  # noqa: S311 - reproducible examples, not secrets
    told, ours = node_semver(pairs), our_signs("npm.1", pairs)
    assert disagreements(pairs, told, ours) == []
    assert {None, -1, 0, 1} == set(told)


def hard_pairs(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Return pairs that share a beginning, where orders go wrong; some are no versions at all."""
    starts = ["", "", "", "v", "=", " ", "v ", "\ufeff"]
    words = ["alpha", "beta", "rc", "a", "ab", "-", "0", "1", "9", "10", "01", "240", "1a", "a-1", "A"]
    digits = ["0", "1", "2", "9", "10", "239", "240", "256", "01", "9007199254740991", "9007199254740992"]

    def tail() -> str:
        joint = rng.choice(["-", "-", "-", "", "--", "+"])
        build = rng.choice(["", "", "+b", "+b.1"])
        return rng.choice(["", joint + ".".join(rng.choices(words, k=rng.randrange(1, 4))) + build])

    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        core = ".".join(rng.choices(digits, weights=[9] * 9 + [1, 1], k=rng.choice([3] * 19 + [2])))
        other_core = core if rng.random() < 2 / 3 else ".".join(rng.choices(digits[:9], k=3))
        pairs.append((rng.choice(starts) + core + tail(), rng.choice(starts) + other_core + tail()))
    return pairs


# Cargo.


def test_cargo_refuses_numbers_beyond_64_bits() -> None:
    assert sign("cargo.1", f"{2**64 - 1}.0.0", f"{2**64 - 2}.0.0") == 1
    with pytest.raises(InvalidVersion, match=f"above {2**64 - 1}"):
        order_key("cargo.1", f"{2**64}.0.0")


# Go: modules and releases.

GO_ASCENDING = [
    "v0.0.0-20190101000000-abcdefabcdef",
    "v0.0.0-20190102000000-000000000000",
    "v0.0.0",
    "v1.0.0-rc.1",
    "v1",
    "v1.2.3-0.20200101000000-abcdefabcdef",
    "v1.2.3",
    "v1.2.4-pre.0.20200101000000-abcdefabcdef",
    "v1.2.4",
    "go1.4beta1",
    "go1.4rc1",
    "go1.4",
    "go1.4.1",
    "1.20rc1",
    "1.20",
    "1.20.1",
    "1.21",
    "1.21.0-0",
    "1.21beta1",
    "1.21rc",
    "1.21rc1",
    "go1.21rc2",
    "1.21rc10",
    "1.21.0",
    "go1.21.3",
    "1.22",
    "v2.0.0+incompatible",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(GO_ASCENDING)))
def test_go_versions_of_the_table_stand_before_the_next(lower: str, higher: str) -> None:
    assert sign("golang.1", lower, higher) == -1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v1", "v1.0.0"),
        ("v1.2", "v1.2.0"),
        ("1.2.3", "v1.2.3"),
        ("v2.0.0+incompatible", "v2.0.0"),
        ("go1.21.3", "1.21.3"),
        ("go1.21.3-bigcorp", "1.21.3"),
        ("go1.21.3 X:nocoverageredesign", "1.21.3"),
        ("go1.21rc2", "1.21.0-rc.2"),
        ("1.21.3rc1", "1.21.3-rc.1"),
        ("go1", "1.0.0"),
        ("1.20", "1.20.0"),
    ],
)
def test_go_versions_that_go_calls_equal_have_one_key(one: str, other: str) -> None:
    assert sign("golang.1", one, other) == 0


def test_the_v_tells_a_module_from_the_language() -> None:
    assert sign("golang.1", "v1.21", "1.21.0") == 0
    assert sign("golang.1", "1.21", "1.21.0-0") == -1


@pytest.mark.parametrize(
    "text",
    [
        *(
            "(devel)",
            "v",
            "go",
            "v1-pre",
            "v1.2-pre",
            "v1.2+meta",
            "v01.2.3",
            "v1.2.3-01",
            "V1.2.3",
            " v1.2.3",
            "1.021",
        ),
        *(
            "v1.21rc2",
            "go1.21RC2",
            "1.21rc01",
            "1.2.3.4",
            "devel go1.22-abc",
            "master",
            "gov1.2.3",
            "go1.21.3+x",
            "1.21-",
        ),
    ],
)
def test_what_go_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidVersion, match="neither a module's version") as caught:
        order_key("golang.1", text)
    assert caught.value.text == text
