"""CSAF as VEX: products that are packages by their package URLs, whoever publishes the document."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oakum.core.errors import FeedError
from tests.intel.vex_documents import AUTHOR, LIBSSL, branch, csaf, said

FLAG = {"label": "vulnerable_code_not_present", "product_ids": ["P1"]}


def test_statuses_flags_and_impacts(tmp_path: Path) -> None:
    status = {
        "known_not_affected": ["P1", "P2"],
        "known_affected": ["P3"],
        "fixed": ["P4"],
        "under_investigation": ["P5"],
        "recommended": ["P4"],
    }
    branches = [branch(f"P{number}", f"pkg:npm/p{number}@1.0.0") for number in range(1, 6)]
    document = csaf(
        *branches,
        status=status,
        flags=[FLAG],
        threats=[
            {"category": "impact", "details": "Not built.", "group_ids": ["G"]},
            {"category": "exploit_status", "details": "None known.", "product_ids": ["P1"]},
        ],
        remediations=[{"category": "workaround", "details": "Turn it off.", "product_ids": ["P3"]}],
        ids=[{"system_name": "GitHub", "text": "GHSA-jfh8-c2jp-5v3q"}],
    )
    document["product_tree"]["product_groups"] = [{"group_id": "G", "product_ids": ["P2"]}]
    records, skipped = said(tmp_path, document)
    assert skipped == []
    assert [(each.name, each.status, each.justification, each.statement) for each in records] == [
        ("p1", "not_affected", "vulnerable_code_not_present", ""),
        ("p2", "not_affected", "", "Not built."),
        ("p3", "affected", "", "Turn it off."),
        ("p4", "fixed", "", ""),
        ("p5", "under_investigation", "", ""),
    ]
    first = records[0]
    assert (first.document, first.author, first.aliases) == ("EX-2026-1", AUTHOR, ("GHSA-jfh8-c2jp-5v3q",))
    assert (first.vulnerability, first.versions) == ("CVE-2024-0001", "vers:npm/1.0.0")
    assert first.said_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("category", "name", "purl", "versions"),
    [
        ("product_version", "2.4.0", "pkg:npm/p", "vers:npm/2.4.0"),
        ("product_version", "2.4.0", "pkg:npm/p@1.0.0", "vers:npm/1.0.0"),
        ("product_version_range", "vers:npm/>=2.9.0|<4.1.0", "pkg:npm/p", "vers:npm/>=2.9.0|<4.1.0"),
        ("product_name", "P", "pkg:npm/p", ""),
    ],
)
def test_a_version_may_be_its_branchs(tmp_path: Path, category: str, name: str, purl: str, versions: str) -> None:
    document = csaf(branch("P1", purl, category=category, name=name), status={"known_affected": ["P1"]})
    (record,), _ = said(tmp_path, document)
    assert record.versions == versions


def related(product_id: str, part: str, whole: str, **helper: str) -> dict[str, Any]:
    own: dict[str, Any] = {"name": f"{part} in {whole}", "product_id": product_id}
    if helper:
        own["product_identification_helper"] = helper
    return {
        "category": "default_component_of",
        "product_reference": part,
        "relates_to_product_reference": whole,
        "full_product_name": own,
    }


def test_a_relationship_is_its_package_as_a_part_of_the_platform(tmp_path: Path) -> None:
    document = csaf(
        branch("LIB", LIBSSL),
        branch("SHOP", name="Shop"),
        branch("IMAGE", "pkg:oci/shop"),
        status={"known_not_affected": ["R1", "R2", "R3", "R4", "GONE"]},
        flags=[{**FLAG, "product_ids": ["R1", "R2", "R3", "R4", "GONE"]}],
    )
    document["product_tree"]["relationships"] = [
        related("R1", "LIB", "SHOP"),
        related("R2", "R1", "IMAGE"),
        related("R3", "GONE", "SHOP", purl="pkg:npm/a@1.0.0"),
        related("R4", "R4", "SHOP"),
    ]
    records, skipped = said(tmp_path, document)
    assert [(each.name, each.product) for each in records] == [
        ("libssl3", "The Shop"),
        ("libssl3", "pkg:oci/shop"),
        ("a", "The Shop"),
    ]
    assert skipped == ["products that the document does not describe"] * 2


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (csaf(branch("P1"), status={"known_affected": ["P1"]}), "products without a package URL"),
        (csaf(branch("P1", "pkg:generic/p"), status={"fixed": ["P1"]}), "products: packages of the type 'generic'"),
        (
            csaf(branch("P1", LIBSSL), status={"known_not_affected": ["P1"]}),
            "statements that something is not affected",
        ),
        (csaf(branch("P1", LIBSSL), status={}), "statements on no product"),
        (csaf(branch("P1", LIBSSL), status={"fixed": ["P1"]}, cve="none of it"), "statements on no vulnerability"),
    ],
)
def test_what_is_left_out_says_why(tmp_path: Path, document: Any, reason: str) -> None:
    records, skipped = said(tmp_path, document)
    assert records == []
    assert [each[: len(reason)] for each in skipped] == [reason]


def test_a_document_without_a_publisher_is_refused(tmp_path: Path) -> None:
    document = csaf(branch("P1", LIBSSL), status={"fixed": ["P1"]})
    del document["document"]["publisher"]
    with pytest.raises(FeedError, match="it names no publisher; nothing was changed"):
        said(tmp_path, document)


def test_groups_that_are_told_again_and_again_are_bounded(tmp_path: Path) -> None:
    """Five hundred flags on a group of a thousand are half a million words."""
    document = csaf(
        branch("P1", LIBSSL), status={"known_affected": ["P1"]}, flags=[{"label": "x", "group_ids": ["G"]}] * 500
    )
    document["product_tree"]["product_groups"] = [{"group_id": "G", "product_ids": ["P"] * 1_000}]
    with pytest.raises(FeedError, match="it names more than 200000 products"):
        said(tmp_path, document)
