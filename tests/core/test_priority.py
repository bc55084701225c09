"""By when, and why: examples, and the laws that a deadline must obey."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.packs import PACK_IDS, Pack, load_pack
from oakum.core.priority import (
    NO_DUE_AT,
    NOBODY_TOLD,
    Deadline,
    KevListing,
    RiskFacts,
    Stated,
    deadline,
    earliest,
    judge,
    rate_severity,
)
from oakum.core.ratings import Rating

DETECTED_AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
BOD = load_pack("cisa-bod-26-04")
SIMPLE = load_pack("severity-simple")


def told(value: str, source: str = "test") -> Stated:
    return Stated(value=value, source=source)


QUIET = RiskFacts(
    cve="CVE-2026-1000",
    advisory="DSA-1-1",
    severity=NOBODY_TOLD,
    kev=None,
    kev_as_of=DETECTED_AT,
    automatable=told("no"),
    technical_impact=told("partial"),
    reachability=told("internal"),
)
LISTED = KevListing(listed_on=date(2026, 10, 26), due_on=date(2026, 10, 29), forensic_triage="yes")


def test_quiet_findings_wait_for_the_next_upgrade() -> None:
    found = deadline(BOD, QUIET, detected_at=DETECTED_AT)
    assert found.due_at is None
    assert found.rule == "KEV=N PE=N A=N TI=P"
    assert found.sentence == (
        "Not known to be exploited, on a host that is not public, not automatable, partial technical impact: "
        "at the next upgrade."
    )
    assert (found.pack_id, found.pack_version) == ("cisa-bod-26-04", "1.0.0")


def test_the_clock_runs_from_the_listing_if_that_came_first() -> None:
    found = deadline(BOD, replace(QUIET, kev=LISTED), detected_at=DETECTED_AT)
    assert found.clock_kind == "kev_listing"
    assert found.due_at == datetime(2026, 11, 9, tzinfo=UTC)
    assert found.sentence.endswith("within 14 days. Counted from its listing as exploited on 2026-10-26.")


def test_the_clock_runs_from_detection_if_that_came_first() -> None:
    late = replace(QUIET, kev=replace(LISTED, listed_on=date(2026, 11, 20)))
    found = deadline(BOD, late, detected_at=DETECTED_AT)
    assert found.clock_kind == "detection"
    assert found.due_at == DETECTED_AT + timedelta(days=14)


def test_the_worst_row_asks_for_triage() -> None:
    worst = replace(
        QUIET, kev=LISTED, reachability=told("public"), automatable=told("yes"), technical_impact=told("total")
    )
    found = deadline(BOD, worst, detected_at=DETECTED_AT)
    assert found.due_at == datetime(2026, 10, 29, tzinfo=UTC)
    assert found.forensic_triage_cves == ("CVE-2026-1000",)
    assert "searched for traces" in found.sentence


def test_defaults_are_marked_and_say_why() -> None:
    unrated = replace(
        QUIET,
        automatable=NOBODY_TOLD,
        technical_impact=NOBODY_TOLD,
        reachability=Stated(value="internal", source="default", defaulted=True),
    )
    inputs = {one.name: one for one in deadline(BOD, unrated, detected_at=DETECTED_AT).inputs}
    assert {name: one.value for name, one in inputs.items()} == {
        "kev": "no",
        "publicly_exposed": "no",
        "automatable": "no",
        "technical_impact": "total",
    }
    assert {name for name, one in inputs.items() if one.defaulted} == {
        "publicly_exposed",
        "automatable",
        "technical_impact",
    }
    assert "published default" in inputs["technical_impact"].source


def test_without_an_imported_catalogue_not_exploited_is_only_a_default() -> None:
    inputs = {one.name: one for one in judge(BOD, replace(QUIET, kev_as_of=None)).inputs}
    assert inputs["kev"].value == "no"
    assert inputs["kev"].defaulted
    assert "never been imported" in inputs["kev"].source


def test_the_catalogues_own_date_is_shown_but_does_not_bind() -> None:
    found = deadline(BOD, replace(QUIET, kev=LISTED), detected_at=DETECTED_AT)
    shown = {one.name: one for one in found.inputs}
    assert shown["kev_due_on"].value == "2026-10-29"
    assert "not binding" in shown["kev_due_on"].source
    assert found.due_at != datetime(2026, 10, 29, tzinfo=UTC)


@pytest.mark.parametrize("reachability", ["internal", "isolated"])
def test_isolated_behaves_as_internal(reachability: str) -> None:
    facts = replace(QUIET, reachability=told(reachability), automatable=told("yes"), technical_impact=told("total"))
    assert deadline(BOD, facts, detected_at=DETECTED_AT).due_at == DETECTED_AT + timedelta(days=60)


@pytest.mark.parametrize(("severity", "days"), [("critical", 7), ("high", 14), ("medium", 30), ("low", 90), ("", 14)])
def test_by_severity_alone(severity: str, days: int) -> None:
    found = deadline(SIMPLE, replace(QUIET, severity=told(severity)), detected_at=DETECTED_AT)
    assert found.due_at == DETECTED_AT + timedelta(days=days)


def test_unrated_from_another_origin_counts_as_medium_and_says_so() -> None:
    found = deadline(SIMPLE, replace(QUIET, origin="other"), detected_at=DETECTED_AT)
    assert found.due_at == DETECTED_AT + timedelta(days=30)
    assert found.rule == "severity=unknown as medium"
    assert found.inputs[-1].defaulted


def test_by_severity_the_clock_runs_from_detection_also_for_what_was_listed_years_ago() -> None:
    listed = replace(QUIET, kev=replace(LISTED, listed_on=date(2021, 11, 3)), severity=told("low"))
    found = deadline(SIMPLE, listed, detected_at=DETECTED_AT)
    assert found.due_at == DETECTED_AT + timedelta(days=3)
    assert found.rule == "kev"


@pytest.mark.parametrize(
    ("score", "band"),
    [(0.0, "low"), (3.9, "low"), (4.0, "medium"), (6.9, "medium"), (7.0, "high"), (8.9, "high"), (9.0, "critical")],
)
def test_cvss_bands(score: float, band: str) -> None:
    """CVSS v3.1 section 5 and v4.0 section 6: qualitative severity rating scale."""
    rating = Rating(vector="", score=score, version=3)
    assert rate_severity(told="", told_by="", rating=rating, rated_by="NVD").value == band


def test_the_publishers_word_outweighs_the_score() -> None:
    rating = Rating(vector="", score=9.8, version=3)
    rated = rate_severity(told="low", told_by="DSA-1-1", rating=rating, rated_by="NVD")
    assert rated == Stated(value="low", source="DSA-1-1")


def test_nobody_told_is_an_answer() -> None:
    assert rate_severity(told="", told_by="", rating=None, rated_by="") == NOBODY_TOLD


def test_cvss_2_has_no_critical() -> None:
    rating = Rating(vector="", score=10.0, version=2)
    assert rate_severity(told="", told_by="", rating=rating, rated_by="NVD").value == "high"


answers = st.sampled_from(["no", "yes", ""])
listings = st.none() | st.builds(
    KevListing,
    listed_on=st.dates(date(2021, 11, 3), date(2027, 1, 1)),
    due_on=st.none() | st.dates(date(2021, 11, 3), date(2027, 1, 1)),
    forensic_triage=st.sampled_from(["yes", "no", "unknown"]),
)
facts_of = st.builds(
    RiskFacts,
    cve=st.sampled_from(["CVE-2026-1000", "CVE-2025-2", "CVE-2024-30000"]),
    advisory=st.sampled_from(["DSA-1-1", "DSA-2-1", "openssl 3.0.20-1"]),
    severity=st.sampled_from(["critical", "high", "medium", "low", ""]).map(told),
    kev=listings,
    kev_as_of=st.none() | st.just(DETECTED_AT),
    automatable=answers.map(told),
    technical_impact=st.sampled_from(["partial", "total", ""]).map(told),
    reachability=st.sampled_from(["public", "internal", "isolated"]).map(told),
    origin=st.sampled_from(["security", "other"]),
)
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
packs = st.sampled_from(PACK_IDS).map(load_pack)


def due(found: Deadline) -> datetime:
    return found.due_at or NO_DUE_AT


@given(packs, facts_of, instants, listings.filter(bool))
def test_being_exploited_never_lengthens(
    pack: Pack, facts: RiskFacts, detected_at: datetime, kev: KevListing | None
) -> None:
    """Law: more dangerous inputs never lengthen a deadline; here: a listing in KEV."""
    before = deadline(pack, replace(facts, kev=None), detected_at=detected_at)
    assert due(deadline(pack, replace(facts, kev=kev), detected_at=detected_at)) <= due(before)


@given(packs, facts_of, instants, st.sampled_from(["reachability", "automatable", "technical_impact", "severity"]))
def test_more_danger_never_lengthens(pack: Pack, facts: RiskFacts, detected_at: datetime, name: str) -> None:
    """Law: more dangerous inputs never lengthen a deadline; here: public, automatable, total, severity."""
    scale = {
        "reachability": ["isolated", "internal", "public"],
        "automatable": ["no", "yes"],
        "technical_impact": ["partial", "total"],
        "severity": ["low", "medium", "high", "critical"],
    }[name]
    worse: list[dict[str, Any]] = [{name: told(value)} for value in scale]
    dues = [due(deadline(pack, replace(facts, **change), detected_at=detected_at)) for change in worse]
    assert dues == sorted(dues, reverse=True)


@given(packs, facts_of, instants, instants)
def test_an_earlier_detection_never_lengthens(pack: Pack, facts: RiskFacts, one: datetime, other: datetime) -> None:
    """Law: the deadline never moves back because a finding was seen earlier."""
    first, second = sorted((one, other))
    assert due(deadline(pack, facts, detected_at=first)) <= due(deadline(pack, facts, detected_at=second))


@given(packs, st.lists(facts_of, min_size=1, max_size=6), facts_of, instants)
def test_a_hosts_word_beside_a_feeds_never_lengthens(
    pack: Pack, feed: list[RiskFacts], word: RiskFacts, detected_at: datetime
) -> None:
    """Law: whatever a host's release notes add to what feeds say, the deadline does not move back."""
    from_feed = [deadline(pack, facts, detected_at=detected_at) for facts in feed]
    from_host = deadline(pack, replace(word, advisory="openssl 3.0.20-1~deb12u2"), detected_at=detected_at)
    merged = earliest([*from_feed, from_host])
    assert due(merged) <= due(earliest(from_feed))
    assert set(merged.forensic_triage_cves) >= set(earliest(from_feed).forensic_triage_cves)


@given(packs, st.lists(st.tuples(facts_of, instants), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_deadline_never_depends_on_order(
    pack: Pack, found: list[tuple[RiskFacts, datetime]], shuffler: random.Random
) -> None:
    """Law: the same findings in another order have the same deadline, named after the same one."""
    deadlines = [deadline(pack, facts, detected_at=detected_at) for facts, detected_at in found]
    shuffled = list(deadlines)
    shuffler.shuffle(shuffled)
    binding = earliest(shuffled)
    assert binding == earliest(deadlines)
    assert due(binding) == min(due(one) for one in deadlines)


@given(packs, facts_of, instants)
def test_every_input_has_a_source(pack: Pack, facts: RiskFacts, detected_at: datetime) -> None:
    """Law: no verdict without its reasons."""
    found = deadline(pack, facts, detected_at=detected_at)
    assert found.rule
    assert found.sentence.endswith(".")
    assert all(one.value and one.source for one in found.inputs)
    assert found.clock_started_at <= detected_at
