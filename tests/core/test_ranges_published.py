"""Every range that publishers wrote is read: RubySec's and the Node Security working group's own, and OSV's events.

The files are those of OAKUM_TEST_DATA; without it there is nothing to read.
"""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oakum.core.ranges import (
    EVENT_KINDS,
    Event,
    complement,
    contains,
    holds,
    intervals_of_events,
    intervals_of_native,
    union,
)
from oakum.core.versions import InvalidVersion, order_key

REAL = os.environ.get("OAKUM_TEST_DATA", "")

pytestmark = pytest.mark.skipif(not REAL, reason="OAKUM_TEST_DATA names no folder with published feeds")


def records(name: str) -> Iterator[dict[str, Any]]:
    path = Path(REAL) / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                yield json.loads(archive.read(member))
    else:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def test_every_requirement_of_rubysec_is_read_and_nearly_every_record_leaves_something_affected() -> None:
    count = 0
    leaving_nothing = []  # two gems' patched and unaffected versions are, by mistake, all there are
    for record in records("rubysec-advisories.jsonl.gz"):
        told = [*record.get("patched_versions", ()), *record.get("unaffected_versions", ())]
        safe = union(interval for each in told for interval in intervals_of_native("gem.1", each))
        leaving_nothing += [] if complement(safe) else [record["gem"]]
        count += len(told)
    assert set(leaving_nothing) <= {"ckeditor", "cron_parser"}
    assert count > 2_000


def test_every_range_of_the_node_security_group_is_read() -> None:
    count = 0
    for record in records("npm-security-wg.jsonl.gz"):
        told = [each for each in (record.get("vulnerable_versions"), record.get("patched_versions")) if each]
        for each in told:
            intervals_of_native("npm.1", each)
        count += len(told)
    assert count > 800


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("osv-almalinux-all.zip", "rpm.1"),
        ("osv-debian-dsa-dla-all.zip", "deb.1"),
        ("osv-go-vulndb-all.zip", "golang.1"),
        ("osv-crates-rustsec-all.zip", "cargo.1"),
        ("osv-pypi-pypa-all.zip", "pypi.1"),
    ],
)
def test_every_range_of_osv_is_read_and_holds_what_it_introduces(name: str, scheme: str) -> None:
    count = 0
    for record in records(name):
        for told in (each for affected in record["affected"] for each in affected.get("ranges", ())):
            if told["type"] == "GIT":
                continue
            pairs = [pair for event in told["events"] for pair in event.items()]
            events = [Event(kind=kind, version=version) for kind, version in pairs if kind in EVENT_KINDS]
            intervals = union(each.interval for each in intervals_of_events(scheme, events))
            fixed = {each.version for each in events if each.kind == "fixed"}
            introduced = {each.version for each in events if each.kind == "introduced"} - {"0"}
            for version in introduced ^ fixed:  # two records introduce anew at once what they fix
                assert holds(intervals, order_key(scheme, version)) == (version in introduced), record["id"]
            count += 1
    assert count > 700


def test_what_pypa_enumerates_lies_in_its_ranges() -> None:
    """The database lists the affected versions beside the ranges; a few lists are longer, for other reasons."""
    inside = outside = 0
    for record in records("osv-pypi-pypa-all.zip"):
        for affected in record["affected"]:
            ranges = [each for each in affected.get("ranges", ()) if each["type"] == "ECOSYSTEM"]
            if not ranges:
                continue
            found = [
                fixed.interval
                for each in ranges
                for fixed in intervals_of_events(
                    "pypi.1",
                    [Event(kind=kind, version=text) for event in each["events"] for kind, text in event.items()],
                )
            ]
            for version in affected.get("versions", ()):
                try:
                    is_inside = contains(found, order_key("pypi.1", version))
                except InvalidVersion:
                    is_inside = False
                inside, outside = inside + is_inside, outside + (not is_inside)
    assert inside > 100_000
    assert outside < inside / 100
