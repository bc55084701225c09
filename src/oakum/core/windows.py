"""When may work run?  Maintenance windows as local-time recurrences, freezes over them, both as UTC instants.

It decides which spans of time a rule gives, and what is left of them under freezes.  It stores no rule (``policy``),
does not know which window a rollout chose (``rollout``), and reads no clock.

A rule is an RFC 5545 RRULE on naive wall-clock time in an IANA zone.  RFC 5545 is of two minds about a wall-clock time
that a clock change skips: section 3.3.5 shifts it by the gap, 3.3.10 ignores it.  Ours: shift forward, never drop; of a
repeated hour take the first; two occurrences that fall on one instant are one; durations are elapsed time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr

from oakum.core.errors import OperatorError

RRULE_LENGTH_MAX = 300
DURATION_MIN = timedelta(minutes=1)
DURATION_MAX = timedelta(days=7)
OCCURRENCE_COUNT_MAX = 1_000
# RFC 5545 COUNT: more than a daily window of eleven years is a rule without an end.
RECURRENCE_COUNT_MAX = 4_000
# A recurrence is walked from its first day: an early one would be walked for long.
STARTS_YEAR_MIN = 2_000
# 29 February can be eight years away (1896 to 1904, 2096 to 2104): a rule that gives nothing for longer never will.
BARREN_YEARS_MAX = 9
SKEW_MAX = timedelta(days=2)  # further than any zone is from UTC, and than the widest gap (Apia skipped a day)

_FREQUENCIES = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
# The time of day is the start's alone: BYHOUR and the like would give a second one, in an hour that may not exist.
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"})
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open interval of UTC instants."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        """Hold that both are instants, in order."""
        assert self.starts_at.tzinfo is not None
        assert self.ends_at.tzinfo is not None
        assert self.starts_at < self.ends_at

    def contains(self, instant: datetime) -> bool:
        """Say whether ``instant`` lies in the span; its end does not."""
        return self.starts_at <= instant < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """A window as people write it, checked by :func:`parse_window`.

    ``starts_local`` is naive wall-clock time in ``zone``; ``rrule`` is empty for a window that opens once.
    """

    starts_local: datetime
    rrule: str
    zone: ZoneInfo
    duration: timedelta


def parse_window(*, starts_local: str, rrule: str, timezone: str, duration_seconds: int) -> WindowRule:
    """Turn the four texts of a window into a rule that :func:`occurrences` can follow.

    Raises:
        OperatorError: one of them makes no sense, or the rule never gives anything (``window_invalid``).
    """
    duration = timedelta(seconds=duration_seconds)
    if not DURATION_MIN <= duration <= DURATION_MAX:
        raise _invalid(f"A window lasts between one minute and {DURATION_MAX.days} days.", "Change its duration.")
    rule = WindowRule(
        starts_local=_parse_start(starts_local),
        rrule=_normalise(rrule),
        zone=_parse_zone(timezone),
        duration=duration,
    )
    try:
        first = next(_starts(rule, until=_add_years(rule.starts_local, BARREN_YEARS_MAX)), None)
    except ValueError as error:
        raise _invalid(f"The rule {rrule!r} cannot be read: {error}.", "See RFC 5545, section 3.3.10.") from error
    if first is None:
        raise _invalid(f"The rule {rrule!r} never opens a window.", "Check its days, its UNTIL and its start.")
    return rule


def occurrences(window: WindowRule, *, after: datetime, before: datetime) -> tuple[Span, ...]:
    """Return the spans of ``window`` that overlap [after, before), in order, at most OCCURRENCE_COUNT_MAX.

    >>> rule = parse_window(
    ...     starts_local="2027-03-21T02:30:00", rrule="FREQ=WEEKLY", timezone="Europe/Berlin", duration_seconds=3600
    ... )
    >>> after = datetime(2027, 3, 27, tzinfo=UTC)
    >>> [span.starts_at.isoformat() for span in occurrences(rule, after=after, before=after + timedelta(days=2))]
    ['2027-03-28T01:30:00+00:00']
    """
    last_local = before.astimezone(UTC).replace(tzinfo=None) + SKEW_MAX
    spans = (_span(window, local) for local in _starts(window, until=last_local))
    overlapping = (span for span in _once(spans) if span.ends_at > after and span.starts_at < before)
    return tuple(islice(overlapping, OCCURRENCE_COUNT_MAX))


def effective(windows: Iterable[Span], freezes: Iterable[Span]) -> tuple[Span, ...]:
    """Return the time in some window and in no freeze: sorted, disjoint, not touching.  Freezes win."""
    remaining = _union(windows)
    for freeze in _union(freezes):
        remaining = tuple(piece for span in remaining for piece in _without(span, freeze))
    return remaining


def open_span(spans: Iterable[Span], now: datetime) -> Span | None:
    """Return the span that is open at ``now``, the one that stays open longest if there are several."""
    return max((span for span in spans if span.contains(now)), key=lambda span: span.ends_at, default=None)


def next_span(spans: Iterable[Span], now: datetime) -> Span | None:
    """Return the first span that begins after ``now``."""
    return min((span for span in spans if span.starts_at > now), key=lambda span: span.starts_at, default=None)


def _parse_start(text: str) -> datetime:
    try:
        start = datetime.fromisoformat(text)
    except ValueError as error:
        raise _invalid(f"{text!r} is no date and time.", "Write it like 2026-11-28T02:00:00.") from error
    if start.tzinfo is not None or start.year < STARTS_YEAR_MIN:
        raise _invalid(
            f"{text!r} must be wall-clock time without an offset, in {STARTS_YEAR_MIN} or later.",
            "Write it like 2026-11-28T02:00:00 and name the zone apart.",
        )
    return start.replace(microsecond=0)


def _parse_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _invalid(f"{name!r} is no zone of the IANA database.", "Write it like Europe/Berlin or UTC.") from error


def _normalise(rrule: str) -> str:
    text = rrule.strip().upper().removeprefix("RRULE:")
    if not text:
        return ""
    if len(text) > RRULE_LENGTH_MAX:
        raise _invalid("The rule is too long.", f"{RRULE_LENGTH_MAX} characters are enough for any RRULE.")
    parts = _parts(text)
    unknown = sorted(set(parts) - _PARTS)
    if unknown or len(parts) != len(text.split(";")) or not all(parts.values()):
        what = f"{', '.join(unknown)} has no place in a window's rule" if unknown else "it has a part twice or empty"
        raise _invalid(f"The rule {rrule!r} cannot be used: {what}.", f"Use {', '.join(sorted(_PARTS))}, each once.")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise _invalid(f"The rule {rrule!r} has no FREQ that fits.", "Use FREQ=DAILY, WEEKLY, MONTHLY or YEARLY.")
    if "COUNT" in parts and ("UNTIL" in parts or not parts["COUNT"].isdecimal()):
        raise _invalid(f"The rule {rrule!r} cannot be used.", "Give COUNT as a number, or UNTIL, not both (RFC 5545).")
    if not parts.get("INTERVAL", "1").isdecimal() or int(parts.get("INTERVAL", "1")) == 0:
        raise _invalid(f"INTERVAL={parts['INTERVAL']} is no step.", "Give a number from 1.")  # 0 would never end
    if "UNTIL" in parts and _UNTIL.fullmatch(parts["UNTIL"]) is None:
        raise _invalid(f"UNTIL={parts['UNTIL']} is no date.", "Write it like UNTIL=20271231 or UNTIL=20271231T230000Z.")
    return text


def _parts(text: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in text.split(";"))


def _starts(window: WindowRule, *, until: datetime) -> Iterator[datetime]:
    """Yield the rule's local starts up to ``until``, itself local: bounded, whatever the rule."""
    if not window.rrule:
        return iter((window.starts_local,) if window.starts_local <= until else ())
    parts = _parts(window.rrule)
    count = min(int(parts.pop("COUNT", RECURRENCE_COUNT_MAX)), RECURRENCE_COUNT_MAX)
    if "UNTIL" in parts:
        until = min(until, _local_until(parts.pop("UNTIL"), window.zone))
    if until < window.starts_local:
        return iter(())
    # UNTIL is given to the library too: a rule that matches nothing would be walked to the year 9999.
    text = ";".join(f"{name}={value}" for name, value in parts.items()) + f";UNTIL={until:%Y%m%dT%H%M%S}"
    rule = rrulestr(text, dtstart=window.starts_local)
    return islice(rule, count)


