"""What the assess loop stores, beside a plain look at every pair of package version and range, on random histories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from oakum.catalogue.models import PackageVersion
from oakum.catalogue.services import VersionRow, upsert_versions
from oakum.core.matching import RangeIndex, match
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import order_key
from oakum.findings.models import Finding
from oakum.findings.services import assess, joining
from oakum.findings.services.targets import version_facts
from oakum.intel.models import Advisory, AffectedRange, Feed
from oakum.intel.queries import current_ranges

NOW = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
STREAMS = ("debian:12", "almalinux:8", "almalinux:8+nodejs:18")
BINARIES = ("libssl3", "openssl", "openssl-doc", "nodejs")
SOURCES = ("openssl", "nodejs")


class Installed(NamedTuple):
    stream: str
    name: str
    version: int
    source: str
    source_version: int
    architecture: str
    is_modular: bool


class Said(NamedTuple):
    ref: str
    stream: str
    name: str
    level: str
    low: int
    high: int  # 0: no fix is known
    state: str
    architectures: str
    is_withdrawn: bool


def text(stream: str, number: int, *, modular: bool = False) -> str:
    mark = ".module_el8" if modular and stream.startswith("almalinux") else ""
    return f"1.{number}-1{mark}"


installed = st.builds(
    Installed,
    st.sampled_from(STREAMS),
    st.sampled_from(BINARIES),
    st.integers(1, 4),
    st.sampled_from(SOURCES),
    st.integers(1, 4),
    st.sampled_from(["amd64", "arm64", "noarch"]),
    st.booleans(),
)
said = st.builds(
    Said,
    st.sampled_from(["A-1", "A-2", "A-3"]),
    st.sampled_from(STREAMS),
    st.sampled_from((*BINARIES, *SOURCES)),
    st.sampled_from(["source", "binary"]),
    st.integers(0, 3),
    st.integers(0, 5),
    st.sampled_from(["affected", "will_not_fix", "not_affected"]),
    st.sampled_from(["", "amd64", "arm64 s390x"]),
    st.booleans(),
).filter(lambda each: not each.high or each.low < each.high)


def holds(package: Installed, each: Said) -> bool:
    """Say it the plain way: numbers and names, no keys, no index, no targets."""
    if each.is_withdrawn or package.stream != each.stream:
        return False
    is_stray = package.is_modular and package.stream == "almalinux:8"
    if is_stray or (each.architectures and package.architecture not in (*each.architectures.split(), "noarch")):
        return False
    if each.level == "source":
        if package.name.endswith("-doc"):
            return False
        name, number = package.source, package.source_version
    else:
        name, number = package.name, package.version
    return name == each.name and each.low <= number and (not each.high or number < each.high)


def install(packages: Sequence[Installed]) -> dict[Installed, int]:
    rows = {
        each: VersionRow(
            each.stream,
            each.name,
            text(each.stream, each.version, modular=each.is_modular),
            each.architecture,
            each.source,
            text(each.stream, each.source_version, modular=each.is_modular),
        )
        for each in packages
    }
    ids = upsert_versions(rows=list(rows.values()), now=NOW).ids
    return {each: ids[row] for each, row in rows.items()}


def publish(feed: Feed, generation: int, records: Sequence[Said]) -> None:
    """Store a whole generation and switch to it, as an import does."""
    withdrawn = {each.ref for each in records if each.is_withdrawn}
    Advisory.objects.filter(feed=feed, generation_end=None).update(generation_end=generation)
    advisories = {
        ref: Advisory.objects.create(
            feed=feed, generation=generation, ref=ref, withdrawn_at=NOW if ref in withdrawn else None
        )
        for ref in {each.ref for each in records}
    }
    for each in records:
        scheme = scheme_of_stream(each.stream)
        AffectedRange.objects.create(
            advisory=advisories[each.ref],
            stream=each.stream,
            name=each.name,
            level=each.level,
            architectures=each.architectures,
            scheme=scheme,
            low_key=order_key(scheme, text(each.stream, each.low)) if each.low else b"",
            high_key=order_key(scheme, text(each.stream, each.high)) if each.high else None,
            fixed_version=text(each.stream, each.high) if each.high else "",
            state=each.state,
        )
    Feed.objects.filter(id=feed.id).update(generation=generation, generation_next=generation)


def expected(ids: dict[Installed, int], records: Sequence[Said]) -> set[tuple[int, str]]:
    withdrawn = {each.ref for each in records if each.is_withdrawn}
    return {
        (ids[package], each.ref)
        for package in ids
        for each in records
        if each.ref not in withdrawn and holds(package, each)
    }


def stored() -> set[tuple[int, str]]:
    return set(Finding.objects.values_list("package_version_id", "advisory_ref"))


class TestTheLoopAndThePlainLook(TestCase):
    """On either database, after each of several generations and newly installed packages."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.tuples(st.lists(installed, max_size=6), st.lists(said, max_size=8)), min_size=1, max_size=3),
    )
    def test_they_agree(self, history: list[tuple[list[Installed], list[Said]]]) -> None:
        feed = Feed.objects.create(name="osv-random", kind="osv")
        ids: dict[Installed, int] = {}
        for number, (packages, records) in enumerate(history, start=1):
            now = NOW + timedelta(days=number)
            ids |= install(packages)
            assess(now=now)  # new packages meet the former generation
            publish(feed, number, records)
            before = {row["id"]: row for row in Finding.objects.values()}
            assess(now=now)
            assert stored() == expected(ids, records)
            self._one_word_an_advisory(ids)
            # What is still said keeps its row and its date.
            for row in Finding.objects.filter(id__in=before).values():
                assert row["since"] == before[row["id"]]["since"]
            after = list(Finding.objects.order_by("id").values())
            assert assess(now=now + timedelta(hours=1)).version_count == 0
            assert list(Finding.objects.order_by("id").values()) == after

    def _one_word_an_advisory(self, ids: dict[Installed, int]) -> None:
        """The database's join and the one in memory choose the same word, to the letter of the evidence."""
        facts = list(version_facts(list(ids.values())).values()) if ids else []
        ranges = [each for stream in STREAMS for each in current_ranges(stream=stream, names=[*BINARIES, *SOURCES])]
        in_memory = {
            (each.package_version_id, each.ref, each.state, each.fixed_version, each.evidence)
            for each in match(facts, RangeIndex(ranges))
        }
        fields = ("package_version_id", "advisory_ref", "state", "fixed_version", "evidence")
        # What nothing decides between (two ranges of one advisory alike but for their bounds) may differ in evidence.
        in_database = set(Finding.objects.values_list(*fields))
        assert {row[:3] for row in in_database} == {row[:3] for row in in_memory}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range_.high_key > target.order_key", "range_.high_key >= target.order_key"),
        ("range_.low_key <= target.order_key", "range_.low_key < target.order_key"),
        ("range_.level = target.level", "range_.level <> ''"),
        ("range_.stream = target.stream", "range_.stream <> ''"),
        ("range_.architectures = '' OR", "TRUE OR"),
    ],
)
def test_planted_bugs_are_found(old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that cannot fail is none: each of these makes the join disagree on a small fixed history."""
    assert old in joining._PAIRS + joining._ARCHITECTURE
    monkeypatch.setattr(joining, "_PAIRS", joining._PAIRS.replace(old, new))
    monkeypatch.setattr(joining, "_ARCHITECTURE", joining._ARCHITECTURE.replace(old, new))
    packages = [
        Installed("debian:12", "libssl3", number, "openssl", number, architecture, is_modular=False)
        for number in (1, 2, 3)
        for architecture in ("amd64", "arm64")
    ]
    packages.append(Installed("debian:12", "openssl", 3, "openssl", 1, "amd64", is_modular=False))
    records = [
        Said("A-1", "debian:12", "openssl", "source", 0, 2, "affected", "", is_withdrawn=False),
        Said("A-2", "debian:12", "openssl", "source", 2, 3, "affected", "amd64", is_withdrawn=False),
        Said("A-3", "debian:12", "openssl", "binary", 0, 2, "affected", "", is_withdrawn=False),
        Said("A-4", "debian:13", "openssl", "source", 0, 9, "affected", "", is_withdrawn=False),
    ]
    ids = install(packages)
    publish(Feed.objects.create(name="osv-random", kind="osv"), 1, records)
    assess(now=NOW)
    assert stored() != expected(ids, records)


@pytest.mark.django_db
def test_the_small_fixed_history_agrees_without_a_planted_bug() -> None:
    package = Installed("debian:12", "libssl3", 1, "openssl", 1, "amd64", is_modular=False)
    record = Said("A-1", "debian:12", "openssl", "source", 0, 2, "affected", "amd64", is_withdrawn=False)
    ids = install([package])
    publish(Feed.objects.create(name="osv-random", kind="osv"), 1, [record])
    assess(now=NOW)
    assert stored() == expected(ids, [record]) == {(PackageVersion.objects.get().id, "A-1")}
