"""What a scan says, as one value: packages, findings with their evidence, and what nobody can say anything of.

Every output is made from it alone.  It decides nothing but how findings are ordered and which of them count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from oakum.core.advisories import AFFECTED, DEFERRED, END_OF_LIFE, WILL_NOT_FIX
from oakum.core.ratings import CRITICAL, HIGH, LOW, MEDIUM
from oakum.scan.store import FeedState, Threat
from oakum.scan.values import DAMAGED, INCOMPLETE, Note

ANY: Final = "any"
FAIL_ON: Final = (ANY, LOW, MEDIUM, HIGH, CRITICAL)
UNKNOWN: Final = "unknown"  # nobody has rated it
_RANKS: Final = {UNKNOWN: 0, LOW: 1, MEDIUM: 2, HIGH: 3, CRITICAL: 4}

# States that say the package is affected, whatever comes of it.
AFFECTED_STATES: Final = frozenset({AFFECTED, DEFERRED, WILL_NOT_FIX, END_OF_LIFE})

# What must be done about a finding.
MISSING: Final = "missing"  # an update must be installed
PENDING_REBOOT: Final = "pending_reboot"  # it is installed, and the former kernel still runs
NO_UPDATE: Final = "no_update"

# Why no finding is shown on a package.
OWNED: Final = "owned"  # a distribution's package holds it, and its feed speaks
NO_CODE: Final = "no_code"
OTHER_KERNEL: Final = "other_kernel"
UNCOMPARABLE: Final = "uncomparable"  # its name or version is in no order


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedPackage:
    """A distinct package version, and where it was found.

    ``id`` is its number in this report.  ``left_out`` is why no advisory is matched with it, "" where one may be, and
    ``left_out_kind`` one of the words for it above.
    """

    id: int
    kind: str
    stream: str
    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str
    purl: str
    places: tuple[str, ...]
    owner: str
    vendor: str
    is_held: bool
    left_out: str
    left_out_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFinding:
    """An advisory that applies to a package version, and why.

    ``state`` (``core.advisories``) is the publisher's, or ``state_author``'s where somebody else says another one.
    ``remedy`` is what is left to do.  ``severity`` is ours or UNKNOWN, ``severity_source`` who says so.
    """

    package: ScannedPackage
    ref: str
    feed: str
    title: str
    state: str
    state_author: str
    fixed_version: str
    evidence: str
    severity: str
    severity_source: str
    threats: tuple[Threat, ...]
    published_at: datetime | None
    remedy: str

    @property
    def is_exploited(self) -> bool:
        """Whether CISA's catalogue lists one of its vulnerabilities as exploited."""
        return any(each.kev_listed_on is not None for each in self.threats)

    @property
    def epss(self) -> float | None:
        """The highest probability of exploitation among its vulnerabilities, None where none is scored."""
        return max((each.epss for each in self.threats if each.epss is not None), default=None)

    @property
    def cvss(self) -> float | None:
        """The highest CVSS score among its vulnerabilities, None where none is rated."""
        return max((each.rating.score for each in self.threats if each.rating is not None), default=None)

    @property
    def risk(self) -> tuple[bool, float, float, float]:
        """What findings are ordered by, the highest first: exploited, severity, probability of exploitation, CVSS.

        What nobody has rated goes before what somebody has rated low.
        """
        rank = _RANKS[self.severity] or _RANKS[LOW] + 0.5
        return (self.is_exploited, rank, self.epss or 0.0, self.cvss or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unassessed:
    """Packages of which nothing can be said, and why."""

    subject: str
    package_count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """The whole answer.

    ``subject`` is what was scanned (a directory, a file), ``feeds`` are those that say anything of what was found.
    """

    subject: str
    title: str
    stream: str
    scanned_at: datetime
    kernel: str
    packages: tuple[ScannedPackage, ...]
    findings: tuple[ScanFinding, ...]
    unassessed: tuple[Unassessed, ...]
    notes: tuple[Note, ...]
    remarks: tuple[str, ...]
    feeds: tuple[FeedState, ...]

    @property
    def is_complete(self) -> bool:
        """Whether everything could be read."""
        return not any(each.kind in {DAMAGED, INCOMPLETE} for each in self.notes)

    @property
    def is_assessed(self) -> bool:
        """Whether the absence of findings means anything: every package database was read, and feeds speak of it."""
        return not self.unassessed and bool(self.packages) and not any(each.kind == DAMAGED for each in self.notes)


def counting(findings: Collection[ScanFinding], fail_on: str) -> tuple[ScanFinding, ...]:
    """Return the findings for which a scan is not in order: affected, and at or above a severity.

    One that nobody has rated counts: unknown is not low.
    """
    least = 0 if fail_on == ANY else _RANKS[fail_on]
    return tuple(
        each
        for each in findings
        if each.state in AFFECTED_STATES and (each.severity == UNKNOWN or _RANKS[each.severity] >= least)
    )


def severity_rank(severity: str) -> int:
    """Return how severe a severity is, 0 where nobody knows."""
    return _RANKS[severity]
