"""The windows' rules, with the vectors of daylight saving time, and their laws as properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.core.errors import OperatorError
from oakum.core.windows import (
    OCCURRENCE_COUNT_MAX,
    Span,
    WindowRule,
    effective,
    next_span,
    occurrences,
    open_span,
    parse_window,
)

HOUR = timedelta(hours=1)


def rule(starts_local: str, rrule: str = "", timezone: str = "Europe/Berlin", *, hours: int = 1) -> WindowRule:
    return parse_window(starts_local=starts_local, rrule=rrule, timezone=timezone, duration_seconds=hours * 3600)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def starts(window: WindowRule, after: str, before: str) -> list[str]:
    found = occurrences(window, after=instant(after), before=instant(before))
    return [span.starts_at.strftime("%Y-%m-%dT%H:%M") for span in found]


def test_a_time_that_the_clock_change_skips_is_shifted_forward_by_the_gap() -> None:
    window = rule("2027-03-21T02:30:00", "FREQ=WEEKLY")
    assert starts(window, "2027-03-20", "2027-04-10") == ["2027-03-21T01:30", "2027-03-28T01:30", "2027-04-04T00:30"]
    (skipped,) = occurrences(window, after=instant("2027-03-28"), before=instant("2027-03-29"))
    assert skipped.starts_at.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M %Z") == "03:30 CEST"


def test_of_a_repeated_hour_the_first_is_taken_and_only_once() -> None:
    window = rule("2027-10-24T02:30:00", "FREQ=WEEKLY")
    assert starts(window, "2027-10-30T12:00", "2027-11-01") == ["2027-10-31T00:30"]


def test_a_duration_is_elapsed_time_whatever_the_wall_clock_does() -> None:
    (spring,) = occurrences(
        rule("2027-03-28T00:00:00", hours=4), after=instant("2027-03-27"), before=instant("2027-03-29")
    )
    assert spring == Span(starts_at=instant("2027-03-27T23:00"), ends_at=instant("2027-03-28T03:00"))
    assert spring.ends_at.astimezone(ZoneInfo("Europe/Berlin")).hour == 5  # four by the wall would be three elapsed


def test_a_day_that_a_zone_skips_gives_one_window_not_two() -> None:
    window = rule("2011-12-29T02:30:00", "FREQ=DAILY;COUNT=4", "Pacific/Apia")
    assert starts(window, "2011-12-01", "2012-02-01") == ["2011-12-29T12:30", "2011-12-30T12:30", "2011-12-31T12:30"]


def test_the_saturday_after_patch_tuesday_is_a_rule_of_month_days() -> None:
    saturdays = rule("2026-01-01T02:00:00", "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=12,13,14,15,16,17,18", "UTC")
    tuesdays = rule("2026-01-01T02:00:00", "FREQ=MONTHLY;BYDAY=2TU", "UTC")
    second_saturdays = rule("2026-01-01T02:00:00", "FREQ=MONTHLY;BYDAY=2SA", "UTC")
    span = {"after": instant("2026-01-01"), "before": instant("2028-01-01")}
    after_tuesday = [each.starts_at + timedelta(days=4) for each in occurrences(tuesdays, **span)]
    found = [each.starts_at for each in occurrences(saturdays, **span)]
    assert len(found) == 24
    assert found == after_tuesday
    differing = [
        one for one, other in zip(found, occurrences(second_saturdays, **span), strict=True) if one != other.starts_at
    ]
    assert len(differing) == 13
    assert (found[0].day, occurrences(second_saturdays, **span)[0].starts_at.day) == (17, 10)


@pytest.mark.parametrize(
    ("until", "last_day"),
    [
        ("20270109", 9),  # a date means that whole day
        ("20270109T010000", 8),  # local, before that day's 02:00
        ("20270109T020000", 9),  # inclusive (RFC 5545 3.3.10)
        ("20270109T010000Z", 9),  # 02:00 in Berlin
        ("20270109T005959Z", 8),
    ],
)
def test_until_in_its_three_forms(until: str, last_day: int) -> None:
    window = rule("2027-01-01T02:00:00", f"FREQ=DAILY;UNTIL={until}")
    found = occurrences(window, after=instant("2026-12-01"), before=instant("2027-03-01"))
    assert [span.starts_at.day for span in found] == list(range(1, last_day + 1))


def test_count_counts_windows_and_an_open_one_is_still_seen() -> None:
    window = rule("2027-01-01T22:00:00", "FREQ=DAILY;COUNT=3", "UTC", hours=6)
    assert starts(window, "2027-01-02T03:00", "2028-01-01") == [
        "2027-01-01T22:00",
        "2027-01-02T22:00",
        "2027-01-03T22:00",
    ]
    assert starts(window, "2027-01-02T04:00", "2028-01-01") == ["2027-01-02T22:00", "2027-01-03T22:00"]
    assert starts(window, "2026-01-01", "2027-01-02T22:00") == ["2027-01-01T22:00"]


def test_a_leap_day_is_found_however_far() -> None:
    assert starts(
        rule("2097-01-01T02:00:00", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "UTC"), "2097-01-01", "2105-01-01"
    ) == ["2104-02-29T02:00"]


def test_the_number_of_windows_is_bounded() -> None:
    window = rule("2020-01-01T02:00:00", "FREQ=DAILY", "UTC")
    found = occurrences(window, after=instant("2020-01-01"), before=instant("2030-01-01"))
    assert len(found) == OCCURRENCE_COUNT_MAX
    assert found[0].starts_at == instant("2020-01-01T02:00")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"starts_local": "tomorrow"}, "no date"),
        ({"starts_local": "2027-01-01T02:00:00+01:00"}, "without an offset"),
        ({"starts_local": "1999-12-31T02:00:00"}, "or later"),
        ({"timezone": "Europe/Oakum"}, "no zone"),
        ({"timezone": "../etc/passwd"}, "no zone"),
        ({"timezone": ""}, "no zone"),
        ({"duration_seconds": 59}, "lasts between"),
        ({"duration_seconds": 8 * 86_400}, "lasts between"),
        ({"rrule": "FREQ=HOURLY"}, "no FREQ that fits"),
        ({"rrule": "BYDAY=SA"}, "no FREQ that fits"),
        ({"rrule": "FREQ=DAILY;BYHOUR=3"}, "BYHOUR"),
        ({"rrule": "DTSTART:20270101T000000"}, "no place"),
        ({"rrule": "FREQ=DAILY\nRRULE:FREQ=DAILY"}, "no FREQ that fits"),
        ({"rrule": "FREQ=DAILY;FREQ=WEEKLY"}, "twice or empty"),
        ({"rrule": "FREQ=DAILY;COUNT="}, "twice or empty"),
        ({"rrule": "FREQ=DAILY;COUNT=3;UNTIL=20280101"}, "cannot be used"),
        ({"rrule": "FREQ=DAILY;COUNT=x"}, "cannot be used"),
        ({"rrule": "FREQ=DAILY;UNTIL=soon"}, "no date"),
        ({"rrule": "FREQ=DAILY;UNTIL=20271340"}, "no date"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "no step"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=XX"}, "cannot be read"),
        ({"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "never opens"),
        ({"rrule": "FREQ=DAILY;COUNT=0"}, "never opens"),
        ({"rrule": "FREQ=DAILY;UNTIL=20261231"}, "never opens"),
        ({"rrule": "FREQ=DAILY;" + "BYMONTH=1,1," * 40}, "too long"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_with_its_reason(changes: dict[str, object], word: str) -> None:
    texts: dict[str, object] = {
        "starts_local": "2027-01-01T02:00:00",
        "rrule": "",
        "timezone": "UTC",
        "duration_seconds": 3600,
        **changes,
    }
    with pytest.raises(OperatorError, match=word) as caught:
        parse_window(**texts)  # type: ignore[arg-type]
    assert caught.value.code == "window_invalid"
    assert caught.value.next_step


def test_what_is_open_and_what_opens_next() -> None:
    now = instant("2027-01-01T12:00")
    short, long = Span(starts_at=now, ends_at=now + HOUR), Span(starts_at=now - HOUR, ends_at=now + 2 * HOUR)
    later = Span(starts_at=now + 5 * HOUR, ends_at=now + 6 * HOUR)
    assert open_span((short, long, later), now) == long
    assert open_span((later,), now) is None
    assert next_span((short, later, long), now) == later
    assert open_span((short,), now + HOUR) is None  # half-open


MINUTES = st.integers(min_value=0, max_value=300)
SPANS = st.lists(
    st.tuples(MINUTES, st.integers(min_value=1, max_value=90)).map(
        lambda pair: Span(
            starts_at=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=pair[0]),
            ends_at=datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=pair[0] + pair[1]),
        )
    ),
    max_size=8,
)


@given(SPANS, SPANS)
def test_law_an_instant_is_effective_exactly_when_in_a_window_and_in_no_freeze(
    windows: list[Span], freezes: list[Span]
) -> None:
    result = effective(windows, freezes)
    for minute in range(-1, 400):
        at = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
        wanted = any(span.contains(at) for span in windows) and not any(span.contains(at) for span in freezes)
        assert any(span.contains(at) for span in result) == wanted


@given(SPANS, SPANS)
def test_law_effective_time_is_sorted_apart_and_a_fixed_point(windows: list[Span], freezes: list[Span]) -> None:
    result = effective(windows, freezes)
    assert all(one.ends_at < other.starts_at for one, other in pairwise(result))
    assert effective(result, freezes) == result
    assert effective(reversed(windows), reversed(freezes)) == result


ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
        "Asia/Kolkata",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    ZONES,
    st.datetimes(min_value=datetime(2024, 1, 1), max_value=datetime(2029, 1, 1)),  # noqa: DTZ001 - wall-clock time
    st.integers(min_value=1, max_value=30),
)
def test_law_every_day_has_one_window_of_the_elapsed_length_never_before_its_wall_clock_time(
    timezone: str, start: datetime, days: int
) -> None:
    window = rule(start.replace(microsecond=0).isoformat(), f"FREQ=DAILY;COUNT={days}", timezone, hours=3)
    found = occurrences(window, after=instant("2000-01-01"), before=instant("2040-01-01"))
    assert len(found) == days
    for index, span in enumerate(found):
        assert span.ends_at - span.starts_at == 3 * HOUR
        wanted = window.starts_local + timedelta(days=index)
        local = span.starts_at.astimezone(window.zone).replace(tzinfo=None)
        assert timedelta(0) <= local - wanted <= HOUR  # later by the gap, never earlier, never dropped


@settings(max_examples=60, deadline=None)
@given(ZONES, st.integers(min_value=0, max_value=400), st.integers(min_value=0, max_value=400))
def test_law_a_question_in_two_halves_has_the_same_answer(timezone: str, first: int, second: int) -> None:
    window = rule("2026-12-01T01:45:00", "FREQ=DAILY;INTERVAL=3", timezone, hours=30)
    base = instant("2026-11-20")
    low, high = sorted((base + timedelta(hours=7 * first), base + timedelta(hours=7 * second)))
    whole = occurrences(window, after=base, before=high + HOUR)
    halves = {*occurrences(window, after=base, before=low), *occurrences(window, after=low, before=high + HOUR)}
    assert set(whole) == halves
