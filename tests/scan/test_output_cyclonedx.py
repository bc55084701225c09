"""A scan as CycloneDX: valid, the same each time, read back as the same packages, and every state kept (VEX)."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.purls import purl_of
from oakum.scan.facts import facts_of
from oakum.scan.outputs.cyclonedx import bom, render
from oakum.scan.sbom.checking import check_sbom
from oakum.scan.sbom.packages import inventory_of
from oakum.scan.sbom.reading import bom_of
from oakum.scan.sbom.values import Source
from tests.scan.sboms import read
from tests.scan.scan_reports import FULL, package, report


def written() -> str:
    return "\n".join(render(FULL))


def test_what_is_written_is_valid_by_the_official_schema(tmp_path: Path) -> None:
    (tmp_path / "bom").write_text(written())
    verdict = check_sbom(str(tmp_path / "bom"))
    assert (verdict.format, verdict.problems) == ("CycloneDX 1.6 (JSON)", ())


def test_the_same_report_gives_the_same_document_and_another_another_serial_number() -> None:
    assert written() == written()
    other = json.loads("\n".join(render(replace(FULL, subject="/mnt/other"))))
    assert other["serialNumber"] != json.loads(written())["serialNumber"]


def test_what_is_written_is_read_back_as_the_same_packages() -> None:
    back = facts_of(read(written()).packages, stream="")
    of = [(each.kind, each.stream, each.name, each.version, each.architecture, each.purl) for each in back.packages]
    assert of == [
        (each.kind, each.stream, each.name, each.version, each.architecture, each.purl) for each in FULL.packages
    ]
    assert [each.owner for each in back.packages] == ["", "", "", "", "python3-six", "x"]
    assert [each.is_held for each in back.packages] == [False, True, False, False, False, False]
    assert [each.places for each in back.packages] == [each.places for each in FULL.packages]


@pytest.mark.parametrize(
    ("id_", "state", "response"),
    [
        ("CVE-2024-0001", "exploitable", ["update"]),
        ("CVE-2024-10", "exploitable", None),
        ("CVE-2024-11", "exploitable", ["will_not_fix"]),
        ("CVE-2024-12", "exploitable", None),
        ("CVE-2024-13", "exploitable", ["will_not_fix"]),
        ("CVE-2024-14", "in_triage", None),
        ("CVE-2024-15", "not_affected", None),
        ("GHSA-1", "exploitable", None),
    ],
)
def test_every_state_is_told_as_vex(id_: str, state: str, response: list[str] | None) -> None:
    (found,) = (each for each in bom(FULL)["vulnerabilities"] if each["id"] == id_)
    assert (found["analysis"]["state"], found["analysis"].get("response")) == (state, response)
    assert found["analysis"]["detail"]


def test_a_vulnerability_names_what_it_affects_with_versions_ratings_and_sources() -> None:
    found = next(each for each in bom(FULL)["vulnerabilities"] if each["id"] == "CVE-2024-0001")
    assert found["affects"] == [
        {
            "ref": each,
            "versions": [{"version": "1.0-1", "status": "affected"}, {"version": fixed, "status": "unaffected"}],
        }
        for each, fixed in (
            ("pkg:deb/debian/libssl3@1.0-1?arch=amd64&distro=debian-12", "1.0-2"),
            ("pkg:deb/debian/bash@1.0-1?arch=amd64&distro=debian-12", "1.1-2"),
        )
    ]
    assert found["references"] == [{"id": "DSA-1-1", "source": {"name": "osv-debian"}}]
    assert found["ratings"][0] | {"vector": ""} == {
        "source": {"name": "NVD"},
        "score": 9.8,
        "severity": "critical",
        "method": "CVSSv31",
        "vector": "",
    }
    kev = next(each for each in bom(FULL)["vulnerabilities"] if each["id"] == "CVE-2024-0002")
    assert {"name": "oakum:kev_listed_on", "value": "2026-01-02"} in kev["properties"]


def test_what_was_not_assessed_makes_the_document_incomplete() -> None:
    assert bom(FULL)["compositions"][0]["aggregate"] == "incomplete"


_WORDS = st.text(alphabet="abcxyz0189.+~-_@", min_size=1, max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["debian:12", "alpine:3.19", "npm", "pypi"]), _WORDS, _WORDS), max_size=6))
def test_any_packages_are_read_back(given_packages: list[tuple[str, str, str]]) -> None:
    kinds = {"debian:12": "deb", "alpine:3.19": "apk"}
    packages = tuple(
        package(
            number,
            name,
            version,
            kind=kinds.get(stream, stream),
            stream=stream,
            purl=purl_of(stream=stream, name=name, version=version, architecture=""),
            architecture="",
        )
        for number, (stream, name, version) in enumerate(given_packages)
    )
    text = "\n".join(render(replace(report(), packages=packages)))
    back = inventory_of(bom_of(Source(name="bom", data=text.encode())))
    assert [(each.stream, each.version) for each in back.packages] == [
        (stream, version) for stream, _, version in given_packages
    ]
    assert [each.name for each in back.packages if each.kind != "pypi"] == [
        name
        for stream, name, _ in given_packages
        if stream != "pypi"  # whose names are compared in another spelling
    ]


def test_three_thousand_packages_are_written_in_less_than_a_second() -> None:
    packages = tuple(package(number, f"package-{number}") for number in range(3_000))
    start = time.perf_counter()
    lines = list(render(replace(report(), packages=packages)))
    assert time.perf_counter() - start < 1
    found: dict[str, Any] = json.loads("\n".join(lines))
    assert len(found["components"]) == 3_001
