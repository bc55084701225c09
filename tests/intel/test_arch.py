"""Arch's security tracker: groups of packages, their states and severities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, UNDER_INVESTIGATION, AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.core.versions import order_key
from oakum.intel.importers.arch import ArchTrackerImporter
from oakum.intel.importers.values import Read
from tests.intel.vendor_feeds import mutations, only_feed_errors


def group(**more: Any) -> dict[str, Any]:
    return {
        "name": "AVG-5",
        "packages": ["libtiff", "lib32-libtiff"],
        "status": "Fixed",
        "severity": "Critical",
        "type": "arbitrary code execution",
        "affected": "4.0.8-1",
        "fixed": "4.0.8-2",
        "ticket": None,
        "issues": ["CVE-2016-10095", "CVE-2015-7554"],
        "advisories": ["ASA-201707-17"],
    } | more


def read(folder: Path, *groups: object) -> list[Read]:
    path = folder / "all.json"
    path.write_text(json.dumps(groups))
    return list(ArchTrackerImporter().records(path))


def one(folder: Path, **more: Any) -> AdvisoryRecord:
    ((found),) = [each.record for each in read(folder, group(**more))]
    assert isinstance(found, AdvisoryRecord)
    return found


def test_a_group_is_an_advisory_of_installed_packages(tmp_path: Path) -> None:
    record = one(tmp_path)
    assert (record.ref, record.title, record.severity) == ("AVG-5", "libtiff: arbitrary code execution", "critical")
    assert record.cves == ("CVE-2015-7554", "CVE-2016-10095")
    assert "ASA-201707-17" in record.details
    assert "known to be affected: 4.0.8-1" in record.details
    assert [(each.stream, each.name, each.level, each.state) for each in record.affected] == [
        ("arch:rolling", "libtiff", "binary", AFFECTED),
        ("arch:rolling", "lib32-libtiff", "binary", AFFECTED),
    ]
    assert record.affected[0].intervals[0].interval.high == order_key("alpm.1", "4.0.8-2")


@pytest.mark.parametrize(
    ("status", "fixed", "state", "ends"),
    [
        ("Fixed", "4.0.8-2", AFFECTED, "4.0.8-2"),
        ("Testing", "4.0.8-2", AFFECTED, "4.0.8-2"),
        ("Vulnerable", None, AFFECTED, ""),
        ("Not affected", None, NOT_AFFECTED, ""),
        ("Unknown", None, UNDER_INVESTIGATION, ""),
    ],
)
def test_each_status_becomes_a_state(tmp_path: Path, status: str, fixed: str | None, state: str, ends: str) -> None:
    (package, _) = one(tmp_path, status=status, fixed=fixed).affected
    assert (package.state, package.intervals[0].fixed_version) == (state, ends)


def test_what_is_odd_is_left_out_and_counted(tmp_path: Path) -> None:
    reads = read(tmp_path, group(status="Odd"), group(packages=[]), group(fixed="a b"))
    assert [each.record for each in reads] == [None, None, None]
    assert [each.skipped[0].partition(" (")[0] for each in reads] == [
        "groups without packages, or of a state unknown to Oakum",
        "groups without packages, or of a state unknown to Oakum",
        "ranges with a version that is none",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("invalid", "a JSON list is expected"),
        ('[{"name": "AVG-1"', "not JSON"),
        ('[{"name": ""}]', "an advisory has no id"),
        ('[{"name": "AVG-1", "packages": [7]}]', "'7' is no name of a package"),
    ],
)
def test_what_is_no_list_of_groups_is_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "all.json"
    path.write_text(content)
    with pytest.raises(FeedError) as refused:
        list(ArchTrackerImporter().records(path))
    assert said in refused.value.sentence


@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_and_nothing_else(data: st.DataObject, tmp_path_factory: Any) -> None:
    content = json.dumps([group(), group(name="AVG-6")])
    only_feed_errors(ArchTrackerImporter(), tmp_path_factory, data.draw(mutations(content.encode())), "all.json")
