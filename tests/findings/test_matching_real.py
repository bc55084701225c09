"""Matching with a real publisher's advisories: modules get their own stream's alone, and nothing known is missed."""

from __future__ import annotations

import os
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from oakum.core.advisories import AdvisoryRecord
from oakum.core.matching import RangeFacts, RangeIndex, VersionFacts, match
from oakum.core.streams import base_stream
from oakum.core.versions import order_key
from oakum.intel.importers import importer_for

REAL = os.environ.get("OAKUM_TEST_DATA", "")
pytestmark = pytest.mark.skipif(not REAL, reason="OAKUM_TEST_DATA names no folder with published feeds")


@cache
def ranges() -> tuple[RangeFacts, ...]:
    """Return AlmaLinux's ranges as the importer reads them."""
    path = Path(REAL) / "osv-almalinux-all.zip"
    records = [read.record for read in importer_for(path, None).records(path)]
    advisories = [each for each in records if isinstance(each, AdvisoryRecord)]
    return tuple(
        RangeFacts(
            advisory_id=number,
            feed_name="osv-almalinux",
            organisation_id=None,
            ref=advisory.ref,
            stream=package.stream,
            scheme=package.scheme,
            name=package.name,
            low=each.interval.low,
            high=each.interval.high,
            fixed_version=each.fixed_version,
            state=package.state,
            level=package.level,
            architectures=package.architectures,
            cves=advisory.cves,
        )
        for number, advisory in enumerate(advisories)
        for package in advisory.affected
        for each in package.intervals
    )


def patched(stream: str) -> list[VersionFacts]:
    """Return what a fully patched host of a stream has: of each package the newest version of any advisory."""
    newest: dict[str, RangeFacts] = {}
    for each in ranges():
        if each.stream == stream and each.high is not None:
            known = newest.get(each.name)
            if known is None or (known.high or b"") < each.high:
                newest[each.name] = each
    return [installed(each, number) for number, each in enumerate(newest.values())]


def installed(each: RangeFacts, number: int) -> VersionFacts:
    own = order_key(each.scheme, each.fixed_version)
    return VersionFacts(
        id=number,
        stream=each.stream,
        scheme=each.scheme,
        name=each.name,
        version=each.fixed_version,
        key=own,
        source_name=each.name,
        source_version=each.fixed_version,
        source_key=own,
        architecture="x86_64",
    )


@pytest.mark.parametrize("module", ["nodejs:16", "nodejs:18", "postgresql:13", "php:7.4", "ruby:2.7", "nginx:1.20"])
def test_a_fully_patched_host_with_an_older_module_gets_no_advisory(module: str) -> None:
    host = patched(f"almalinux:8+{module}")
    assert host
    assert list(match(host, RangeIndex(ranges()))) == []
    # The same without knowing of modules, as most tools compare: what that would have told falsely.
    keys = {each.name: each.key for each in host}
    falsely = {
        each.ref
        for each in ranges()
        if base_stream(each.stream) == "almalinux:8" and each.name in keys and keys[each.name] < (each.high or b"")
    }
    assert len(falsely) >= 5


def test_a_fully_patched_host_without_modules_gets_no_advisory() -> None:
    for stream in ("almalinux:8", "almalinux:9", "almalinux:10"):
        assert list(match(patched(stream), RangeIndex(ranges()))) == []


def test_every_advisory_finds_the_version_before_its_own_fix() -> None:
    """Nothing known is missed: just below each fix, by the order of keys, the advisory that brought it is found."""
    by_name: dict[tuple[str, str], dict[bytes, RangeFacts]] = defaultdict(dict)
    for each in ranges():
        by_name[each.stream, each.name][each.high or b""] = each
    index = RangeIndex(ranges())
    checked = 0
    for each in ranges()[::50]:
        own = by_name[each.stream, each.name]
        below = max((key for key in own if key < (each.high or b"")), default=None)
        if below is not None:
            assert each.ref in {found.ref for found in match([installed(own[below], 1)], index)}
            checked += 1
    assert checked > 500
