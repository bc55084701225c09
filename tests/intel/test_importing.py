"""Imports: all of a file or nothing, switched by one row, harmless when killed."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from oakum.core.errors import FeedError
from oakum.intel.importers.osv import OsvImporter
from oakum.intel.importers.values import Read
from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange, Feed, KevEntry, Vulnerability
from oakum.intel.queries import current_ranges, feeds, generations
from oakum.intel.services import (
    has_former_advisories,
    import_feed,
    remove_former_advisories,
)
from oakum.intel.services.generations import Content, begin, discard, writing
from oakum.intel.services.pace import ROW_COUNT_MAX, ROW_COUNT_MIN
from oakum.journal.models import Entry
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
MEDIUM = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"


def zip_of(path: Path, *refs: str, fixed: str = "3.0-2") -> Path:
    return files.write_zip(path / "all.zip", *(files.osv_record(ref, files.osv_package(fixed=fixed)) for ref in refs))


def shown() -> list[tuple[str, str]]:
    return sorted((each.ref, each.fixed_version) for each in current_ranges(stream="debian:12", names=["openssl"]))


def everything() -> list[int]:
    return [model.objects.count() for model in (Advisory, AdvisoryCve, AffectedRange, KevEntry, Vulnerability)]


def test_an_import_fills_a_generation_and_switches(tmp_path: Path, now: datetime) -> None:
    steps: list[tuple[int, int | None]] = []
    report = import_feed(
        zip_of(tmp_path, "DSA-1-1", "DSA-2-1"), progress=lambda done, total: steps.append((done, total)), now=now
    )
    assert (report.feed_name, report.kind, report.generation) == ("osv-debian", "osv", 1)
    assert (report.record_count, report.affected_count, report.skipped) == (2, 2, ())
    assert shown() == [("DSA-1-1", "3.0-2"), ("DSA-2-1", "3.0-2")]
    assert steps == [(2, 2)]
    (feed,) = feeds()
    assert (feed.name, feed.record_count, feed.imported_at, feed.problem) == ("osv-debian", 2, now, "")
    entry = Entry.objects.get()
    assert (entry.kind, entry.chain, entry.organisation_id) == ("intel.feed_imported", "installation", None)
    assert entry.payload is not None
    assert (entry.payload["record_count"], entry.payload["generation"]) == (2, 1)


def test_the_next_import_replaces_what_readers_see_and_what_is_gone_is_gone(tmp_path: Path, now: datetime) -> None:
    import_feed(zip_of(tmp_path, "DSA-1-1", "DSA-2-1"), now=now)
    import_feed(zip_of(tmp_path, "DSA-1-1", fixed="3.0-9"), now=now)
    assert shown() == [("DSA-1-1", "3.0-9")]
    assert generations() == {"osv-debian": 2}
    assert has_former_advisories()
    assert remove_former_advisories(limit=1_000) == 2
    assert not has_former_advisories()
    assert everything()[:3] == [1, 1, 1]


def test_the_same_file_again_gives_the_same(tmp_path: Path, now: datetime) -> None:
    path = zip_of(tmp_path, "DSA-1-1", "DSA-2-1")
    import_feed(path, now=now)
    before = (shown(), everything())
    import_feed(path, now=now + timedelta(days=1))
    remove_former_advisories(limit=1_000)
    assert (shown(), everything()) == before


@pytest.mark.parametrize("good_count", [0, 5, 700])
def test_a_corrupt_entry_changes_nothing_that_readers_see(tmp_path: Path, now: datetime, good_count: int) -> None:
    import_feed(zip_of(tmp_path, "DSA-1-1"), now=now)
    before = (shown(), everything())
    records = [files.osv_record(f"DSA-9{number}-1") for number in range(good_count)]
    bad = files.write_zip(tmp_path / "bad.zip", *records, files.osv_record("Z") | {"id": "\n"})
    later = now + timedelta(hours=1)
    with pytest.raises(FeedError, match="it has no id; nothing was changed"):
        import_feed(bad, name="osv-debian", now=later)
    assert (shown(), everything()) == before
    (feed,) = feeds()
    assert feed.imported_at == now
    assert feed.checked_at == later
    assert "it has no id" in feed.problem
    assert [entry.kind for entry in Entry.objects.order_by("at")] == ["intel.feed_imported", "intel.feed_failed"]


def test_the_same_failure_is_journalled_once_and_a_success_clears_it(tmp_path: Path, now: datetime) -> None:
    bad = files.write_zip(tmp_path / "bad.zip", files.osv_record("Z") | {"id": ""})
    for hours in (0, 1):
        with pytest.raises(FeedError):
            import_feed(bad, kind="osv", name="osv-debian", now=now + timedelta(hours=hours))
    assert Entry.objects.filter(kind="intel.feed_failed").count() == 1
    import_feed(zip_of(tmp_path, "DSA-1-1"), now=now)
    assert [feed.problem for feed in feeds()] == [""]


def test_a_killed_import_is_invisible_and_cleared_by_the_next(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_feed(zip_of(tmp_path, "DSA-1-1"), now=now)
    whole = OsvImporter.records

    def killed(self: OsvImporter, path: Path) -> Iterator[Read]:
        yield from whole(self, path)
        raise KeyboardInterrupt

    many = zip_of(tmp_path, *(f"DSA-{number}-1" for number in range(400)))
    with monkeypatch.context() as patch:
        patch.setattr(OsvImporter, "records", killed)
        with pytest.raises(KeyboardInterrupt):
            import_feed(many, now=now)
    assert shown() == [("DSA-1-1", "3.0-2")]
    assert Advisory.objects.count() > 1
    import_feed(zip_of(tmp_path, "DSA-2-1"), now=now)
    remove_former_advisories(limit=10_000)
    assert shown() == [("DSA-2-1", "3.0-2")]
    assert everything()[:3] == [1, 1, 1]


def test_the_import_that_began_last_wins(tmp_path: Path, now: datetime) -> None:
    content = Content(content_hash="0" * 64, name="all.zip", read_by="0")
    older = begin(name="osv-debian", kind="osv", content=content, now=now)
    import_feed(zip_of(tmp_path, "DSA-1-1"), now=now)
    with pytest.raises(FeedError, match="Another import of the feed 'osv-debian' has begun"), writing(older):
        raise AssertionError("an import that is superseded must not write")
    assert shown() == [("DSA-1-1", "3.0-2")]


def test_no_write_transaction_is_longer_than_its_limit(tmp_path: Path, now: datetime) -> None:
    """A kernel's record names thousands of packages and CVEs: SQLite must not be held for all of them at once."""
    packages = [files.osv_package(f"package-{number}") for number in range(2_500)]
    record = files.osv_record("BIG-1", *packages) | {"upstream": [f"CVE-2024-{number:05}" for number in range(400)]}
    counts = [0]

    def count_at_the_end(execute: Any, sql: str, *arguments: Any) -> Any:
        answer = execute(sql, *arguments)
        if sql.startswith("RELEASE SAVEPOINT"):
            counts.append(sum(everything()))
        return answer

    with connection.execute_wrapper(count_at_the_end):
        import_feed(files.write_zip(tmp_path / "all.zip", record), now=now)
    assert AffectedRange.objects.count() == 2_500
    steps = [after - before for before, after in pairwise(counts)]
    assert ROW_COUNT_MIN <= max(steps) <= ROW_COUNT_MAX


