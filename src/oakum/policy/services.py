"""The verbs of policy.  Each checks, stores and journals in one transaction.

It checks no role: the doors do.  A change holds for what is decided from now on; a rollout that is under way keeps the
windows that were approved with it.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from oakum.core.errors import NotFoundError, OperatorError
from oakum.core.windows import parse_window
from oakum.journal.services import append
from oakum.policy.models import Freeze, Settings, Window
from oakum.policy.queries import (
    next_opening,
    settings_of,
    settings_view,
    window,
    window_row,
)
from oakum.policy.values import FreezeView, SettingsChange, SettingsView, WindowView, changed

__all__ = ["delete_freeze", "delete_window", "set_freeze", "set_settings", "set_window", "settings_of"]

WINDOW_COUNT_MAX = 200  # of one organisation
FREEZE_COUNT_MAX = 200
NAME_LENGTH_MAX = 80
REASON_LENGTH_MAX = 500
FREEZE_MAX = timedelta(days=366)


def set_settings(*, organisation_id: UUID, actor: str, change: SettingsChange, now: datetime) -> SettingsView:
    """Change an organisation's settings and return what holds now; changing nothing journals nothing.

    Raises:
        OperatorError: a value is out of its bounds (``settings_invalid``).
    """
    with transaction.atomic():
        row, _ = Settings.objects.select_for_update().get_or_create(organisation_id=organisation_id)
        before = settings_view(row)
        after = changed(before, change)
        if after == before:
            return before
        was, is_now = _plain(before), _plain(after)
        for name, value in is_now.items():
            setattr(row, name, value)
        row.save()
        append(
            organisation_id=organisation_id,
            kind="policy.settings_set",
            actor=actor,
            subject="policy:settings",
            payload={
                "before": {name: value for name, value in was.items() if value != is_now[name]},
                "after": {name: value for name, value in is_now.items() if value != was[name]},
            },
            now=now,
        )
    return after


def _plain(settings: SettingsView) -> dict[str, Any]:
    return {**asdict(settings), "ring_percents": list(settings.ring_percents)}


def set_window(
    *,
    organisation_id: UUID,
    actor: str,
    name: str,
    starts_local: str,
    rrule: str,
    timezone: str,
    duration_seconds: int,
    now: datetime,
    window_id: UUID | None = None,
) -> WindowView:
    """Create a maintenance window, or change the one of ``window_id``.

    Raises:
        OperatorError: ``window_invalid`` (the rule, zone or duration makes no sense), ``window_over`` (it never opens
            again), ``name_invalid``, ``name_taken``, ``too_many``.
        NotFoundError: ``window_unknown``.
    """
    name = _name(name)
    rule = parse_window(starts_local=starts_local, rrule=rrule, timezone=timezone, duration_seconds=duration_seconds)
    if next_opening(rule, now) is None:
        raise OperatorError(
            code="window_over",
            sentence="This window never opens again.",
            next_step="Give it a start in the future, or a rule without an end.",
        )
    with transaction.atomic():
        row = window_row(organisation_id, window_id) if window_id else Window(organisation_id=organisation_id)
        _refuse_taken(organisation_id, name, window_id)
        before = _window_payload(row) if window_id else None
        row.name, row.starts_local, row.rrule = name, rule.starts_local.isoformat(), rule.rrule
        row.timezone, row.duration_seconds = timezone, duration_seconds
        if before == _window_payload(row):
            return window(organisation_id=organisation_id, window_id=row.id, now=now)
        row.save()
        _journal(organisation_id, actor, "policy.window_set", f"window:{row.id}", before, _window_payload(row), now)
    return window(organisation_id=organisation_id, window_id=row.id, now=now)


def delete_window(*, organisation_id: UUID, actor: str, window_id: UUID, now: datetime) -> None:
    """Remove a maintenance window; rollouts that were approved with it keep the instants they were approved with.

    Raises:
        NotFoundError: not a window of this organisation (``window_unknown``).
    """
    with transaction.atomic():
        row = window_row(organisation_id, window_id)
        before = _window_payload(row)
        row.delete()
        _journal(organisation_id, actor, "policy.window_deleted", f"window:{window_id}", before, None, now)


def set_freeze(
    *,
    organisation_id: UUID,
    actor: str,
    name: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    now: datetime,
    freeze_id: UUID | None = None,
) -> FreezeView:
    """Create a freeze, or change the one of ``freeze_id``: no work starts from ``starts_at`` until ``ends_at``.

    Raises:
        OperatorError: ``freeze_invalid`` (ends before it starts or is over already, or lasts more than FREEZE_MAX),
            ``name_invalid``, ``too_many``.
        NotFoundError: ``freeze_unknown``.
    """
    name = _name(name)
    _check_freeze(starts_at, ends_at, now)
    with transaction.atomic():
        row = _freeze_row(organisation_id, freeze_id) if freeze_id else Freeze(organisation_id=organisation_id)
        if freeze_id is None and Freeze.objects.filter(organisation_id=organisation_id).count() >= FREEZE_COUNT_MAX:
            raise _too_many("freezes", FREEZE_COUNT_MAX)
        before = _freeze_payload(row) if freeze_id else None
        row.name, row.starts_at, row.ends_at = name, starts_at, ends_at
        row.reason = reason.strip()[:REASON_LENGTH_MAX]
        if before != _freeze_payload(row):
            row.save()
            after = _freeze_payload(row)
            _journal(organisation_id, actor, "policy.freeze_set", f"freeze:{row.id}", before, after, now)
    return FreezeView(id=row.id, name=row.name, starts_at=row.starts_at, ends_at=row.ends_at, reason=row.reason)


def delete_freeze(*, organisation_id: UUID, actor: str, freeze_id: UUID, now: datetime) -> None:
    """Remove a freeze: work may start again.

    Raises:
        NotFoundError: not a freeze of this organisation (``freeze_unknown``).
    """
    with transaction.atomic():
        row = _freeze_row(organisation_id, freeze_id)
        before = _freeze_payload(row)
        row.delete()
        _journal(organisation_id, actor, "policy.freeze_deleted", f"freeze:{freeze_id}", before, None, now)


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not 0 < len(name) <= NAME_LENGTH_MAX:
        raise OperatorError(
            code="name_invalid",
            sentence=f"A name has between 1 and {NAME_LENGTH_MAX} characters.",
            next_step="Choose another name.",
        )
    return name


def _refuse_taken(organisation_id: UUID, name: str, window_id: UUID | None) -> None:
    others = Window.objects.select_for_update().filter(organisation_id=organisation_id)
    if window_id is not None:
        others = others.exclude(id=window_id)
    if others.filter(name=name).exists():
        raise OperatorError(
            code="name_taken",
            sentence=f"There is another window named {name!r}.",
            next_step="Choose another name, or change that one.",
        )
    if window_id is None and others.count() >= WINDOW_COUNT_MAX:
        raise _too_many("maintenance windows", WINDOW_COUNT_MAX)


def _too_many(words: str, count_max: int) -> OperatorError:
    return OperatorError(
        code="too_many",
        sentence=f"There are {count_max} {words} already.",
        next_step="Delete one that is no longer needed.",
    )


def _check_freeze(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if starts_at.tzinfo is None or ends_at.tzinfo is None:
        raise _freeze_invalid("A freeze is between two instants, each with its offset from UTC.")
    if ends_at <= starts_at:
        raise _freeze_invalid("A freeze ends after it starts.")
    if ends_at <= now:
        raise _freeze_invalid("This freeze is over already.")
    if ends_at - starts_at > FREEZE_MAX:
        raise _freeze_invalid(f"A freeze lasts at most {FREEZE_MAX.days} days.")


def _freeze_invalid(sentence: str) -> OperatorError:
    return OperatorError(code="freeze_invalid", sentence=sentence, next_step="Change its start or its end.")


def _freeze_row(organisation_id: UUID, freeze_id: UUID) -> Freeze:
    row = Freeze.objects.filter(organisation_id=organisation_id, id=freeze_id).first()
    if row is None:
        raise NotFoundError(
            code="freeze_unknown", sentence="There is no such freeze.", next_step="Choose one from the list of freezes."
        )
    return row


def _window_payload(row: Window) -> dict[str, Any]:
    return {
        "name": row.name,
        "starts_local": row.starts_local,
        "rrule": row.rrule,
        "timezone": row.timezone,
        "duration_seconds": row.duration_seconds,
    }


def _freeze_payload(row: Freeze) -> dict[str, Any]:
    return {
        "name": row.name,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "reason": row.reason,
    }


def _journal(
    organisation_id: UUID,
    actor: str,
    kind: str,
    subject: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    now: datetime,
) -> None:
    append(
        organisation_id=organisation_id,
        kind=kind,
        actor=actor,
        subject=subject,
        payload={"before": before, "after": after},
        now=now,
    )
