"""A new generation writes what it says otherwise and nothing else, and readers see what a whole import would show."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange, Feed, stands
from oakum.intel.services import differing, import_feed, remove_former_advisories
from oakum.intel.services.filling import RECORD_COUNT
from tests.intel import feeds as files

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WRITES = ("INSERT", "UPDATE", "DELETE")

Record = Mapping[str, Any]


def rpm(ref: str, day: int = 1, *, title: str = "", supersedes: Sequence[str] = (), **fixed: str) -> Record:
    packages = [files.osv_package(name, version, ecosystem="AlmaLinux:9") for name, version in fixed.items()]
    return files.osv_record(ref, *packages) | {
        "summary": title or ref,
        "published": f"2026-01-{day:02}T00:00:00Z",
        "database_specific": {"supersedes": list(supersedes)},
    }


def bring(records: Sequence[Record], name: str = "f", *, force: bool = True) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = files.write_zip(Path(folder) / "all.zip", *records)
        import_feed(path, name=name, kind="osv", force=force, accept_fewer=True, now=NOW)


class Killed(BaseException):
    """The process is killed."""


def bring_until(records: Sequence[Record], count: int) -> None:
    """Import, and be killed at the write after so many."""
    done = [0]

    def killing(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith(WRITES):
            done[0] += 1
            if done[0] > count:
                raise Killed
        return execute(sql, *arguments)

    with connection.execute_wrapper(killing), suppress(Killed):
        bring(records)


def seen(name: str = "f") -> list[tuple[Any, ...]]:
    """Return all that readers see of a feed: the advisories with their ranges and CVEs."""
    found = []
    for row in Advisory.objects.filter(stands(), feed__name=name).order_by("ref"):
        ranges = AffectedRange.objects.filter(advisory=row).values_list("stream", "name", "fixed_version", "high_key")
        own = sorted((stream, package, fixed, bytes(high or b"")) for stream, package, fixed, high in ranges)
        cves = sorted(AdvisoryCve.objects.filter(advisory=row).values_list("cve", flat=True))
        found.append((row.ref, row.title, row.superseded_by, row.withdrawn_at, row.cves, own, cves))
    return found


def ids(name: str = "f") -> dict[str, int]:
    return dict(Advisory.objects.filter(stands(), feed__name=name).values_list("ref", "id"))


def rows_written(records: Sequence[Record]) -> list[str]:
    """Return the tables of advisories that an import writes to, once for each statement."""
    told: list[str] = []

    def note(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith(WRITES):
            told.extend(
                each for each in ("intel_advisory", "intel_affectedrange", "intel_vulnerability") if each in sql
            )
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        bring(records)
    return told


@pytest.mark.django_db
def test_a_feed_that_says_the_same_writes_no_advisory() -> None:
    records = [rpm(f"A-{number}", curl=f"8.{number}-1") for number in range(2 * RECORD_COUNT)]
    bring(records)
    before = (ids(), seen())
    assert rows_written(records) == []
    assert (ids(), seen()) == before
    assert Feed.objects.get().generation == 2
    assert Advisory.objects.count() == len(records)


@pytest.mark.django_db
def test_one_changed_advisory_becomes_one_row_and_the_others_keep_theirs() -> None:
    records = [rpm(f"A-{number}", curl=f"8.{number}-1") for number in range(RECORD_COUNT + 5)]
    bring(records)
    before = ids()
    bring([*records[:-1], rpm(records[-1]["id"], title="Other words", curl="8.0-1")])
    after = ids()
    assert {ref for ref, id_ in after.items() if before[ref] != id_} == {records[-1]["id"]}
    assert Advisory.objects.get(id=after[records[-1]["id"]]).title == "Other words"
    assert Advisory.objects.count() == len(records) + 1
    assert remove_former_advisories(limit=1_000) == 1
    assert AffectedRange.objects.count() == Advisory.objects.count() == len(records)


@pytest.mark.django_db
def test_what_is_gone_ends_and_what_comes_again_begins() -> None:
    records = [rpm("A-1", curl="8-1"), rpm("A-2", curl="9-1")]
    bring(records)
    bring(records[:1])
    assert list(ids()) == ["A-1"]
    bring(records)
    assert sorted(ids()) == ["A-1", "A-2"]
    remove_former_advisories(limit=10)
    assert Advisory.objects.count() == 2


@pytest.mark.django_db
def test_notices_that_the_feed_itself_closes_or_completes_keep_their_rows_too() -> None:
    records = [
        rpm("A-1", 1, bind="32:9.1-1"),
        rpm("A-2", 2, bind="9.2-1", curl="1-1"),  # its epoch is lost on the way
        rpm("A-3", 3, curl="2-1"),
        rpm("A-4", 4, supersedes=["A-3"], curl="3-1"),
    ]
    bring(records)
    before = (ids(), seen())
    bring([*records, rpm("A-5", 5, xz="1-1")])
    after = ids()
    assert after.pop("A-5")
    assert (after, [row for row in seen() if row[0] != "A-5"]) == before
    assert Advisory.objects.count() == 5


@pytest.mark.django_db
def test_a_row_that_readers_see_is_not_changed_when_another_notice_comes_to_close_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    records = [rpm("A-1", 2, bind="9.1-1"), rpm("A-2", 2, curl="2-1")]
    bring(records)
    before = seen()

    def killed(*_arguments: object) -> None:
        raise Killed

    more = [*records, rpm("A-3", 1, supersedes=["A-2"], bind="32:9.0-1")]
    with monkeypatch.context() as patch:
        patch.setattr("oakum.intel.services.settling.take_back_same", killed)
        with pytest.raises(Killed):
            bring(more)
    assert Advisory.objects.filter(settled=differing.UNTOLD).count() == 2
    assert seen() == before
    bring(more)
    assert [(ref, by, fixed[0][2]) for ref, _, by, _, _, fixed, _ in seen()] == [
        ("A-1", "", "32:9.1-1"),
        ("A-2", "A-3", "2-1"),
        ("A-3", "", "32:9.0-1"),
    ]


@pytest.mark.django_db
def test_an_import_that_is_killed_while_it_takes_back_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [
        rpm("A-1", 1, bind="32:9.1-1"),
        rpm("A-2", 2, bind="9.2-1"),
        rpm("A-3", 3, curl="2-1"),
        rpm("A-4", 4, supersedes=["A-3"], curl="3-1"),
    ]
    bring(records)
    before = (ids(), seen())

    def killed(*_arguments: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(differing, "remove_ended", killed)
        with pytest.raises(Killed):
            bring(records)
    assert Advisory.objects.count() > len(records)
    bring(records)
    assert (ids(), seen()) == before
    assert Advisory.objects.count() == len(records)
    assert Feed.objects.get().generation == 2


VERSIONS = st.sampled_from(["1-1", "2-1", "3-1", "1:2-1", "1:3-1", "2:1-1"])


@st.composite
def any_records(draw: st.DrawFn) -> list[Record]:
    refs = draw(st.lists(st.sampled_from(["A", "B", "C", "D", "E", "F"]), min_size=1, unique=True))
    return [
        rpm(
            ref,
            draw(st.integers(1, 4)),
            title=draw(st.sampled_from(["one", "other"])),
            supersedes=draw(st.lists(st.sampled_from(["A", "B", "C"]), max_size=1)),
            **draw(st.dictionaries(st.sampled_from(["bind", "curl"]), VERSIONS, min_size=1)),
        )
        for ref in refs
    ]


STEPS = st.lists(st.tuples(any_records(), st.none() | st.integers(0, 30), st.booleans()), min_size=1, max_size=4)


class AnyHistory(TestCase):
    """Whatever was imported before, and wherever it was killed."""

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=STEPS)
    def test_readers_see_what_an_import_into_an_empty_feed_shows(
        self, steps: list[tuple[list[Record], int | None, bool]]
    ) -> None:
        for number, (records, killed_at, goes_on) in enumerate(steps):
            if killed_at is not None:
                before = (seen(), ids())
                bring_until(records, killed_at)
                generation = Feed.objects.filter(name="f").values_list("generation", flat=True).first() or 0
                switched = Feed.objects.filter(name="f", content_hash_next="", generation__gt=0).exists()
                if not switched:
                    assert (seen(), ids()) == before, f"half of {generation} is seen"
                if not goes_on:
                    continue
            bring(records)
            bring(records, f"whole-{number}")
            assert seen() == seen(f"whole-{number}")
            if number % 2:
                remove_former_advisories(limit=1_000)
        own = Advisory.objects.filter(feed__name="f")
        assert not own.filter(settled=differing.UNTOLD, generation_end=None).filter(stands()).exists()

    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
    @given(first=any_records(), second=any_records())
    def test_a_row_is_another_one_only_where_it_says_something_else(
        self, first: list[Record], second: list[Record]
    ) -> None:
        bring(first)
        before = {row[0]: (ids()[row[0]], row[1:]) for row in seen()}
        bring(second)
        for row in seen():
            id_, said = before.get(row[0], (0, ()))
            same_record = any(one == other and one["id"] == row[0] for one in first for other in second)
            if said == row[1:] and same_record:
                assert ids()[row[0]] == id_
            else:
                assert ids()[row[0]] != id_