def test_an_id_told_twice_counts_once(tmp_path: Path, now: datetime) -> None:
    report = import_feed(zip_of(tmp_path, "DSA-1-1", "DSA-1-1"), now=now)
    assert report.record_count == 1
    assert report.skipped == (("ids that another record has already", 1),)


def test_withdrawn_advisories_are_kept_and_not_matched(tmp_path: Path, now: datetime) -> None:
    unimportant = files.osv_package(ecosystem_specific={"urgency": "unimportant"})
    path = files.write_zip(
        tmp_path / "all.zip",
        files.osv_record("A-1", withdrawn="2026-02-01T00:00:00Z"),
        files.osv_record("A-2", unimportant),
        files.osv_record("A-3"),
    )
    import_feed(path, now=now)
    assert Advisory.objects.count() == 3
    states = {each.ref: each.state for each in current_ranges(stream="debian:12", names=["openssl"])}
    assert states == {"A-2": "not_affected", "A-3": "affected"}


def test_a_file_with_nothing_for_us_replaces_nothing(tmp_path: Path, now: datetime) -> None:
    import_feed(zip_of(tmp_path, "DSA-1-1"), now=now)
    foreign = files.write_zip(tmp_path / "hex.zip", files.osv_record("EEF-1", files.osv_package(ecosystem="Hex")))
    with pytest.raises(FeedError, match=r"holds nothing that Oakum can use .packages of Hex.*; nothing was changed"):
        import_feed(foreign, name="osv-debian", now=now)
    with pytest.raises(FeedError, match=r"holds nothing that Oakum can use .it is empty"):
        import_feed(files.write_kev(tmp_path / "kev.json", []), kind="kev", now=now)
    assert shown() == [("DSA-1-1", "3.0-2")]


