"""What a KEV file says, as JSON and as CSV; and where it is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from oakum.core.errors import FeedError
from oakum.intel.importers import documents, importer_for, kev
from oakum.intel.importers.kev import KevImporter
from oakum.intel.importers.values import KevRecord
from tests.intel import feeds

LINE = 'CVE-2024-0001,Example,Thing,"A, quoted name",2026-01-02,Words.,Update.,2026-01-23,Known,,CWE-1'


def records(path: Path) -> list[KevRecord]:
    return [each.record for each in KevImporter().records(path) if isinstance(each.record, KevRecord)]


def refusal(path: Path) -> str:
    with pytest.raises(FeedError) as caught:
        list(KevImporter().records(path))
    assert "nothing was changed" in caught.value.sentence
    return caught.value.sentence


def test_json_is_read_and_unknown_fields_are_ignored(tmp_path: Path) -> None:
    row = feeds.kev_row("cve-2024-0001", knownRansomwareCampaignUse="Known", forensicTriage="Yes", novelty="x")
    path = feeds.write_kev(tmp_path / "kev.json", [row, feeds.kev_row("CVE-2024-0002", dueDate="soon")], added="x")
    first, second = records(path)
    assert importer_for(path, None).kind == "kev"
    assert (first.cve, first.added_on, first.due_on) == ("CVE-2024-0001", date(2026, 1, 2), date(2026, 1, 23))
    assert (first.ransomware, first.forensic_triage) == ("known", "yes")
    assert (second.ransomware, second.forensic_triage, second.due_on) == ("unknown", "unknown", None)


def test_csv_is_read(tmp_path: Path) -> None:
    path = tmp_path / "kev.csv"
    path.write_bytes(f"\ufeff{feeds.KEV_HEADER}\r\n{LINE}\r\n".encode())
    (found,) = records(path)
    assert importer_for(path, None).kind == "kev"
    assert (found.cve, found.name, found.ransomware) == ("CVE-2024-0001", "A, quoted name", "known")


def test_the_young_field_is_read_in_csv_too(tmp_path: Path) -> None:
    path = tmp_path / "kev.csv"
    path.write_text(f"{feeds.KEV_HEADER},forensicTriage\n{LINE},No\n")
    assert records(path)[0].forensic_triage == "no"


def test_a_cve_listed_twice_is_one(tmp_path: Path) -> None:
    path = feeds.write_kev(tmp_path / "kev.json", [feeds.kev_row(), feeds.kev_row()])
    assert [each.skipped for each in KevImporter().records(path)] == [(), ("CVE ids listed twice",)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "it is not JSON"),
        ('{"cveID": 1}', "it has no list of vulnerabilities"),
        ('{"vulnerabilities": [1]}', "entry 1: it is no object"),
        ('{"vulnerabilities": [], "count": 5}', "says that it lists 5 vulnerabilities and lists 0"),
        ('{"vulnerabilities": [{"cveID": "CVE-2024-0001 CVE-2024-0002"}]}', "entry 1: cveID is no CVE id"),
        ('{"vulnerabilities": [{"cveID": "CVE-2024-0001", "dateAdded": "x"}]}', "entry 1: dateAdded is no date: 'x'"),
        ("a,b\n1,2\n", "line 1: the header has no cveID"),
        (f"{feeds.KEV_HEADER}\n{LINE}\nCVE-2024-0002,Exam", "line 3: it has 2 columns where 11 are due"),
        (f'{feeds.KEV_HEADER}\n{LINE}\nCVE-2024-0002,"Exam', "line 3: it is cut or no CSV"),
        ("", "line 1: the header has no cveID"),
    ],
)  # fmt: skip
def test_a_cut_or_foreign_file_is_refused_naming_the_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "kev"
    path.write_text(text)
    assert words in refusal(path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kev"
    path.write_bytes(b"cveID,\xff")
    assert "line 1: it is not UTF-8" in refusal(path)
    assert "it cannot be read (No such file or directory)" in refusal(tmp_path / "absent")


def test_each_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = feeds.write_kev(tmp_path / "kev.json", [feeds.kev_row(), feeds.kev_row("CVE-2024-0002")])
    monkeypatch.setattr(kev, "RECORD_COUNT_MAX", 1)
    assert "entry 2: it lists more than 1 vulnerabilities" in refusal(path)
    monkeypatch.setattr(documents, "FILE_BYTES_MAX", 10)
    assert "more than 10" in refusal(path)
