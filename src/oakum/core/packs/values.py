"""What a deadline pack is: rules as values, checked when they are made.

It does not read the packs' files (``packs``) and applies no rule (``core.priority``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

# "Within" a deadline that no clock sets: longer than any that one does.
FOREVER = timedelta.max


class Clock(StrEnum):
    """When the time allowed begins to run."""

    DETECTION = "detection"
    KEV_LISTING_OR_DETECTION = "kev_listing_or_detection"  # the earlier of the two


class Severity(StrEnum):
    """How bad an advisory or rating says it is."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


RATED = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
ANSWERS = ("no", "yes")
IMPACTS = ("partial", "total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """What a pack assumes where nobody has told, and why."""

    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row of a decision table; ``within`` None: at the next upgrade."""

    kev: str
    publicly_exposed: str
    automatable: str
    technical_impact: str
    within: timedelta | None
    forensic_triage: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The four answers that lead here."""
        return (self.kev, self.publicly_exposed, self.automatable, self.technical_impact)


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePack:
    """A pack that decides by exploitation, exposure, automatability and technical impact."""

    id: str
    version: str
    title: str
    summary: str
    source: str
    clock: Clock
    rows: tuple[TableRow, ...]
    default_automatable: Default
    default_technical_impact: Default

    def __post_init__(self) -> None:
        """Hold that the table is complete, and that more danger never means more time."""
        rows = {row.key: row for row in self.rows}
        assert len(rows) == len(self.rows), f"{self.id}: two rows for the same answers"
        assert set(rows) == set(itertools.product(ANSWERS, ANSWERS, ANSWERS, IMPACTS)), f"{self.id}: incomplete"
        for milder, worse in itertools.product(self.rows, self.rows):
            if all(a <= b for a, b in zip(milder.key, worse.key, strict=True)):  # "no" < "yes", "partial" < "total"
                assert (worse.within or FOREVER) <= (milder.within or FOREVER), f"{self.id}: {worse.key} has more time"
        assert self.default_automatable.value in ANSWERS
        assert self.default_technical_impact.value in IMPACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityPack:
    """A pack that decides by severity, with its own time for what is known to be exploited."""

    id: str
    version: str
    title: str
    summary: str
    source: str
    clock: Clock
    within: tuple[tuple[Severity, timedelta], ...]
    kev_within: timedelta
    unknown_from_security: Default
    unknown_from_other: Default

    def __post_init__(self) -> None:
        """Hold that every severity has its time, and that more danger never means more time."""
        assert tuple(severity for severity, _ in self.within) == RATED, f"{self.id}: a severity has no time"
        times = [self.kev_within, *(time for _, time in self.within)]
        assert times == sorted(times), f"{self.id}: more danger has more time"
        assert {self.unknown_from_security.value, self.unknown_from_other.value} <= set(RATED)


Pack = TablePack | SeverityPack
