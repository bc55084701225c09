"""Findings, vulnerabilities, patches and reports by the API, on rows that the rooms themselves made."""

from __future__ import annotations

import csv
import io
import json

import pytest

from oakum.fleet.models import Host
from tests.api.calling import Caller
from tests.web.rows import CVE, EXPLOITED_CVE, NEW_OPENSSL, OLD_OPENSSL, World, add_host

pytestmark = pytest.mark.django_db


def test_a_finding_shows_its_deadline_rule_and_inputs(viewer: Caller) -> None:
    page = viewer.get("/findings").ok()
    assert page["total_count"] == 2
    first = page["rows"][0]
    assert (first["package"], first["version"], first["fixed_version"]) == ("openssl", OLD_OPENSSL, NEW_OPENSSL)
    assert first["cves"] == [CVE, EXPLOITED_CVE]
    assert first["kev"] is True
    assert first["remedy"] == "missing"
    deadline = first["deadline"]
    assert deadline["rule"]
    assert deadline["sentence"]
    assert {"name", "value", "source", "defaulted"} == set(deadline["inputs"][0])
    assert first["advisories"][0]["ref"] == "DSA-9999-1"
    assert page["as_of"]["inventory_newest_at"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"host": "web01"}, 1),
        ({"group": "web"}, 1),
        ({"cve": CVE}, 2),
        ({"cve": CVE.lower()}, 2),
        ({"cve": "CVE-2020-1"}, 0),
        ({"package": "libssl3"}, 2),
        ({"package": "bash"}, 0),
        ({"search": "db0"}, 1),
        ({"kev": "true"}, 2),
        ({"kev": "false"}, 0),
        ({"remedy": "missing"}, 2),
        ({"remedy": "no_fix"}, 0),
        ({"severity": "low"}, 0),
    ],
)
def test_every_filter_narrows(viewer: Caller, query: dict[str, object], count: int) -> None:
    assert viewer.get("/findings", **query).ok()["total_count"] == count


def test_words_that_a_filter_does_not_know_are_refused(viewer: Caller) -> None:
    assert "severity" in viewer.get("/findings", severity="huge").refused(422, "request_invalid")
    assert "remedy" in viewer.get("/findings", remedy="verified").refused(422, "request_invalid")
    assert "kind" in viewer.get("/patches", kind="secret").refused(422, "request_invalid")
    assert "overdue" in viewer.get("/findings", overdue="perhaps").refused(422, "request_invalid")


def test_hosts_that_could_not_tell_are_counted_beside_the_list(world: World, viewer: Caller) -> None:
    add_host(world, "mute01", status="unknown")
    page = viewer.get("/findings").ok()
    assert page["host_unknown_count"] == 1


def test_vulnerabilities_and_one_of_them(viewer: Caller) -> None:
    page = viewer.get("/findings/vulnerabilities", search="openssl").ok()
    assert {row["cve"]: row["host_count"] for row in page["rows"]} == {CVE: 2, EXPLOITED_CVE: 2}
    assert viewer.get("/findings/vulnerabilities", kev="true").ok()["total_count"] == 1
    found = viewer.get(f"/findings/vulnerabilities/{EXPLOITED_CVE}", limit=1).ok()
    assert found["host_count"] == 2
    assert found["kev"]["name"]
    assert found["findings"]["total_count"] == 2
    assert len(found["findings"]["rows"]) == 1
    assert viewer.get("/findings/vulnerabilities/CVE-1999-1").ok()["host_count"] == 0


def test_patches_and_one_of_them(viewer: Caller) -> None:
    page = viewer.get("/patches", kind="security").ok()
    (row,) = page["rows"]
    assert (row["source_name"], row["source_version"], row["host_pending_count"]) == ("openssl", NEW_OPENSSL, 2)
    assert row["cves"] == [CVE, EXPLOITED_CVE]
    found = viewer.get(f"/patches/{row['id']}").ok()
    assert sorted(each["hostname"] for each in found["hosts"]) == ["db01", "web01"]
    assert found["row"]["notes"]["sentence"]
    assert viewer.get("/patches", host="web01", search="tz").ok()["total_count"] == 1
    viewer.get("/patches/999999").refused(404, "update_unknown")


def test_overview_and_compliance_carry_their_time(viewer: Caller) -> None:
    overview = viewer.get("/findings/overview").ok()
    assert overview["counts"]["open"] == 2
    assert overview["counts"]["host"] == 2
    assert overview["as_of"]["at"]
    compliance = viewer.get("/findings/compliance").ok()
    assert compliance["total"]["host_count"] == 2
    assert compliance["pack"]["id"] == "cisa-bod-26-04"
    assert all(row["sentence"] for row in compliance["rows"])


def test_exports_hold_every_row_in_both_forms(viewer: Caller) -> None:
    found = viewer.get("/findings/export")
    assert found.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(found.ok(), newline="")))
    assert sorted(row["hostname"] for row in rows) == ["db01", "web01"]
    told = viewer.get("/findings/export", format="json", group="web").ok()
    assert [row["hostname"] for row in told["rows"]] == ["web01"]
    assert len(list(csv.reader(io.StringIO(viewer.get("/findings/compliance/export").ok())))) == 3
    assert len(viewer.get("/findings/compliance/export", format="json").ok()["rows"]) == 2
    patches = viewer.get("/patches/export", kind="security", format="json").ok()
    assert [row["source_package"] for row in patches["rows"]] == ["openssl"]
    assert len(list(csv.reader(io.StringIO(viewer.get("/patches/export", kind="security").ok())))) == 3
    viewer.get("/findings/export", format="xml").refused(422, "request_invalid")


def test_hostile_names_are_data_and_nothing_else(world: World, viewer: Caller) -> None:
    name = "=cmd|' /C calc'!A0\x1b[2J\u202e<script>\u2028\r\n\x85evil"
    host = add_host(world, "evil")
    Host.objects.filter(id=host.id).update(hostname=name)
    assert name in [row["hostname"] for row in viewer.get("/hosts").ok()["rows"]]
    assert name in [row["hostname"] for row in viewer.get("/findings").ok()["rows"]]
    told = json.dumps(viewer.get("/findings/export", format="json").ok()["rows"])
    assert json.dumps(name)[1:-1] in told
    rows = list(csv.DictReader(io.StringIO(viewer.get("/findings/export").ok(), newline="")))
    assert f"'{name}" in [row["hostname"] for row in rows]
