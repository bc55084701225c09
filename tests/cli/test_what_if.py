"""``oakum what-if advisory`` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

from oakum.findings.models import Finding
from oakum.intel.models import Advisory
from tests.cli.running import Shell
from tests.intel.feeds import osv_package, osv_record
from tests.web.rows import OLD_OPENSSL


def write(path: Path, fixed: str = "99.0-1") -> str:
    path.write_text(json.dumps(osv_record("DSA-7777-1", osv_package("openssl", fixed))))
    return str(path)


def test_an_advisory_says_whom_it_would_reach_and_is_not_imported(operator: Shell, tmp_path: Path) -> None:
    counts = (Finding.objects.count(), Advisory.objects.count())
    file = write(tmp_path / "advisory.json")
    out = operator("what-if", "advisory", file).ok()
    assert "DSA-7777-1: DSA-7777-1 - security update; debian:12 openssl" in out
    assert "It would reach 2 hosts." in out
    assert "By group: web 1" in out
    assert "By environment: production 2" in out
    assert OLD_OPENSSL in out
    assert "web01" in out
    assert "db01" in out
    assert (Finding.objects.count(), Advisory.objects.count()) == counts


def test_json_is_whole_and_the_limit_holds(operator: Shell, tmp_path: Path) -> None:
    file = write(tmp_path / "advisory.json")
    found = operator("what-if", "advisory", file, "--json", "--limit", "1").json()
    assert (found["host_count"], len(found["findings"]["rows"]), found["findings"]["total_count"]) == (2, 1, 2)
    assert "99.0-1" in found["versions"][0]["evidence"]


def test_fail_says_whether_anybody_would_be_reached(operator: Shell, tmp_path: Path) -> None:
    assert operator("what-if", "advisory", write(tmp_path / "a.json"), "--fail").code == 1
    assert operator("what-if", "advisory", write(tmp_path / "b.json", fixed="0.1-1"), "--fail").code == 0


def test_a_file_that_cannot_be_tried_is_misuse(operator: Shell, tmp_path: Path) -> None:
    assert "cannot be read" in operator("what-if", "advisory", str(tmp_path / "nowhere")).refused(2)
    (tmp_path / "odd").write_bytes(b"hello")
    assert "no format" in operator("what-if", "advisory", str(tmp_path / "odd")).refused(2)
    (tmp_path / "large").write_bytes(b"{" * 700_001)
    assert "larger than 700,000 bytes" in operator("what-if", "advisory", str(tmp_path / "large")).refused(2)
