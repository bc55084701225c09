"""Each publisher's ways in OSV: levels, modules, epochs, ranges told beside the events, states."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oakum.core.advisories import AdvisoryRecord, AffectedPackage
from oakum.core.errors import FeedError
from oakum.core.ranges import contains
from oakum.core.versions import order_key
from oakum.intel.importers.osv import OsvImporter
from oakum.intel.importers.osv_affected import modules_of_summary
from oakum.intel.importers.osv_record import read_record
from oakum.intel.importers.values import Read
from oakum.intel.models import Advisory, AffectedRange
from oakum.intel.queries import current_ranges
from oakum.intel.services import import_feed
from tests.intel import feeds as files

MODULAR = "18.20.2-1.module_el8.9.0+3803+5b7ec0f2"


def read(*packages: dict[str, Any], **more: Any) -> Read:
    return read_record(Path("all.zip"), "entry x.json", files.osv_record("X-1", *packages, **more))


def record(*packages: dict[str, Any], **more: Any) -> AdvisoryRecord:
    found = read(*packages, **more).record
    assert isinstance(found, AdvisoryRecord)
    return found


def package(name: str, fixed: str = "", *, ecosystem: str, **more: Any) -> dict[str, Any]:
    return files.osv_package(name, fixed, ecosystem=ecosystem, **more)


def held(found: AffectedPackage, *versions: str) -> list[str]:
    intervals = [each.interval for each in found.intervals]
    return [version for version in versions if contains(intervals, order_key(found.scheme, version))]


@pytest.mark.parametrize(
    ("summary", "modules"),
    [
        ("Important: nodejs:18 security update", ("nodejs:18",)),
        ("Low: 389-ds:1.4 security and bug fix update", ("389-ds:1.4",)),
        ("Moderate: python38:3.8 and python38-devel:3.8 security update", ("python38:3.8", "python38-devel:3.8")),
        ("Moderate: container-tools:rhel8 security, bug fix, and enhancement update", ("container-tools:rhel8",)),
        ("Important: virt:rhel and virt-devel:rhel security update.", ("virt:rhel", "virt-devel:rhel")),
        ("Important: kernel security update", ()),
        ("Red Hat Security Advisory: postgresql:13 security update", ("postgresql:13",)),
        ("Critical: at 10:30 something", ()),
        ("", ()),
    ],
)
def test_module_streams_are_in_the_summary(summary: str, modules: tuple[str, ...]) -> None:
    assert modules_of_summary(summary) == modules


def test_a_modular_package_is_in_its_modules_stream_and_no_other() -> None:
    found = record(
        package("nodejs", f"1:{MODULAR}", ecosystem="AlmaLinux:8"),
        package("nodejs-packaging", "0:2021.06-4.el8", ecosystem="AlmaLinux:8"),
        summary="Important: nodejs:18 security update",
        upstream=[],
        related=["CVE-2024-0001"],
    )
    assert [(each.stream, each.name, each.level) for each in found.affected] == [
        ("almalinux:8+nodejs:18", "nodejs", "binary"),
        ("almalinux:8", "nodejs-packaging", "binary"),
    ]
    assert (found.severity, found.cves) == ("high", ("CVE-2024-0001",))


def test_a_modular_package_of_an_untold_stream_is_never_matched_against_everything() -> None:
    found = read(
        package("varnish", f"0:{MODULAR}", ecosystem="AlmaLinux:8"), summary="Important: varnish security update"
    )
    assert found.record is None
    assert found.skipped == ("packages of a module whose stream the advisory does not name (X-1: varnish)",)


def test_rockys_records_name_what_was_built() -> None:
    built = package("java-11-openjdk", "1:11.0.13.0.8-1.el8_4", ecosystem="Rocky Linux:8")
    ruby = package("ruby", "0:3.3.1-2.module+el9.4.0+20787+4c237fd3", ecosystem="Rocky Linux:9")
    found = record(built, ruby, summary="Moderate: ruby:3.3 security, bug fix, and enhancement update")
    assert [(each.stream, each.level) for each in found.affected] == [
        ("rocky:8", "source"),
        ("rocky:9+ruby:3.3", "source"),
    ]
    special = files.osv_record("RXSA-2023:0101", built)
    assert read_record(Path("x"), "", special).skipped == (
        "records of a special interest group, whose packages are others",
    )


def test_suse_says_which_installed_packages_an_update_brings() -> None:
    binaries = {"binaries": [{"libImlib2-1": "1.4.5-5.1", "imlib2": "1.4.5-5.1", "odd": "1 2"}]}
    entries = [
        package(name, "1.4.5-5.1", ecosystem="SUSE:Linux Enterprise Server 12 SP1", ecosystem_specific=binaries)
        for name in ("imlib2", "chromium")
    ]
    found = read(*entries)
    assert isinstance(found.record, AdvisoryRecord)
    assert [(each.stream, each.name, each.level) for each in found.record.affected] == [
        ("sles:12.1", "libImlib2-1", "binary"),
        ("sles:12.1", "imlib2", "binary"),
    ]
    assert found.skipped[0].startswith("ranges with a version that is none (X-1, odd:")


def test_suses_list_of_all_records_is_no_record(tmp_path: Path) -> None:
    path = files.write_zip(tmp_path / "osv.zip", files.osv_record("A-1"))
    import zipfile

    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("all.json", json.dumps([{"id": "A-1", "modified": "2026-01-01T00:00:00Z"}]))
    assert [each.skipped for each in OsvImporter().records(path)] == [(), ("lists of records, which are no records",)]


@pytest.mark.parametrize(
    ("ecosystem", "name", "stream", "normal", "fixed", "inside", "outside"),
    [
        ("PyPI", "Zope.Interface", "pypi", "zope-interface", "2.0", "2.0rc1", "2.0.post1"),
        ("npm", "@scope/JSONStream", "npm", "@scope/JSONStream", "2.0.0", "2.0.0-beta.1", "2.0.0"),
        ("Go", "github.com/gin-gonic/gin", "golang", "github.com/gin-gonic/gin", "1.6.0", "1.5.9", "1.6.0"),
        ("Go", "stdlib", "golang", "stdlib", "1.22.1", "1.22.0", "1.22.1"),
        ("crates.io", "openssl", "cargo", "openssl", "0.9.0", "0.8.9", "0.9.0"),
        ("RubyGems", "rails", "gem", "rails", "7.0.4.1", "7.0.4", "7.0.4.1"),
        ("Maven", "org.x:log4j-core", "maven", "org.x:log4j-core", "2.17.1", "2.17.0", "2.17.1"),
        ("Packagist", "Symfony/HttpKernel", "composer", "symfony/httpkernel", "4.4.13", "4.4.12", "4.4.13"),
        ("NuGet", "Newtonsoft.Json", "nuget", "newtonsoft.json", "13.0.1", "12.0.3", "13.0.1"),
        ("Alpine:v3.19", "openssl", "alpine:3.19", "openssl", "3.1.4-r1", "3.1.4-r0", "3.1.4-r1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["ECOSYSTEM", "SEMVER"])
def test_every_ecosystem_is_read_in_its_own_order(
    ecosystem: str, name: str, stream: str, normal: str, fixed: str, inside: str, outside: str, kind: str
) -> None:
    entry = package(name, fixed, ecosystem=ecosystem)
    entry["ranges"][0]["type"] = kind
    entry["ranges"].insert(0, {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "abc"}]})
    (found,) = record(entry).affected
    assert (found.stream, found.name) == (stream, normal)
    assert held(found, inside, outside) == [inside]
    assert [each.fixed_version for each in found.intervals] == [fixed]


def test_a_range_that_github_ends_beside_the_events_is_ended() -> None:
    entry = package("thing", ecosystem="npm")
    entry["database_specific"] = {"last_known_affected_version_range": "<= 1.5.0"}
    (found,) = record(entry).affected
    assert held(found, "1.5.0", "1.5.1") == ["1.5.0"]
    entry["database_specific"] = {"last_known_affected_version_range": "< 1.5.0"}
    (found,) = record(entry).affected
    assert held(found, "1.4.9", "1.5.0") == ["1.4.9"]
    assert [each.fixed_version for each in found.intervals] == [""]


def test_one_version_that_is_none_takes_no_other_with_it() -> None:
    entry = package("thing", "2.0.0", ecosystem="npm", versions=["3.0.0", "not one!"])
    entry["ranges"].append({"type": "SEMVER", "events": [{"introduced": "?!"}]})
    found = read(entry)
    assert isinstance(found.record, AdvisoryRecord)
    assert held(found.record.affected[0], "1.0.0", "2.0.0", "3.0.0") == ["1.0.0", "3.0.0"]
    assert [each.partition(" (")[0] for each in found.skipped] == [
        "ranges with a version that is none",
        "listed versions that are none",
    ]


def test_what_rustsec_only_informs_of_is_a_state_or_is_left_out() -> None:
    def state(word: str) -> str:
        entry = package("thing", ecosystem="crates.io", database_specific={"informational": word})
        found = read(entry)
        return found.record.affected[0].state if isinstance(found.record, AdvisoryRecord) else found.skipped[0]

    assert state("unmaintained") == "end_of_life"
    assert state("unsound") == "affected"
    assert state("notice") == "notices about a package, not about a flaw"


def test_go_versions_that_are_told_in_other_numbers_are_under_investigation() -> None:
    entry = package("example.test/x", ecosystem="Go", ecosystem_specific={"custom_ranges": [{"type": "ECOSYSTEM"}]})
    assert record(entry).affected[0].state == "under_investigation"
    fixed = package("example.test/x", "1.0.0", ecosystem="Go", ecosystem_specific={"custom_ranges": [{}]})
    assert record(fixed).affected[0].state == "affected"


def test_aliases_are_kept_and_years_that_are_none_are_not_told() -> None:
    found = record(
        package("thing", "1.0.0", ecosystem="Go"),
        aliases=["GHSA-aaaa-bbbb-cccc", "CVE-2024-0001", "PYSEC-2024-1"],
        modified="0001-01-01T00:00:00Z",
        upstream=[],
    )
    assert found.aliases == ("GHSA-aaaa-bbbb-cccc", "PYSEC-2024-1")
    assert (found.cves, found.modified_at) == (("CVE-2024-0001",), None)


@pytest.mark.django_db
def test_a_withdrawn_or_superseded_advisory_closes_what_it_opened(tmp_path: Path, now: datetime) -> None:
    def shown() -> set[str]:
        return {each.ref for each in current_ranges(stream="debian:12", names=["openssl"])}

    first = [files.osv_record(ref) for ref in ("USN-1-1", "USN-1-2", "X-1")]
    import_feed(files.write_zip(tmp_path / "all.zip", *first), name="f", now=now)
    assert shown() == {"USN-1-1", "USN-1-2", "X-1"}
    second = [
        files.osv_record("USN-1-1"),
        files.osv_record("USN-1-2", withdrawn="2026-02-01T00:00:00Z"),
        files.osv_record("X-1"),
        files.osv_record("X-2", database_specific={"supersedes": ["X-1", "X-9"]}),
        files.osv_record("X-3", database_specific={"supersedes": ["X-2"]}, withdrawn="2026-02-01T00:00:00Z"),
    ]
    import_feed(files.write_zip(tmp_path / "all.zip", *second), name="f", now=now)
    assert shown() == {"USN-1-1", "X-2"}
    assert Advisory.objects.get(generation=2, ref="X-1").superseded_by == "X-2"


@pytest.mark.django_db
def test_an_epoch_that_was_lost_on_the_way_is_told_by_earlier_notices(tmp_path: Path, now: datetime) -> None:
    def notice(ref: str, day: int, **fixed: str) -> dict[str, Any]:
        packages = [package(name, version, ecosystem="AlmaLinux:9") for name, version in fixed.items()]
        return files.osv_record(ref, *packages) | {"published": f"2026-01-{day:02}T00:00:00Z"}

    records = [
        notice("A-3", 3, bind="9.18-2.el9", curl="8.0-1.el9"),  # the epoch of bind is lost
        notice("A-1", 1, bind="9.11-1.el9", curl="7.0-1.el9"),  # before there was one
        notice("A-2", 2, bind="32:9.16-1.el9"),
    ]
    import_feed(files.write_zip(tmp_path / "all.zip", *records), now=now)
    found = {each.ref: each for each in current_ranges(stream="almalinux:9", names=["bind"])}
    assert {ref: each.fixed_version for ref, each in found.items()} == {
        "A-1": "9.11-1.el9",
        "A-2": "32:9.16-1.el9",
        "A-3": "32:9.18-2.el9",
    }
    assert found["A-3"].high == order_key("rpm.1", "32:9.18-2.el9")
    assert {each.fixed_version for each in current_ranges(stream="almalinux:9", names=["curl"])} == {
        "8.0-1.el9",
        "7.0-1.el9",
    }


REAL = os.environ.get("OAKUM_TEST_DATA", "")
REAL_ONLY = pytest.mark.skipif(not REAL, reason="OAKUM_TEST_DATA names no folder with published feeds")


@REAL_ONLY
def test_almalinux_gives_the_published_counts() -> None:
    reads = list(OsvImporter().records(Path(REAL) / "osv-almalinux-all.zip"))
    records = [each.record for each in reads if isinstance(each.record, AdvisoryRecord)]
    skipped = sum(len(each.skipped) for each in reads)
    assert (len(reads), len(records)) == (5_637, 5_622)
    # One range each; a package of a record that names two modules is in both, so entries are counted by name.
    told = {
        (each.ref, package.stream.partition("+")[0], package.name, package.intervals)
        for each in records
        for package in each.affected
    }
    streams = Counter(
        package.stream.partition("+")[0] for each in records for package in each.affected if "+" not in package.stream
    )
    assert len(told) + skipped >= 69_000
    assert set(streams) == {"almalinux:8", "almalinux:9", "almalinux:10"}
    assert streams["almalinux:10"] == 6_125
    assert all(package.level == "binary" for each in records for package in each.affected)
    assert not [
        each.ref
        for each in records
        for package in each.affected
        for interval in package.intervals
        if ".module_el" in interval.fixed_version and "+" not in package.stream
    ]
    assert Counter(each.severity for each in records)["critical"] == 34


@REAL_ONLY
@pytest.mark.django_db
def test_published_feeds_of_languages_give_the_published_counts(now: datetime) -> None:
    folder = Path(REAL)
    go = import_feed(folder / "osv-go-vulndb-all.zip", now=now)
    assert (go.record_count, go.skipped) == (4_291, ())
    assert Advisory.objects.exclude(withdrawn_at=None).count() == 17
    assert AffectedRange.objects.filter(name="stdlib", stream="golang").exists()
    crates = import_feed(folder / "osv-crates-rustsec-all.zip", now=now)
    assert (crates.record_count, dict(crates.skipped)) == (709, {"notices about a package, not about a flaw": 5})
    assert (
        AffectedRange.objects.filter(stream="cargo", state="end_of_life").values("advisory").distinct().count() == 151
    )
    pypi = import_feed(folder / "osv-pypi-pypa-all.zip", now=now)
    assert pypi.record_count >= 2_660
    rubysec = import_feed(folder / "rubysec-advisories.jsonl.gz", now=now)
    assert rubysec.record_count + sum(count for _, count in rubysec.skipped) == 1_234
    npm = import_feed(folder / "npm-security-wg.jsonl.gz", now=now)
    assert npm.record_count + sum(count for _, count in npm.skipped) == 467
    assert import_feed(folder / "cisa-vulnrichment.jsonl.gz", now=now).record_count == 44_026
    assert import_feed(folder / "epss-kev-subset-2026-08-22.csv.gz", now=now).record_count == 1_556
    assert (
        import_feed(folder / "epss-weaponised-subset-2025-09-26.csv.gz", name="weaponised", now=now).record_count
        == 6_397
    )
    assert import_feed(folder / "epss-kev-monthly-2022-2026.csv.gz", name="monthly", now=now).record_count == 1_562
    for name in ("README.md", "kev-cve-cvss3-2026-08-22.csv.gz", "ssvc"):
        with pytest.raises(FeedError, match=r"is of no format that Oakum knows \(it begins with"):
            import_feed(folder / name, now=now)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["0", "1.0", "{"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
SAMPLES = (
    files.osv_record("DSA-1-1", files.osv_package(versions=["1", "2"], ecosystem_specific={"urgency": "high"})),
    files.osv_record("A-1", package("nodejs", f"1:{MODULAR}", ecosystem="AlmaLinux:8"), summary="Low: nodejs:18 x"),
    files.osv_record("G-1", package("x/y", "1.0.0", ecosystem="Go", ecosystem_specific={"custom_ranges": [{}]})),
    files.osv_record(
        "S-1", package("x", "1", ecosystem="SUSE:Package Hub 12", ecosystem_specific={"binaries": [{"a": "1-1"}]})
    ),
    files.osv_record("N-1", package("x", ecosystem="npm"), severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N"}]),
)


def paths_in(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, each in inner for path in paths_in(each, (*at, key)))]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_stands_where_in_a_record_it_is_read_left_out_or_refused(data: st.DataObject) -> None:
    changed = json.loads(json.dumps(data.draw(st.sampled_from(SAMPLES))))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([each for each in paths_in(changed) if each]))
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = data.draw(JSON)
    found = Read(record=None, skipped=("it is refused",))
    with suppress(FeedError):
        found = read_record(Path("all.zip"), "entry x.json", changed)
    assert found.record is not None or found.skipped
    if isinstance(found.record, AdvisoryRecord):
        assert found.record.affected
        assert all(each.intervals for each in found.record.affected)
        json.dumps(found.record.aliases).encode()
        found.record.title.encode()
