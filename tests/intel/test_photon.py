"""Photon OS's vulnerability data: installed packages, releases by file name or tag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.intel.importers.photon import PhotonImporter
from oakum.intel.importers.values import Read
from tests.intel.vendor_feeds import mutations, only_feed_errors


def entry(**more: Any) -> dict[str, Any]:
    return {
        "cve_id": "CVE-2023-5115",
        "pkg": "ansible",
        "cve_score": 6.3,
        "aff_ver": "all versions before 2.14.12-1.ph5 are vulnerable",
        "res_ver": "2.14.12-1.ph5",
        "status": "Fixed",
    } | more


def read(folder: Path, *entries: object, name: str = "cve_data_photon5.0.json") -> list[Read]:
    path = folder / name
    path.write_text(json.dumps(entries))
    return list(PhotonImporter().records(path))


def told(reads: list[Read]) -> dict[str, list[tuple[str, str, str, str]]]:
    return {
        each.record.ref: [
            (package.stream, package.name, package.state, package.intervals[0].fixed_version)
            for package in each.record.affected
        ]
        for each in reads
        if isinstance(each.record, AdvisoryRecord)
    }


def test_entries_of_one_vulnerability_are_one_advisory(tmp_path: Path) -> None:
    reads = read(
        tmp_path,
        entry(),
        entry(pkg="ansible-doc"),
        entry(cve_id="BDSA-2025-1", res_ver="NA", status="Not Affected"),
        entry(cve_id="CVE-2025-0001", res_ver="NA", status="Affected"),
    )
    assert told(reads) == {
        "PHOTON-CVE-2023-5115": [
            ("photon:5.0", "ansible", AFFECTED, "2.14.12-1.ph5"),
            ("photon:5.0", "ansible-doc", AFFECTED, "2.14.12-1.ph5"),
        ],
        "PHOTON-BDSA-2025-1": [("photon:5.0", "ansible", NOT_AFFECTED, "")],
        "PHOTON-CVE-2025-0001": [("photon:5.0", "ansible", AFFECTED, "")],
    }


def test_the_tag_tells_the_release_where_the_files_name_does_not(tmp_path: Path) -> None:
    reads = read(tmp_path, entry(res_ver="1-1.ph4"), entry(res_ver="NA"), name="all.json")
    assert [package[0] for packages in told(reads).values() for package in packages] == ["photon:4.0"]
    assert reads[0].skipped == ("entries of which the release is not told (CVE-2023-5115: ansible)",)


def test_what_is_odd_is_left_out_and_counted(tmp_path: Path) -> None:
    reads = read(tmp_path, entry(cve_id="Re"), entry(status="Odd"), entry(cve_id="CVE-2024-0001", res_ver="a b"))
    assert told(reads) == {}
    assert [each.skipped[0].partition(" (")[0] for each in reads] == [
        "entries whose id is none",
        "states that Oakum does not know",
        "ranges with a version that is none",
    ]


def test_two_releases_are_two_feeds(tmp_path: Path) -> None:
    assert PhotonImporter().default_name(tmp_path / "cve_data_photon4.0.json") == "photon-4.0"


def test_a_package_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="'' is no name of a package"):
        read(tmp_path, entry(pkg=""))


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(data: st.DataObject, tmp_path_factory: Any) -> None:
    content = json.dumps([entry(), entry(cve_id="UNK-1", status="Not Affected")])
    name = "cve_data_photon5.0.json"
    only_feed_errors(PhotonImporter(), tmp_path_factory, data.draw(mutations(content.encode())), name)