def test_a_feed_that_has_lost_most_of_its_records_is_taken_only_on_demand(tmp_path: Path, now: datetime) -> None:
    import_feed(zip_of(tmp_path, *(f"DSA-{number}-1" for number in range(120))), now=now)
    path = zip_of(tmp_path, *(f"DSA-{number}-1" for number in range(59)))
    with pytest.raises(FeedError, match="has 59 records where the former import of 'osv-debian' had 120"):
        import_feed(path, now=now)
    assert len(shown()) == 120
    assert import_feed(path, accept_fewer=True, now=now).record_count == 59
    assert len(shown()) == 59


def test_a_stream_is_imported_like_a_file(tmp_path: Path, now: datetime) -> None:
    report = import_feed(io.BytesIO(zip_of(tmp_path, "DSA-1-1").read_bytes()), name="mine", now=now)
    assert (report.feed_name, report.record_count) == ("mine", 1)


@pytest.mark.parametrize("name", ["host-notes", "x" * 61, "a\nb"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, now: datetime, name: str) -> None:
    with pytest.raises(FeedError, match="cannot be called"):
        import_feed(zip_of(tmp_path, "DSA-1-1"), name=name, now=now)
    assert Feed.objects.count() == 0


def test_a_name_of_another_format_is_refused(tmp_path: Path, now: datetime) -> None:
    import_feed(files.write_kev(tmp_path / "kev.json", [files.kev_row()]), now=now)
    with pytest.raises(FeedError, match="The feed 'kev' has the format 'kev', this file 'osv'"):
        import_feed(zip_of(tmp_path, "DSA-1-1"), name="kev", now=now)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"hello", None, "of no format that Oakum knows"),
        (b"", None, "of no format"),
        (b"x", "nvd", "no feed format 'nvd'"),
    ],
)
def test_an_unknown_format_is_refused(
    tmp_path: Path, now: datetime, content: bytes, kind: str | None, words: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FeedError, match=words):
        import_feed(path, kind=kind, now=now)
    with pytest.raises(FeedError, match=r"it cannot be read \(No such file"):
        import_feed(tmp_path / "absent", now=now)


def test_kev_lists_are_replaced_whole(tmp_path: Path, now: datetime) -> None:
    rows = [files.kev_row(f"CVE-2024-{number:04}") for number in range(1, 1_200)]
    import_feed(files.write_kev(tmp_path / "kev.json", rows), now=now)
    report = import_feed(files.write_kev(tmp_path / "kev.json", rows[:700]), now=now)
    assert (report.feed_name, report.record_count, report.generation) == ("kev", 700, 2)
    assert KevEntry.objects.count() == KevEntry.objects.filter(generation=2).count() == 700
    assert Vulnerability.objects.get(cve="CVE-2024-0001").summary == "Example Thing contains a flaw."


def test_a_cut_kev_file_changes_nothing(tmp_path: Path, now: datetime) -> None:
    import_feed(files.write_kev(tmp_path / "kev.json", [files.kev_row()]), now=now)
    before = everything()
    path = tmp_path / "kev.csv"
    line = "CVE-2024-{:04},Example,Thing,Name,2026-01-02,Words.,Update.,2026-01-23,Known,,"
    lines = [line.format(number) for number in range(2, 900)]
    path.write_text("\n".join([files.KEV_HEADER, *lines, "CVE-2024-9999,Exam"]))
    with pytest.raises(FeedError, match="line 900: it has 2 columns"):
        import_feed(path, now=now)
    assert everything() == before
    assert KevEntry.objects.get().generation == Feed.objects.get().generation == 1


