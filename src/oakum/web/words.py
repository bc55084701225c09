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
    "said": {
        "affected": ("affected", "warn"),
        "deferred": ("fix deferred", "calm"),
        "will_not_fix": ("will not be fixed", "warn"),
        "end_of_life": ("gets no more fixes", "warn"),
        "under_investigation": ("being looked into", "move"),
        "not_affected": ("not affected", "ok"),
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


_WEEKDAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
_NTH = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}


def rule_words(rrule: str, starts_local: str) -> str:
    """Say in words when a window opens; a rule beyond the plain ones is shown as it is written."""
    start = datetime.fromisoformat(starts_local)
    clock = f"{start:%H:%M}"
    if not rrule:
        return f"once, {start:%Y-%m-%d} at {clock}"
    parts = dict(part.partition("=")[::2] for part in rrule.split(";"))
    frequency, days = parts.pop("FREQ", ""), parts.pop("BYDAY", "")
    if parts:
        return f"{rrule} at {clock}"
    if frequency == "DAILY" and not days:
        return f"every day at {clock}"
    if frequency == "WEEKLY":
        names = [_WEEKDAYS.get(day, day) for day in days.split(",")] if days else [f"{start:%A}"]
        return f"every {' and '.join(names)} at {clock}" if len(names) <= 2 else f"every {_joined(names)} at {clock}"  # noqa: PLR2004 - a pair
    nth, day = days[:-2], days[-2:]
    if frequency == "MONTHLY" and nth in _NTH and day in _WEEKDAYS:
        return f"every {_NTH[nth]} {_WEEKDAYS[day]} of the month at {clock}"
    return f"{rrule} at {clock}"


def _joined(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
