"""Reads of policy: what an organisation has decided, and when its windows open.

Settings that nobody has set yet are the defaults: reading writes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from oakum.core.errors import NotFoundError
from oakum.core.packs import load_pack
from oakum.core.windows import Span, WindowRule, effective, occurrences, parse_window
from oakum.findings.queries import Rules
from oakum.policy.models import Freeze, Settings, Window
from oakum.policy.values import FreezeView, Occurrence, SettingsView, WindowView

DAY_COUNT_MAX = 400  # how far ahead occurrences are listed
# A rule on 29 February may rest for eight years.
NEXT_WITHIN = (timedelta(days=40), timedelta(days=400), timedelta(days=9 * 366))


def settings_of(*, organisation_id: UUID) -> SettingsView:
    """Return what holds for an organisation: what it has set, else the defaults."""
    row = Settings.objects.filter(organisation_id=organisation_id).first()
    return settings_view(row or Settings(organisation_id=organisation_id))


def settings_view(row: Settings) -> SettingsView:
    """Turn a row into a value."""
    return SettingsView(
        deadline_pack=row.deadline_pack,
        stale_after_seconds=row.stale_after_seconds,
        check_in_seconds=row.check_in_seconds,
        ring_zero_count_max=row.ring_zero_count_max,
        ring_percents=tuple(row.ring_percents),
        soak_seconds=row.soak_seconds,
        failure_percent_max=row.failure_percent_max,
        wave_count_max=row.wave_count_max,
    )


def rules_of(*, organisation_id: UUID) -> Rules:
    """Return what findings depend on: the deadline pack, and when a host counts as silent."""
    settings = settings_of(organisation_id=organisation_id)
    return Rules(pack=load_pack(settings.deadline_pack), stale_after=settings.stale_after)


def windows(*, organisation_id: UUID, now: datetime) -> tuple[WindowView, ...]:
    """Return the organisation's maintenance windows by name, each with its next opening."""
    rows = Window.objects.filter(organisation_id=organisation_id).order_by("name")
    return tuple(_window_view(row, now) for row in rows)


def window(*, organisation_id: UUID, window_id: UUID, now: datetime) -> WindowView:
    """Return one maintenance window.

    Raises:
        NotFoundError: not a window of this organisation (``window_unknown``).
    """
    return _window_view(window_row(organisation_id, window_id), now)


def window_row(organisation_id: UUID, window_id: UUID) -> Window:
    """Return the row of a window, or raise NotFoundError (``window_unknown``)."""
    row = Window.objects.filter(organisation_id=organisation_id, id=window_id).first()
    if row is None:
        raise NotFoundError(
            code="window_unknown",
            sentence="There is no such maintenance window.",
            next_step="Choose one from the list of windows.",
        )
    return row


def window_rule(row: Window) -> WindowRule:
    """Return a stored window as the rule that the core follows."""
    return parse_window(
        starts_local=row.starts_local,
        rrule=row.rrule,
        timezone=row.timezone,
        duration_seconds=row.duration_seconds,
    )


def next_opening(rule: WindowRule, now: datetime) -> Span | None:
    """Return the opening that is running or comes next; None if there is none any more."""
    for within in NEXT_WITHIN:
        found = occurrences(rule, after=now, before=now + within)
        if found:
            return found[0]
    return None


def _window_view(row: Window, now: datetime) -> WindowView:
    return WindowView(
        id=row.id,
        name=row.name,
        starts_local=row.starts_local,
        rrule=row.rrule,
        timezone=row.timezone,
        duration=timedelta(seconds=row.duration_seconds),
        next_span=next_opening(window_rule(row), now),
    )


def window_occurrences(
    *, organisation_id: UUID, window_id: UUID, now: datetime, days: int = 30
) -> tuple[Occurrence, ...]:
    """Return when a window opens within ``days`` (at most DAY_COUNT_MAX), and what freezes leave of each opening.

    Raises:
        NotFoundError: not a window of this organisation (``window_unknown``).
    """
    rule = window_rule(window_row(organisation_id, window_id))
    before = now + timedelta(days=max(1, min(days, DAY_COUNT_MAX)))
    frozen = [
        Span(starts_at=freeze.starts_at, ends_at=freeze.ends_at)
        for freeze in freezes(organisation_id=organisation_id, now=now)
    ]
    return tuple(
        Occurrence(span=span, remaining=effective((span,), frozen))
        for span in occurrences(rule, after=now, before=before)
    )


def freezes(*, organisation_id: UUID, now: datetime, with_past: bool = False) -> tuple[FreezeView, ...]:
    """Return the freezes that hold now or will, by start; ``with_past`` also those that are over."""
    rows = Freeze.objects.filter(organisation_id=organisation_id)
    if not with_past:
        rows = rows.filter(ends_at__gt=now)
    return tuple(
        FreezeView(id=row.id, name=row.name, starts_at=row.starts_at, ends_at=row.ends_at, reason=row.reason)
        for row in rows.order_by("starts_at", "name")
    )
