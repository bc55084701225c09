"""Reports: the overview, and compliance.

Every number is computed from the other rooms as they stand now, with its as-of time.  No figure of the past is
recomputed, so there is no trend until figures are kept as they were.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from oakum.core.planning.values import RolloutState
from oakum.findings.queries import FindingFilter, QuietLine, digest
from oakum.intel.queries import feeds
from oakum.policy.queries import rules_of
from oakum.reporting.compliance import compliance, pack_view, patch_compliance
from oakum.reporting.values import (
    Compliance,
    ComplianceTotal,
    HostCompliance,
    Overview,
    PackView,
    PatchCompliance,
    PatchState,
    QuietHost,
)
from oakum.rollout.queries import rollouts, waiting_for

__all__ = [
    "Compliance",
    "ComplianceTotal",
    "HostCompliance",
    "Overview",
    "PackView",
    "PatchCompliance",
    "PatchState",
    "QuietHost",
    "compliance",
    "overview",
    "patch_compliance",
]

# What is halted or paused moves no more, but has not come to its end: a person must say how it goes on.
UNDER_WAY = (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED)
ROW_COUNT = 10  # of each list on the overview; behind each stands the whole one


def overview(*, organisation_id: UUID, person_id: UUID, now: datetime) -> Overview:
    """Return what is overdue or due next, what waits for this person, what is moving, and who is silent."""
    rules = rules_of(organisation_id=organisation_id)
    found = digest(organisation_id=organisation_id, rules=rules, now=now, wanted=FindingFilter(), limit=ROW_COUNT)
    moving = rollouts(organisation_id=organisation_id, states=UNDER_WAY, limit=ROW_COUNT)
    return Overview(
        pack=pack_view(rules.pack),
        counts=found.counts,
        soonest=found.soonest.rows,
        waiting=waiting_for(organisation_id=organisation_id, person_id=person_id),
        moving=moving.rows,
        moving_count=moving.total_count,
        silent=tuple(_silent(host) for host in found.unheard),
        unknown=tuple(_unknown(host) for host in found.untold),
        reboot_host_count=found.reboot_host_count,
        restart_host_count=found.restart_host_count,
        closed=found.closed,
        feeds=feeds(),
        as_of=found.counts.as_of,
    )


def _silent(host: QuietLine) -> QuietHost:
    if host.last_seen_at is None:
        return _quiet(host, "It has never been heard of since it was enrolled.")
    return _quiet(host, f"Last heard of on {host.last_seen_at:%Y-%m-%d %H:%M} UTC.")


def _unknown(host: QuietLine) -> QuietHost:
    since = f" Last known on {host.inventory_at:%Y-%m-%d %H:%M} UTC." if host.inventory_at else ""
    return _quiet(host, f"{host.packages_reason.rstrip('.') or 'It gave no reason'}.{since}")


def _quiet(host: QuietLine, sentence: str) -> QuietHost:
    return QuietHost(
        host_id=host.host_id,
        hostname=host.hostname,
        sentence=sentence,
        last_seen_at=host.last_seen_at,
        inventory_at=host.inventory_at,
    )
