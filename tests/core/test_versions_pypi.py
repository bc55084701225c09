"""Python's order as bytes: a table, laws, and packaging itself as the judge."""

from __future__ import annotations

import itertools
import json
import os
import random
import zipfile
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.versions import InvalidVersion, order_key
from oakum.core.versions.encoding import VERSION_LENGTH_MAX
from oakum.core.versions.pypi import PypiVersion, parse
from tests.core.version_oracles import disagreements, our_signs
from tests.core.version_oracles_languages import packaging

NUMBERS = ["0", "00", "1", "01", "9", "231", "232", "240", "256", "65536", "99999999999999999999"]
SEPARATORS = ["", "", ".", "-", "_"]
JUNK = ["a", "rc", "pre", "post", "r", "dev", "-", "_", ".", "+", "!", "v", "x", "ubuntu", " ", "@", "~", "é", "1", "0"]
PAIR_COUNT = 5_000


def key(text: str) -> bytes:
    return order_key("pypi.1", text)


separators = st.sampled_from(SEPARATORS)
numbers = st.sampled_from(NUMBERS)
some_number = st.sampled_from([*NUMBERS, "", ""])
releases = st.builds(
    "{}{}".format, st.sampled_from(["", "", "v", "1!"]), st.lists(numbers, min_size=1, max_size=4).map(".".join)
)
pre_releases = st.builds(
    "".join, st.tuples(separators, st.sampled_from(["a", "b", "rc", "c", "preview", "ALPHA"]), separators, some_number)
)
post_releases = st.builds("{}{}".format, st.sampled_from(["-", ".post", "post", "-r", ".rev-"]), numbers)
dev_releases = st.builds("{}dev{}".format, separators, some_number)
locals_ = st.lists(st.sampled_from([*NUMBERS, "a", "ab", "1a", "Z"]), min_size=1, max_size=3).map(
    lambda parts: "+" + "-".join(parts)
)
versions = st.builds(
    "{}{}{}{}{}".format,
    releases,
    st.just("") | pre_releases,
    st.just("") | post_releases,
    st.just("") | dev_releases,
    st.just("") | locals_,
)
oddities = st.lists(st.sampled_from(JUNK), min_size=1, max_size=8).map("".join).filter(str.strip)


# PEP 440, "Summary of permitted suffixes and relative ordering", and packaging's LegacyVersion: each before the next.
ASCENDING = [
    "0-dev-x",
    "foo",
    "0.1dev-r1716",
    "0.1-bulbasaur",
    "0.3.1-p1",
    "0.3.1p1",
    "1.0-pre-x",
    "1.0-x",
    "1.0x",
    "2.0.x",
    "2004d",
    "100000000x",  # digits beyond eight are compared as text
    "20000000x",
    "0.dev0",
    "0a0",
    "0",
    "0.0.1",
    "1.dev0",
    "1.0.dev456",
    "1.0a1.dev1",
    "1.0a1",
    "1.0a1+local",
    "1.0a1.post0.dev0",
    "1.0a1.post0",
    "1.0a2.dev456",
    "1.0a12.dev456",
    "1.0a12",
    "1.0b1.dev456",
    "1.0b2",
    "1.0b2.post345.dev456",
    "1.0b2.post345",
    "1.0rc1.dev456",
    "1.0rc1",
    "1.0",
    "1.0+abc.5",
    "1.0+abc.7",
    "1.0+abcd",
    "1.0+5",
    "1.0+5.0",
    "1.0+240",
    "1.0.post456.dev34",
    "1.0.post456",
    "1.0.post456+local",
    "1.0.0.0.1",
    "1.0.15",
    "1.1.dev1",
    "1.231",
    "1.232",
    "1.247",
    "1.248",
    "1.65536",
    f"1.{10**60}",
    f"1.{10**60 + 1}",
    "2",
    "20240101",
    "1!0.dev0",
    "1!1.0",
    "300!0",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_each_version_of_the_table_stands_before_the_next(lower: str, higher: str) -> None:
    assert key(lower) < key(higher)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0"),
        ("1.0", "v1.0"),
        ("1.0", " 0!1.0\n"),
        ("1.01", "1.1"),
        ("1.0a", "1.0-ALPHA_0"),
        ("1.0c1", "1.0preview.1"),
        ("1.0pre1", "1.0-RC-1"),
        ("1.0-1", "1.0.post1"),
        ("1.0-r4", "1.0.REV.4"),
        ("1.0-post", "1.0.post0"),
        ("1.0dev", "1.0-dev-0"),
        ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
        ("1.0+01", "1.0+1"),
        ("2004D", "2004d"),  # setuptools compared without regard to case
        ("1.0x", "1.0.0x"),
        ("1-a~x", "1a~x"),  # and took back the hyphen before what is below a release
    ],
)
def test_spellings_that_pep_440_normalises_have_one_key(one: str, other: str) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("  ", "it is blank"),
        ("1.0\x00", "cannot be printed"),
        ("1.0\nx", "cannot be printed"),
        ("1.0-\ud800", "cannot be printed"),
        ("1" * (VERSION_LENGTH_MAX + 1), "longer than"),
    ],
)
def test_what_is_no_version_is_refused_by_name_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidVersion, match=reason) as caught:
        key(text)
    assert caught.value.text == text


