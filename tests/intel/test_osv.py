"""What an OSV file says: streams, ranges, states, ratings; and where it is refused."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.core.ranges import contains
from oakum.core.versions import order_key
from oakum.intel.importers import documents, importer_for, osv_affected, unpacking
from oakum.intel.importers.osv import OsvImporter
from oakum.intel.importers.osv_ecosystems import line_of_ecosystem
from oakum.intel.importers.values import Read
from tests.intel import feeds

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def read(path: Path, *records: dict[str, Any]) -> list[Read]:
    return list(OsvImporter().records(feeds.write_zip(path / "all.zip", *records)))


def one(path: Path, record: dict[str, Any]) -> AdvisoryRecord:
    ((found),) = [each.record for each in read(path, record)]
    assert isinstance(found, AdvisoryRecord)
    return found


@pytest.mark.parametrize(
    ("ecosystem", "streams", "level"),
    [
        ("Debian:12", ("debian:12",), "source"),
        ("Debian:6.0", ("debian:6",), "source"),
        ("Debian:3.0", ("debian:3",), "source"),
        ("Ubuntu:22.04:LTS", ("ubuntu:22.04",), "source"),
        ("Ubuntu:25.10", ("ubuntu:25.10",), "source"),
        ("Ubuntu:Pro:16.04:LTS", ("ubuntu:16.04",), "source"),
        ("AlmaLinux:9", ("almalinux:9",), "binary"),
        ("Rocky Linux:8", ("rocky:8",), "source"),
        ("Red Hat:enterprise_linux:9::baseos", ("rhel:9",), "binary"),
        ("Red Hat:enterprise_linux:8::appstream", ("rhel:8",), "binary"),
        ("SUSE:Linux Enterprise Server 15 SP5", ("sles:15.5",), "binary"),
        ("SUSE:Linux Enterprise Server 15 SP2-LTSS", ("sles:15.2",), "binary"),
        ("SUSE:Linux Enterprise Server LTSS Extended Security 12 SP5", ("sles:12.5",), "binary"),
        ("SUSE:Linux Enterprise Server for SAP Applications 12 SP1", ("sles:12.1",), "binary"),
        ("SUSE:Linux Enterprise Server 12", ("sles:12",), "binary"),
        ("SUSE:Linux Enterprise Server 16.0", ("sles:16.0",), "binary"),
        ("SUSE:Linux Enterprise Desktop 12 SP1", ("sled:12.1",), "binary"),
        ("SUSE:Linux Enterprise Module for Basesystem 15 SP5", ("sles:15.5", "sled:15.5"), "binary"),
        ("SUSE:Linux Enterprise Module for Python 3 15 SP5", ("sles:15.5", "sled:15.5"), "binary"),
        ("SUSE:Linux Enterprise Module for Web and Scripting 15 SP5", ("sles:15.5", "sled:15.5"), "binary"),
        ("SUSE:Linux Enterprise Live Patching 15 SP5", ("sles:15.5",), "binary"),
        ("SUSE:Linux Enterprise Micro 5.5", ("sle-micro:5.5",), "binary"),
        ("SUSE:Linux Enterprise Micro for Rancher 5.3", ("sle-micro:5.3",), "binary"),
        ("SUSE:Linux Micro 6.0", ("sl-micro:6.0",), "binary"),
        ("SUSE:Package Hub 15 SP5", ("sles:15.5", "sled:15.5"), "binary"),
        ("openSUSE:Leap 15.5", ("opensuse-leap:15.5",), "binary"),
        ("openSUSE:Leap Micro 5.4", ("opensuse-leap-micro:5.4",), "binary"),
        ("openSUSE:Tumbleweed", ("opensuse-tumbleweed:rolling",), "binary"),
        ("Alpine:v3.19", ("alpine:3.19",), "source"),
        ("PyPI", ("pypi",), "binary"),
        ("npm", ("npm",), "binary"),
        ("Go", ("golang",), "binary"),
        ("crates.io", ("cargo",), "binary"),
        ("RubyGems", ("gem",), "binary"),
        ("Maven", ("maven",), "binary"),
        ("Packagist", ("composer",), "binary"),
        ("NuGet", ("nuget",), "binary"),
    ],
)
def test_an_ecosystem_is_streams_of_ours(ecosystem: str, streams: tuple[str, ...], level: str) -> None:
    line = line_of_ecosystem(ecosystem)
    assert line is not None
    assert (line.streams, line.level) == (streams, level)


@pytest.mark.parametrize(
    "ecosystem",
    [
        *("Debian", "Ubuntu", "Alpine", "AlmaLinux", "SUSE", "openSUSE", "", "GIT", "Hex", "npm:1", "Debian:sid"),
        *("Ubuntu:Pro:FIPS-updates:20.04:LTS", "Ubuntu:Pro:22.04:LTS:Realtime:Kernel", "Red Hat:rhel_eus:8.8::baseos"),
        *("SUSE:Manager Server 4.3", "SUSE:Linux Enterprise High Performance Computing 15 SP4-ESPOS"),
        *("SUSE:Linux Enterprise Real Time 15 SP4", "SUSE:Linux Enterprise Server Teradata 15 SP4", "Wolfi"),
    ],
)
def test_what_has_no_order_or_release_of_ours_is_no_stream(ecosystem: str) -> None:
    assert line_of_ecosystem(ecosystem) is None


def test_a_record_is_read_whole(tmp_path: Path) -> None:
    record = one(tmp_path, feeds.osv_record("DSA-5417-1", details="Long words."))
    assert (record.ref, record.title, record.details) == ("DSA-5417-1", "DSA-5417-1 - security update", "Long words.")
    assert record.published_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert record.withdrawn_at is None
    assert record.cves == ("CVE-2024-0001",)
    (package,) = record.affected
    assert (package.stream, package.name, package.scheme, package.state) == (
        "debian:12",
        "openssl",
        "deb.1",
        "affected",
    )
    assert [each.fixed_version for each in package.intervals] == ["3.0-2"]


@pytest.mark.parametrize(
    ("fields", "cves"),
    [
        ({"upstream": ["UBUNTU-CVE-2021-3782"]}, ("CVE-2021-3782",)),
        ({"upstream": [], "aliases": ["CVE-2021-1", "CVE-2021-0002"]}, ("CVE-2021-0002",)),
        ({"upstream": [], "related": ["CVE-2014-3466"]}, ("CVE-2014-3466",)),
        ({"upstream": ["CVE-2024-0001"], "related": ["CVE-2014-3466"]}, ("CVE-2024-0001",)),
        ({"id": "DEBIAN-CVE-2024-0009", "upstream": []}, ("CVE-2024-0009",)),
        ({"upstream": None, "aliases": "CVE-2024-0001"}, ()),
    ],
)
def test_the_cves_it_is_about(tmp_path: Path, fields: dict[str, Any], cves: tuple[str, ...]) -> None:
    assert one(tmp_path, feeds.osv_record() | fields).cves == cves


@pytest.mark.parametrize(
    ("specific", "state"),
    [
        ({}, "affected"),
        ({"ecosystem_specific": {"status": "end-of-life"}}, "end_of_life"),
        ({"ecosystem_specific": {"status": "unfixed"}}, "affected"),
        ({"ecosystem_specific": {"status": "ignored"}}, "will_not_fix"),
        ({"ecosystem_specific": {"status": "postponed"}}, "deferred"),
        ({"ecosystem_specific": {"urgency": "unimportant"}}, "not_affected"),
        ({"database_specific": {"urgency": "unimportant"}}, "not_affected"),
        ({"ecosystem_specific": {"urgency": "not yet assigned"}}, "affected"),
    ],
)
def test_the_state_of_a_range(tmp_path: Path, specific: dict[str, Any], state: str) -> None:
    record = one(tmp_path, feeds.osv_record("DSA-1-1", feeds.osv_package(fixed="", **specific)))
    assert [package.state for package in record.affected] == [state]


def test_enumerated_versions_count_where_no_range_holds_them(tmp_path: Path) -> None:
    record = one(tmp_path, feeds.osv_record("X-1", feeds.osv_package(fixed="2", versions=["1", "3", "3.0"])))
    intervals = [each.interval for each in record.affected[0].intervals]
    held = [text for text in ("1", "1.5", "2", "3", "3-0", "3.1") if contains(intervals, order_key("deb.1", text))]
    assert held == ["1", "1.5", "3", "3-0"]


def test_other_range_types_are_not_read_as_versions(tmp_path: Path) -> None:
    package = feeds.osv_package()
    package["ranges"].insert(0, {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "not a version"}]})
    assert [each.fixed_version for each in one(tmp_path, feeds.osv_record("X-1", package)).affected[0].intervals] == [
        "3.0-2"
    ]


@pytest.mark.parametrize(
    ("fields", "severity", "vector"),
    [
        ({}, "", ""),
        ({"severity": [{"type": "CVSS_V3", "score": CRITICAL}]}, "critical", CRITICAL),
        ({"severity": [{"type": "CVSS_V3", "score": CRITICAL}, {"type": "Ubuntu", "score": "low"}]}, "low", CRITICAL),
        ({"severity": [{"type": "CVSS_V3", "score": "nonsense"}]}, "", ""),
        ({"database_specific": {"severity": "IMPORTANT"}}, "high", ""),
        # Which of two flaws would the vector rate?
        ({"upstream": ["CVE-2024-0001", "CVE-2024-0002"], "severity": [{"score": CRITICAL}]}, "", ""),
    ],
)
def test_severity_and_rating(tmp_path: Path, fields: dict[str, Any], severity: str, vector: str) -> None:
    record = one(tmp_path, feeds.osv_record() | fields)
    assert (record.severity, record.cvss_vector) == (severity, vector)


def test_what_is_not_for_us_is_counted_by_its_reason(tmp_path: Path) -> None:
    mixed = feeds.osv_record("A-1", feeds.osv_package(), feeds.osv_package(ecosystem="Hex"))
    bare = feeds.osv_record("A-2", feeds.osv_package(ecosystem="Debian"))
    broken = feeds.osv_record("A-3", feeds.osv_package("odd", fixed="1 0"))
    empty = feeds.osv_record("A-4") | {"affected": []}
    found = read(tmp_path, mixed, bare, broken, empty)
    assert [each.record is not None for each in found] == [True, False, False, False]
    assert [each.skipped for each in found] == [
        ("packages of Hex, which is no release that Oakum matches",),
        ("packages of Debian, which is no release that Oakum matches",),
        (("ranges with a version that is none (A-3, odd: '1 0' is not a valid version: it has a character that is not"
         " printable ASCII)"),),
        ("records that name no package",),
    ]  # fmt: skip


def test_one_record_is_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "DSA-1-1.json"
    path.write_text(json.dumps(feeds.osv_record()))
    assert importer_for(path, None).kind == "osv"
    assert [each.record.ref for each in OsvImporter().records(path) if isinstance(each.record, AdvisoryRecord)] == [
        "DSA-1-1"
    ]
    assert OsvImporter().record_count(path) is None
    assert OsvImporter().default_name(path) == "osv-dsa-1-1"


def test_the_feed_is_named_after_its_distribution(tmp_path: Path) -> None:
    path = feeds.write_zip(
        tmp_path / "all.zip", feeds.osv_record("USN-1-1", feeds.osv_package(ecosystem="Ubuntu:22.04:LTS"))
    )
    assert OsvImporter().default_name(path) == "osv-ubuntu"
    assert OsvImporter().record_count(path) == 1


def refusal(path: Path) -> FeedError:
    with pytest.raises(FeedError) as caught:
        list(OsvImporter().records(path))
    assert "nothing was changed" in caught.value.sentence
    assert caught.value.next_step
    return caught.value


def test_a_zip_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = feeds.write_zip(tmp_path / "all.zip", *(feeds.osv_record(f"DSA-{number}-1") for number in range(20)))
    path.write_bytes(path.read_bytes()[:-300])
    assert "cut or corrupt" in refusal(path).sentence


def test_a_flipped_byte_is_refused_naming_the_entry(tmp_path: Path) -> None:
    path = feeds.write_zip(tmp_path / "all.zip", *(feeds.osv_record(f"DSA-{number}-1") for number in range(3)))
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"000001-DSA-1-1.json") + 60] ^= 0xFF
    path.write_bytes(raw)
    assert "all.zip, entry 000001-DSA-1-1.json: it is cut or corrupt" in refusal(path).sentence


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "it is not JSON"),
        (b"[1]", "a JSON object is expected"),
        (b'{"affected": []}', "it has no id"),
        (b'{"id": 7}', "it has no id"),
        (b'{"id": "a\\ud800"}', "it has no id"),
        (b"[" * 100_000, "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
    ],
)
def test_an_entry_that_is_no_record_is_refused_by_name(tmp_path: Path, body: bytes, words: str) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("bad.json", body)
    error = refusal(path)
    assert "all.zip, entry bad.json" in error.sentence
    assert words in error.sentence


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.json", b" " * (4 * 1024 * 1024))
    error = refusal(path)
    assert error.code == "feed_too_large"
    assert "entry bomb.json: it unpacks to more than 200 times its size" in error.sentence


def test_each_limit_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = feeds.write_zip(tmp_path / "all.zip", *(feeds.osv_record(f"DSA-{number}-1") for number in range(3)))
    limits = [
        (unpacking, "ENTRY_COUNT_MAX", 2, "it holds 3 entries, more than 2"),
        (unpacking, "ENTRY_BYTES_MAX", 10, "unpacks to more than 10 bytes"),
        (unpacking, "TOTAL_BYTES_MAX", 100, "it unpacks to more than 100 bytes"),
        (unpacking, "DIRECTORY_BYTES_MAX", 10, "its directory has more than 10 bytes"),
        (documents, "FILE_BYTES_MAX", 100, "more than 100"),
        (documents, "DOCUMENT_COUNT_MAX", 2, "it holds more than 2 documents"),
        (osv_affected, "AFFECTED_COUNT_MAX", 0, "the record names 1 packages, more than 0"),
        (osv_affected, "EVENT_COUNT_MAX", 1, "a range has 2 events, more than 0"),
    ]
    for module, name, value, words in limits:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            error = refusal(path)
            assert error.code == "feed_too_large"
            assert words in error.sentence


def test_a_zip_without_records_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README", "nothing")
    assert "holds no file that ends in .json" in refusal(path).sentence
