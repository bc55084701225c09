"""What an organisation may decide, and within which bounds.  It reads and stores nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID

from oakum.core.errors import OperatorError
from oakum.core.packs import PACK_IDS
from oakum.core.windows import Span

MINUTE, HOUR, DAY = 60, 3_600, 86_400

# Each bound's reason: a host that asks oftener than once a minute is a load, one that asks daily cannot be halted;
# silence shorter than that is noise, longer than a quarter hides a dead host.
CHECK_IN_SECONDS = (MINUTE, DAY)
STALE_AFTER_SECONDS = (10 * MINUTE, 90 * DAY)
RING_ZERO_COUNT = (1, 50)
SOAK_SECONDS = (0, 30 * DAY)
FAILURE_PERCENT = (0, 50)
WAVE_COUNT = (1, 10_000)
RING_COUNT_MAX = 10
# A host may miss one check-in without being called silent.
STALE_CHECK_IN_COUNT_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsView:
    """What holds for an organisation.  ``ring_percents`` are the rings after ring 0; empty: the built-in ones."""

    deadline_pack: str
    stale_after_seconds: int
    check_in_seconds: int
    ring_zero_count_max: int
    ring_percents: tuple[int, ...]
    soak_seconds: int
    failure_percent_max: int
    wave_count_max: int

    @property
    def stale_after(self) -> timedelta:
        """How long a host may be silent."""
        return timedelta(seconds=self.stale_after_seconds)

    @property
    def soak(self) -> timedelta:
        """How long a ring is watched before the next one starts."""
        return timedelta(seconds=self.soak_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """What is to be changed; None: as it is."""

    deadline_pack: str | None = None
    stale_after_seconds: int | None = None
    check_in_seconds: int | None = None
    ring_zero_count_max: int | None = None
    ring_percents: tuple[int, ...] | None = None
    soak_seconds: int | None = None
    failure_percent_max: int | None = None
    wave_count_max: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """A maintenance window as it was written, with its next opening; None if it never opens again."""

    id: UUID
    name: str
    starts_local: str
    rrule: str
    timezone: str
    duration: timedelta
    next_span: Span | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One opening of a window, and what freezes leave of it: nothing, the whole, or pieces."""

    span: Span
    remaining: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeView:
    """A span in which no work may start."""

    id: UUID
    name: str
    starts_at: datetime
    ends_at: datetime
    reason: str


def changed(before: SettingsView, change: SettingsChange) -> SettingsView:
    """Return the settings after ``change``.

    Raises:
        OperatorError: a value is out of its bounds (``settings_invalid``).
    """
    values = {field.name: getattr(change, field.name) for field in fields(change)}
    kept = {field.name: getattr(before, field.name) for field in fields(before)}
    after = SettingsView(**{**kept, **{name: value for name, value in values.items() if value is not None}})
    _check(after)
    return after


def _check(settings: SettingsView) -> None:
    if settings.deadline_pack not in PACK_IDS:
        raise _invalid(
            f"There is no deadline pack {settings.deadline_pack!r}.", f"Choose one of: {', '.join(PACK_IDS)}."
        )
    for name, words, (low, high) in (
        ("check_in_seconds", "The check-in interval, in seconds,", CHECK_IN_SECONDS),
        ("stale_after_seconds", "The time after which a host counts as silent, in seconds,", STALE_AFTER_SECONDS),
        ("ring_zero_count_max", "The size of ring 0", RING_ZERO_COUNT),
        ("soak_seconds", "The soak, in seconds,", SOAK_SECONDS),
        ("failure_percent_max", "The failure budget, in percent,", FAILURE_PERCENT),
        ("wave_count_max", "The size of a wave", WAVE_COUNT),
    ):
        if not low <= getattr(settings, name) <= high:
            raise _invalid(f"{words} must lie between {low} and {high}.", f"Set {name} to a number in between.")
    if settings.stale_after_seconds < STALE_CHECK_IN_COUNT_MIN * settings.check_in_seconds:
        raise _invalid(
            "A host would be called silent between two of its check-ins.",
            f"Make stale_after_seconds at least {STALE_CHECK_IN_COUNT_MIN} times check_in_seconds.",
        )
    _check_rings(settings.ring_percents)


def _check_rings(percents: tuple[int, ...]) -> None:
    if not percents:
        return
    rising = list(percents) == sorted(set(percents))
    if len(percents) > RING_COUNT_MAX or not rising or percents[0] < 1 or percents[-1] != 100:  # noqa: PLR2004 - percent
        raise _invalid(
            "The rings after ring 0 are shares of all hosts in percent, rising, and the last one is 100.",
            "Write them like 10, 50, 100; leave them empty for the built-in rings.",
        )


def _invalid(sentence: str, next_step: str) -> OperatorError:
    return OperatorError(code="settings_invalid", sentence=sentence, next_step=next_step)
