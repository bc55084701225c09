"""By when a finding must be gone, by which rule, from which inputs.

Pure: a pack and facts in, a deadline with its reasons out.  It does not gather the facts (``findings.queries``), does
not choose the pack (``policy``) and knows no score: order comes from deadlines, and a deadline from a rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import assert_never

from oakum.core.packs.values import Clock, Default, Pack, Severity, SeverityPack, TablePack
from oakum.core.ratings import LOW, SEVERITIES, Rating

NO_DUE_AT = datetime.max.replace(tzinfo=UTC)  # sorts "at the next upgrade" behind every date


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A value and who stated it; ``defaulted`` when nobody did and a default stands in."""

    value: str
    source: str
    defaulted: bool = False


NOBODY_TOLD = Stated(value="", source="nobody has told")


@dataclass(frozen=True, slots=True, kw_only=True)
class KevListing:
    """A CVE's entry in the catalogue of known exploited vulnerabilities.

    ``due_on`` and ``forensic_triage`` (yes, no, unknown) are CISA's view of its own agencies: shown, never binding,
    because the catalogue tells everybody else to judge each host's exposure.
    """

    listed_on: date
    due_on: date | None = None
    forensic_triage: str = "unknown"
    ransomware: str = "unknown"

    @property
    def listed_at(self) -> datetime:
        """Midnight UTC: only the day is published, and its first instant is the strict reading."""
        return datetime.combine(self.listed_on, time(0), tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskFacts:
    """What is known of one vulnerability of one advisory on one kind of host; empty values where nobody has told.

    ``cve`` is empty where the advisory names none.  ``kev_as_of`` is when the catalogue of exploited vulnerabilities
    was last imported, None if never.  ``origin`` is ``security`` or ``other``: where the advisory's update comes from.
    """

    cve: str
    advisory: str
    severity: Stated
    kev: KevListing | None
    kev_as_of: datetime | None
    automatable: Stated
    technical_impact: Stated
    reachability: Stated
    origin: str = "security"

    def __post_init__(self) -> None:
        """Hold that every answer is one of its words: parsing belongs to the edge."""
        assert self.severity.value in {*SEVERITIES, ""}
        assert self.automatable.value in {"yes", "no", ""}
        assert self.technical_impact.value in {"partial", "total", ""}
        assert self.reachability.value in {"public", "internal", "isolated"}
        assert self.origin in {"security", "other"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a decision: what, who said it, and whether a default stood in."""

    name: str
    value: str
    source: str
    defaulted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a pack says of facts, before any clock: ``within`` None means at the next upgrade.

    ``started_at`` is set where the clock runs from an instant of its own if that is earlier than detection.
    """

    pack_id: str
    pack_version: str
    rule: str
    sentence: str
    inputs: tuple[Input, ...]
    within: timedelta | None
    started_at: datetime | None
    forensic_triage: bool
    cve: str
    advisory: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """By when, and why.  ``due_at`` None: at the next upgrade.

    ``cve`` and ``advisory`` name the one that set it; ``forensic_triage_cves`` all that ask for the host to be searched
    for traces before the finding may be closed, also where another set the date.
    """

    due_at: datetime | None
    pack_id: str
    pack_version: str
    rule: str
    sentence: str
    inputs: tuple[Input, ...]
    clock_started_at: datetime
    clock_kind: str  # detection, kev_listing
    cve: str
    advisory: str
    forensic_triage_cves: tuple[str, ...]

    @property
    def sort_key(self) -> tuple[datetime, bool, str, str, str, datetime, str]:
        """A total order: earliest first, then whoever asks for triage, then by name."""
        due_at = self.due_at or NO_DUE_AT
        told = repr(self.inputs)
        return (
            due_at,
            not self.forensic_triage_cves,
            self.cve,
            self.advisory,
            self.rule,
            self.clock_started_at,
            told,
        )


def rate_severity(*, told: str, told_by: str, rating: Rating | None, rated_by: str) -> Stated:
    """Return a severity and its source: the publisher's own word first (it knows its backports), else the CVSS band.

    A score of 0.0, which CVSS calls "none", counts as low: somebody thought it worth a notice.

    >>> rate_severity(told="", told_by="", rating=Rating(vector="", score=9.8, version=3), rated_by="NVD")
    Stated(value='critical', source='CVSS 9.8 by NVD', defaulted=False)
    """
    if told in SEVERITIES:
        return Stated(value=told, source=told_by)
    if rating is not None:
        source = f"CVSS {rating.score:.1f} by {rated_by or 'an unnamed source'}"
        return Stated(value=rating.severity or LOW, source=source)
    return NOBODY_TOLD


def judge(pack: Pack, facts: RiskFacts) -> Ruling:
    """Apply a pack's rule to facts."""
    match pack:
        case TablePack():
            return _judge_by_table(pack, facts)
        case SeverityPack():
            return _judge_by_severity(pack, facts)
        case _:
            assert_never(pack)


def start_clock(ruling: Ruling, *, detected_at: datetime) -> Deadline:
    """Turn a ruling into a date: the clock runs from detection, or from the ruling's own start if that is earlier."""
    assert detected_at.tzinfo is not None
    from_listing = ruling.started_at is not None and ruling.started_at < detected_at
    started_at = ruling.started_at if from_listing and ruling.started_at is not None else detected_at
    since = "its listing as exploited" if from_listing else "detection"
    counted = "" if ruling.within is None else f" Counted from {since} on {started_at:%Y-%m-%d}."
    return Deadline(
        due_at=None if ruling.within is None else started_at + ruling.within,
        pack_id=ruling.pack_id,
        pack_version=ruling.pack_version,
        rule=ruling.rule,
        sentence=f"{ruling.sentence}{counted}",
        inputs=ruling.inputs,
        clock_started_at=started_at,
        clock_kind="kev_listing" if from_listing else "detection",
        cve=ruling.cve,
        advisory=ruling.advisory,
        forensic_triage_cves=(ruling.cve,) if ruling.forensic_triage else (),
    )


def deadline(pack: Pack, facts: RiskFacts, *, detected_at: datetime) -> Deadline:
    """Return by when what ``facts`` describe, first seen at ``detected_at``, must be gone."""
    return start_clock(judge(pack, facts), detected_at=detected_at)


def earliest(deadlines: Iterable[Deadline]) -> Deadline:
    """Return the deadline that binds where several hold at once: the earliest, whatever their order.

    The triage that any of them asks for stays asked for.  There must be at least one.
    """
    held = tuple(deadlines)
    binding = min(held, key=lambda one: one.sort_key)
    triage = {cve for one in held for cve in one.forensic_triage_cves}
    return replace(binding, forensic_triage_cves=tuple(sorted(triage)))


def _judge_by_table(pack: TablePack, facts: RiskFacts) -> Ruling:
    kev = _kev_input(facts)
    exposed = Input(
        name="publicly_exposed",
        value="yes" if facts.reachability.value == "public" else "no",
        source=f"reachability {facts.reachability.value}, by {facts.reachability.source}",
        defaulted=facts.reachability.defaulted,
    )
    automatable = _or_default("automatable", facts.automatable, pack.default_automatable)
    impact = _or_default("technical_impact", facts.technical_impact, pack.default_technical_impact)
    key = (kev.value, exposed.value, automatable.value, impact.value)
    row = next(row for row in pack.rows if row.key == key)
    return Ruling(
        pack_id=pack.id,
        pack_version=pack.version,
        rule="KEV={} PE={} A={} TI={}".format(*(answer[0].upper() for answer in key)),
        sentence=f"{_table_words(key)}: {_time_words(row.within)}{_triage_words(asked=row.forensic_triage)}.",
        inputs=(kev, *_kev_details(facts.kev), exposed, automatable, impact),
        within=row.within,
        started_at=_clock_of(pack.clock, facts),
        forensic_triage=row.forensic_triage,
        cve=facts.cve,
        advisory=facts.advisory,
    )


def _judge_by_severity(pack: SeverityPack, facts: RiskFacts) -> Ruling:
    unknown = pack.unknown_from_security if facts.origin == "security" else pack.unknown_from_other
    severity = _or_default("severity", facts.severity, unknown)
    kev = _kev_input(facts)
    within = dict(pack.within)[Severity(severity.value)]
    rule, words = f"severity={severity.value}", f"Severity {severity.value}"
    if severity.defaulted:
        rule, words = f"severity=unknown as {severity.value}", f"Severity unknown, counted as {severity.value}"
    if kev.value == "yes":
        within, rule, words = pack.kev_within, "kev", "Known to be exploited"
    return Ruling(
        pack_id=pack.id,
        pack_version=pack.version,
        rule=rule,
        sentence=f"{words}: {_time_words(within)}.",
        inputs=(kev, *_kev_details(facts.kev), severity),
        within=within,
        started_at=_clock_of(pack.clock, facts),
        forensic_triage=False,
        cve=facts.cve,
        advisory=facts.advisory,
    )


def _clock_of(clock: Clock, facts: RiskFacts) -> datetime | None:
    if clock is Clock.KEV_LISTING_OR_DETECTION and facts.kev is not None:
        return facts.kev.listed_at
    return None


def _kev_input(facts: RiskFacts) -> Input:
    if facts.kev is not None:
        return Input(name="kev", value="yes", source=f"CISA KEV, listed {facts.kev.listed_on}", defaulted=False)
    if facts.kev_as_of is None:
        return Input(name="kev", value="no", source="default: CISA KEV has never been imported", defaulted=True)
    if not facts.cve:
        return Input(name="kev", value="no", source="default: the advisory names no CVE to look up", defaulted=True)
    source = f"not in CISA KEV as imported on {facts.kev_as_of:%Y-%m-%d}"
    return Input(name="kev", value="no", source=source, defaulted=False)


def _kev_details(kev: KevListing | None) -> tuple[Input, ...]:
    if kev is None:
        return ()
    told = {"kev_due_on": str(kev.due_on or ""), "kev_forensic_triage": kev.forensic_triage}
    return tuple(
        Input(name=name, value=value, source="CISA KEV, for its own agencies: shown, not binding", defaulted=False)
        for name, value in told.items()
        if value not in {"", "unknown"}
    )


def _or_default(name: str, stated: Stated, default: Default) -> Input:
    if stated.value:
        return Input(name=name, value=stated.value, source=stated.source, defaulted=stated.defaulted)
    return Input(name=name, value=default.value, source=f"default: {default.reason}", defaulted=True)


def _table_words(key: tuple[str, str, str, str]) -> str:
    kev, exposed, automatable, impact = key
    return ", ".join(
        (
            "Known to be exploited" if kev == "yes" else "Not known to be exploited",
            "on a public host" if exposed == "yes" else "on a host that is not public",
            "automatable" if automatable == "yes" else "not automatable",
            f"{impact} technical impact",
        )
    )


def _time_words(within: timedelta | None) -> str:
    return "at the next upgrade" if within is None else f"within {within.days} days"


def _triage_words(*, asked: bool) -> str:
    return ", and the host is to be searched for traces of compromise" if asked else ""
