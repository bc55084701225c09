"""The whole way of a VEX document: imported, assessed, seen on hosts with its author, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oakum.findings.models import Finding
from oakum.findings.queries import findings, vulnerabilities, vulnerability
from oakum.findings.services import assess, assessing
from oakum.identity.models import Organisation
from oakum.intel.services import import_feed, withdraw_vex
from tests.factories import make_host, make_organisation
from tests.findings.world import BOD
from tests.intel import feeds as files
from tests.intel.vex_documents import AUTHOR, analysed, branch, csaf, cyclonedx, openvex, statement, write

pytestmark = pytest.mark.django_db

SSL = ("libssl3", "3.0-1", "openssl", "3.0-1")
TOOL = ("openssl", "3.0-1", "openssl", "3.0-1")
LIBRARY = "pkg:deb/debian/libssl3@3.0-1?arch=amd64&distro=debian-12"
SOURCE = "pkg:deb/debian/openssl@3.0-1?arch=source&distro=debian-12"

LIBRARY_IN_CSAF = csaf(
    branch("P", LIBRARY),
    status={"known_not_affected": ["P"]},
    flags=[{"label": "vulnerable_code_not_present", "product_ids": ["P"]}],
)


@pytest.fixture
def organisation(now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Organisation:
    """Three hosts with an affected library, one of them with the tool of the same source as well."""
    monkeypatch.setattr(assessing, "_taken_marks", {})
    own = make_organisation(now=now)
    for number, packages in enumerate([[SSL], [SSL], [SSL, TOOL]]):
        make_host(own, now=now, hostname=f"web{number}", packages=packages)
    record = files.osv_record("DSA-1-1", files.osv_package("openssl", "3.0-2"))
    import_feed(files.write_zip(tmp_path / "all.zip", record), now=now)
    assess(now=now)
    return own


def take(path: Path, document: Mapping[str, Any], now: datetime, *, name: str = "acme") -> None:
    import_feed(write(path / "vex.json", document), kind="vex", name=name, now=now)
    assess(now=now)


def states() -> dict[str, tuple[str, str]]:
    rows = Finding.objects.order_by("package_version__name")
    return {name: (state, by) for name, state, by in rows.values_list("package_version__name", "state", "state_author")}


def open_hosts(organisation: Organisation, now: datetime) -> list[str]:
    page = findings(organisation_id=organisation.id, rules=BOD, now=now)
    return sorted(row.hostname for row in page.rows)


def cve_hosts(organisation: Organisation, now: datetime) -> dict[str, int]:
    rows = vulnerabilities(organisation_id=organisation.id, rules=BOD, now=now).rows
    return {row.cve: row.host_count for row in rows}


OPEN = {"libssl3": ("affected", ""), "openssl": ("affected", "")}


@pytest.mark.parametrize(
    "document",
    [openvex(statement(LIBRARY)), cyclonedx(analysed(LIBRARY)), LIBRARY_IN_CSAF],
    ids=["openvex", "cdx", "csaf"],
)
def test_a_statement_closes_what_it_speaks_of_until_it_is_withdrawn(
    tmp_path: Path, now: datetime, organisation: Organisation, document: dict[str, Any]
) -> None:
    assert (states(), open_hosts(organisation, now)) == (OPEN, ["web0", "web1", "web2"])
    assert cve_hosts(organisation, now) == {"CVE-2024-0001": 3}
    take(tmp_path, document, now)
    assert states() == {"libssl3": ("not_affected", AUTHOR), "openssl": ("affected", "")}
    assert open_hosts(organisation, now) == ["web2"]
    assert cve_hosts(organisation, now) == {"CVE-2024-0001": 1}
    closed = Finding.objects.get(package_version__name="libssl3")
    assert f"{AUTHOR} says not affected" in closed.evidence
    withdraw_vex(feed_name="acme", now=now)
    assess(now=now)
    assert (states(), open_hosts(organisation, now)) == (OPEN, ["web0", "web1", "web2"])
    assert Finding.objects.get(package_version__name="libssl3").evidence.partition(";")[1] == ""


def test_a_word_on_the_source_counts_for_all_that_is_built_from_it(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    take(tmp_path, openvex(statement(SOURCE)), now)
    assert states() == {"libssl3": ("not_affected", AUTHOR), "openssl": ("not_affected", AUTHOR)}
    assert (open_hosts(organisation, now), cve_hosts(organisation, now)) == ([], {})


def test_the_next_edition_of_a_document_replaces_what_it_said(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    take(tmp_path, openvex(statement(LIBRARY)), now)
    take(tmp_path, openvex(statement(LIBRARY, cve="CVE-2024-9999"), version=2), now)
    assert states() == OPEN
    assert len(open_hosts(organisation, now)) == 3


@pytest.mark.parametrize(
    "other",
    [
        statement(LIBRARY.replace("3.0-1", "3.0-0")),
        statement(LIBRARY.replace("debian-12", "debian-11")),
        statement(LIBRARY.replace("amd64", "arm64")),
        statement(LIBRARY, cve="CVE-2024-9999"),
        statement(LIBRARY, justification=""),
    ],
)
def test_what_speaks_of_something_else_changes_nothing(
    tmp_path: Path, now: datetime, organisation: Organisation, other: dict[str, Any]
) -> None:
    take(tmp_path, openvex(other, statement("pkg:npm/left-pad")), now)
    assert states() == OPEN
    assert len(open_hosts(organisation, now)) == 3


def test_of_one_author_the_latest_word_counts(tmp_path: Path, now: datetime, organisation: Organisation) -> None:
    take(tmp_path, openvex(statement(LIBRARY), statement(LIBRARY, status="affected", timestamp="2026-05-01")), now)
    assert states() == OPEN
    later = statement(LIBRARY, timestamp=(now - timedelta(days=1)).isoformat())
    take(tmp_path, openvex(later, **{"@id": "two"}), now, name="acme-two")
    assert states()["libssl3"] == ("not_affected", AUTHOR)
    assert open_hosts(organisation, now) == ["web2"]


def test_an_alias_is_as_good_as_the_cve(tmp_path: Path, now: datetime, organisation: Organisation) -> None:
    told = statement(LIBRARY, vulnerability={"name": "GHSA-jfh8-c2jp-5v3q", "aliases": ["CVE-2024-0001"]})
    take(tmp_path, openvex(told), now)
    assert states()["libssl3"] == ("not_affected", AUTHOR)
    assert open_hosts(organisation, now) == ["web2"]


def test_what_was_closed_is_shown_with_its_author_and_only_to_those_who_have_the_package(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    """Never silently dropped: the CVE's page says who closed it, for which package version."""
    other = make_organisation(now=now, name="Other")
    make_host(other, now=now, hostname="else", packages=[("bash", "5-1", "bash", "5-1")])
    take(tmp_path, openvex(statement(SOURCE)), now)
    shown = vulnerability(organisation_id=organisation.id, cve="CVE-2024-0001", rules=BOD, now=now)
    assert {(each.package, each.version, each.state, each.author) for each in shown.said} == {
        ("openssl", "3.0-1", "not_affected", AUTHOR)
    }
    assert all("older than 3.0-2" in each.evidence for each in shown.said)
    assert vulnerability(organisation_id=other.id, cve="CVE-2024-0001", rules=BOD, now=now).said == ()


def test_the_score_of_a_vulnerability_comes_with_model_and_day(
    tmp_path: Path, now: datetime, organisation: Organisation
) -> None:
    text = "#model_version:v2026.06.15,score_date:2026-08-21T00:00:00+0000\ncve,epss,percentile\n"
    (tmp_path / "epss.csv").write_text(f"{text}CVE-2024-0001,0.5,0.99\n")
    import_feed(tmp_path / "epss.csv", now=now)
    score = vulnerability(organisation_id=organisation.id, cve="CVE-2024-0001", rules=BOD, now=now).epss
    assert score is not None
    assert (score.score, score.percentile, score.model_version) == (0.5, 0.99, "v2026.06.15")
    assert str(score.scored_on) == "2026-08-21"
