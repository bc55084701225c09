"""rpm's order as bytes: a table, laws, and librpm itself as the judge."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from tests.core.version_oracles import disagreements, librpm, our_signs

PARTS = ["0", "1", "9", "10", "00", "007", "239", "240", "256", "65536", "a", "B", "rc", "z", ".", "..", "+", "_"]
PARTS += ["~", "~~", "^", "^^", "é", "%", "٣", "el8"]
PAIR_COUNT = 5_000

labels = st.lists(st.sampled_from(PARTS), min_size=1, max_size=7).map("".join)
epochs = st.sampled_from(["", "", "0:", "1:", "240:"])


def key(text: str) -> bytes:
    return order_key("rpm.1", text)


# rpm-version(7): each stands before the next.
ASCENDING = [
    "~~-1",
    "~-1",
    "~a-1",
    "_-1",
    "^-1",
    "1.0~~-1",
    "1.0~-1",
    "1.0~rc1-1",
    "1.0~rc1^git1-1",
    "1.0~rc2-1",
    "1.0",
    "1.0-~1",
    "1.0-_",
    "1.0-1~bpo",
    "1.0-1",
    "1.0-1^20250101",
    "1.0-1.el8",
    "1.0-1.1",
    "1.0-2.el8",
    "1.0-10.module_el8.10.0+3845+87b84552",
    "1.0^~-1",
    "1.0^-1",
    "1.0^20250101git-1",
    "1.0^20250102git-1",
    "1.0A-1",
    "1.0a-1",
    "1.0aa-1",
    "1.0b-1",
    "1.0.0-1",
    "1.0.239-1",
    "1.0.240-1",
    "1.0.255-1",
    "1.0.256-1",
    f"1.0.{10**60}-1",
    f"1.0.{10**60 + 1}-1",
    "1.1-1",
    "2-1",
    "1:0.1-1",
    "10:0.1-1",
    "4294967295:0-1",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1.0-1", "0:1.0-1"),
        ("1.0-1", "1_0-1"),
        ("1.0-1", "1.00-01"),
        ("1.0-1", "1.0.-1"),
        ("1.0-1", "1.0é-1"),
        ("1a2-1", "1.a.2-1"),
        ("2.0.1-1", "2..0+1-1"),
        ("1.0~rc1-1", "1.0~rc.1-1"),
    ],
)
def test_versions_that_rpm_calls_equal_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" 1.0-1", "has a blank"),
        ("1 0-1", "has a blank"),
        ("1.0-1\n", "does not print"),
        ("1.0\x00-1", "does not print"),
        ("1.0\u00a0-1", "does not print"),
        (":1.0-1", "nothing stands before the colon"),
        ("a:1.0-1", "before the colon is not an unsigned integer"),
        ("-1:1.0-1", "before the colon is not an unsigned integer"),
        ("+1:1.0-1", "before the colon is not an unsigned integer"),
        ("٣:1.0-1", "before the colon is not an unsigned integer"),
        ("(none):1.0-1", "before the colon is not an unsigned integer"),
        ("4294967296:1.0-1", "the epoch is above"),
        ("1:2:3-1", "more than one colon"),
        ("1:", "nothing follows the colon"),
        ("1:-1", "no version before the release"),
        ("-1", "no version before the release"),
        ("1.0-", "nothing follows the hyphen"),
        ("1.0-1-2", "more than one hyphen"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


@given(epochs, labels, labels, labels)
def test_a_version_without_release_holds_all_its_releases(epoch: str, version: str, release: str, other: str) -> None:
    """Its key is a prefix of theirs, so [key, key + 0xFF) is the version with every release and nothing else."""
    bare = key(f"{epoch}{version}")
    released = key(f"{epoch}{version}-{release}")
    assert released.startswith(bare)
    assert bare < released < bare + b"\xff"
    other_bare, other_released = key(f"{epoch}{other}"), key(f"{epoch}{other}-{release}")
    assert (bare <= other_released < bare + b"\xff") == (bare == other_bare)


@given(epochs, labels, labels, labels, labels)
def test_keys_with_a_release_are_self_delimiting(epoch: str, one: str, rel_one: str, two: str, rel_two: str) -> None:
    a, b = key(f"{epoch}{one}-{rel_one}"), key(f"{epoch}{two}-{rel_two}")
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(epochs, labels, labels)
def test_tilde_stands_before_the_version_and_caret_after_it(epoch: str, version: str, release: str) -> None:
    """rpm-version(7): ``~`` is before the bare version, ``^`` after it, yet below any further letters or digits."""
    bare = key(f"{epoch}{version}-{release}")
    assert key(f"{epoch}{version}~-{release}") < bare < key(f"{epoch}{version}^-{release}")
    assert key(f"{epoch}{version}^{version}-{release}") < key(f"{epoch}{version}.a-{release}")
    assert key(f"{epoch}{version}.a-{release}") < key(f"{epoch}{version}.0-{release}")


def test_librpm_agrees_on_generated_pairs() -> None:
    pairs = hard_pairs(random.Random(20261122), PAIR_COUNT)  # noqa: S311 - reproducible examples, not secrets
    assert disagreements(pairs, librpm(pairs), our_signs("rpm.1", pairs)) == []


def hard_pairs(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Return pairs that share a beginning, where orders go wrong; a third share the whole version."""

    def label(most: int) -> str:
        return "".join(rng.choices(PARTS, k=rng.randrange(1, most)))

    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        start = rng.choice(["", "", "1:", "0:"]) + label(4)
        one, other = start + label(5), start + label(5)
        if rng.random() < 1 / 3:
            other = one
        if rng.random() < 1 / 2:
            release = label(3)
            one, other = f"{one}-{release}{label(3)}", f"{other}-{release}{label(3)}"
        pairs.append((one, other))
    return pairs