def _local_until(text: str, zone: ZoneInfo) -> datetime:
    """Return UNTIL as local time; a date alone includes that whole day, which is what people mean by it."""
    found = _UNTIL.fullmatch(text)
    assert found is not None, "checked by _normalise"
    day, clock, utc = found.groups()
    try:
        date = datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007 - wall-clock time on purpose
        if clock is None:
            return datetime.combine(date, time.max)
        local = datetime.combine(date, time(int(clock[:2]), int(clock[2:4]), int(clock[4:])))
    except ValueError as error:
        raise _invalid(f"UNTIL={text} is no date.", "Write it like UNTIL=20271231.") from error
    return local.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) if utc else local


def _span(window: WindowRule, local: datetime) -> Span:
    # fold=0 is both rules at once: of a repeated hour it is the first, and for a time in a gap zoneinfo applies the
    # offset from before the gap, which lands as far behind the gap as the time lay in it.
    starts_at = local.replace(tzinfo=window.zone, fold=0).astimezone(UTC)
    return Span(starts_at=starts_at, ends_at=starts_at + window.duration)


def _once(spans: Iterable[Span]) -> Iterator[Span]:
    previous: Span | None = None
    for span in spans:
        if span != previous:
            yield span
        previous = span


def _union(spans: Iterable[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda each: (each.starts_at, each.ends_at)):
        if merged and span.starts_at <= merged[-1].ends_at:
            last = merged.pop()
            merged.append(Span(starts_at=last.starts_at, ends_at=max(last.ends_at, span.ends_at)))
        else:
            merged.append(span)
    return tuple(merged)


def _without(span: Span, freeze: Span) -> Iterator[Span]:
    if freeze.ends_at <= span.starts_at or span.ends_at <= freeze.starts_at:
        yield span
        return
    if span.starts_at < freeze.starts_at:
        yield Span(starts_at=span.starts_at, ends_at=freeze.starts_at)
    if freeze.ends_at < span.ends_at:
        yield Span(starts_at=freeze.ends_at, ends_at=span.ends_at)


def _add_years(local: datetime, years: int) -> datetime:
    return local + timedelta(days=366 * years)


def _invalid(sentence: str, next_step: str) -> OperatorError:
    return OperatorError(code="window_invalid", sentence=sentence, next_step=next_step)
