"""The numbers of a wish: what was asked for, else what the organisation's settings say, within named bounds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from oakum.core.errors import OperatorError
from oakum.core.planning.values import Limits
from oakum.policy.values import SettingsView
from oakum.protocol.orders import REBOOT_ALWAYS, REBOOT_IF_REQUIRED, REBOOT_NEVER
from oakum.rollout.requests import RolloutRequest

HEALTH_DELAY_DEFAULT = timedelta(seconds=60)
HEALTH_DELAY = (timedelta(seconds=1), timedelta(hours=1))
SOAK = (timedelta(0), timedelta(days=30))
LOST_AFTER = (timedelta(minutes=1), timedelta(days=7))
# Three check-ins missed, or a slow reboot, are no loss yet.
LOST_CHECK_IN_COUNT = 3
LOST_AFTER_DEFAULT_MIN = timedelta(minutes=15)
FAILURE_COUNT_MAX_DEFAULT = 10
LOST_PERCENT_MAX_DEFAULT = 2
HOSTS = (0, 10_000)
WAVE = (1, 10_000)
PERCENT = (0, 100)
REBOOTS = (REBOOT_NEVER, REBOOT_IF_REQUIRED, REBOOT_ALWAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When to stop, how many at once, how long to watch."""

    limits: Limits
    soak: timedelta
    health_delay: timedelta
    lost_after: timedelta
    reboot: str


def bounds_of(request: RolloutRequest, settings: SettingsView) -> Bounds:
    """Return the numbers that hold for a wish.

    Raises:
        OperatorError: one is out of its bounds (``soak_invalid`` and so on).
    """
    if request.reboot not in REBOOTS:
        raise invalid("reboot", f"reboot is one of {', '.join(REBOOTS)}.")
    lost_default = max(LOST_AFTER_DEFAULT_MIN, LOST_CHECK_IN_COUNT * timedelta(seconds=settings.check_in_seconds))
    return Bounds(
        limits=_limits(request, settings),
        soak=_duration("soak", request.soak, settings.soak, SOAK),
        health_delay=_duration("health_delay", request.health_delay, HEALTH_DELAY_DEFAULT, HEALTH_DELAY),
        lost_after=_duration("lost_after", request.lost_after, lost_default, LOST_AFTER),
        reboot=request.reboot,
    )


def invalid(name: str, sentence: str) -> OperatorError:
    """Return the error about one part of a wish."""
    return OperatorError(code=f"{name}_invalid", sentence=sentence, next_step="Change it and plan again.")


def _limits(request: RolloutRequest, settings: SettingsView) -> Limits:
    return Limits(
        failure_percent_max=_number(
            "failure_percent_max", request.failure_percent_max, settings.failure_percent_max, PERCENT
        ),
        failure_count_max=_number("failure_count_max", request.failure_count_max, FAILURE_COUNT_MAX_DEFAULT, HOSTS),
        lost_percent_max=_number("lost_percent_max", request.lost_percent_max, LOST_PERCENT_MAX_DEFAULT, PERCENT),
        wave_count_max=_number("wave_count_max", request.wave_count_max, settings.wave_count_max, WAVE),
    )


def _number(name: str, asked: int | None, default: int, bounds: tuple[int, int]) -> int:
    value = default if asked is None else asked
    if not bounds[0] <= value <= bounds[1]:
        raise invalid(name, f"{name} is a number from {bounds[0]} to {bounds[1]}.")
    return value


def _duration(name: str, asked: timedelta | None, default: timedelta, bounds: tuple[timedelta, timedelta]) -> timedelta:
    value = timedelta(seconds=int((default if asked is None else asked).total_seconds()))
    if not bounds[0] <= value <= bounds[1]:
        raise invalid(name, f"{name} lies between {bounds[0]} and {bounds[1]}.")
    return value
