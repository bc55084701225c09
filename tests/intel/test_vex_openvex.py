"""OpenVEX: who says what of which package, and what is left out with which reason."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from oakum.core.errors import FeedError
from oakum.intel.importers.vex import VexImporter
from tests.intel import vex_documents as files
from tests.intel.vex_documents import LIBSSL, openvex, said, statement


def test_a_statement_is_read_with_its_author(tmp_path: Path) -> None:
    told = statement(
        impact_statement="The code is\nnot built.",
        vulnerability={"name": "GHSA-jfh8-c2jp-5v3q", "aliases": ["CVE-2024-0001", "cve-2024-0001", "two words", 7]},
    )
    (record,), skipped = said(tmp_path, openvex(told))
    assert skipped == []
    assert (record.document, record.author) == ("https://example.test/vex/one", "Example Security Team")
    assert (record.vulnerability, record.aliases) == ("GHSA-jfh8-c2jp-5v3q", ("CVE-2024-0001",))
    assert (record.stream, record.name, record.level, record.architecture) == (
        "debian:12",
        "libssl3",
        "binary",
        "amd64",
    )
    assert (record.versions, record.status) == ("vers:deb/3.0.1-1", "not_affected")
    assert (record.justification, record.statement) == ("vulnerable_code_not_present", "The code is not built.")
    assert record.said_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_first_edition_names_all_by_plain_texts(tmp_path: Path) -> None:
    told = {
        "vulnerability": "CVE-2024-0001",
        "products": ["pkg:npm/left-pad@1.0.0", "pkg:pypi/Zope.Interface"],
        "status": "under_investigation",
    }
    records, skipped = said(tmp_path, openvex(told, **{"@context": "https://openvex.dev/ns"}))
    assert skipped == []
    assert [(each.stream, each.name, each.versions) for each in records] == [
        ("npm", "left-pad", "vers:npm/1.0.0"),
        ("pypi", "zope-interface", ""),
    ]


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:npm/%40angular/core@16.0.1", ("npm", "@angular/core", "binary", "", "vers:npm/16.0.1")),
        ("pkg:rpm/redhat/openssl?distro=rhel-9", ("rhel:9", "openssl", "binary", "", "")),
        (
            "pkg:rpm/almalinux/nodejs@18.9.1-1?arch=x86_64&distro=almalinux-8&epoch=1&rpmmod=nodejs:18",
            ("almalinux:8+nodejs:18", "nodejs", "binary", "x86_64", "vers:rpm/1:18.9.1-1"),
        ),
        ("pkg:deb/debian/openssl?arch=source&distro=bookworm", ("debian:12", "openssl", "source", "", "")),
        ("pkg:rpm/fedora/bash@5-1?arch=noarch&distro=fedora-40", ("fedora:40", "bash", "binary", "", "vers:rpm/5-1")),
        ("pkg:maven/org.x/y@1.0%2B2", ("maven", "org.x:y", "binary", "", "vers:maven/1.0+2")),
    ],
)
def test_packages_by_package_url(tmp_path: Path, purl: str, expected: tuple[str, ...]) -> None:
    (record,), _ = said(tmp_path, openvex(statement(purl)))
    assert (record.stream, record.name, record.level, record.architecture, record.versions) == expected


def test_a_package_url_may_stand_among_the_identifiers(tmp_path: Path) -> None:
    product = {"@id": "https://example.test/libssl3", "identifiers": {"purl": LIBSSL, "cpe23": "cpe:2.3:a:x"}}
    (record,), _ = said(tmp_path, openvex(statement(product)))
    assert record.name == "libssl3"


IMAGE = "pkg:oci/shop@sha256%3Aabc?repository_url=example.test/shop"


def test_an_image_stands_for_the_packages_in_it_that_are_named(tmp_path: Path) -> None:
    image = {"@id": IMAGE, "subcomponents": [{"@id": LIBSSL}, {"@id": "pkg:cargo/ring"}, {"@id": "no-purl"}]}
    records, skipped = said(tmp_path, openvex(statement(image)))
    assert [(each.name, each.product) for each in records] == [("libssl3", IMAGE), ("ring", IMAGE)]
    assert skipped == ["products without a package URL"]


def test_parts_beside_the_products_are_parts_of_each(tmp_path: Path) -> None:
    told = statement(products=[IMAGE, "https://example.test/app"], subcomponents=["pkg:cargo/ring"])
    records, _ = said(tmp_path, openvex(told))
    assert [(each.name, each.product) for each in records] == [("ring", IMAGE), ("ring", "https://example.test/app")]


def test_a_package_stands_for_itself_and_not_for_its_parts(tmp_path: Path) -> None:
    told = statement({"@id": LIBSSL, "subcomponents": [{"@id": "pkg:cargo/ring"}]})
    (record,), _ = said(tmp_path, openvex(told))
    assert (record.name, record.product) == ("libssl3", "")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (statement(IMAGE), "products: packages of the type 'oci' are none that Oakum assesses (pkg:oci/shop"),
        (statement("pkg:deb/debian/bash@1"), "products: it does not say of which release the package is (pkg:deb"),
        (statement("pkg:deb/debian/bash@1:?distro=debian-12"), "versions of debian that are none (bash: "),
        (statement("urn:thing"), "products without a package URL"),
        (statement(products=[]), "statements on no product"),
        (statement(vulnerability="a flaw"), "statements on no vulnerability"),
        (statement(vulnerability=[]), "statements on no vulnerability"),
        (statement(status="fine"), "statements with a status that is none ('fine')"),
        (statement(status=["fixed"]), "statements with a status that is none ('')"),
        (statement(justification=""), "statements that something is not affected, without saying why"),
        ("text", "statements on no vulnerability"),
    ],
)
def test_what_is_left_out_says_why(tmp_path: Path, told: Any, reason: str) -> None:
    records, skipped = said(tmp_path, openvex(told))
    assert records == []
    assert [each[: len(reason)] for each in skipped] == [reason]


def test_other_statuses_need_no_reason(tmp_path: Path) -> None:
    told = [statement(status=each, justification="") for each in ("affected", "fixed", "under_investigation")]
    records, skipped = said(tmp_path, openvex(*told))
    assert [each.status for each in records] == ["affected", "fixed", "under_investigation"]
    assert skipped == []


def test_a_statement_without_a_date_has_the_documents(tmp_path: Path) -> None:
    first = statement(timestamp="2026-05-01T00:00:00+02:00")
    records, _ = said(tmp_path, openvex(first, statement(), last_updated="2026-03-01T00:00:00Z"))
    assert [each.said_at for each in records] == [
        datetime(2026, 4, 30, 22, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
    ]
    (record,), _ = said(tmp_path, openvex(statement(), timestamp="soon"))
    assert record.said_at is None


def test_packages_that_tell_no_release_may_be_told_one(tmp_path: Path) -> None:
    (record,), _ = said(tmp_path, openvex(statement("pkg:deb/debian/bash@5.2-1")), stream="debian:12")
    assert (record.stream, record.versions) == ("debian:12", "vers:deb/5.2-1")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (openvex(statement(), author=" "), "vex.json: it names no author; nothing was changed"),
        (openvex(statements={}), "vex.json: it has no list of statements"),
        ({"@context": "https://example.test"}, "it is neither OpenVEX nor CycloneDX nor CSAF"),
        ([], "it is no VEX document"),
    ],
)
def test_what_is_no_such_document_is_refused(tmp_path: Path, document: Any, words: str) -> None:
    with pytest.raises(FeedError, match=words):
        said(tmp_path, document)


def test_a_document_with_too_many_products_is_refused(tmp_path: Path) -> None:
    told = {"vulnerability": "CVE-2024-0001", "products": ["pkg:npm/a"] * 200_001, "status": "affected"}
    with pytest.raises(FeedError, match="it names more than 200000 products"):
        said(tmp_path, openvex(told))


def test_the_next_edition_of_a_document_is_the_same_feed_and_another_document_is_not(tmp_path: Path) -> None:
    def name(file: str, **more: Any) -> str:
        return VexImporter().default_name(files.write(tmp_path / file, openvex(statement(), **more)))

    assert name("a.json") == name("b.vex.json", version=2)
    assert name("a.json").startswith("vex-example-security-team-")
    other = name("a.json", **{"@id": "https://example.test/vex/two"})
    assert other != name("a.json")
    assert name("Our notes.vex.json", **{"@id": ""}) == "vex-our-notes"
    assert len(name("a.json", author="x" * 500)) <= 60
