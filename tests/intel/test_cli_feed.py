"""``oakum feed``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from oakum.cli.feed import feed
from oakum.core.errors import FeedError, OperatorError
from oakum.intel.queries import feeds
from tests.intel import feeds as files

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Result:
    return CliRunner().invoke(feed, arguments)


def test_an_import_says_what_it_brought(tmp_path: Path) -> None:
    path = files.write_zip(
        tmp_path / "all.zip", files.osv_record(), files.osv_record("A-1", files.osv_package(ecosystem="Hex"))
    )
    result = run("import", str(path))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "Feed osv-debian: 1 records, 1 packages, generation 1.",
        "  left out: 1 x packages of Hex, which is no release that Oakum matches",
    ]
    again = json.loads(run("import", str(path), "--name", "mine", "--json").stdout)
    assert (again["feed"], again["records"], again["generation"]) == ("mine", 1, 1)


def test_a_corrupt_file_is_a_fault_with_a_next_step(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(b"PK\x03\x04 cut")
    result = run("import", str(path))
    assert isinstance(result.exception, FeedError)
    assert "nothing was changed" in result.exception.sentence


def test_much_smaller_a_file_is_taken_on_demand(tmp_path: Path) -> None:
    rows = [files.kev_row(f"CVE-2024-{number:04}") for number in range(200)]
    assert run("import", str(files.write_kev(tmp_path / "kev.json", rows))).exit_code == 0
    fewer = str(files.write_kev(tmp_path / "kev.json", rows[:50]))
    assert "--accept-fewer" in str(run("import", fewer).exception)
    assert run("import", fewer, "--accept-fewer").exit_code == 0


def test_a_missing_file_is_misuse(tmp_path: Path) -> None:
    assert run("import", str(tmp_path / "absent")).exit_code == 2


def test_feeds_are_listed(tmp_path: Path) -> None:
    assert "No feed has been imported" in run("list").stdout
    run("import", str(files.write_kev(tmp_path / "kev.json", [files.kev_row()])))
    assert "kev" in run("list").stdout
    (row,) = json.loads(run("list", "--json").stdout)
    assert (row["name"], row["kind"], row["records"], row["problem"]) == ("kev", "kev", 1, "")


def test_a_sync_that_fails_exits_4_and_says_what_to_do() -> None:
    result = run("sync", "--name", "kev", "--url", "http://127.0.0.1:9/kev.json")
    assert result.exit_code == 4
    assert "could not be fetched from http://127.0.0.1:9/kev.json" in result.stderr
    assert "oakum feed import FILE --name kev" in result.stderr
    assert feeds()[0].url == "http://127.0.0.1:9/kev.json"
    as_json = run("sync", "--name", "kev", "--json")
    assert as_json.exit_code == 4
    assert "could not be fetched" in json.loads(as_json.stdout)[0]["problem"]


def test_a_sync_of_nothing_is_misuse() -> None:
    assert run("sync", "--url", "https://mirror.example.test/").exit_code == 2
    assert isinstance(run("sync", "--name", "nvd").exception, OperatorError)


def test_several_paths_are_several_feeds_and_one_that_fails_holds_up_none(tmp_path: Path) -> None:
    zipped = files.write_zip(tmp_path / "all.zip", files.osv_record())
    cut = tmp_path / "cut.json"
    cut.write_text('{"cveID": 1, "vulnerabilities": [')
    kev = files.write_kev(tmp_path / "kev.json", [files.kev_row()])
    result = run("import", str(zipped), str(cut), str(kev))
    assert result.exit_code == 4
    assert [line.partition(",")[0] for line in result.stdout.splitlines()] == [
        "Feed osv-debian: 1 records",
        "Feed kev: 1 records",
    ]
    assert "cut.json: it is not JSON" in result.stderr
    again = run("import", str(zipped), str(kev), "--json")
    assert [row["unchanged"] for row in json.loads(again.stdout)] == [True, True]
    assert run("import", str(zipped), str(kev), "--name", "x").exit_code == 2


def test_a_folder_is_one_feed_of_many_documents(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.json").write_text(json.dumps(files.osv_record(f"DSA-{number}-1")))
    assert run("import", str(folder)).stdout == "Feed osv-debian: 3 records, 3 packages, generation 1.\n"
    assert run("import", str(folder)).stdout == "Feed osv-debian: unchanged, 3 records, generation 1.\n"
    assert run("import", str(folder), "--force").stdout == "Feed osv-debian: 3 records, 3 packages, generation 2.\n"
    (folder / "4.json").write_text(json.dumps(files.osv_record("DSA-4-1")))
    assert "4 records" in run("import", str(folder)).stdout


def test_what_a_file_says_does_not_reach_the_terminal_as_it_is(tmp_path: Path) -> None:
    odd = files.osv_package("\x1b[31mred", ecosystem="\x1b]0;title\x07Debian")
    path = files.write_zip(tmp_path / "all.zip", files.osv_record("A-1"), files.osv_record("A-2", odd))
    result = run("import", str(path))
    assert "\x1b" not in result.stdout
    assert "left out: 1 x packages of ?]0;title?Debian" in result.stdout
