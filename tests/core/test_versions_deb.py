"""dpkg's order as bytes: laws, a table, and dpkg itself as the judge."""

from __future__ import annotations

import itertools
import random
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.core.streams import scheme_of_stream
from oakum.core.versions import InvalidVersion, UnknownStream, order_key, upstream_version
from oakum.core.versions.deb import split
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from tests.core.version_oracles import disagreements, libapt, our_signs

DPKG = shutil.which("dpkg")
PARTS = ["0", "1", "9", "10", "239", "240", "241", "255", "256", "65536", "a", "A", "B", "Z", "rc", "z"]
PARTS += [".", "+", "~", "~~", "-"]
PAIR_COUNT = 600  # dpkg is started thrice for each
APT_PAIR_COUNT = 5_000


def key(text: str) -> bytes:
    return order_key("deb.1", text)


def _is_valid(text: str) -> bool:
    try:
        key(text)
    except InvalidVersion:
        return False
    return True


valid_versions = st.builds(
    lambda epoch, first, rest: f"{epoch}{first}{''.join(rest)}",
    st.sampled_from(["", "", "0:", "1:", "12:"]),
    st.integers(0, 10**12),
    st.lists(st.sampled_from(PARTS), max_size=7),
).filter(_is_valid)


# deb-version(7): each stands before the next.
ASCENDING = [
    "0~~",
    "0~",
    "0",
    "0.1",
    "1.0~~",
    "1.0~~a",
    "1.0~",
    "1.0~rc1-1",
    "1.0-0~deb12u1",
    "1.0",
    "1.0-0+b1",
    "1.0-0.1",
    "1.0-1~bpo12+1",
    "1.0-1",
    "1.0-1+b1",
    "1.0-1.1",
    "1.0-10",
    "1.0a",
    "1.0+dfsg-1",
    "1.0-rc1-1",
    "1.0.1",
    "1.0.239",
    "1.0.240",
    "1.0.255",
    "1.0.256",
    "1.0.65535",
    "1.0.65536",
    "1.0.20240101000000",
    f"1.0.{10**36}",
    f"1.0.{10**60}",
    f"1.0.{10**60 + 1}",
    "1.2",
    "10",
    "a1",
    "1:0~",
    "1:0",
    "240:1",
    "2147483647:1",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.0", "1.0-0"), ("1.0", "0:1.0"), ("1.0", "1.00"), ("1.0-0", "1.0-00"), ("1a", "1a0"), ("1.01", "1.1")],
)
def test_versions_that_dpkg_calls_equal_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" 1.0", "not printable ASCII"),
        ("1 0", "not printable ASCII"),
        ("1.0\x00", "not printable ASCII"),
        ("1.0\n", "not printable ASCII"),
        ("1.é", "not printable ASCII"),
        ("1.٣", "not printable ASCII"),
        (":1", "before the colon"),
        ("x:1", "before the colon"),
        ("-1:1", "before the colon"),
        ("1.0-a:b", "before the colon"),
        ("1:", "nothing follows the colon"),
        ("2147483648:1", "epoch is above"),
        ("1.0-", "nothing follows the last hyphen"),
        ("-1", "no version before the revision"),
        ("1:-1", "no version before the revision"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_the_longest_version_has_a_key() -> None:
    longest = "1" * VERSION_LENGTH_MAX
    assert key(longest) > key(longest[:-1])


def test_parts_are_told_apart_as_dpkg_does() -> None:
    assert split("2:1.0-rc1:3-4") == (2, "1.0-rc1:3", "4")
    assert split("1.0") == (0, "1.0", "")
    assert upstream_version("deb.1", "1:2.3+dfsg-4~deb12u1") == "2.3+dfsg"


@given(valid_versions, valid_versions)
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    """Self-delimiting: keys concatenate, and key + NUL is a successor."""
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(valid_versions)
def test_a_tilde_sorts_before_and_a_suffix_after(text: str) -> None:
    """deb-version(7): the tilde sorts before anything, even the end of a part."""
    assert key(text + "~") < key(text)
    assert key(text) < key(text + "+a1")


@given(valid_versions)
def test_a_higher_epoch_wins_over_everything(text: str) -> None:
    epoch, upstream, revision = split(text)
    rest = f"{upstream}-{revision}" if revision else upstream
    assert key(text) < key(f"{epoch + 1}:{rest}")
    assert key(text) < key(f"{epoch + 1}:0~~")


def test_libapt_agrees_on_generated_pairs() -> None:
    pairs = _pairs(random.Random(20261122), APT_PAIR_COUNT)  # noqa: S311 - reproducible examples, not secrets
    assert disagreements(pairs, libapt(pairs), our_signs("deb.1", pairs)) == []


@pytest.mark.skipif(DPKG is None, reason="dpkg is not installed here: nobody to ask")
def test_dpkg_agrees_on_generated_pairs() -> None:
    rng = random.Random(20261122)  # noqa: S311 - reproducible examples, not secrets
    wrong = []
    for one, other in _pairs(rng, PAIR_COUNT):
        told = [_dpkg(one, relation, other) for relation in ("lt-nl", "eq", "gt-nl")]
        ours = [key(one) < key(other), key(one) == key(other), key(one) > key(other)]
        if told != ours:
            wrong.append((one, other, told, ours))
    assert wrong == []


@pytest.mark.skipif(DPKG is None, reason="dpkg is not installed here: nobody to ask")
@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("01a:-~.+_"), min_size=1, max_size=8).filter(lambda text: text[0] not in "-+"))
def test_dpkg_refuses_exactly_what_we_refuse(text: str) -> None:
    assert DPKG is not None
    told = subprocess.run([DPKG, "--validate-version", text], capture_output=True, check=False)
    # 0: valid; 1: a warning, yet compared; 2: refused.
    assert (told.returncode in {0, 1}) == _is_valid(text)


def _pairs(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Return pairs that share a beginning, where orders go wrong; a third of them are one edit apart."""
    pairs: list[tuple[str, str]] = []
    while len(pairs) < count:
        start = rng.choice(["", "", "1:"]) + str(rng.randrange(12)) + "".join(rng.choices(PARTS, k=rng.randrange(4)))
        one = start + "".join(rng.choices(PARTS, k=rng.randrange(4)))
        other = start + "".join(rng.choices(PARTS, k=rng.randrange(4)))
        if rng.random() < 1 / 3:
            other = one + rng.choice(["0", "-0", "~", "a", ".", "-1"])
        if _is_valid(one) and _is_valid(other):
            pairs.append((one, other))
    return pairs


def _dpkg(one: str, relation: str, other: str) -> bool:
    assert DPKG is not None
    return subprocess.run([DPKG, "--compare-versions", one, relation, other], check=False).returncode == 0


def test_a_stream_has_the_scheme_of_its_distribution() -> None:
    assert scheme_of_stream("debian:12") == scheme_of_stream("ubuntu:22.04") == "deb.1"


def test_an_unknown_stream_is_refused_not_guessed() -> None:
    with pytest.raises(UnknownStream, match="'plan9:4'"):
        scheme_of_stream("plan9:4")
