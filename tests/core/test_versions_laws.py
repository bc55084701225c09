"""What holds for the order keys of every scheme alike, whatever the text."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oakum.core.versions import _KEYS as KEYS
from oakum.core.versions import ALPM, RPM, InvalidVersion, order_key, scheme_of_name
from oakum.core.versions.encoding import VERSION_LENGTH_MAX

SCHEMES = sorted(KEYS)
# A version without release there stands for all its releases: its key is what theirs begin with.
RELEASE_IS_OPTIONAL = {RPM, ALPM}

PIECES = [
    "0",
    "1",
    "00",
    "01",
    "9",
    "10",
    "239",
    "240",
    "256",
    "2147483648",
    "a",
    "B",
    "rc",
    "beta",
    "dev",
    "post",
    "x",
]
PIECES += [
    ".",
    ".",
    "-",
    "-",
    "_",
    "+",
    "~",
    "^",
    ":",
    "!",
    "..",
    "v",
    "r1",
    "_p1",
    "_alpha",
    "é",
    "٣",
    "*",
    "#",
    "@",
    " ",
]
# What one expression or loop too many would take long over.
LONG = [
    "1",
    "a",
    "-",
    ".",
    "~",
    "^",
    "_",
    "+",
    ":",
    "1.",
    "0.",
    "a1",
    "1a",
    "1-",
    ".0",
    "-0",
    "_p1",
    "a.",
    "é",
    "x.",
    "\x00",
]
HEADS = ["", "1", "1.0-", "1.0-beta", "v", "1:", "1.0+", "dev-", "2010-01-02"]
TAILS = ["", "!", "x", "\x00", " as 1", "-dev", "@dev", "é"]
SECONDS_MAX = 2
MESSAGE_LENGTH_MAX = 1_000  # 80 characters of the text, each escaped, and the reason

versions = st.lists(st.sampled_from(PIECES), min_size=1, max_size=9).map("".join)
texts = st.one_of(versions, st.text(max_size=VERSION_LENGTH_MAX + 2), st.text(max_size=8))
triples = st.tuples(*[st.integers(0, 99_999) | st.integers(0, 300)] * 3)


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def key_of(scheme: str, text: str) -> bytes | None:
    """Return the key, or None for what is refused; whatever else is raised fails the test."""
    refused: InvalidVersion
    try:
        return order_key(scheme, text)
    except InvalidVersion as error:
        refused = error
    assert refused.text == text
    assert refused.reason
    assert len(str(refused)) < MESSAGE_LENGTH_MAX
    return None


@pytest.mark.parametrize("scheme", SCHEMES)
@given(text=texts)
@example(text="")
@example(text="\x00")
@example(text="1\x00")
@example(text="\ud800")
@example(text="1.0\n")
@example(text="1" * VERSION_LENGTH_MAX)
@example(text="1." * (VERSION_LENGTH_MAX // 2))
def test_a_text_has_one_key_or_is_refused_by_name(scheme: str, text: str) -> None:
    assert key_of(scheme, text) == key_of(scheme, text)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(piece=st.sampled_from(PIECES) | st.characters(), length=st.integers(VERSION_LENGTH_MAX + 1, 10_000))
def test_what_is_longer_than_a_version_is_refused(scheme: str, piece: str, length: int) -> None:
    text = (piece * length)[:length]
    with pytest.raises(InvalidVersion, match="longer than"):
        order_key(scheme, text)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(one=versions, other=versions, more=versions)
def test_no_key_begins_another_but_that_of_a_version_without_release(
    scheme: str, one: str, other: str, more: str
) -> None:
    """Keys are self-delimiting, so they concatenate, and nothing but the same version lies right above a key."""
    pairs = [(one, other), (one, one + more), (one, f"{one}-{more}")]
    for first, second in pairs:
        a, b = key_of(scheme, first), key_of(scheme, second)
        if a is None or b is None or a == b or not (a.startswith(b) or b.startswith(a)):
            continue
        shorter = first if len(a) < len(b) else second
        assert scheme in RELEASE_IS_OPTIONAL, (first, second)
        assert "-" not in shorter, (first, second)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(one=triples, other=triples)
def test_plain_numbers_are_ordered_as_numbers_in_every_scheme(
    scheme: str, one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    a, b = (order_key(scheme, ".".join(map(str, triple))) for triple in (one, other))
    assert (a < b, a == b) == (one < other, one == other)


def test_no_text_takes_long(scheme: str) -> None:
    hostile = [
        head + (piece * VERSION_LENGTH_MAX)[: VERSION_LENGTH_MAX - len(head) - len(tail)] + tail
        for head in HEADS
        for piece in LONG
        for tail in TAILS
    ]
    started = time.process_time()
    for text in hostile:
        key_of(scheme, text)
    assert time.process_time() - started < SECONDS_MAX, f"{len(hostile)} texts of {VERSION_LENGTH_MAX} characters"


def test_a_scheme_is_known_by_the_name_in_its_stamp(scheme: str) -> None:
    name, _, revision = scheme.partition(".")
    assert scheme_of_name(name) == scheme_of_name(name.upper()) == scheme
    assert int(revision) >= 1
