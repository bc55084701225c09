"""EPSS and CISA's vulnrichment: what is read, what is refused, and what is known of a CVE afterwards."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from oakum.cli.feed import feed
from oakum.core.errors import FeedError
from oakum.intel.importers import CveFactsRecord, EpssDay, EpssRecord, Read, importer_for
from oakum.intel.importers.epss import EpssImporter
from oakum.intel.importers.vulnrichment import VulnrichmentImporter
from oakum.intel.models import EpssScore, Feed, KevEntry, Vulnerability
from oakum.intel.queries import epss_of, feeds
from oakum.intel.services import import_feed
from oakum.journal.models import Entry
from tests.intel import feeds as files

COMMENT = "#model_version:v2026.06.15,score_date:2026-08-21T12:00:00Z"
HEADER = "cve,epss,percentile"
CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOW = "CVSS:4.0/AV:L/AC:H/AT:N/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


def table(path: Path, *lines: str, name: str = "epss.csv") -> Path:
    (path / name).write_text("\n".join(lines))
    return path / name


def scores(path: Path) -> list[Read]:
    assert importer_for(path, None).kind == "epss"
    return list(EpssImporter().records(path))


def test_the_comment_tells_model_and_day(tmp_path: Path) -> None:
    path = tmp_path / "epss.csv.gz"
    path.write_bytes(gzip.compress(f"{COMMENT}\n{HEADER}\nCVE-2002-0367,0.04919,0.91446\n".encode()))
    day, score = (each.record for each in scores(path))
    assert day == EpssDay(model_version="v2026.06.15", scored_on=date(2026, 8, 21))
    assert score == EpssRecord(cve="CVE-2002-0367", score=0.04919, percentile=0.91446)


@pytest.mark.parametrize(
    ("lines", "day"),
    [
        (("cve,epss", "CVE-2002-0367,0.5"), EpssDay(model_version="", scored_on=None)),
        (("#model_version:v1", HEADER, "CVE-2002-0367,0.5,"), EpssDay(model_version="v1", scored_on=None)),
        (
            ("cve,epss,cvss,published,source", "CVE-2002-0367,0.5,9.8,2002-01-01,Nuclei"),
            EpssDay(model_version="", scored_on=None),
        ),
        (
            ("date,cve,epss,percentile", "2026-01-01,CVE-2002-0367,0.5,", "2025-01-01,CVE-2002-0367,0.1,0.2"),
            EpssDay(model_version="", scored_on=date(2026, 1, 1)),
        ),
    ],
)  # fmt: skip
def test_older_and_wider_layouts_are_read(tmp_path: Path, lines: tuple[str, ...], day: EpssDay) -> None:
    first, second = (each.record for each in scores(table(tmp_path, *lines)))
    assert first == day
    assert isinstance(second, EpssRecord)
    assert (second.cve, second.score, second.percentile) == ("CVE-2002-0367", 0.5, None)


def test_a_file_named_after_its_day_tells_it(tmp_path: Path) -> None:
    path = table(tmp_path, "cve,epss", "CVE-2002-0367,0.5", name="epss_scores-2021-04-14.csv")
    assert scores(path)[0].record == EpssDay(model_version="", scored_on=date(2021, 4, 14))


@pytest.mark.parametrize("score", ["", "x", "-0.1", "1.1", "nan", "inf", "1e999", "9" * 50])
def test_a_score_that_is_none_is_left_out(tmp_path: Path, score: str) -> None:
    found = scores(table(tmp_path, COMMENT, HEADER, f"CVE-2002-0367,{score},0.5", "CVE-2002-0368,0.5,0.5", "x,1,1"))
    assert [each.record is not None for each in found] == [True, False, True, False]
    assert found[1].skipped[0].startswith("rows whose score is none from 0 to 1 (CVE-2002-0367")
    assert found[3].skipped == ("rows without a CVE id",)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((COMMENT, "invalid,header,format", "CVE-2002-0367,0.5,0.5"), "line 2: the header has no cve and no epss"),
        ((COMMENT, HEADER, "CVE-2002-0367,0.5,0.5", "CVE-2002-03"), "line 4: it has 1 columns where 3 are due"),
        ((COMMENT, HEADER, "CVE-2002-0367,0.5,0.5", '"CVE'), "line 4: it is cut or no CSV"),
        ((COMMENT,), "the header has no cve"),
    ],
)
def test_what_is_cut_or_no_such_table_is_refused(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    with pytest.raises(FeedError, match="nothing was changed") as caught:
        scores(table(tmp_path, *lines))
    assert words in caught.value.sentence


@pytest.mark.django_db
def test_scores_stand_beside_their_model_and_the_newest_day_counts(tmp_path: Path, now: datetime) -> None:
    import_feed(table(tmp_path, COMMENT, HEADER, "CVE-2002-0367,0.5,0.9", "CVE-2002-0368,0.1,0.2"), now=now)
    import_feed(table(tmp_path, "cve,epss", "CVE-2002-0367,0.7"), name="old", now=now)
    view = epss_of(["CVE-2002-0367", "CVE-2002-0369"])
    assert list(view) == ["CVE-2002-0367"]
    assert (view["CVE-2002-0367"].score, view["CVE-2002-0367"].model_version) == (0.5, "v2026.06.15")
    assert (view["CVE-2002-0367"].scored_on, view["CVE-2002-0367"].source) == (date(2026, 8, 21), "epss")
    import_feed(table(tmp_path, COMMENT.replace("21T", "22T"), HEADER, "CVE-2002-0367,0.6,0.9"), now=now)
    assert epss_of(["CVE-2002-0367"])["CVE-2002-0367"].score == 0.6
    assert epss_of(["CVE-2002-0368"]) == {}
    assert EpssScore.objects.count() == 2
    listed = CliRunner().invoke(feed, ["list"]).stdout
    assert "v2026.06.15 2026-08-22" in listed
    assert [each.scored_on for each in feeds()] == [date(2026, 8, 22), None]


@pytest.mark.django_db
def test_scores_of_an_older_day_do_not_replace_newer_ones_unless_forced(tmp_path: Path, now: datetime) -> None:
    newer = table(tmp_path, COMMENT, HEADER, "CVE-2002-0367,0.5,0.9", name="newer.csv")
    older = table(tmp_path, COMMENT.replace("21T", "20T"), HEADER, "CVE-2002-0367,0.1,0.2", name="older.csv")
    import_feed(newer, now=now)
    with pytest.raises(FeedError) as caught:
        import_feed(older, now=now)
    assert caught.value.sentence == (
        "older.csv has the scores of 2026-08-20, and 'epss' those of 2026-08-21 already; nothing was changed."
    )
    assert caught.value.next_step == "Import a newer one; --force takes this one all the same."
    assert epss_of(["CVE-2002-0367"])["CVE-2002-0367"].score == 0.5
    assert EpssScore.objects.count() == 1
    assert import_feed(newer, force=True, now=now).record_count == 1
    assert import_feed(older, force=True, now=now).record_count == 1
    assert epss_of(["CVE-2002-0367"])["CVE-2002-0367"].score == 0.1


def cve_record(cve: str = "CVE-2024-3931", provider: str = "CISA-ADP", **answers: str) -> dict[str, Any]:
    options = [{key.replace("_", " "): value} for key, value in answers.items()]
    ssvc = {"other": {"type": "ssvc", "content": {"id": cve, "role": "CISA Coordinator", "options": options}}}
    return {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.1",
        "cveMetadata": {"cveId": cve, "state": "PUBLISHED"},
        "containers": {
            "cna": {
                "descriptions": [{"lang": "de", "value": "Wort."}, {"lang": "en-US", "value": "Words."}],
                "metrics": [{"cvssV4_0": {"vectorString": LOW}}],
            },
            "adp": [
                {
                    "providerMetadata": {"shortName": provider},
                    "title": "CISA ADP Vulnrichment",
                    "metrics": [ssvc, {"cvssV3_1": {"vectorString": CRITICAL}}],
                }
            ],
        },
    }


def facts(path: Path) -> list[Read]:
    assert importer_for(path, None).kind == "vulnrichment"
    return list(VulnrichmentImporter().records(path))


def test_cisas_own_records_are_read_in_any_letter_case(tmp_path: Path) -> None:
    path = tmp_path / "vulnrichment.zip"
    with zipfile.ZipFile(path, "w") as archive:
        record = cve_record(Exploitation="Active", Automatable="YES", Technical_Impact="Total")
        archive.writestr("vulnrichment/2024/3xxx/CVE-2024-3931.json", json.dumps(record, indent=4))
        archive.writestr("vulnrichment/package.json", "{}")
        archive.writestr("vulnrichment/README.md", "words")
    first, second = facts(path)
    assert first.record == CveFactsRecord(
        cve="CVE-2024-3931",
        summary="Words.",
        exploitation="active",
        automatable="yes",
        technical_impact="total",
        cvss_vectors=(LOW, CRITICAL),
    )
    assert second.skipped == ("documents of the archive that are no CVE records",)


def test_only_cisas_container_counts_for_ssvc(tmp_path: Path) -> None:
    path = tmp_path / "CVE-2024-3931.json"
    path.write_text(json.dumps(cve_record(provider="CVE", Exploitation="active")))
    (read,) = facts(path)
    assert isinstance(read.record, CveFactsRecord)
    assert (read.record.exploitation, read.record.cvss_vectors) == ("", (LOW,))


def test_an_answer_that_is_none_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "CVE-2024-3931.json"
    path.write_text(json.dumps(cve_record(Exploitation="maybe", Automatable="no")))
    (read,) = facts(path)
    assert isinstance(read.record, CveFactsRecord)
    assert (read.record.exploitation, read.record.automatable) == ("", "no")
    assert read.skipped == ("SSVC answers that are none (CVE-2024-3931: exploitation)",)


@pytest.mark.django_db
def test_deadlines_find_the_points_and_ratings(tmp_path: Path, now: datetime) -> None:
    points = {"exploitation": "PoC", "automatable": "No", "technical_impact": "total"}
    lines: list[dict[str, Any]] = [
        {"cve": "CVE-2024-0001", "state": "PUBLISHED", "ssvc": points, "cvss": [{"vector": CRITICAL}]},
        {"cve": "CVE-2024-0002", "state": "REJECTED"},
        {"cve": "CVE-2024-0003", "state": "PUBLISHED"},
    ]
    path = tmp_path / "short"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    report = import_feed(path, now=now)
    assert (report.kind, report.record_count) == ("vulnrichment", 1)
    assert dict(report.skipped) == {"CVE ids that were rejected": 1, "CVE records in which CISA says nothing": 1}
    row = Vulnerability.objects.get()
    assert (row.ssvc_exploitation, row.ssvc_automatable, row.ssvc_technical_impact) == ("poc", "no", "total")
    assert (row.ssvc_source, row.cvss_score, row.cvss_source) == ("vulnrichment", 9.8, "vulnrichment")
    path.write_text(json.dumps(lines[0] | {"ssvc": {"exploitation": "active", "automatable": "yes"}}))
    import_feed(path, now=now)
    row.refresh_from_db()
    assert (row.ssvc_exploitation, row.ssvc_automatable, row.ssvc_technical_impact) == ("active", "yes", "")


@pytest.mark.parametrize("text", ['{"cve": "CVE-2024-0001", "state": "PUBLISHED"', '{"cve": 7, "state": "x"}'])
def test_a_cut_or_foreign_line_is_refused_by_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text(f'{{"cve": "CVE-2024-0001", "state": "PUBLISHED"}}\n{text}\n')
    with pytest.raises(FeedError, match="line 2: it is no"):
        facts(path)


@pytest.mark.django_db
def test_what_the_catalogue_no_longer_lists_is_told(tmp_path: Path, now: datetime) -> None:
    rows = [files.kev_row(f"CVE-2024-{number:04}") for number in range(1, 6)]
    import_feed(files.write_kev(tmp_path / "kev.json", rows), now=now)
    assert not Entry.objects.filter(kind="intel.kev_removed").exists()
    rows = [*rows[:2], *rows[3:], files.kev_row("CVE-2024-0009", forensicTriage="Yes")]
    import_feed(files.write_kev(tmp_path / "kev.json", rows), now=now)
    (entry,) = Entry.objects.filter(kind="intel.kev_removed")
    assert entry.payload is not None
    assert (entry.payload["cves"], entry.payload["count"]) == (["CVE-2024-0003"], 1)
    assert KevEntry.objects.get(cve="CVE-2024-0009").forensic_triage == "yes"
    assert set(KevEntry.objects.values_list("generation", flat=True)) == {Feed.objects.get().generation}
