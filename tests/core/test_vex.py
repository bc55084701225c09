"""What others say of findings: whose word counts, what it changes, and what it never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, STATES, UNDER_INVESTIGATION, WILL_NOT_FIX
from oakum.core.matching import EVIDENCE_LENGTH_MAX, Match, RangeFacts, VersionFacts
from oakum.core.versions import order_key
from oakum.core.vex import (
    AUTHOR_LENGTH_MAX,
    FIXED,
    STATUSES,
    Statement,
    StatementIndex,
    Word,
    is_notice,
    is_publisher,
    settled,
    words_of_records,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ONE, OTHER = "CVE-2024-0001", "CVE-2024-0002"


def key(text: str) -> bytes:
    return order_key("deb.1", text)


def version(text: str = "3.0-1+b2", source_version: str = "3.0-1", **more: Any) -> VersionFacts:
    facts: dict[str, Any] = {
        "id": 1,
        "stream": "debian:12",
        "scheme": "deb.1",
        "name": "libssl3",
        "version": text,
        "key": key(text),
        "source_name": "openssl",
        "source_version": source_version,
        "source_key": key(source_version),
        "architecture": "amd64",
    }
    return VersionFacts(**facts | more)


def said(status: str = NOT_AFFECTED, **more: Any) -> Statement:
    facts: dict[str, Any] = {
        "number": 1,
        "author": "Acme",
        "vulnerability": ONE,
        "aliases": (),
        "stream": "debian:12",
        "name": "openssl",
        "level": "source",
        "architecture": "",
        "product": "",
        "versions": "",
        "status": status,
        "justification": "",
        "said_at": NOW,
    }
    return Statement(**facts | more)


def finding(*cves: str, ref: str = "DSA-1-1", state: str = AFFECTED, fixed: str = "3.0-2", **more: Any) -> Match:
    facts: dict[str, Any] = {
        "package_version_id": 1,
        "advisory_id": 1,
        "feed_name": "osv-debian",
        "organisation_id": None,
        "ref": ref,
        "cves": cves,
        "state": state,
        "fixed_version": fixed,
        "evidence": "openssl 3.0-1 is older than 3.0-2",
    }
    return Match(**facts | more)


def after(found: Match, *statements: Statement, of: VersionFacts | None = None) -> Match:
    return settled(found, StatementIndex(statements).words_on(of or version()))


def test_a_statement_closes_a_finding_and_its_author_is_shown() -> None:
    told = said(justification="vulnerable_code_not_present")
    closed = after(finding(ONE), told)
    assert (closed.state, closed.state_author) == (NOT_AFFECTED, "Acme")
    assert closed.evidence.endswith("; Acme says not affected (vulnerable_code_not_present)")
    assert after(finding(ONE), said(FIXED)).state == NOT_AFFECTED


def test_without_statements_nothing_changes() -> None:
    found = finding(ONE)
    assert after(found) is found


def test_an_advisory_on_two_flaws_is_closed_only_where_both_are() -> None:
    found = finding(ONE, OTHER)
    assert after(found, said()) is found
    assert after(found, said(), said(AFFECTED, vulnerability=OTHER)) is found
    both = after(found, said(), said(FIXED, vulnerability=OTHER, author="Other"))
    assert (both.state, both.state_author) == (NOT_AFFECTED, "Acme; Other")


def test_a_statement_on_the_advisory_itself_speaks_of_all_its_flaws() -> None:
    assert after(finding(ONE, OTHER), said(vulnerability="dsa-1-1")).state == NOT_AFFECTED
    assert after(finding(), said(vulnerability="DSA-1-1")).state == NOT_AFFECTED
    assert after(finding(ONE), said(vulnerability="GHSA-1", aliases=(ONE.lower(),))).state == NOT_AFFECTED


@pytest.mark.parametrize(
    ("more", "is_meant"),
    [
        ({}, True),
        ({"name": "libssl3", "level": "binary"}, True),
        ({"name": "libssl3"}, False),
        ({"level": "binary"}, False),
        ({"stream": "debian:13"}, False),
        ({"architecture": "arm64"}, False),
        ({"architecture": "amd64"}, True),
        ({"versions": "vers:deb/3.0-1"}, True),
        ({"versions": "vers:deb/3.0-1+b2"}, False),
        ({"versions": "vers:deb/3.0-1+b2", "name": "libssl3", "level": "binary"}, True),
        ({"versions": "vers:deb/<3.0-1"}, False),
        ({"versions": "nonsense ><"}, False),
    ],
)
def test_a_statement_speaks_of_its_package_and_versions_alone(more: dict[str, Any], is_meant: bool) -> None:  # noqa: FBT001
    assert (after(finding(ONE), said(**more)).state == NOT_AFFECTED) is is_meant


def test_of_one_author_the_latest_word_counts() -> None:
    earlier = said(said_at=NOW - timedelta(days=1))
    later = said(AFFECTED)
    assert after(finding(ONE), earlier, later).state == AFFECTED
    assert after(finding(ONE), replace(earlier, status=AFFECTED), replace(later, status=FIXED)).state == NOT_AFFECTED
    same_instant = (said(AFFECTED, number=1), said(number=2))
    assert after(finding(ONE), *same_instant).state == NOT_AFFECTED


def test_the_publisher_is_heard_before_third_parties_however_old_its_word() -> None:
    publisher = said(AFFECTED, author="Debian Security Team", said_at=NOW - timedelta(days=999))
    assert after(finding(ONE), publisher, said()).state == AFFECTED
    closed = after(finding(ONE), replace(publisher, status=NOT_AFFECTED), said(AFFECTED))
    assert (closed.state, closed.state_author) == (NOT_AFFECTED, "Debian Security Team")


def test_of_third_parties_the_latest_counts_and_of_one_instant_what_leaves_more_to_do() -> None:
    assert after(finding(ONE), said(said_at=NOW - timedelta(1)), said(AFFECTED, author="Other")).state == AFFECTED
    assert after(finding(ONE), said(), said(AFFECTED, author="Other")).state == AFFECTED


def test_under_investigation_takes_nothing_back_where_a_fix_is_known() -> None:
    looked_into = said(UNDER_INVESTIGATION)
    assert after(finding(ONE), looked_into).state == AFFECTED
    assert after(finding(ONE, fixed=""), looked_into).state == UNDER_INVESTIGATION
    assert after(finding(ONE, fixed="", state=WILL_NOT_FIX), looked_into).state == WILL_NOT_FIX
    assert after(finding(ONE, fixed="", state=UNDER_INVESTIGATION), said(AFFECTED)).state == AFFECTED


def test_what_the_publisher_calls_not_affected_is_never_opened() -> None:
    found = finding(ONE, state=NOT_AFFECTED)
    assert after(found, said(AFFECTED)) is found


def test_a_word_on_a_part_of_a_product_names_the_product() -> None:
    assert after(finding(ONE), said(product="shop 1.2")).state_author == "Acme (of shop 1.2)"


def test_long_words_are_cut() -> None:
    cves = [f"CVE-2024-{number:04}" for number in range(40)]
    statements = [said(vulnerability=cve, author=f"Author number {cve}", justification="x" * 60) for cve in cves]
    closed = after(finding(*cves), *statements)
    assert len(closed.state_author) == AUTHOR_LENGTH_MAX
    assert len(closed.evidence) == EVIDENCE_LENGTH_MAX


@pytest.mark.parametrize(
    ("author", "stream", "is_it"),
    [
        ("Canonical Ltd.", "ubuntu:22.04", True),
        ("SUSE Product Security Team", "sles:15.5", True),
        ("Red Hat Product Security <secalert@redhat.com>", "rhel:8+nodejs:18", True),
        ("Debianistas", "debian:12", False),
        ("Acme", "npm", False),
    ],
)
def test_publishers_are_known_by_name(author: str, stream: str, is_it: bool) -> None:  # noqa: FBT001
    assert is_publisher(author, stream) is is_it


statements = st.builds(
    said,
    st.sampled_from(STATUSES),
    number=st.integers(0, 3),
    author=st.sampled_from(["Acme", "Other", "Debian"]),
    vulnerability=st.sampled_from([ONE, OTHER]),
    said_at=st.integers(0, 2).map(lambda days: NOW + timedelta(days=days)),
)


@given(
    st.lists(statements, max_size=8),
    st.sampled_from(STATES),
    st.sampled_from(["", "3.0-2"]),
    st.permutations(range(8)),
)
def test_statements_have_no_order_and_settle_once(
    told: list[Statement],
    state: str,
    fixed: str,
    order: list[int],
) -> None:
    found = finding(ONE, OTHER, state=state, fixed=fixed)
    told = [replace(each, number=number) for number, each in enumerate(told)]
    once = after(found, *told)
    shuffled = [told[index] for index in order if index < len(told)]
    assert after(found, *shuffled) == once
    # It never opens what is closed, and says who closed it.
    assert (once.state != NOT_AFFECTED) <= (state != NOT_AFFECTED)
    assert (once.state != state) == bool(once.state_author)


def record(cve: str = ONE, *, fixed: str = "", state: str = AFFECTED, low: str = "", **more: Any) -> RangeFacts:
    facts: dict[str, Any] = {
        "advisory_id": 2,
        "feed_name": "debian-tracker",
        "organisation_id": None,
        "ref": cve,
        "stream": "debian:12",
        "scheme": "deb.1",
        "name": "openssl",
        "low": key(low) if low else b"",
        "high": key(fixed) if fixed else None,
        "fixed_version": fixed,
        "state": state,
        "cves": (cve,),
    }
    return RangeFacts(**facts | more)


def test_a_notice_is_closed_where_the_records_of_all_its_flaws_say_so() -> None:
    found = finding(ONE, OTHER)
    assert is_notice(found)
    words = words_of_records(version(), [record(fixed="3.0-1"), record(OTHER, state=NOT_AFFECTED)])
    closed = settled(found, words)
    assert (closed.state, closed.state_author) == (NOT_AFFECTED, "feed debian-tracker")
    assert "feed debian-tracker says fixed (CVE-2024-0001)" in closed.evidence
    assert settled(found, words_of_records(version(), [record(fixed="3.0-1")])) is found
    assert settled(found, words_of_records(version(), [record(fixed="3.0-1"), record(OTHER)])) is found


def test_a_record_that_says_nothing_of_the_version_closes_nothing() -> None:
    silent = [
        record(fixed="3.0-1", name="other"),
        record(fixed="3.0-1", stream="debian:13"),
        record(fixed="3.0-1", ref="DSA-2-1"),
        record(low="4.0-1"),
        record(fixed="3.0-1", level="binary"),
    ]
    assert words_of_records(version(), silent) == {}


def test_where_one_record_still_holds_the_version_it_is_affected() -> None:
    words = words_of_records(version(), [record(fixed="3.0-1"), record(low="2.9-1", fixed="3.0-5")])
    assert words == {ONE: Word(status=AFFECTED, author="feed debian-tracker", reason=ONE)}


def test_a_record_of_one_flaw_and_what_hosts_tell_are_no_notices() -> None:
    from uuid import UUID

    assert not is_notice(finding(ONE, ref=ONE))
    assert not is_notice(finding(ONE, ref=f"DEBIAN-{ONE}"))
    assert not is_notice(finding(ONE, organisation_id=UUID(int=1)))
    assert not is_notice(finding())
