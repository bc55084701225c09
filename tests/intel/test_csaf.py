"""CSAF 2.0 documents: what Red Hat, SUSE and Microsoft say becomes ranges of the right stream, level and state."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError
from oakum.intel.importers.csaf import CsafImporter
from oakum.intel.importers.csaf.reading import read_document
from oakum.intel.importers.values import Read

RHEL_8 = {"category": "product_name", "name": "RHEL 8", "cpe": "cpe:/a:redhat:enterprise_linux:8::appstream"}
RHEL_EUS = {"category": "product_name", "name": "RHEL 8.6 EUS", "cpe": "cpe:/a:redhat:rhel_eus:8.6::appstream"}
RHEL_6 = {"category": "product_name", "name": "RHEL 6", "cpe": "cpe:/o:redhat:enterprise_linux:6"}


def branch(product_id: str, **more: str) -> dict[str, Any]:
    helper = {name: more.pop(name) for name in ("cpe", "purl") if name in more}
    product = {"product_id": product_id, "product_identification_helper": helper}
    return {"category": "product_version", "name": product_id, **more, "product": product}


def part(whole: str, of: str) -> dict[str, Any]:
    product = {"product_id": f"{whole}:{of}", "name": of}
    return {"full_product_name": product, "product_reference": of, "relates_to_product_reference": whole}


def document(
    branches: list[dict[str, Any]],
    parts: list[tuple[str, str]],
    *vulnerabilities: dict[str, Any],
    category: str = "csaf_vex",
    tracking: str = "RHSA-2024:0001",
    publisher: str = "Red Hat Product Security",
) -> dict[str, Any]:
    return {
        "document": {
            "category": category,
            "csaf_version": "2.0",
            "title": "a title",
            "publisher": {"name": publisher},
            "tracking": {"id": tracking, "initial_release_date": "2024-01-02T03:04:05Z"},
            "aggregate_severity": {"text": "Important"},
        },
        "product_tree": {"branches": branches, "relationships": [part(*each) for each in parts]},
        "vulnerabilities": list(vulnerabilities),
    }


def read(value: dict[str, Any]) -> Read:
    return read_document(Path("advisory.json"), "", value)


def advisory(value: dict[str, Any]) -> AdvisoryRecord:
    record = read(value).record
    assert isinstance(record, AdvisoryRecord)
    return record


def told(record: AdvisoryRecord) -> set[tuple[str, str, str, str, str]]:
    return {
        (each.stream, each.level, each.name, each.intervals[0].fixed_version, each.state) for each in record.affected
    }


FIREFOX = "firefox-0:115.5.0-1.el8_9.x86_64"
FIREFOX_SOURCE = "firefox-0:115.5.0-1.el8_9.src"


def firefox() -> dict[str, Any]:
    return document(
        [
            branch("AppStream-8.9.0.Z.MAIN", **RHEL_8),
            branch("AppStream-8.6.0.Z.EUS", **RHEL_EUS),
            branch("rhel6", **RHEL_6),
            branch(FIREFOX, purl="pkg:rpm/redhat/firefox@115.5.0-1.el8_9?arch=x86_64"),
            branch(FIREFOX_SOURCE, purl="pkg:rpm/redhat/firefox@115.5.0-1.el8_9?arch=src"),
            branch("firefox-debuginfo", purl="pkg:rpm/redhat/firefox-debuginfo@115.5.0-1.el8_9?arch=x86_64"),
            branch("firefox", purl="pkg:rpm/redhat/firefox?arch=src"),
        ],
        [
            ("AppStream-8.9.0.Z.MAIN", FIREFOX),
            ("AppStream-8.9.0.Z.MAIN", FIREFOX_SOURCE),
            ("AppStream-8.9.0.Z.MAIN", "firefox-debuginfo"),
            ("AppStream-8.6.0.Z.EUS", FIREFOX),
            ("rhel6", "firefox"),
        ],
        {
            "cve": "CVE-2023-6212",
            "product_status": {
                "fixed": [
                    f"AppStream-8.9.0.Z.MAIN:{FIREFOX}",
                    f"AppStream-8.9.0.Z.MAIN:{FIREFOX_SOURCE}",
                    "AppStream-8.9.0.Z.MAIN:firefox-debuginfo",
                    f"AppStream-8.6.0.Z.EUS:{FIREFOX}",
                ],
                "known_affected": ["rhel6:firefox"],
            },
            "remediations": [
                {"category": "no_fix_planned", "details": "Out of support scope", "product_ids": ["rhel6:firefox"]}
            ],
            "scores": [{"cvss_v3": {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"}}],
        },
    )


def test_a_vex_document_goes_by_its_cve_and_tells_fixes_and_what_gets_none() -> None:
    """The main release's fix, not the extended one's; the binary's, not the source's; no debug symbols."""
    record = advisory(firefox())
    assert record.ref == "CVE-2023-6212"
    assert record.severity == "high"
    assert record.cvss_vector.startswith("CVSS:3.1/")
    assert told(record) == {
        ("rhel:8", "binary", "firefox", "115.5.0-1.el8_9", "affected"),
        ("rhel:6", "source", "firefox", "", "end_of_life"),
    }
    assert read(firefox()).skipped == ("products that are no package of a release that Oakum matches",)


@pytest.mark.parametrize(
    ("category", "details", "state"),
    [
        ("no_fix_planned", "Will not fix", "will_not_fix"),
        ("none_available", "Fix deferred", "deferred"),
        ("none_available", "Affected", "affected"),
        ("workaround", "Unplug it.", "affected"),
    ],
)
def test_the_remediation_tells_the_state_of_what_has_no_fix(category: str, details: str, state: str) -> None:
    value = firefox()
    value["vulnerabilities"][0]["remediations"] = [
        {"category": category, "details": details, "product_ids": ["rhel6:firefox"]}
    ]
    assert ("rhel:6", "source", "firefox", "", state) in told(advisory(value))


def test_not_affected_and_under_investigation_are_kept_as_states() -> None:
    value = firefox()
    value["vulnerabilities"][0]["product_status"] = {"known_not_affected": ["rhel6:firefox"]}
    assert told(advisory(value)) == {("rhel:6", "source", "firefox", "", "not_affected")}
    value["vulnerabilities"][0]["product_status"] = {"under_investigation": ["rhel6:firefox"]}
    assert told(advisory(value)) == {("rhel:6", "source", "firefox", "", "under_investigation")}


def test_a_module_is_a_stream_of_its_own_and_an_epoch_belongs_to_the_version() -> None:
    purl = "pkg:rpm/redhat/nodejs@18.9.1-1.el8?arch=x86_64&epoch=1&rpmmod=nodejs:18:8060020220523160029:ad008a3a"
    value = document(
        [branch("AppStream", **RHEL_8), branch("nodejs", purl=purl)],
        [("AppStream", "nodejs")],
        {"cve": "CVE-2022-0001", "product_status": {"fixed": ["AppStream:nodejs"]}},
        {"cve": "CVE-2022-0002", "product_status": {"fixed": ["AppStream:nodejs"]}},
        category="csaf_security_advisory",
    )
    record = advisory(value)
    assert record.ref == "RHSA-2024:0001"
    assert record.cves == ("CVE-2022-0001", "CVE-2022-0002")
    assert told(record) == {("rhel:8+nodejs:18", "binary", "nodejs", "1:18.9.1-1.el8", "affected")}
    assert len(record.affected) == 1, "ten vulnerabilities name a package ten times, and it is one"


def test_architectures_are_told_only_where_their_fixes_differ() -> None:
    names = {"x86_64": "2-1", "aarch64": "2-1", "s390x": "2-2"}
    branches = [branch(arch, purl=f"pkg:rpm/redhat/zlib@{text}?arch={arch}") for arch, text in names.items()]
    value = document(
        [branch("BaseOS", **RHEL_8), *branches],
        [("BaseOS", arch) for arch in names],
        {"cve": "CVE-2022-0001", "product_status": {"fixed": [f"BaseOS:{arch}" for arch in names]}},
    )
    found = {(each.intervals[0].fixed_version, each.architectures) for each in advisory(value).affected}
    assert found == {("2-1", ("aarch64", "x86_64")), ("2-2", ("s390x",))}


def test_suse_names_packages_without_package_urls() -> None:
    sles = {"category": "product_name", "name": "SLES 15 SP5", "cpe": "cpe:/o:suse:sle-module-basesystem:15:sp5"}
    names = ("libqt4-32bit-4.8.6-7.1.x86_64", "libsamba-policy0-python3-32bit")
    value = document(
        [branch("SLES", **sles), *(branch(name) for name in names)],
        [("SLES", name) for name in names],
        {
            "cve": "CVE-2022-0001",
            "product_status": {"recommended": [f"SLES:{names[0]}"], "known_not_affected": [f"SLES:{names[1]}"]},
        },
        publisher="SUSE Product Security Team",
    )
    assert told(advisory(value)) == {
        ("sles:15.5", "binary", "libqt4-32bit", "4.8.6-7.1", "affected"),
        ("sles:15.5", "binary", "libsamba-policy0-python3-32bit", "", "not_affected"),
    }


def test_microsoft_names_builds_under_a_product() -> None:
    edge = {
        "category": "product_name",
        "name": "Some Browser",
        "branches": [
            {"category": "product_version_range", "name": "<1.3.195.45", "product": {"product_id": "1"}},
            {"category": "product_version", "name": "1.3.195.45", "product": {"product_id": "2"}},
        ],
    }
    value = document(
        [edge],
        [],
        {"cve": "CVE-2025-0001", "product_status": {"known_affected": ["1"], "fixed": ["2"]}},
        publisher="Microsoft Security Response Center",
        tracking="msrc_CVE-2025-0001",
        category="csaf_security_advisory",
    )
    assert told(advisory(value)) == {("windows", "binary", "Some Browser", "1.3.195.45", "affected")}


@pytest.mark.parametrize("value", [{}, {"document": {}}, {"document": {"csaf_version": "2.0"}}, {"document": []}])
def test_what_is_no_csaf_is_refused_by_name(value: dict[str, Any]) -> None:
    with pytest.raises(FeedError, match=r"advisory\.json: it is no CSAF document"):
        read(value)


def test_a_document_about_nothing_of_ours_says_so() -> None:
    value = firefox()
    value["product_tree"]["branches"] = []
    assert read(value).record is None
    assert read(value).skipped


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_no_mutation_of_a_document_brings_anything_but_a_feed_error(data: st.DataObject) -> None:
    """Whatever stands in the place of any one value, the reader reads on or refuses by name."""
    value: Any = copy.deepcopy(firefox())
    holder, key = value, data.draw(st.sampled_from(sorted(value)))
    while isinstance(holder[key], (dict, list)) and holder[key] and data.draw(st.booleans()):
        holder = holder[key]
        keys = sorted(holder) if isinstance(holder, dict) else range(len(holder))
        key = data.draw(st.sampled_from(list(keys)))
    holder[key] = data.draw(JSON_VALUES)
    with suppress(FeedError):
        read(value)


def test_a_folder_of_documents_is_one_feed(tmp_path: Path) -> None:
    importer = CsafImporter()
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(firefox()))
    assert importer.record_count(tmp_path) == 2
    assert importer.default_name(tmp_path) == "csaf-vex-redhat"
    assert importer.recognises(tmp_path / "a.json", (tmp_path / "a.json").read_bytes()[:4096])
    assert len(list(importer.records(tmp_path))) == 2
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(FeedError, match="a JSON object is expected"):
        list(importer.records(tmp_path))
