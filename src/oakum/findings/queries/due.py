"""Deadlines for many hosts at once: what a pack says of a group is worked out once, a host only adds its clock.

The rules are ``core.priority``; here they are applied to groups and remembered.  Detection is the later of when the
finding was first known and when the host was enrolled: never later than the truth, so never laxer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from oakum.core.packs import Pack
from oakum.core.priority import NO_DUE_AT, Deadline, RiskFacts, Ruling, Stated, deadline, earliest, judge
from oakum.findings.queries.risk import Affected, Hit, Risk, Threat
from oakum.findings.queries.values import SEVERITIES

_PUBLIC = Stated(value="public", source="")
_NOT_PUBLIC = Stated(value="internal", source="")  # isolated is judged as internal


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Facts whose deadline may be the one that binds, depending on when a host was enrolled."""

    facts: RiskFacts
    within: timedelta | None
    started_at: datetime | None
    since: datetime

    def due_at(self, enrolled_at: datetime) -> datetime:
        """Return the date for a host enrolled then, NO_DUE_AT for "at the next upgrade"."""
        return _due_at(self.within, self.started_at, max(self.since, enrolled_at))

    def enrolled_before(self, instant: datetime) -> datetime | None:
        """Return the bound of ``Schedule.enrolled_before`` for these facts alone."""
        if self.within is None:
            return None
        clock_until = instant - self.within
        if self.started_at is not None and self.started_at < clock_until:
            return NO_DUE_AT
        # The clock starts with the later of the two: both must lie before.
        return clock_until if self.since < clock_until else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What a pack says of a group on a public host, or on another."""

    pack: Pack
    candidates: tuple[Candidate, ...]
    forensic_triage_cves: tuple[str, ...]
    since: datetime

    def due_at(self, enrolled_at: datetime) -> datetime:
        """Return the earliest date for a host enrolled then.  It never falls as ``enrolled_at`` grows."""
        return min([candidate.due_at(enrolled_at) for candidate in self.candidates])

    def enrolled_before(self, instant: datetime) -> datetime | None:
        """Return the bound such that what is due before ``instant`` is so on exactly the hosts enrolled before it.

        NO_DUE_AT where it is due on every host, None where on no host.
        """
        bound: datetime | None = None
        for candidate in self.candidates:
            own = candidate.enrolled_before(instant)
            if own is not None and (bound is None or own > bound):
                bound = own
        return bound

    def deadline(self, enrolled_at: datetime, reachability: Stated) -> Deadline:
        """Return the whole deadline, with its reasons and who said how the host can be reached."""
        binding = earliest(
            deadline(
                self.pack,
                replace(candidate.facts, reachability=reachability),
                detected_at=max(candidate.since, enrolled_at),
            )
            for candidate in self.candidates
        )
        return replace(binding, forensic_triage_cves=self.forensic_triage_cves)


def schedule_of(risk: Risk, group: Affected, pack: Pack, *, is_public: bool, cve: str = "") -> Schedule:
    """Return what ``pack`` says of ``group``, by all its vulnerabilities or by ``cve`` alone (which it must have)."""
    key = ("schedule", group, pack.id, is_public, cve)
    known = risk.memo.get(key)
    if known is None:
        known = risk.memo[key] = _work_out(risk, group, pack, is_public=is_public, cve=cve)
    assert isinstance(known, Schedule)
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class CveDue:
    """One CVE of a group: when the host enrolled first must be rid of it, and how severe it counts there."""

    threat: Threat
    due_at: datetime
    severity: Stated


def cve_dues(
    risk: Risk, group: Affected, pack: Pack, *, is_public: bool, enrolled_at: datetime
) -> Mapping[str, CveDue]:
    """Return each CVE of ``group`` with its own earliest deadline on a host enrolled then."""
    dues: dict[str, CveDue] = {}
    for hit, threat, severity in _threats(group, ""):
        if not threat.cve:
            continue
        ruling = _ruling(risk, pack, hit, threat, severity, is_public=is_public)
        due_at = _due_at(ruling.within, ruling.started_at, max(hit.since, enrolled_at))
        before = dues.get(threat.cve)
        dues[threat.cve] = CveDue(
            threat=threat,
            due_at=due_at if before is None else min(due_at, before.due_at),
            severity=severity if before is None else min(severity, before.severity, key=severity_rank),
        )
    return dues


def severity_rank(severity: Stated) -> int:
    """Return 0 for the worst severity."""
    return SEVERITIES.index(severity.value or "unknown")


def _due_at(within: timedelta | None, started_at: datetime | None, detected_at: datetime) -> datetime:
    if within is None:
        return NO_DUE_AT
    return (detected_at if started_at is None else min(started_at, detected_at)) + within


def _work_out(risk: Risk, group: Affected, pack: Pack, *, is_public: bool, cve: str) -> Schedule:
    # Of rulings with the same time and the same start of the clock only the one seen first can bind.
    best: dict[tuple[timedelta | None, datetime | None], tuple[tuple[datetime, str, str], Candidate]] = {}
    triage: set[str] = set()
    for hit, threat, severity in _threats(group, cve):
        ruling = _ruling(risk, pack, hit, threat, severity, is_public=is_public)
        if ruling.forensic_triage:
            triage.add(threat.cve)
        slot, claim = (ruling.within, ruling.started_at), (hit.since, threat.cve, hit.view.ref)
        if slot not in best or claim < best[slot][0]:
            facts = _facts(risk, hit, threat, severity, is_public=is_public)
            best[slot] = (
                claim,
                Candidate(facts=facts, within=ruling.within, started_at=ruling.started_at, since=hit.since),
            )
    candidates = tuple(candidate for _, candidate in best.values())
    return Schedule(
        pack=pack,
        candidates=candidates,
        forensic_triage_cves=tuple(sorted(triage)),
        since=min(candidate.since for candidate in candidates),
    )


def _threats(group: Affected, cve: str) -> Iterator[tuple[Hit, Threat, Stated]]:
    for hit in group.hits:
        for threat, severity in hit.threats:
            if not cve or threat.cve == cve:
                yield hit, threat, severity


def _facts(risk: Risk, hit: Hit, threat: Threat, severity: Stated, *, is_public: bool) -> RiskFacts:
    return RiskFacts(
        cve=threat.cve,
        advisory=hit.view.ref,
        severity=severity,
        kev=threat.kev,
        kev_as_of=risk.kev_as_of,
        automatable=threat.automatable,
        technical_impact=threat.technical_impact,
        reachability=_PUBLIC if is_public else _NOT_PUBLIC,
        origin=hit.origin,
    )


def _ruling(risk: Risk, pack: Pack, hit: Hit, threat: Threat, severity: Stated, *, is_public: bool) -> Ruling:
    """Judge what the pack can tell apart, once: thousands of CVEs share a few dozen answers."""
    answers = (severity.value, threat.kev, threat.automatable.value, threat.technical_impact.value, hit.origin)
    key = ("ruling", pack.id, is_public, *answers)
    known = risk.memo.get(key)
    if known is None:
        known = risk.memo[key] = judge(pack, _facts(risk, hit, threat, severity, is_public=is_public))
    assert isinstance(known, Ruling)
    return known
