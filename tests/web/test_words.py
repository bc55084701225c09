"""How pages word instants, spans and rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from oakum.web.templatetags.oakum import coded
from oakum.web.words import badge, exact, relative, rule_words

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=30), "in under a minute"),
        (timedelta(minutes=-1), "1 min ago"),
        (timedelta(minutes=-119), "119 min ago"),
        (timedelta(hours=-2), "2 h ago"),
        (timedelta(hours=47), "in 47 h"),
        (timedelta(days=14), "in 14 days"),
        (timedelta(days=-400), "400 days ago"),
    ],
)
def test_distance_in_words(distance: timedelta, words: str) -> None:
    assert relative(NOW + distance, now=NOW) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0 s"),
        (timedelta(minutes=30), "30 min"),
        (timedelta(days=1, hours=6), "1 day 6 h"),
        (timedelta(hours=1, seconds=5), "1 h 5 s"),
    ],
)
def test_spans_in_full(span: timedelta, words: str) -> None:
    assert exact(span) == words


@pytest.mark.parametrize(
    ("rrule", "words"),
    [
        ("", "once, 2026-11-24 at 22:00"),
        ("FREQ=DAILY", "every day at 22:00"),
        ("FREQ=WEEKLY", "every Tuesday at 22:00"),
        ("FREQ=WEEKLY;BYDAY=SA,SU", "every Saturday and Sunday at 22:00"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE", "every Monday, Tuesday and Wednesday at 22:00"),
        ("FREQ=MONTHLY;BYDAY=2TU", "every second Tuesday of the month at 22:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYMONTHDAY=1 at 22:00"),
        ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=3 at 22:00"),
    ],
)
def test_rules_in_words(rrule: str, words: str) -> None:
    assert rule_words(rrule, "2026-11-24T22:00:00") == words


def test_a_state_without_an_entry_is_shown_as_it_is() -> None:
    assert badge("host", "brand_new") == ("brand new", "calm")


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Run `oakum up` now.", "Run <code>oakum up</code> now."),
        ("<b>`x<y`</b>", "&lt;b&gt;<code>x&lt;y</code>&lt;/b&gt;"),
        ("one ` alone", "one  alone"),
        ("", ""),
    ],
)
def test_what_is_to_be_typed_stands_out_and_all_is_escaped(text: str, markup: str) -> None:
    assert coded(text) == markup