def test_the_parts_of_a_version_have_pep_440s_names() -> None:
    assert parse("V2!1.0-Preview.3_r4DEV5+Ab-007") == PypiVersion(
        epoch=2, release=(1, 0), pre=("rc", 3), post=4, dev=5, local=("ab", 7)
    )
    assert parse("1.0-2") == PypiVersion(epoch=0, release=(1, 0), pre=None, post=2, dev=None, local=None)
    with pytest.raises(InvalidVersion, match="PEP 440 has no such version"):
        parse("2004d")


def is_legacy(text: str) -> bool:
    """Return whether PEP 440 refuses what has a key all the same."""
    key(text)
    try:
        parse(text)
    except InvalidVersion:
        return True
    return False


@given(oddities, versions)
def test_a_legacy_version_is_below_every_version_of_pep_440(odd: str, version: str) -> None:
    """pkg_resources and packaging before 22: LegacyVersion has the epoch -1."""
    assert not is_legacy(version)
    assert not is_legacy(odd) or key(odd) < key(version)


@given(st.one_of(versions, oddities), st.one_of(versions, oddities))
def test_no_key_is_a_prefix_of_another(one: str, other: str) -> None:
    a, b = key(one), key(other)
    assert a == b or not (a.startswith(b) or b.startswith(a))


@given(versions, versions)
def test_the_keys_order_is_the_order_of_the_parts(one: str, other: str) -> None:
    """PEP 440: dev-only < a < b < rc < release < post; dev before what it leads to; local last, numbers above text."""
    a, b = _rank(parse(one)), _rank(parse(other))
    assert (key(one) < key(other), key(one) == key(other)) == (a < b, a == b)


@given(st.one_of(versions, oddities), st.one_of(versions, oddities))
def test_packaging_agrees_and_says_what_is_legacy(one: str, other: str) -> None:
    told = packaging([(one, other)])[0]
    assert (told is None) == (is_legacy(one) or is_legacy(other))
    assert told is None or told == (key(one) > key(other)) - (key(one) < key(other))


def test_packaging_agrees_on_versions_of_real_advisories() -> None:
    rng = random.Random(20261122)  # noqa: S311 - reproducible examples, not secrets
    real = [text for text in _real_versions() if not is_legacy(text)]
    pairs = [(rng.choice(real), rng.choice(real)) for _ in range(PAIR_COUNT)]
    pairs += list(itertools.pairwise(real))
    assert disagreements(pairs, packaging(pairs), our_signs("pypi.1", pairs)) == []


def test_every_version_of_the_real_advisories_has_a_key() -> None:
    real = _real_versions()
    legacy = [text for text in real if is_legacy(text)]
    assert (len(real), len(legacy)) == (12_956, 75)
    assert all(map(key, real))


@lru_cache
def _real_versions() -> list[str]:
    folder = os.environ.get("OAKUM_TEST_DATA")
    path = Path(folder or "") / "osv-pypi-pypa-all.zip"
    if not folder or not path.exists():
        pytest.skip("OAKUM_TEST_DATA has no osv-pypi-pypa-all.zip: no real versions")
    with zipfile.ZipFile(path) as archive:
        records = [json.loads(archive.read(name)) for name in archive.namelist()]
    return sorted(
        {text for record in records for one in record.get("affected", ()) for text in one.get("versions", ())}
    )


def _rank(version: PypiVersion) -> tuple[object, ...]:
    """Return a version as a tuple that Python orders as PEP 440 says, written without the keys' help."""
    release = list(version.release)
    while release and not release[-1]:
        release.pop()
    stage = ("a", "b", "rc").index(version.pre[0]) if version.pre else 3
    if version.dev is not None and version.pre is None and version.post is None:
        stage = -1
    return (
        version.epoch,
        release,
        (stage, version.pre[1] if version.pre else 0),
        -1 if version.post is None else version.post,
        (version.dev is None, version.dev or 0),
        [
            (isinstance(part, int), str(part) if isinstance(part, str) else "", part if isinstance(part, int) else 0)
            for part in version.local or ()
        ],
    )
