"""Ubuntu's notices, CVE tracker and VEX: codenames, the team's words, two archives of one release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
    AdvisoryRecord,
)
from oakum.core.errors import FeedError
from oakum.intel.importers import Importer
from oakum.intel.importers.ubuntu import UbuntuNoticesImporter, UbuntuTrackerImporter, UbuntuVexImporter
from oakum.intel.importers.ubuntu.releases import archive_of
from oakum.intel.importers.values import Read
from tests.intel.vendor_feeds import mutations, only_feed_errors

TRACKER = """\
Candidate: CVE-2024-0001
PublicDate: 2024-07-27 04:15:00 UTC
References:
 https://example.org/CVE-2024-0001
Description:
 A flaw
 in two lines.
Ubuntu-Description:
Notes:
 someone> jammy_openssl: needed
Priority: medium
CVSS:
 nvd: CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H [5.5 MEDIUM]

Patches_openssl:
 upstream: https://example.org/1
#noble_openssl: needed
upstream_openssl: released (3.4)
"""


def write(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def read(importer: Importer, path: Path) -> list[Read]:
    return list(importer.records(path))


def one(importer: Importer, path: Path) -> AdvisoryRecord:
    (record,) = [each.record for each in read(importer, path) if each.record is not None]
    assert isinstance(record, AdvisoryRecord)
    return record


def told(record: AdvisoryRecord) -> list[tuple[str, str, str, str]]:
    return [(each.stream, each.name, each.state, each.intervals[0].fixed_version) for each in record.affected]


def notice(**more: Any) -> dict[str, Any]:
    source = {"openssl": {"version": "3.0.2-0ubuntu1.16", "description": "toolkit"}}
    binaries = {"libssl3": {"version": "3.0.2-0ubuntu1.16", "pocket": "security"}}
    return {
        "id": "6663-2",
        "title": "OpenSSL regression",
        "description": "USN-6663-1 patched a flaw.",
        "summary": "openssl regression",
        "timestamp": 1708959600.5,
        "cves": ["CVE-2024-0001", "https://launchpad.net/bugs/2049552"],
        "releases": {"jammy": {"sources": source, "binaries": binaries, "allbinaries": binaries}},
    } | more


@pytest.mark.parametrize(
    ("release", "pocket", "stream", "words"),
    [
        ("jammy", "", "ubuntu:22.04", "Ubuntu 22.04"),
        ("jammy", "updates", "ubuntu:22.04", "Ubuntu 22.04"),
        ("trusty/esm", "", "ubuntu:14.04", "Ubuntu 14.04 Pro"),
        ("esm-apps/bionic", "", "ubuntu:18.04", "Ubuntu 18.04 Pro"),
        ("esm-infra-legacy/trusty", "", "ubuntu:14.04", "Ubuntu 14.04 Pro"),
        ("xenial", "esm-infra", "ubuntu:16.04", "Ubuntu 16.04 Pro"),
    ],
)
def test_a_codename_is_a_release_and_pro_is_the_same_one(release: str, pocket: str, stream: str, words: str) -> None:
    archive = archive_of(release, pocket)
    assert archive is not None
    assert (archive.stream, archive.words) == (stream, words)


@pytest.mark.parametrize(
    "release",
    ["upstream", "devel", "fips/xenial", "fips-updates/jammy", "realtime/jammy", "snap", "", "jammy/noble", "/"],
)
def test_other_archives_are_no_stream_of_ours(release: str) -> None:
    assert archive_of(release) is None


class TestNotices:
    importer = UbuntuNoticesImporter()

    def test_the_database_is_read_by_source_package(self, tmp_path: Path) -> None:
        record = one(self.importer, write(tmp_path, "database-all.json", {"6663-2": notice()}))
        assert (record.ref, record.title, record.cves) == ("USN-6663-2", "OpenSSL regression", ("CVE-2024-0001",))
        assert told(record) == [("ubuntu:22.04", "openssl", AFFECTED, "3.0.2-0ubuntu1.16")]
        assert record.affected[0].level == "source"
        assert record.published_at is not None
        assert record.published_at.isoformat() == "2024-02-26T15:00:00.500000+00:00"

    def test_a_regression_is_a_notice_of_its_own(self, tmp_path: Path) -> None:
        content = {"6663-1": notice(), "6663-2": notice(cves=[])}
        path = write(tmp_path, "database.json", content)
        refs = [each.record.ref for each in read(self.importer, path) if isinstance(each.record, AdvisoryRecord)]
        assert refs == ["USN-6663-1", "USN-6663-2"]

    def test_where_no_source_is_told_the_binaries_are_read_as_binaries(self, tmp_path: Path) -> None:
        releases = {"dapper": {"binaries": {"libpng12-0": {"version": "1.2.8rel-5ubuntu0.1"}}}}
        record = one(self.importer, write(tmp_path, "database.json", {"1-1": notice(releases=releases)}))
        assert [(each.name, each.level) for each in record.affected] == [("libpng12-0", "binary")]

    def test_a_page_of_the_api_is_read(self, tmp_path: Path) -> None:
        packages = [
            {"is_source": True, "name": "curl", "version": "8.5.0-2ubuntu10.1"},
            {"is_source": False, "name": "libcurl4", "version": "8.5.0-2ubuntu10.1", "pocket": "security"},
        ]
        page = {
            "notices": [
                {"id": "USN-9-1", "type": "USN", "title": "curl", "published": "2024-01-02T03:04:05",
                 "cves_ids": ["CVE-2024-9"], "release_packages": {"noble": packages}},
                {"id": "LSN-1-1", "type": "LSN", "release_packages": {"noble": packages}},
            ],
            "limit": 2,
        }  # fmt: skip
        path = write(tmp_path, "notices.json", page)
        assert told(one(self.importer, path)) == [("ubuntu:24.04", "curl", AFFECTED, "8.5.0-2ubuntu10.1")]
        assert read(self.importer, path)[1].skipped == ("notices of type LSN",)

    def test_the_oldest_notices_tell_no_version_and_are_counted(self, tmp_path: Path) -> None:
        packages = [{"is_source": False, "name": "libpng12-0", "version": ""}]
        page = {"notices": [{"id": "USN-1-1", "release_packages": {"warty": packages}}]}
        (found,) = read(self.importer, write(tmp_path, "notices.json", page))
        assert (found.record, found.skipped) == (None, ("packages of which no version is told",))

    def test_a_package_without_a_name_is_refused(self, tmp_path: Path) -> None:
        releases = {"jammy": {"sources": {"a b": {"version": "1"}}}}
        with pytest.raises(FeedError, match="'a b' is no name of a package"):
            read(self.importer, write(tmp_path, "database.json", {"1-1": notice(releases=releases)}))


class TestTracker:
    importer = UbuntuTrackerImporter()

    def statuses(self, tmp_path: Path, lines: str) -> AdvisoryRecord:
        return one(self.importer, write(tmp_path, "CVE-2024-0001", TRACKER + lines))

    def test_a_file_is_read(self, tmp_path: Path) -> None:
        record = self.statuses(tmp_path, "jammy_openssl: released (3.0.2-0ubuntu1.16)\nfocal_openssl: not-affected\n")
        assert (record.ref, record.title, record.cves) == (
            "UBUNTU-CVE-2024-0001",
            "A flaw in two lines.",
            ("CVE-2024-0001",),
        )
        assert record.severity == "medium"
        assert record.cvss_vector == "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:H"
        assert record.published_at is not None
        assert record.published_at.isoformat() == "2024-07-27T04:15:00+00:00"
        assert told(record) == [
            ("ubuntu:22.04", "openssl", AFFECTED, "3.0.2-0ubuntu1.16"),
            ("ubuntu:20.04", "openssl", NOT_AFFECTED, ""),
        ]

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("needed", AFFECTED),
            ("pending (1.2-3ubuntu4)", AFFECTED),
            ("needs-triage", UNDER_INVESTIGATION),
            ("deferred (2024-01-01)", DEFERRED),
            ("ignored (superseded by linux-hwe-5.4)", WILL_NOT_FIX),
            ("ignored", WILL_NOT_FIX),
            ("ignored (end of life)", END_OF_LIFE),
            ("ignored (end of standard support, was needed)", END_OF_LIFE),
            ("ignored (out of standard support)", END_OF_LIFE),
            ("ignored (end of kernel support)", END_OF_LIFE),
            ("ignored (reached end-of-life)", END_OF_LIFE),
            ("not-affected (code not present)", NOT_AFFECTED),
        ],
    )
    def test_each_of_the_teams_words_becomes_a_state_and_stays_readable(
        self, tmp_path: Path, word: str, state: str
    ) -> None:
        record = self.statuses(tmp_path, f"jammy_openssl: {word}\n")
        assert told(record) == [("ubuntu:22.04", "openssl", state, "")]
        assert (f"openssl in Ubuntu 22.04: {word}" in record.details) == (state != NOT_AFFECTED)

    @pytest.mark.parametrize(
        ("base", "pro", "state", "fixed"),
        [
            ("ignored (end of standard support)", "released (1.2-3ubuntu4+esm1)", AFFECTED, "1.2-3ubuntu4+esm1"),
            ("ignored (end of standard support)", "not-affected (1.2-3ubuntu4+esm1)", AFFECTED, "1.2-3ubuntu4+esm1"),
            ("ignored (end of standard support)", "not-affected", NOT_AFFECTED, ""),
            ("ignored (end of standard support)", "needed", AFFECTED, ""),
            ("ignored (end of standard support)", "DNE", END_OF_LIFE, ""),
            ("released (1.2-3ubuntu2)", "not-affected (1.2-3ubuntu2)", AFFECTED, "1.2-3ubuntu2"),
            ("released (1.2-3ubuntu2)", "released (1.2-3ubuntu4+esm1)", AFFECTED, "1.2-3ubuntu2"),
            ("released (1.2-3ubuntu2)", "needed", AFFECTED, "1.2-3ubuntu2"),
        ],
    )
    def test_a_releases_two_archives_come_to_one_range(
        self, tmp_path: Path, base: str, pro: str, state: str, fixed: str
    ) -> None:
        lines = f"xenial_openssl: {base}\nesm-infra/xenial_openssl: {pro}\n"
        assert told(self.statuses(tmp_path, lines)) == [("ubuntu:16.04", "openssl", state, fixed)]

    def test_a_package_that_a_release_does_not_have_is_no_word_on_it(self, tmp_path: Path) -> None:
        path = write(tmp_path, "CVE-2024-0001", TRACKER + "jammy_openssl: DNE\n")
        (found,) = read(self.importer, path)
        assert found.record is None
        assert found.skipped == ("what is said of upstream, which is no release that Oakum matches",)

    def test_notes_and_comments_that_look_like_states_are_none(self, tmp_path: Path) -> None:
        record = self.statuses(tmp_path, "focal_openssl: needed\n")
        assert [each.stream for each in record.affected] == ["ubuntu:20.04"]

    def test_a_checkout_is_read_folder_by_folder(self, tmp_path: Path) -> None:
        for folder, number in (("active", 1), ("retired", 2), ("ignored", 3)):
            (tmp_path / folder).mkdir()
            text = TRACKER.replace("0001", f"000{number}") + "jammy_openssl: needed\n"
            write(tmp_path / folder, f"CVE-2024-000{number}", text)
        write(tmp_path / "active", "00boilerplate", "Candidate:\nPublicDate:\n")
        assert self.importer.recognises(tmp_path, b"")
        refs = [each.record.ref for each in read(self.importer, tmp_path) if isinstance(each.record, AdvisoryRecord)]
        assert refs == ["UBUNTU-CVE-2024-0001", "UBUNTU-CVE-2024-0003", "UBUNTU-CVE-2024-0002"]

    def test_a_page_of_the_api_is_read_with_its_pockets(self, tmp_path: Path) -> None:
        statuses = [
            {"release_codename": "jammy", "pocket": "security", "status": "released", "description": "1.2-3"},
            {"release_codename": "bionic", "pocket": "esm-infra", "status": "needed", "description": None},
            {"release_codename": "bionic", "pocket": "fips-updates", "status": "needed", "description": ""},
        ]
        entry = {"id": "CVE-2024-7", "priority": "high", "packages": [{"name": "curl", "statuses": statuses}]}
        record = one(self.importer, write(tmp_path, "cves.json", {"cves": [entry], "limit": 1}))
        assert told(record) == [("ubuntu:22.04", "curl", AFFECTED, "1.2-3"), ("ubuntu:18.04", "curl", AFFECTED, "")]

    def test_one_file_never_replaces_the_whole_tracker(self, tmp_path: Path) -> None:
        assert self.importer.default_name(tmp_path / "CVE-2024-0001") == "ubuntu-cve-2024-0001"
        assert self.importer.default_name(tmp_path) == "ubuntu-cve"

    def test_a_file_that_names_no_cve_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(FeedError, match="it names no CVE"):
            read(self.importer, write(tmp_path, "CVE-2024-0001", "Candidate:\nPublicDate:\n"))

    def test_a_folder_without_such_files_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, "00boilerplate", "Candidate:\n")
        with pytest.raises(FeedError, match=r"no file named CVE-\.\.\."):
            read(self.importer, tmp_path)


class TestVex:
    importer = UbuntuVexImporter()

    def document(self, name: str, *statements: Mapping[str, Any]) -> dict[str, Any]:
        vulnerability = {"name": name, "description": "A flaw.", "aliases": ["CVE-2024-0001"]}
        return {
            "metadata": {
                "@context": "https://openvex.dev/ns/v0.2.0",
                "author": "Canonical Ltd.",
                "timestamp": "2025-01-01",
            },
            "statements": [{"vulnerability": vulnerability, **each} for each in statements],
        }

    def statement(self, status: str, *distros: str, **more: Any) -> dict[str, Any]:
        products = [{"@id": f"pkg:deb/ubuntu/curl@7.81.0-1ubuntu1.20?arch=source&distro={each}"} for each in distros]
        binary = {"@id": "pkg:deb/ubuntu/libcurl4@7.81.0-1ubuntu1.20?arch=amd64&distro=jammy"}
        return {"status": status, "products": [*products, binary], **more}

    def test_states_without_a_patch_are_read_by_source_package(self, tmp_path: Path) -> None:
        content = self.document(
            "CVE-2024-0001",
            self.statement("affected", "jammy", action_statement="This package is vulnerable and needs fixing."),
            self.statement("not_affected", "focal"),
            self.statement("under_investigation", "esm-infra/bionic"),
            self.statement("affected", "trusty", action_statement="This package is no longer supported."),
            self.statement("affected", "noble", action_statement="The Security Team will not fix this."),
        )
        record = one(self.importer, write(tmp_path, "CVE-2024-0001.json", content))
        assert record.ref == "UBUNTU-CVE-2024-0001"
        assert told(record) == [
            ("ubuntu:22.04", "curl", AFFECTED, ""),
            ("ubuntu:20.04", "curl", NOT_AFFECTED, ""),
            ("ubuntu:18.04", "curl", UNDER_INVESTIGATION, ""),
            ("ubuntu:14.04", "curl", END_OF_LIFE, ""),
            ("ubuntu:24.04", "curl", WILL_NOT_FIX, ""),
        ]

    def test_a_patched_cve_is_left_to_the_notices_because_the_version_is_todays_and_not_the_first(
        self, tmp_path: Path
    ) -> None:
        content = self.document("CVE-2024-0001", self.statement("fixed", "jammy"), self.statement("affected", "focal"))
        (found,) = read(self.importer, write(tmp_path, "CVE-2024-0001.json", content))
        assert isinstance(found.record, AdvisoryRecord)
        assert [each.stream for each in found.record.affected] == ["ubuntu:20.04"]
        assert found.skipped == ("statements that a CVE is patched: they do not say since which version, notices do",)

    def test_what_pro_has_patched_is_not_told_as_without_support(self, tmp_path: Path) -> None:
        ended = self.statement("affected", "xenial", action_statement="no longer supported")
        content = self.document("CVE-2024-0001", ended, self.statement("fixed", "esm-infra/xenial"))
        (found,) = read(self.importer, write(tmp_path, "CVE-2024-0001.json", content))
        assert found.record is None

    def test_a_notice_names_the_version_that_has_the_patch(self, tmp_path: Path) -> None:
        content = self.document("USN-1-1", self.statement("fixed", "jammy"))
        record = one(self.importer, write(tmp_path, "USN-1-1.json", content))
        assert (record.ref, record.cves) == ("USN-1-1", ("CVE-2024-0001",))
        assert told(record) == [("ubuntu:22.04", "curl", AFFECTED, "7.81.0-1ubuntu1.20")]

    def test_one_document_never_replaces_all_of_them(self, tmp_path: Path) -> None:
        assert self.importer.default_name(tmp_path / "CVE-2024-1.json") == "ubuntu-vex-cve-2024-1"
        assert self.importer.default_name(tmp_path / "vex-all.tar.xz") == "ubuntu-vex"

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ({"metadata": {}}, "no OpenVEX document"),
            ({"statements": [{"status": "fixed"}, {"vulnerability": {"name": "CVE-1"}}]}, "several vulnerabilities"),
            (
                {"statements": [{"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "x?arch=source"}]}]},
                "names no package",
            ),
        ],
    )
    def test_what_is_no_such_document_is_refused(self, tmp_path: Path, content: object, said: str) -> None:
        with pytest.raises(FeedError) as refused:
            read(self.importer, write(tmp_path, "x.json", content))
        assert said in refused.value.sentence


@given(data=st.data())
def test_damaged_files_are_refused_or_read_and_nothing_else(data: st.DataObject, tmp_path_factory: Any) -> None:
    vex = TestVex().document("USN-1-1", TestVex().statement("fixed", "jammy", "focal"))
    feeds: list[tuple[Importer, str, str]] = [
        (UbuntuNoticesImporter(), json.dumps({"6663-2": notice()}), "database.json"),
        (UbuntuTrackerImporter(), TRACKER + "jammy_openssl: released (1.2-3)\n", "CVE-2024-0001"),
        (UbuntuVexImporter(), json.dumps(vex), "USN-1-1.json"),
    ]
    importer, content, name = data.draw(st.sampled_from(feeds))
    only_feed_errors(importer, tmp_path_factory, data.draw(mutations(content.encode())), name)