def test_what_feeds_say_of_a_cve(tmp_path: Path, now: datetime) -> None:
    def say(name: str, vector: str, details: str = "") -> None:
        record = files.osv_record("DEBIAN-CVE-2024-0001", details=details, severity=[{"score": vector}])
        import_feed(files.write_zip(tmp_path / "all.zip", record), name=name, now=now)

    def known() -> tuple[str, float | None, str]:
        row = Vulnerability.objects.get(cve="CVE-2024-0001")
        return row.summary, row.cvss_score, row.cvss_source

    import_feed(files.write_kev(tmp_path / "kev.json", [files.kev_row()]), now=now)
    assert known() == ("Example Thing contains a flaw.", None, "")
    say("one", MEDIUM, "The flaw's own text.")
    assert known() == ("The flaw's own text.", 5.3, "one")
    say("other", CRITICAL)
    assert known() == ("The flaw's own text.", 9.8, "other")
    # Another feed's lower score does not replace it, the same feed's correction does.
    say("one", MEDIUM)
    assert known()[1:] == (9.8, "other")
    say("other", MEDIUM)
    assert known()[1:] == (5.3, "other")
    import_feed(files.write_kev(tmp_path / "kev.json", [files.kev_row()]), now=now)
    assert known()[0] == "The flaw's own text."


def test_a_rating_that_is_taken_back_gives_way_to_what_other_feeds_still_say(tmp_path: Path, now: datetime) -> None:
    """Their files have not changed, so nobody reads them again."""

    def say(name: str, vector: str) -> tuple[float | None, str]:
        record = files.osv_record("DEBIAN-CVE-2024-0001", severity=[{"score": vector}])
        import_feed(files.write_zip(tmp_path / f"{name}.zip", record), name=name, now=now)
        row = Vulnerability.objects.get(cve="CVE-2024-0001")
        return row.cvss_score, row.cvss_source

    assert say("one", MEDIUM) == (5.3, "one")
    assert say("other", CRITICAL) == (9.8, "other")
    assert say("other", LOW) == (5.3, "one")
    assert say("one", LOW)[0] == say("other", LOW)[0]


def test_every_cve_that_is_named_is_known(tmp_path: Path, now: datetime) -> None:
    record = files.osv_record("DSA-1-1", details="About an update.") | {"upstream": ["CVE-2024-0001", "CVE-2024-0002"]}
    import_feed(files.write_zip(tmp_path / "all.zip", record), now=now)
    assert list(Vulnerability.objects.order_by("cve").values_list("cve", "summary")) == [
        ("CVE-2024-0001", ""),
        ("CVE-2024-0002", ""),
    ]


def test_discarding_takes_only_the_generations_between(now: datetime) -> None:
    feed = Feed.objects.create(name="x", kind="osv", generation=2, generation_next=5)
    for number in range(1, 6):
        Advisory.objects.create(feed=feed, generation=number, ref="A")
    discard(feed.id, above=2, below=5)
    assert list(Advisory.objects.order_by("generation").values_list("generation", flat=True)) == [1, 2, 5]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_byte_is_wrong_nothing_or_all_of_it_is_seen(tmp_path: Path, now: datetime, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - which byte, not a secret
    import_feed(zip_of(tmp_path, "DSA-1-1"), name="osv-debian", now=now)
    before = (shown(), everything())
    path = zip_of(tmp_path, *(f"DSA-{number}-1" for number in range(2, 9)))
    body = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 4)):
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    path.write_bytes(body[: dice.randrange(len(body))] if seed % 3 == 0 else body)
    try:
        report = import_feed(path, kind="osv", name="osv-debian", now=now)
    except FeedError:
        assert (shown(), everything()) == before
    else:
        assert {ref for ref, _ in shown()} >= {f"DSA-{number}-1" for number in range(2, report.record_count)}


REAL = os.environ.get("OAKUM_TEST_DATA", "")


@pytest.mark.skipif(not REAL, reason="OAKUM_TEST_DATA names no folder with published feeds")
def test_published_feeds_give_the_published_counts(now: datetime) -> None:
    folder = Path(REAL)
    debian = import_feed(folder / "osv-debian-dsa-dla-all.zip", now=now)
    assert (debian.record_count, debian.affected_count, debian.skipped) == (8_910, 10_466, ())
    assert AffectedRange.objects.values("name").distinct().count() == 2_107
    assert AffectedRange.objects.filter(high_key=None).count() == 8
    assert AffectedRange.objects.filter(state="end_of_life").count() == 5
    assert import_feed(folder / "kev-2025-08-25.json", now=now).record_count == 1_404
    assert KevEntry.objects.filter(ransomware="known").count() == 293
    assert import_feed(folder / "kev-2025-11.csv", now=now).record_count == 1_460
    assert KevEntry.objects.count() == 1_460
