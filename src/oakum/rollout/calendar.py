"""When a rollout may run: windows and freezes of the organisation as UTC spans.

The rules themselves are ``core.windows``; what a window or freeze is called and said to mean is ``policy``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from oakum.core.errors import OperatorError
from oakum.core.windows import DURATION_MAX, DURATION_MIN, Span, effective, occurrences
from oakum.policy import queries as policy
from oakum.protocol.orders import WINDOW_COUNT_MAX
from oakum.rollout.requests import AnyTime, OpenNow, StoredWindow, WindowChoice

# How far ahead windows are worked out.  A rollout that takes longer rests on versions that nobody offers any more.
CALENDAR_HORIZON = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The spans in which a rollout may run, and the rule they came from, in words."""

    windows: tuple[Span, ...]
    text: str


def freezes_of(organisation_id: UUID, now: datetime) -> tuple[Span, ...]:
    """Return the organisation's freezes that are not over."""
    rows = policy.freezes(organisation_id=organisation_id, now=now)
    return tuple(Span(starts_at=row.starts_at, ends_at=row.ends_at) for row in rows)


def make_calendar(organisation_id: UUID, choice: WindowChoice, *, now: datetime) -> Calendar:
    """Work out when the rollout may run, freezes taken out, at most WINDOW_COUNT_MAX spans.

    Raises:
        NotFoundError: no such window.
        OperatorError: nothing is left of it within CALENDAR_HORIZON.
    """
    spans, text = _spans(organisation_id, choice, now.replace(microsecond=0))
    windows = effective(spans, freezes_of(organisation_id, now))[:WINDOW_COUNT_MAX]
    if not windows:
        raise OperatorError(
            code="window_never_open",
            sentence=f"{text}: it does not open within {CALENDAR_HORIZON.days} days, or a freeze covers all of it.",
            next_step="Choose another window, or end the freeze.",
        )
    return Calendar(windows=windows, text=text)


def _spans(organisation_id: UUID, choice: WindowChoice, now: datetime) -> tuple[tuple[Span, ...], str]:
    match choice:
        case StoredWindow(window_id=window_id):
            row = policy.window_row(organisation_id, window_id)
            spans = occurrences(policy.window_rule(row), after=now, before=now + CALENDAR_HORIZON)
            rule = f"{row.rrule or 'once'} from {row.starts_local} {row.timezone}"
            return spans, f"Window {row.name} ({rule}, {timedelta(seconds=row.duration_seconds)})"
        case OpenNow(duration=duration):
            if not DURATION_MIN <= duration <= DURATION_MAX:
                raise OperatorError(
                    code="window_invalid",
                    sentence=f"A window lasts between one minute and {DURATION_MAX.days} days.",
                    next_step="Change its duration.",
                )
            return (Span(starts_at=now, ends_at=now + duration),), f"For {duration} from {now:%Y-%m-%d %H:%M} UTC on"
        case AnyTime():
            return (Span(starts_at=now, ends_at=now + CALENDAR_HORIZON),), "At any time"
        case _:
            assert_never(choice)
