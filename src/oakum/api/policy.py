"""Settings, maintenance windows and freezes by the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from oakum.api.answers import Done
from oakum.api.auth import need, session_of, utc_now
from oakum.api.fields import Body, Sentence, Text
from oakum.core.errors import NotFoundError
from oakum.core.windows import Span
from oakum.identity.models import Role
from oakum.identity.queries import approvals_required
from oakum.identity.services import APPROVALS_REQUIRED_MAX, set_approvals_required
from oakum.policy import queries, services
from oakum.policy.values import FreezeView, SettingsChange, SettingsView, WindowView

router = Router()
# Beyond every bound that policy sets, and far below what a timedelta or a database takes.
Number = Annotated[int, Field(ge=0, le=10**9)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the organisation has decided; ``approvals_required`` people beside the requester approve a rollout."""

    settings: SettingsView
    approvals_required: int


class SettingsPatch(Body):
    """What is to be changed; a field that is left out stays as it is."""

    deadline_pack: Text | None = None
    stale_after_seconds: Number | None = None
    check_in_seconds: Number | None = None
    ring_zero_count_max: Number | None = None
    ring_percents: tuple[Number, ...] | None = None
    soak_seconds: Number | None = None
    failure_percent_max: Number | None = None
    wave_count_max: Number | None = None
    approvals_required: Annotated[int, Field(ge=0, le=APPROVALS_REQUIRED_MAX)] | None = None


class WindowBody(Body):
    """A maintenance window: wall-clock start, RFC 5545 rule (empty: once), IANA zone, elapsed seconds."""

    name: Text
    starts_local: Text
    rrule: Sentence = ""
    timezone: Text = "UTC"
    duration_seconds: Number


class FreezeBody(Body):
    """A freeze: two instants with their offsets from UTC."""

    name: Text
    starts_at: datetime
    ends_at: datetime
    reason: Sentence = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowAnswer:
    """A maintenance window as it was written, with its next opening; None if it never opens again."""

    id: UUID
    name: str
    starts_local: str
    rrule: str
    timezone: str
    duration_seconds: int
    next_span: Span | None


@router.get("/settings", response=Settings)
def show_settings(request: HttpRequest) -> Settings:
    """Return the settings in force."""
    return _settings(session_of(request).organisation_id)


def _settings(organisation_id: UUID) -> Settings:
    return Settings(
        settings=queries.settings_of(organisation_id=organisation_id),
        approvals_required=approvals_required(organisation_id=organisation_id),
    )


@router.patch("/settings", response=Settings)
def change_settings(request: HttpRequest, payload: SettingsPatch) -> Settings:
    """Change settings; every change is journalled with before and after.  Needs the role administrator."""
    session, now = need(request, Role.ADMINISTRATOR), utc_now()
    values = payload.dict()
    count = values.pop("approvals_required")
    services.set_settings(
        organisation_id=session.organisation_id, actor=session.actor, change=SettingsChange(**values), now=now
    )
    if count is not None and count != approvals_required(organisation_id=session.organisation_id):
        set_approvals_required(organisation_id=session.organisation_id, count=count, actor=session.actor, now=now)
    return _settings(session.organisation_id)


@router.get("/windows", response=list[WindowAnswer])
def list_windows(request: HttpRequest) -> list[WindowAnswer]:
    """List maintenance windows by name, each with its next opening."""
    views = queries.windows(organisation_id=session_of(request).organisation_id, now=utc_now())
    return [_window_answer(view) for view in views]


@router.post("/windows", response=WindowAnswer)
def set_window(request: HttpRequest, payload: WindowBody) -> WindowAnswer:
    """Make a maintenance window, or change the one of that name; needs the role operator."""
    session, now = need(request, Role.OPERATOR), utc_now()
    known = {each.name: each.id for each in queries.windows(organisation_id=session.organisation_id, now=now)}
    return _window_answer(
        services.set_window(
            organisation_id=session.organisation_id,
            actor=session.actor,
            window_id=known.get(" ".join(payload.name.split())),
            now=now,
            **payload.dict(),
        )
    )


def _window_answer(view: WindowView) -> WindowAnswer:
    return WindowAnswer(
        id=view.id,
        name=view.name,
        starts_local=view.starts_local,
        rrule=view.rrule,
        timezone=view.timezone,
        duration_seconds=int(view.duration.total_seconds()),
        next_span=view.next_span,
    )


@router.delete("/windows/{path:name}", response=Done)
def delete_window(request: HttpRequest, name: Text) -> Done:
    """Delete a maintenance window; rollouts that were planned with it keep their instants.  Needs operator."""
    session, now = need(request, Role.OPERATOR), utc_now()
    window_id = window_named(session.organisation_id, name, now)
    services.delete_window(organisation_id=session.organisation_id, actor=session.actor, window_id=window_id, now=now)
    return Done()


def window_named(organisation_id: UUID, name: str, now: datetime) -> UUID:
    """Return the id of a maintenance window.

    Raises:
        NotFoundError: the organisation has none of that name.
    """
    for each in queries.windows(organisation_id=organisation_id, now=now):
        if each.name == name:
            return each.id
    raise NotFoundError(
        code="window_unknown",
        sentence=f"There is no maintenance window named {name!r}.",
        next_step="`oakum window list` shows them.",
    )


@router.get("/freezes", response=list[FreezeView])
def list_freezes(request: HttpRequest) -> list[FreezeView]:
    """List the freezes that hold now or will."""
    return list(queries.freezes(organisation_id=session_of(request).organisation_id, now=utc_now()))


@router.post("/freezes", response=FreezeView)
def set_freeze(request: HttpRequest, payload: FreezeBody) -> FreezeView:
    """Declare a freeze: no work starts in it, whatever the windows say.  Needs the role operator."""
    session = need(request, Role.OPERATOR)
    return services.set_freeze(
        organisation_id=session.organisation_id, actor=session.actor, now=utc_now(), **payload.dict()
    )


@router.delete("/freezes/{freeze_id}", response=Done)
def delete_freeze(request: HttpRequest, freeze_id: UUID) -> Done:
    """End a freeze; needs the role operator."""
    session = need(request, Role.OPERATOR)
    services.delete_freeze(
        organisation_id=session.organisation_id, actor=session.actor, freeze_id=freeze_id, now=utc_now()
    )
    return Done()
