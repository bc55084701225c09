"""The words and tones in which pages show instants, spans and states.

Pure.  It words no verdict and no reason: those come from the rooms that decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE_SOON = timedelta(days=7)  # findings.queries counts what is due by the same

# A tone is a class of the style sheet: bad (act now), warn (act soon), ok, move (something is under way), calm.
Badge = tuple[str, str]  # (label, tone)

BADGES: Mapping[str, Mapping[str, Badge]] = {
    "severity": {
        "critical": ("critical", "bad"),
        "high": ("high", "warn"),
        "medium": ("medium", "calm"),
        "low": ("low", "calm"),
        "unknown": ("not rated", "calm"),
        "": ("not rated", "calm"),
    },
    "remedy": {
        "missing": ("needs patch", "warn"),
        "pending_restart": ("restart pending", "move"),
        "pending_reboot": ("reboot pending", "move"),
        "verified": ("verified", "ok"),
        "no_fix": ("no fix yet", "calm"),
        "unknown": ("unknown", "warn"),
    },
    "compliance": {
        "installed": ("installed", "ok"),
        "pending_restart": ("restart pending", "move"),
        "pending_reboot": ("reboot pending", "move"),
        "missing": ("missing", "warn"),
        "failed": ("failed", "bad"),
        "not_applicable": ("not applicable", "calm"),
        "unknown": ("unknown", "warn"),
    },
    "verdict": {
        "compliant": ("compliant", "ok"),
        "overdue": ("overdue", "bad"),
        "unknown": ("unknown", "warn"),
    },
    "update": {
        "security": ("security", "bad"),
        "bugfix": ("bug fix", "calm"),
        "feature": ("feature", "calm"),
    },
    "host": {
        "active": ("active", "ok"),
        "quarantined": ("quarantined", "bad"),
        "retired": ("retired", "calm"),
    },
    "presence": {
        "seen": ("heard of", "ok"),
        "silent": ("silent", "warn"),
        "never": ("waiting for its first report", "move"),
    },
    "rollout": {
        "awaiting_approval": ("awaiting approval", "warn"),
        "approved": ("approved, not started", "move"),
        "running": ("running", "move"),
        "paused": ("paused", "warn"),
        "halted": ("halted", "bad"),
        "completed": ("completed", "ok"),
        "cancelled": ("cancelled", "calm"),
    },
    "rollout_host": {
        "waiting": ("waiting", "calm"),
        "released": ("released", "move"),
        "deferred": ("deferred", "warn"),
        "started": ("installing", "move"),
        "applied": ("applied, soaking", "move"),
        "soaked": ("soaked", "move"),
        "verified": ("verified", "ok"),
        "refused": ("refused", "warn"),
        "rolled_back": ("rolled back", "bad"),
        "rollback_failed": ("rollback failed", "bad"),
        "failed": ("failed", "bad"),
        "interrupted": ("interrupted", "bad"),
        "lost": ("lost", "bad"),
        "withdrawn": ("withdrawn", "calm"),
    },
    "mode": {
        "apply": ("apply", "calm"),
        "report_only": ("report only", "calm"),
        "": ("not told", "calm"),
    },
    "yes_no": {
        "yes": ("yes", "warn"),
        "no": ("no", "ok"),
        "unknown": ("unknown", "warn"),
    },
}


def badge(subject: str, value: str) -> Badge:
    """Return the label and tone of a state; a state without an entry is shown as it is, without underscores."""
    known = BADGES.get(subject, {}).get(value)
    return known or (value.replace("_", " ") or "not told", "calm")


def relative(instant: datetime, *, now: datetime) -> str:
    """Say how far an instant lies from now, in one unit: ``12 min ago``, ``in 3 days``."""
    distance = abs(instant - now)
    if distance < MINUTE:
        return "just now" if instant <= now else "in under a minute"
    words = coarse(distance)
    return f"{words} ago" if instant <= now else f"in {words}"


def coarse(span: timedelta) -> str:
    """Say how long a span is in its largest sensible unit, rounded down."""
    if span < 2 * HOUR:
        return plural(int(span / MINUTE), "min", "min")
    if span < 2 * DAY:
        return plural(int(span / HOUR), "h", "h")
    return plural(int(span / DAY), "day", "days")


def exact(span: timedelta) -> str:
    """Say a span in full: ``1 day 6 h``, ``30 min``, ``45 s``."""
    seconds = int(span.total_seconds())
    parts = []
    for size, one, many in ((86_400, "day", "days"), (3_600, "h", "h"), (60, "min", "min"), (1, "s", "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(plural(count, one, many))
    return " ".join(parts) or "0 s"


def plural(count: int, one: str, many: str) -> str:
    """Return the count with its noun: ``1 host``, ``1,204 hosts``."""
    return f"{count:,} {one if count == 1 else many}"


def full(instant: datetime) -> str:
    """Return an instant in full, in UTC: ``2026-11-22 12:00:05 UTC``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def minute(instant: datetime) -> str:
    """Return an instant to the minute, in UTC: ``2026-11-22 12:00 UTC``."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(byte_count: int) -> str:
    """Return a number of bytes as people read it: ``640 kB``, ``12.4 MB``."""
    if byte_count < 1_000:
        return f"{byte_count} B"
    if byte_count < 1_000_000:
        return f"{byte_count // 1_000} kB"
    return f"{byte_count / 1_000_000:.1f} MB"
