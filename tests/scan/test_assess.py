"""What a scan says: which advisories hold, what is left out, and what nobody can say anything of."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from oakum.intel.services import import_feed
from oakum.scan.assess import NO_FEED, assess
from oakum.scan.outputs import OUTPUTS
from oakum.scan.report import (
    ANY,
    MISSING,
    NO_CODE,
    NO_UPDATE,
    OTHER_KERNEL,
    OWNED,
    PENDING_REBOOT,
    UNCOMPARABLE,
    ScanReport,
    counting,
)
from oakum.scan.store import Store
from tests.intel.feeds import kev_row, osv_package, osv_record, write_kev, write_zip
from tests.scan.roots import OPENSSL, debian_root, dpkg_stanza, inventory_of, ndb, put, rpm_header, zipped
from tests.scan.vex import write_openvex

pytestmark = pytest.mark.django_db

KERNEL = {"Source": "linux-signed-amd64 (6.1.139+1)"}
NEWER_KERNEL = {"Source": "linux-signed-amd64 (6.1.140+1)"}


@pytest.fixture
def scanned(tmp_path: Path, now: datetime) -> Any:
    """Return a function that imports records, and scans the root that a test has written to ``tmp_path / "root"``."""

    def scan(*records: Any, running: str = "", name: str = "osv-test") -> ScanReport:
        if records:
            import_feed(write_zip(tmp_path / f"{name}.zip", *records), kind="osv", name=name, now=now)
        connection.ensure_connection()
        raw: Any = connection.connection
        store = Store(raw, mark="?" if connection.vendor == "sqlite" else "%s")
        return assess(inventory_of(tmp_path / "root"), store, subject="/", running_kernel=running, now=now)

    return scan


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def found(report: ScanReport) -> set[tuple[str, str, str]]:
    return {(each.package.name, each.ref, each.remedy) for each in report.findings}


def left_out(report: ScanReport) -> dict[str, str]:
    return {each.name: each.left_out_kind for each in report.packages if each.left_out_kind}


def test_binaries_are_matched_by_their_source_with_the_evidence(root: Path, scanned: Any) -> None:
    debian_root(root, dpkg_stanza("libssl3", "3.0-1", Source="openssl"), dpkg_stanza("bash", "5.2-1"))
    report = scanned(osv_record("DSA-1-1", osv_package("openssl", "3.0-2")))
    assert found(report) == {("libssl3", "DSA-1-1", MISSING)}
    finding = report.findings[0]
    assert finding.fixed_version == "3.0-2"
    assert "openssl 3.0-1 is older than 3.0-2, fixed by DSA-1-1" in finding.evidence
    assert finding.package.purl.startswith("pkg:deb/debian/libssl3@3.0-1")
    assert report.is_assessed
    assert [each.name for each in report.feeds] == ["osv-test"]


def test_a_vex_statement_closes_a_finding_and_its_author_is_shown(
    root: Path, scanned: Any, tmp_path: Path, now: datetime
) -> None:
    """One flaw of the two that the notice names is spoken of: the other one keeps it open."""
    debian_root(root, dpkg_stanza("libssl3", "3.0-1", Source="openssl"))
    product = "pkg:deb/debian/libssl3?distro=debian-12"
    import_feed(write_openvex(tmp_path / "vex.json", vulnerability="CVE-2024-0001", product=product), now=now)
    both = osv_record("DSA-2-1", osv_package("openssl", "3.0-3"), upstream=["CVE-2024-0001", "CVE-2024-0002"])
    report = scanned(osv_record("DSA-1-1", osv_package("openssl", "3.0-2")), both)
    assert {each.ref: (each.state, each.state_author) for each in report.findings} == {
        "DSA-1-1": ("not_affected", "Acme"),
        "DSA-2-1": ("affected", ""),
    }
    assert [each.ref for each in counting(report.findings, ANY)] == ["DSA-2-1"]


def test_what_has_no_update_is_affected_all_the_same(root: Path, scanned: Any) -> None:
    debian_root(root, dpkg_stanza("openssl", "3.0-1"))
    report = scanned(osv_record("DSA-1-1", osv_package("openssl", "")))
    assert found(report) == {("openssl", "DSA-1-1", NO_UPDATE)}
    assert len(counting(report.findings, ANY)) == 1


def test_a_finding_that_nobody_has_rated_counts_at_every_threshold(root: Path, scanned: Any) -> None:
    debian_root(root, dpkg_stanza("openssl", "3.0-1"), dpkg_stanza("low", "1-1"), dpkg_stanza("critical", "1-1"))
    report = scanned(
        osv_record("DSA-1-1", osv_package("openssl", "3.0-2"), upstream=["CVE-2024-0009"]),
        osv_record("DSA-2-1", osv_package("low", "2-1"), database_specific={"severity": "Low"}),
        osv_record("DSA-3-1", osv_package("critical", "2-1"), database_specific={"severity": "Critical"}),
    )
    by_ref = {each.ref: each.severity for each in report.findings}
    assert by_ref["DSA-1-1"] == "unknown"
    if by_ref["DSA-2-1"] != "low":
        pytest.skip("this importer takes no severity from database_specific")
    assert {each.ref for each in counting(report.findings, "high")} == {"DSA-1-1", "DSA-3-1"}
    assert {each.ref for each in counting(report.findings, ANY)} == {"DSA-1-1", "DSA-2-1", "DSA-3-1"}


def test_what_is_exploited_comes_first(root: Path, scanned: Any, tmp_path: Path, now: datetime) -> None:
    import_feed(write_kev(tmp_path / "kev.json", [kev_row("CVE-2024-0002")]), kind="kev", now=now)
    debian_root(root, dpkg_stanza("aaa", "1-1"), dpkg_stanza("zzz", "1-1"))
    report = scanned(
        osv_record("DSA-1-1", osv_package("aaa", "2-1")),
        osv_record("DSA-2-1", osv_package("zzz", "2-1"), upstream=["CVE-2024-0002"]),
    )
    assert [(each.package.name, each.is_exploited) for each in report.findings] == [("zzz", True), ("aaa", False)]


def test_silence_of_the_feeds_is_no_clean_answer(root: Path, scanned: Any) -> None:
    debian_root(root, dpkg_stanza("openssl", "3.0-1"), os_release='ID=debian\nVERSION_ID="13"\n')
    put(root, "opt/site-packages/rsa-4.0.dist-info/METADATA", "Name: rsa\nVersion: 4.0\n\n")
    report = scanned(osv_record("DSA-1-1", osv_package("openssl", "3.0-2")))
    assert report.findings == ()
    assert [(each.subject, each.package_count, each.reason) for each in report.unassessed] == [
        ("debian:13", 1, NO_FEED),
        ("pypi", 1, NO_FEED),
    ]
    assert not report.is_assessed


@pytest.mark.parametrize(
    ("os_release", "subject"),
    [("", "deb packages"), ("ID=alpine\nVERSION_ID=3.19.1\n", "deb packages"), ("ID=selfmade\n", "selfmade:rolling")],
)
def test_packages_of_no_known_release_are_said_to_be_unassessed(
    root: Path, scanned: Any, os_release: str, subject: str
) -> None:
    debian_root(root, dpkg_stanza("openssl", "3.0-1"), os_release=os_release)
    report = scanned(osv_record("DSA-1-1", osv_package("openssl", "3.0-2")))
    assert [each.subject for each in report.unassessed] == [subject]
    assert report.packages[0].purl == "" or subject == "selfmade:rolling"


def test_what_a_distribution_owns_has_no_code_or_cannot_be_compared_is_left_out(root: Path, scanned: Any) -> None:
    place = "usr/lib/python3/dist-packages/rsa-4.0.dist-info/METADATA"
    debian_root(
        root,
        dpkg_stanza("python3-rsa", "4.0-4"),
        dpkg_stanza("openssl-doc", "3.0-1", Source="openssl"),
        dpkg_stanza("odd", "a:1"),
    )
    put(root, place, "Name: rsa\nVersion: 4.0\n\n")
    put(root, "var/lib/dpkg/info/python3-rsa.list", f"/{place}\n")
    report = scanned(
        osv_record("DSA-1-1", osv_package("openssl", "3.0-2")),
        osv_record("PYSEC-1", osv_package("rsa", "4.7", ecosystem="PyPI")),
    )
    assert report.findings == ()
    assert left_out(report) == {"rsa": OWNED, "openssl-doc": NO_CODE, "odd": UNCOMPARABLE}


def test_kernels_are_judged_by_the_one_that_runs(root: Path, scanned: Any) -> None:
    debian_root(
        root,
        dpkg_stanza("linux-image-6.1.0-36-amd64", "6.1.139-1", **KERNEL),
        dpkg_stanza("linux-image-6.1.0-37-amd64", "6.1.140-1", **NEWER_KERNEL),
    )
    record = osv_record("DSA-1-1", osv_package("linux", "6.1.140-1"))
    running_old = scanned(record, running="6.1.0-36-amd64")
    assert found(running_old) == {("linux-image-6.1.0-36-amd64", "DSA-1-1", PENDING_REBOOT)}
    running_new = scanned(running="6.1.0-37-amd64")
    assert running_new.findings == ()
    assert left_out(running_new) == {"linux-image-6.1.0-36-amd64": OTHER_KERNEL}
    offline = scanned()
    assert offline.findings == ()
    assert offline.remarks == ("The newest installed kernel (6.1.0-37-amd64) is judged: which runs is not known.",)


def test_rpms_are_matched_by_binary_name_and_module_stream(root: Path, scanned: Any) -> None:
    put(root, "etc/os-release", 'ID="almalinux"\nVERSION_ID="8.9"\n')
    nodejs = rpm_header(
        name="nodejs",
        epoch=1,
        version="16.0.0",
        release="1.module_el8+1",
        arch="x86_64",
        sourcerpm="nodejs-16.0.0-1.module_el8+1.src.rpm",
        modularitylabel="nodejs:16:8090:abc",
    )
    put(root, "var/lib/rpm/Packages.db", ndb([nodejs, OPENSSL]))
    alma = "AlmaLinux:8"
    report = scanned(
        osv_record(
            "ALSA-1",
            osv_package("nodejs", "1:18.1.0-1.module_el8+2", ecosystem=alma),
            summary="Important: nodejs:18 security update",
        ),
        osv_record(
            "ALSA-2",
            osv_package("nodejs", "1:16.2.0-1.module_el8+2", ecosystem=alma),
            summary="Important: nodejs:16 security update",
        ),
        osv_record("ALSA-3", osv_package("openssl", "1:3.0.7-25.el9", ecosystem=alma), summary="Moderate: openssl"),
    )
    assert {(name, ref) for name, ref, _ in found(report)} == {("nodejs", "ALSA-2"), ("openssl", "ALSA-3")}
    assert report.is_assessed


def test_a_jar_without_a_group_is_matched_by_the_directories_of_its_classes(root: Path, scanned: Any) -> None:
    classes = {"org/springframework/core/Ordered.class": b"", "org/springframework/asm/Type.class": b""}
    put(root, "srv/spring-core-5.3.17.jar", zipped(classes))
    put(root, "srv/other/spring-core-5.3.16.jar", zipped({"com/example/Own.class": b""}))
    put(root, "srv/nothing-1.0.jar", zipped({"x": b""}))
    maven = "Maven"
    report = scanned(
        osv_record("GHSA-1", osv_package("org.springframework:spring-core", "5.3.18", ecosystem=maven)),
        osv_record("GHSA-2", osv_package("com.other:spring-core", "9", ecosystem=maven)),
    )
    assert [(each.package.version, each.ref) for each in report.findings] == [("5.3.17", "GHSA-1")]
    assert "org.springframework:spring-core 5.3.17 is older than 5.3.18" in report.findings[0].evidence
    assert left_out(report) == {"nothing": UNCOMPARABLE}


def test_the_json_says_all_of_it_and_nothing_a_terminal_obeys(root: Path, scanned: Any) -> None:
    debian_root(
        root, dpkg_stanza("openssl", "3.0-1"), os_release=f"{'ID=debian'}\nVERSION_ID=12\nPRETTY_NAME='a\x1bb'\n"
    )
    report = scanned(osv_record("DSA-1-1", osv_package("openssl", "3.0-2")))
    text = "\n".join(OUTPUTS["json"](report))
    assert "\x1b" not in text
    document = json.loads(text)
    assert document["distribution"] == "a\x1bb"
    assert document["assessed"] is True
    assert document["findings"][0]["advisory"] == "DSA-1-1"
    assert document["findings"][0]["package"] == document["packages"][0]["id"]
    assert document["findings"][0]["vulnerabilities"][0]["id"] == "CVE-2024-0001"


def test_an_empty_root_gives_no_answer(root: Path, scanned: Any) -> None:
    root.mkdir()
    assert not scanned(osv_record()).is_assessed
