"""How a remedy stands on a host, and what that means for compliance.

Patched on disk with old code still running is never ``verified``, and what could not be observed is ``unknown``, never
clean.  It compares no versions and reads no sets: the caller says whether they hold an affected version.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """The state of a remedy on a host."""

    MISSING = "missing"
    PENDING_RESTART = "pending_restart"
    PENDING_REBOOT = "pending_reboot"
    VERIFIED = "verified"
    UNKNOWN = "unknown"
    NO_FIX = "no_fix"


# What is still open: everything that is neither gone nor unknowable.
OPEN = frozenset({Remedy.MISSING, Remedy.PENDING_RESTART, Remedy.PENDING_REBOOT, Remedy.UNKNOWN, Remedy.NO_FIX})


class OldCode(StrEnum):
    """Whether code of an affected version still runs although a fixed one is on disk."""

    NO = "no"
    SERVICE = "service"  # a process maps a deleted file
    KERNEL = "kernel"  # the booted kernel, or what only a reboot replaces
    UNKNOWN = "unknown"  # not every process could be looked at


class ComplianceState(StrEnum):
    """The state of a demanded patch on a host.

    Six of AWS Systems Manager's words, and two of ours: ``pending_restart``, and ``unknown``, which is never compliant.
    """

    INSTALLED = "installed"
    PENDING_RESTART = "pending_restart"
    PENDING_REBOOT = "pending_reboot"
    MISSING = "missing"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class HostVerdict(StrEnum):
    """Whether a host is in order, as a whole."""

    COMPLIANT = "compliant"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"  # never told, cannot tell, or silent for too long: not compliant


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyFacts:
    """What a host's inventory says of the affected versions of one advisory, or those older than one patch.

    ``packages_status`` is ``known`` or ``unknown``.
    """

    packages_status: str
    affected_is_installed: bool
    fix_is_known: bool
    old_code: OldCode

    def __post_init__(self) -> None:
        """Hold that the status is one of its words."""
        assert self.packages_status in {"known", "unknown"}


def remedy_state(facts: RemedyFacts) -> Remedy:
    """Say how the remedy stands.

    An inventory that is not known says nothing, whatever it once held.  An affected version on disk outweighs what
    runs: restarting would not help.
    """
    if facts.packages_status != "known":
        return Remedy.UNKNOWN
    if facts.affected_is_installed:
        return Remedy.MISSING if facts.fix_is_known else Remedy.NO_FIX
    match facts.old_code:
        case OldCode.KERNEL:
            return Remedy.PENDING_REBOOT
        case OldCode.SERVICE:
            return Remedy.PENDING_RESTART
        case OldCode.UNKNOWN:
            return Remedy.UNKNOWN
        case OldCode.NO:
            return Remedy.VERIFIED


def compliance_state(remedy: Remedy | None, *, last_attempt_failed: bool) -> ComplianceState:
    """Say how a demanded patch stands on a host; ``remedy`` None: the host has no package that it is for.

    ``failed`` is a missing one whose last attempt came to nothing.
    """
    if remedy is None:
        return ComplianceState.NOT_APPLICABLE
    if remedy in {Remedy.MISSING, Remedy.NO_FIX} and last_attempt_failed:
        return ComplianceState.FAILED
    return _COMPLIANCE[remedy]


_COMPLIANCE = {
    Remedy.MISSING: ComplianceState.MISSING,
    Remedy.NO_FIX: ComplianceState.MISSING,
    Remedy.PENDING_RESTART: ComplianceState.PENDING_RESTART,
    Remedy.PENDING_REBOOT: ComplianceState.PENDING_REBOOT,
    Remedy.VERIFIED: ComplianceState.INSTALLED,
    Remedy.UNKNOWN: ComplianceState.UNKNOWN,
}


def host_verdict(*, packages_status: str, is_stale: bool, overdue_count: int, unverified_count: int) -> HostVerdict:
    """Judge a host: in order only with fresh, complete knowledge and nothing overdue.

    Overdue outweighs unknown: what is known to be late stays so while the host is silent.  ``unverified_count`` are
    fixes on disk while nobody could see whether older code still runs.
    """
    assert overdue_count >= 0
    assert unverified_count >= 0
    if overdue_count:
        return HostVerdict.OVERDUE
    if packages_status != "known" or is_stale or unverified_count:
        return HostVerdict.UNKNOWN
    return HostVerdict.COMPLIANT
