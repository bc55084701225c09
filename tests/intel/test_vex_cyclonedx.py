"""CycloneDX: analyses of vulnerabilities, and what their references lead to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oakum.core.errors import FeedError
from tests.intel.vex_documents import AUTHOR, LIBSSL, analysed, cyclonedx, said

SERIAL = "3e671687-395b-41f5-a30f-a58921a69b79"
JACKSON = "pkg:maven/com.fasterxml.jackson.core/jackson-databind@2.10.0?type=jar"


def test_an_analysis_is_read_with_its_author(tmp_path: Path) -> None:
    told = analysed(references=[{"id": "SNYK-1", "source": {"name": "SNYK"}}, {"id": "CVE-2024-0001"}])
    (record,), skipped = said(tmp_path, cyclonedx(told))
    assert skipped == []
    assert (record.document, record.author) == (f"urn:uuid:{SERIAL}", AUTHOR)
    assert (record.vulnerability, record.aliases) == ("CVE-2024-0001", ("SNYK-1",))
    assert (record.stream, record.name, record.versions) == ("debian:12", "libssl3", "vers:deb/3.0.1-1")
    assert (record.status, record.justification, record.statement) == (
        *("not_affected", "code_not_reachable"),
        "Looked at.",
    )
    assert record.said_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("resolved", "fixed"),
        ("resolved_with_pedigree", "fixed"),
        ("exploitable", "affected"),
        ("in_triage", "under_investigation"),
        ("false_positive", "not_affected"),
        ("not_affected", "not_affected"),
    ],
)
@pytest.mark.parametrize("edition", ["1.4", "1.5", "1.6", "1.7"])
def test_states_of_every_edition(tmp_path: Path, state: str, status: str, edition: str) -> None:
    told = analysed(state=state)
    told["analysis"] = {"state": state}
    (record,), skipped = said(tmp_path, cyclonedx(told, specVersion=edition))
    assert (record.status, skipped) == (status, [])


def test_references_lead_to_parts_of_the_bom_by_their_package_urls(tmp_path: Path) -> None:
    parts = [
        {
            "type": "library",
            "name": "a",
            "bom-ref": "a",
            "purl": LIBSSL,
            "components": [{"bom-ref": "b", "purl": JACKSON}],
        },
        {"type": "library", "name": "c", "bom-ref": "c"},
    ]
    subject = {"type": "application", "name": "Shop", "version": "2", "bom-ref": "shop"}
    told = analysed("a", "b", "c", "shop", "elsewhere", f"urn:cdx:{SERIAL}/1#b")
    metadata = {"component": subject, "supplier": {"name": "Shop Ltd"}}
    records, skipped = said(tmp_path, cyclonedx(told, components=parts, metadata=metadata))
    assert [(each.name, each.product, each.author) for each in records] == [
        ("libssl3", "Shop 2", "Shop Ltd"),
        ("com.fasterxml.jackson.core:jackson-databind", "Shop 2", "Shop Ltd"),
    ]
    assert skipped == [
        "products without a package URL",
        "products without a package URL",
        "references to nothing in the document ('elsewhere')",
    ]


def test_a_link_into_another_bom_counts_where_it_names_a_package(tmp_path: Path) -> None:
    other = "urn:cdx:11111111-395b-41f5-a30f-a58921a69b79/1"
    parts = [{"bom-ref": "a", "purl": LIBSSL}]
    told = analysed(f"{other}#{JACKSON}", f"{other}#pkg%3Acargo%2Fring%401.0.0", f"{other}#a")
    records, skipped = said(tmp_path, cyclonedx(told, components=parts))
    assert [(each.name, each.versions, each.product) for each in records] == [
        ("com.fasterxml.jackson.core:jackson-databind", "vers:maven/2.10.0", other),
        ("ring", "vers:cargo/1.0.0", other),
    ]
    assert [each.partition(" (")[0] for each in skipped] == ["references to nothing in the document"]


def test_versions_have_a_status_of_their_own(tmp_path: Path) -> None:
    versions = [
        {"version": "1.5.0", "status": "affected"},
        {"range": "vers:npm/>=2.0.0|<3.0.0"},
        {"range": "vers:npm/>=3.0.0", "status": "unaffected"},
        {"version": "0.9.0", "status": "unknown"},
        {"range": "vers:npm/*", "status": "affected"},
    ]
    told = analysed({"ref": "pkg:npm/left-pad@1.0.0", "versions": versions}, state="exploitable")
    records, skipped = said(tmp_path, cyclonedx(told))
    assert [(each.status, each.versions) for each in records] == [
        ("affected", "vers:npm/1.5.0"),
        ("affected", "vers:npm/>=2.0.0|<3.0.0"),
        ("affected", ""),
        ("not_affected", "vers:npm/>=3.0.0"),
        ("under_investigation", "vers:npm/0.9.0"),
    ]
    assert [each.justification for each in records] == ["", "", "", "code_not_reachable", ""]
    assert skipped == []


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"range": ">=1.0"}, "version ranges that are no VERS (>=1.0)"),
        ({"range": "vers:deb/>=1.0"}, "versions of npm that are none (left-pad: "),
        ({"range": "vers:npm/>="}, "versions of npm that are none (left-pad: "),
        ({"range": "vers:none/*"}, "version ranges without a version"),
        (
            {"range": "vers:npm/" + "|".join(f"1.0.{n}" for n in range(200))},
            "version ranges longer than 500 characters",
        ),
        ({"version": "one"}, "versions of npm that are none (left-pad: "),
        ({}, "versions that are not told"),
        ("1.0", "versions that are not told"),
    ],
)
def test_versions_that_are_left_out_say_why(tmp_path: Path, entry: Any, reason: str) -> None:
    told = analysed({"ref": "pkg:npm/left-pad", "versions": [entry]})
    records, skipped = said(tmp_path, cyclonedx(told))
    assert records == []
    assert [each[: len(reason)] for each in skipped] == [reason]


def test_one_version_may_stand_without_a_list(tmp_path: Path) -> None:
    """Published examples have it so."""
    told = analysed({"ref": "pkg:npm/left-pad", "versions": {"version": "5.9.0", "state": "unaffected"}})
    (record,), _ = said(tmp_path, cyclonedx(told))
    assert record.versions == "vers:npm/5.9.0"


def test_a_mere_report_of_vulnerabilities_is_no_vex(tmp_path: Path) -> None:
    bare = {"id": "CVE-2024-0001", "affects": [{"ref": LIBSSL}]}
    records, skipped = said(tmp_path, cyclonedx(bare, analysed(state="perhaps"), {"analysis": {"state": "resolved"}}))
    assert records == []
    assert skipped == [
        "vulnerabilities without an analysis",
        "analyses with a state that is none ('perhaps')",
        "statements on no vulnerability",
    ]


def test_a_bom_without_vulnerabilities_says_so(tmp_path: Path) -> None:
    assert said(tmp_path, cyclonedx()) == ([], ["documents without a statement"])


@pytest.mark.parametrize(
    ("metadata", "author"),
    [
        ({"manufacturer": {"name": "M"}, "authors": [{"name": "A"}], "supplier": {"name": "S"}}, "M"),
        ({"authors": [{"email": "a@example.test"}, {"name": "A"}], "supplier": {"name": "S"}}, "A"),
        ({"supplier": {"name": "S"}, "component": {"publisher": "P"}}, "S"),
        ({"component": {"supplier": {"name": "CS"}, "publisher": "P"}}, "CS"),
        ({"component": {"publisher": "P"}}, "P"),
        ({"authors": "text", "supplier": []}, "unnamed author"),
    ],
)
def test_who_the_author_is(tmp_path: Path, metadata: dict[str, Any], author: str) -> None:
    (record,), _ = said(tmp_path, cyclonedx(analysed(), metadata=metadata))
    assert (record.author, record.said_at) == (author, None)


def test_an_analysis_has_its_own_date(tmp_path: Path) -> None:
    told = analysed()
    told["analysis"] |= {"firstIssued": "2026-02-01T00:00:00Z", "lastUpdated": "2026-03-01T00:00:00Z"}
    (record,), _ = said(tmp_path, cyclonedx(told))
    assert record.said_at == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("edition", ["1.3", "2.0", None, 1.6])
def test_other_editions_are_refused(tmp_path: Path, edition: Any) -> None:
    with pytest.raises(FeedError, match=r"is not read, only 1\.4, 1\.5, 1\.6, 1\.7; nothing was changed"):
        said(tmp_path, cyclonedx(analysed(), specVersion=edition))
