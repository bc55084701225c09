"""A scan as SARIF: what section 3 of the standard asks for, one rule an advisory, fingerprints that stay."""

from __future__ import annotations

import json
from dataclasses import replace

from oakum.scan.outputs.sarif import document, fingerprint, render
from tests.scan.scan_reports import BASH, FULL, JAR, finding, report

RUN = json.loads("\n".join(render(FULL)))["runs"][0]


def test_each_result_points_to_its_rule() -> None:
    rules = RUN["tool"]["driver"]["rules"]
    assert len({each["id"] for each in rules}) == len(rules)
    for result, each in zip(RUN["results"], FULL.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == each.ref


def test_levels_follow_the_severity_and_only_failures_have_one() -> None:
    by_state = {each["properties"]["state"]: (each["kind"], each["level"]) for each in RUN["results"][1:]}
    assert by_state["affected"] == ("fail", "warning")  # nobody has rated it
    assert by_state["under_investigation"] == ("review", "none")
    assert by_state["not_affected"] == ("notApplicable", "none")
    assert RUN["results"][0]["level"] == "error"
    assert RUN["tool"]["driver"]["rules"][0]["properties"]["security-severity"] == "9.8"


def test_a_result_says_package_remedy_and_place() -> None:
    first = RUN["results"][0]
    text = first["message"]["text"]
    assert text.startswith(
        "libssl3 1.0-1: DSA-1-1 (CVE-2024-0001, CVE-2024-0002). Update to 1.0-2. Known to be exploited."
    )
    (location,) = first["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "var/lib/dpkg/status", "uriBaseId": "ROOT"}
    assert location["logicalLocations"][0]["fullyQualifiedName"].startswith("pkg:deb/debian/libssl3@")


def test_places_are_addresses() -> None:
    found = document(report(finding(JAR, "GHSA-2")))["runs"][0]["results"][0]["locations"][0]
    assert found["physicalLocation"]["artifactLocation"]["uri"] == "opt/a%20b.jar%21x"


def test_a_fingerprint_stays_when_the_version_changes_and_differs_between_packages() -> None:
    one = finding(BASH, "DSA-1-1")
    assert fingerprint(one) == fingerprint(replace(one, package=replace(BASH, version="2", id=9), fixed_version="3"))
    assert len({each["partialFingerprints"]["oakum/v1"] for each in RUN["results"]}) == len(FULL.findings)


def test_what_was_not_assessed_is_told() -> None:
    (invocation,) = RUN["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "Not assessed: maven (1): no feed for it." in invocation["toolExecutionNotifications"][0]["message"]["text"]
