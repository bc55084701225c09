"""Deadlines for many hosts at once: what a pack says of a group is worked out once, a host only adds its clock.

The rules are ``core.priority``; here they are applied to groups and remembered.  Detection is the later of when the
finding was first known and when the host was enrolled: never later than the truth, so never laxer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from oakum.core.packs import Pack
from oakum.core.priority import NO_DUE_AT, Deadline, RiskFacts, Stated, deadline, earliest, judge
from oakum.findings.queries.risk import SEVERITY_RANKS, Affected, Answers, Hit, Risk, Threat

_PUBLIC = Stated(value="public", source="")
_NOT_PUBLIC = Stated(value="internal", source="")  # isolated is judged as internal


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A vulnerability whose deadline may be the one that binds, depending on when a host was enrolled."""

    hit: Hit
    threat: Threat
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
    kev_as_of: datetime | None
    candidates: tuple[Candidate, ...]
    forensic_triage_cves: tuple[str, ...]
    since: datetime

    def due_at(self, enrolled_at: datetime) -> datetime:
        """Return the earliest date for a host enrolled then.  It never falls as ``enrolled_at`` grows."""
        if len(self.candidates) == 1:
            return self.candidates[0].due_at(enrolled_at)
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
                _facts(candidate.hit, candidate.threat, self.kev_as_of, reachability),
                detected_at=max(candidate.since, enrolled_at),
            )
            for candidate in self.candidates
        )
        return replace(binding, forensic_triage_cves=self.forensic_triage_cves)


def schedule_of(risk: Risk, group: Affected, pack: Pack, *, is_public: bool, cve: str = "") -> Schedule:
    """Return what ``pack`` says of ``group``, by all its vulnerabilities or by ``cve`` alone (which it must have)."""
    key = ("schedule", pack.id, is_public, cve)
    known = group.memo.get(key)
    if known is None:
        known = group.memo[key] = _work_out(risk, group, pack, is_public=is_public, cve=cve)
    assert isinstance(known, Schedule)
    return known


def cve_dues(
    risk: Risk, group: Affected, pack: Pack, *, is_public: bool, enrolled_at: datetime
) -> Iterator[tuple[Hit, Threat, datetime, int]]:
    """Yield each CVE of ``group``, by each advisory, with its deadline on a host enrolled then and its severity's rank.

    A CVE comes as often as advisories name it.
    """
    rulings = Rulings(risk, pack, is_public=is_public)
    for hit in group.hits:
        detected_at = max(hit.since, enrolled_at)
        for threat, answers in zip(hit.advisory.threats, hit.advisory.answers, strict=True):
            if threat.cve:
                (within, started_at), _ = rulings.of(hit, threat, answers)
                due_at = _due_at(within, started_at, detected_at)
                yield hit, threat, due_at, SEVERITY_RANKS[answers.severity or "unknown"]


def _due_at(within: timedelta | None, started_at: datetime | None, detected_at: datetime) -> datetime:
    if within is None:
        return NO_DUE_AT
    return (detected_at if started_at is None else min(started_at, detected_at)) + within


def _work_out(risk: Risk, group: Affected, pack: Pack, *, is_public: bool, cve: str) -> Schedule:
    # Of rulings with the same time and the same start of the clock only the one seen first can bind.
    rulings = Rulings(risk, pack, is_public=is_public)
    best: dict[_Slot, tuple[tuple[datetime, str, str], Hit, Threat]] = {}
    triage: set[str] = set()
    for hit, threat, answers in _threats(group, cve):
        slot, asks_for_triage = rulings.of(hit, threat, answers)
        if asks_for_triage:
            triage.add(threat.cve)
        known = best.get(slot)
        if known is None or (hit.since, threat.cve, hit.ref) < known[0]:
            best[slot] = ((hit.since, threat.cve, hit.ref), hit, threat)
    candidates = [
        Candidate(hit=hit, threat=threat, within=within, started_at=started_at, since=hit.since)
        for (within, started_at), (_, hit, threat) in best.items()
    ]
    return Schedule(
        pack=pack,
        kev_as_of=risk.kev_as_of,
        candidates=tuple(candidates),
        forensic_triage_cves=tuple(sorted(triage)),
        since=min([candidate.since for candidate in candidates]),
    )


def _threats(group: Affected, cve: str) -> Iterator[tuple[Hit, Threat, Answers]]:
    for hit in group.hits:
        for threat, answers in zip(hit.advisory.threats, hit.advisory.answers, strict=True):
            if not cve or threat.cve == cve:
                yield hit, threat, answers


def _facts(hit: Hit, threat: Threat, kev_as_of: datetime | None, reachability: Stated) -> RiskFacts:
    return RiskFacts(
        cve=threat.cve,
        advisory=hit.ref,
        severity=hit.advisory.severity_of(threat),
        kev=threat.kev,
        kev_as_of=kev_as_of,
        automatable=threat.automatable,
        technical_impact=threat.technical_impact,
        reachability=reachability,
        origin=hit.origin,
    )


_Slot = tuple[timedelta | None, datetime | None]  # the time that is given, and the clock's own start


class Rulings:
    """What a pack says of all that it can tell apart, each judged once: thousands of CVEs share a few dozen answers."""

    def __init__(self, risk: Risk, pack: Pack, *, is_public: bool) -> None:
        """Go on with what was judged before for the same risk."""
        key = ("rulings", pack.id, is_public)
        known = risk.memo.setdefault(key, {})
        assert isinstance(known, dict)
        self._known: dict[tuple[Answers, str], tuple[_Slot, bool]] = known
        self._pack = pack
        self._kev_as_of = risk.kev_as_of
        self._reachability = _PUBLIC if is_public else _NOT_PUBLIC

    def of(self, hit: Hit, threat: Threat, answers: Answers) -> tuple[_Slot, bool]:
        """Return the slot, and whether the host is to be searched for traces."""
        key = (answers, hit.origin)
        known = self._known.get(key)
        if known is None:
            ruling = judge(self._pack, _facts(hit, threat, self._kev_as_of, self._reachability))
            known = self._known[key] = ((ruling.within, ruling.started_at), ruling.forensic_triage)
        return known
