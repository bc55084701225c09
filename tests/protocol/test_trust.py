"""May this order be obeyed: every reason to refuse is reachable, and the borders lie where they are said to lie."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.protocol import trust as t
from oakum.protocol.orders import (
    PACKAGE_CHANGE_COUNT_MAX,
    VERB_APPLY,
    VERB_HOLD,
    WINDOW_COUNT_MAX,
    OrderWindow,
    PackageChange,
    WorkOrder,
    order_payload,
    payload_hash,
)
from tests.protocol.values import NOW, POLICY, make_order, make_trust

OPEN = OrderWindow(t.render_instant(NOW - timedelta(hours=1)), t.render_instant(NOW + timedelta(hours=1)))
LATER = OrderWindow(t.render_instant(NOW + timedelta(hours=1)), t.render_instant(NOW + timedelta(hours=2)))


def judge(
    order: WorkOrder,
    *,
    trust: t.HostTrust | None = None,
    policy: t.LocalPolicy = POLICY,
    now: datetime = NOW,
    order_hash: str | None = None,
) -> t.Refusal | None:
    found_hash = payload_hash(order_payload(order)) if order_hash is None else order_hash
    return t.judge_order(order, order_hash=found_hash, trust=trust or make_trust(), policy=policy, now=now)


def reason(order: WorkOrder, **given_values: Any) -> str:
    refusal = judge(order, **given_values)
    return "" if refusal is None else refusal.reason


def test_an_order_in_order_is_obeyed() -> None:
    assert judge(make_order()) is None
    assert judge(make_order(windows=(LATER, OPEN))) is None


MANY = tuple(PackageChange(f"p{number}", "amd64", "1", "2") for number in range(PACKAGE_CHANGE_COUNT_MAX + 1))
CASES: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    (t.REFUSED_VERB, {"verb": "run_script"}, {}),
    (t.REFUSED_MALFORMED, {"packages": ()}, {}),
    (t.REFUSED_MALFORMED, {"packages": MANY}, {}),
    (t.REFUSED_MALFORMED, {"windows": (OPEN,) * (WINDOW_COUNT_MAX + 1)}, {}),
    (t.REFUSED_MALFORMED, {"packages": (PackageChange("a", "amd64", "1", "2"),) * 2}, {}),
    (t.REFUSED_MALFORMED, {"issued_at": "yesterday"}, {}),
    (t.REFUSED_MALFORMED, {"expires_at": "2026-11-22T12:00:00+00:00"}, {}),
    (t.REFUSED_MALFORMED, {"windows": (OrderWindow(OPEN.ends_at, OPEN.starts_at),)}, {}),
    (t.REFUSED_MALFORMED, {"windows": (OrderWindow(OPEN.ends_at, OPEN.ends_at),)}, {}),
    (t.REFUSED_OTHER_HOST, {"host_id": "other"}, {}),
    (t.REFUSED_OTHER_ORGANISATION, {"organisation_id": "other"}, {}),
    (t.REFUSED_REPLAYED, {}, {"trust": make_trust(finished_order_ids=("o-0", "o-1"))}),
    (t.REFUSED_OLD_GENERATION, {"generation": 5}, {}),
    (t.REFUSED_OLD_GENERATION, {"generation": 6}, {}),
    (t.REFUSED_CLOCK, {}, {"trust": make_trust(clock_skew_seconds=301)}),
    (t.REFUSED_CLOCK, {}, {"trust": make_trust(clock_skew_seconds=-301)}),
    (t.REFUSED_NOT_YET_VALID, {"issued_at": t.render_instant(NOW + timedelta(seconds=301))}, {}),
    (t.REFUSED_NOT_YET_VALID, {"issued_at": "9999-12-31T23:59:59.999999Z"}, {}),
    (t.REFUSED_EXPIRED, {"issued_at": "0001-01-01T00:00:00Z", "expires_at": "0001-01-01T00:00:00Z"}, {}),
    (t.REFUSED_EXPIRED, {"expires_at": t.render_instant(NOW)}, {}),
    (t.REFUSED_REPORT_ONLY, {}, {"policy": t.LocalPolicy()}),
    (t.REFUSED_POLICY_VERB, {}, {"policy": t.LocalPolicy(mode=t.MODE_APPLY, verbs=(VERB_HOLD,))}),
    (t.REFUSED_POLICY_PACKAGE, {}, {"policy": t.LocalPolicy(mode=t.MODE_APPLY, packages=("nginx*",))}),
    (t.REFUSED_POLICY_PACKAGE, {}, {"policy": t.LocalPolicy(mode=t.MODE_APPLY, packages_never=("open*",))}),
    (t.WAIT_WINDOW, {"windows": (LATER,)}, {}),
    (t.WAIT_POLICY_WINDOW, {}, {"policy": t.LocalPolicy(mode=t.MODE_APPLY, windows=(t.DailyWindow(0, 60),))}),
)


@pytest.mark.parametrize(("expected", "fields", "given_values"), CASES, ids=lambda value: str(value)[:30])
def test_each_reason_is_reached_and_worded(expected: str, fields: Any, given_values: Any) -> None:
    refusal = judge(make_order(**fields), **given_values)
    assert refusal is not None
    assert refusal.reason == expected
    assert refusal.sentence.startswith(t.SENTENCES[expected])


def test_no_reason_is_left_out_above() -> None:
    """The signature is judged where the envelope is opened; all the rest is judged here."""
    assert {case[0] for case in CASES} == set(t.SENTENCES) - {t.REFUSED_SIGNATURE}


@pytest.mark.parametrize(("expected", "fields", "given_values"), CASES, ids=lambda value: str(value)[:30])
def test_waiting_may_help_only_where_time_changes_the_answer(expected: str, fields: Any, given_values: Any) -> None:
    refusal = judge(make_order(**fields), **given_values)
    assert refusal is not None
    passing = {t.REFUSED_CLOCK, t.REFUSED_NOT_YET_VALID, t.WAIT_WINDOW, t.WAIT_POLICY_WINDOW}
    assert refusal.final == (expected not in passing)


@given(seen=st.integers(0, 2**40), older_by=st.integers(1, 2**40), verb=st.sampled_from((VERB_APPLY, VERB_HOLD)))
def test_an_older_generation_never_passes(seen: int, older_by: int, verb: str) -> None:
    order = make_order(generation=seen - older_by, verb=verb)
    assert reason(order, trust=make_trust(generation_max=seen)) == t.REFUSED_OLD_GENERATION


@given(generation=st.integers(0, 2**40), verb=st.sampled_from((VERB_APPLY, VERB_HOLD)))
def test_of_one_generation_only_the_order_that_was_seen_passes(generation: int, verb: str) -> None:
    order = make_order(generation=generation, verb=verb)
    own = payload_hash(order_payload(order))
    assert judge(order, trust=make_trust(generation_max=generation, current_order_hash=own)) is None
    other = make_trust(generation_max=generation, current_order_hash="0" * 64)
    assert reason(order, trust=other) == t.REFUSED_OLD_GENERATION


@given(
    skew=st.integers(-(2**31), 2**31),
    minutes=st.integers(-(10**6), 10**6),
    mode=st.sampled_from(t.MODES),
    packages=st.sampled_from((("*",), ("x",), ())),
)
def test_a_hold_is_heeded_whatever_clock_windows_and_policy_say(
    skew: int, minutes: int, mode: str, packages: tuple[str, ...]
) -> None:
    """Refusing a hold would let something start that was withdrawn."""
    policy = t.LocalPolicy(mode=mode, verbs=(), packages=packages, windows=(t.DailyWindow(0, 1),))
    hold = make_order(verb=VERB_HOLD, packages=(), windows=(LATER,))
    trust = make_trust(clock_skew_seconds=skew)
    assert judge(hold, trust=trust, policy=policy, now=NOW + timedelta(minutes=minutes)) is None


@pytest.mark.parametrize("verb", [VERB_APPLY, VERB_HOLD])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"host_id": "x"}, t.REFUSED_OTHER_HOST), ({"organisation_id": "x"}, t.REFUSED_OTHER_ORGANISATION)],
)
def test_others_orders_are_refused_before_anything_else_is_said(
    verb: str, fields: dict[str, str], expected: str
) -> None:
    expired = t.render_instant(NOW - timedelta(days=1))
    assert reason(make_order(verb=verb, expires_at=expired, generation=0, **fields)) == expected


@pytest.mark.parametrize(
    ("offset", "is_open"),
    [
        (timedelta(0), True),
        (-timedelta(microseconds=1), False),
        (timedelta(hours=1), False),
        (timedelta(minutes=59, seconds=59), True),
    ],
)
def test_a_window_is_half_open(offset: timedelta, is_open: bool) -> None:  # noqa: FBT001 - a table's column
    window = OrderWindow(t.render_instant(NOW), t.render_instant(NOW + timedelta(hours=1)))
    assert t.window_contains(window, NOW + offset) == is_open
    late = t.render_instant(NOW + timedelta(days=9))
    assert (reason(make_order(windows=(window,), expires_at=late), now=NOW + offset) == "") == is_open


def test_expiry_and_issue_have_their_borders() -> None:
    second = timedelta(seconds=1)
    assert reason(make_order(expires_at=t.render_instant(NOW + second))) == ""
    assert reason(make_order(expires_at=t.render_instant(NOW))) == t.REFUSED_EXPIRED
    at_the_border = t.render_instant(NOW + timedelta(seconds=300))
    assert reason(make_order(issued_at=at_the_border)) == ""


SATURDAY_NIGHT = t.DailyWindow(start_minute=22 * 60, end_minute=2 * 60, days=(6,))


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        (datetime(2026, 11, 21, 21, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 21, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 21, 23, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 0, 0, tzinfo=UTC), True),  # Sunday, but the window began on Saturday
        (datetime(2026, 11, 22, 1, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 2, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 22, 30, tzinfo=UTC), False),  # Sunday evening
        (datetime(2026, 11, 21, 1, 0, tzinfo=UTC), False),  # early Saturday belongs to Friday's night
    ],
)
def test_a_daily_window_over_midnight_belongs_to_the_day_on_which_it_begins(
    at: datetime,
    is_open: bool,  # noqa: FBT001 - a table's column
) -> None:
    policy = t.LocalPolicy(mode=t.MODE_APPLY, windows=(SATURDAY_NIGHT,))
    order = make_order(issued_at="2026-11-01T00:00:00Z", expires_at="2027-01-01T00:00:00Z")
    assert (reason(order, policy=policy, now=at) == "") == is_open


@given(start=st.integers(0, 1439), end=st.integers(0, 1439), minute=st.integers(0, 1439))
def test_a_daily_window_and_the_rest_of_the_day_share_it_out(start: int, end: int, minute: int) -> None:
    """Each minute of any day lies in the window or in the one from its end to its start, never in both."""
    at = NOW.replace(hour=0) + timedelta(minutes=minute)
    order = make_order(issued_at="2026-11-01T00:00:00Z", expires_at="2027-01-01T00:00:00Z")

    def is_open(first: int, last: int) -> bool:
        return (
            reason(order, policy=t.LocalPolicy(mode=t.MODE_APPLY, windows=(t.DailyWindow(first, last),)), now=at) == ""
        )

    if start == end:
        assert not is_open(start, end)
    else:
        assert is_open(start, end) != is_open(end, start)


def test_what_is_never_allowed_wins_over_what_is() -> None:
    policy = t.LocalPolicy(mode=t.MODE_APPLY, packages=("openssl",), packages_never=("openssl",))
    assert reason(make_order(), policy=policy) == t.REFUSED_POLICY_PACKAGE


@given(instant=st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds
def test_instants_survive_the_wire(instant: datetime) -> None:
    assert t.parse_instant(t.render_instant(instant)) == instant


@pytest.mark.parametrize(
    "text", ["", "Z", "2026-11-22", "2026-11-22T12:00:00", "2026-11-22T12:00:00+01:00", "2026-13-01T00:00:00Z"]
)
def test_what_is_no_instant_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - strptime words it
        t.parse_instant(text)


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(ValueError, match="naive"):
        t.render_instant(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
