"""Has the host what it says it has?  A fresh inventory against the versions that the order brought.

The agent's own word is not looked at.  It reads no sets and compares no versions: the caller says which packages are
older than their pin, and which still run older code.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from oakum.core.compliance import OldCode, Remedy, RemedyFacts, remedy_state
from oakum.core.planning.values import HostState

_NAME_COUNT_MAX = 5
_INSTALLED = frozenset({HostState.APPLIED, HostState.SOAKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the newest inventory says of one host's changes.

    ``missing``: packages not there at the pinned version or a newer one.  ``running_old``: packages whose older code
    runs until something is restarted; ``awaiting_reboot``: until the host reboots (a kernel, and what the distribution
    lists).  The statuses are inventory's own words: ``known`` or ``unknown``.
    """

    observed_at: datetime | None
    packages_status: str
    stale_status: str
    missing: tuple[str, ...]
    running_old: tuple[str, ...]
    awaiting_reboot: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How the remedy stands, the state that follows for the host, and the evidence in a sentence."""

    remedy: Remedy
    state: HostState
    reason: str
    sentence: str


def verify(state: HostState, evidence: Evidence, *, since: datetime | None) -> Finding | None:
    """Return what the inventory makes of a host that told it was ``state`` at ``since``; None if it is no newer.

    Only a host that soaked becomes VERIFIED; the remedy of one that still soaks is told but proves nothing yet.  A host
    that soaked and does not have the versions is FAILED, whatever it said.
    """
    assert state in _INSTALLED
    if evidence.observed_at is None or since is None or evidence.observed_at <= since:
        return None
    remedy = remedy_state(
        RemedyFacts(
            packages_status=evidence.packages_status,
            affected_is_installed=bool(evidence.missing),
            fix_is_known=True,
            old_code=_old_code(evidence),
        )
    )
    after, reason = state, ""
    if state is HostState.SOAKED and remedy is Remedy.VERIFIED:
        after = HostState.VERIFIED
    elif state is HostState.SOAKED and remedy is Remedy.MISSING:
        after, reason = HostState.FAILED, "not_in_inventory"
    return Finding(remedy=remedy, state=after, reason=reason, sentence=_sentence(remedy, evidence))


def _old_code(evidence: Evidence) -> OldCode:
    if evidence.awaiting_reboot:
        return OldCode.KERNEL
    if evidence.running_old:
        return OldCode.SERVICE
    return OldCode.NO if evidence.stale_status == "known" else OldCode.UNKNOWN


def _sentence(remedy: Remedy, evidence: Evidence) -> str:
    at = "" if evidence.observed_at is None else f" at {evidence.observed_at:%Y-%m-%d %H:%M} UTC"
    match remedy:
        case Remedy.VERIFIED:
            return f"Inventory{at} shows the versions, and nothing older runs."
        case Remedy.MISSING | Remedy.NO_FIX:
            return f"Inventory{at} does not show {_names(evidence.missing)} at the ordered version."
        case Remedy.PENDING_REBOOT:
            return f"Installed; only a reboot ends the older code of {_names(evidence.awaiting_reboot)}."
        case Remedy.PENDING_RESTART:
            return f"Installed; older code of {_names(evidence.running_old)} still runs."
        case Remedy.UNKNOWN:
            what = "its packages" if evidence.packages_status != "known" else "what its processes run"
            return f"Installed, says the host; {what} could not be observed{at}."


def _names(names: tuple[str, ...]) -> str:
    more = len(names) - _NAME_COUNT_MAX
    return ", ".join(names[:_NAME_COUNT_MAX]) + (f" and {more} more" if more > 0 else "")
