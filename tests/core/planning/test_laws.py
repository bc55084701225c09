"""Laws of planning over situations drawn at random: each opens with the clause it proves."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oakum.core.planning.check import check
from oakum.core.planning.effects import carry_out
from oakum.core.planning.planner import plan
from oakum.core.planning.report import describe
from oakum.core.planning.specification import parse_spec, render_spec
from oakum.core.planning.values import HostState, Limits, RolloutState, Situation
from oakum.core.windows import Span
from tests.core.planning.building import HOUR, NOW, change_set, make_situation, make_spec

SETS = (change_set("a"), change_set("a", "b"), change_set("a", stream="ubuntu:22.04"), change_set("c"))
SEEDS = st.integers(min_value=0, max_value=2**32)


def draw_situation(seed: int) -> Situation:
    """Draw everything that a plan is made from; the same seed gives the same situation."""
    draw = random.Random(seed)  # noqa: S311 - a test's choice
    sizes = [draw.randint(1, 6) for _ in range(draw.randint(1, 4))]
    windows = tuple(
        Span(starts_at=NOW + timedelta(hours=9 * n - 5), ends_at=NOW + timedelta(hours=9 * n + draw.randint(-1, 3)))
        for n in range(draw.randint(1, 4))
    )
    limits = Limits(
        failure_percent_max=draw.choice([0, 5, 20, 50, 100]), failure_count_max=draw.randint(0, 6),
        lost_percent_max=draw.choice([0, 2, 50, 100]), wave_count_max=draw.randint(1, 12),
    )  # fmt: skip
    sets = [draw.randrange(len(SETS)) for _ in range(sum(sizes))]
    spec = make_spec(sizes, change_sets=SETS, sets=sets, windows=windows, limits=limits)
    ring_open = draw.randrange(len(sizes))
    begun = sum(sizes[: ring_open + 1])
    return make_situation(
        spec,
        {number: _draw_host(draw) for number in range(begun)},
        ring_open=ring_open,
        state=draw.choice([RolloutState.RUNNING] * 6 + list(RolloutState)),
        freezes=tuple(
            Span(starts_at=NOW + HOUR * draw.randint(-4, 4), ends_at=NOW + HOUR * draw.randint(5, 9))
            for _ in range(draw.choice([0, 0, 0, 1]))
        ),
        approval_count=draw.choice([0] + [1] * 30 + [2]),
    )


def _draw_host(draw: random.Random) -> dict[str, Any]:
    def ago() -> datetime:
        return NOW - timedelta(minutes=draw.randint(0, 400))

    calm = [HostState.VERIFIED] * 40 + [HostState.WAITING] * 40 + [HostState.SOAKED, HostState.RELEASED] * 6
    state = draw.choice(calm + [HostState.REFUSED] * 3 + list(HostState))
    host: dict[str, Any] = {
        "state": state,
        "last_seen_at": draw.choice([NOW] * 60 + [NOW - HOUR, None]),
        "is_active": draw.random() > 0.02,
        "busy_with": draw.choice([0] * 12 + [4]),
    }
    if state is HostState.WAITING:
        return host
    host["released_at"] = ago()
    if state in {HostState.RELEASED, HostState.DEFERRED}:
        host["order_ends_at"] = draw.choice([None, NOW - HOUR, NOW + HOUR])
    elif state is HostState.STARTED:
        host["started_at"] = ago()
    elif state in {HostState.APPLIED, HostState.LOST}:
        host |= {"started_at": ago(), "applied_at": ago()}
    elif state is HostState.SOAKED:
        host |= {"soaked_at": ago(), "applied_at": ago()}
        host["remedy"] = draw.choice(["", "pending_restart", "pending_reboot", "unknown"])
    host["is_accepted"] = draw.random() > 0.4
    return host


def test_the_draw_shows_every_kind_of_plan() -> None:
    """A law over situations in which nothing happens proves nothing."""
    seen: Counter[str] = Counter()
    for seed in range(1500):
        situation = draw_situation(seed)
        made = plan(situation)
        ring_of = {host.host_id: host.ring for host in situation.hosts}
        seen["promotion"] += made.ring_open > situation.ring_open
        seen["release in ring 0"] += any(ring_of[host_id] == 0 for host_id in made.releases)
        seen["release in a later ring"] += any(ring_of[host_id] > 0 for host_id in made.releases)
        for name in ("reissues", "withdrawals", "losses", "returns"):
            seen[name] += bool(getattr(made, name))
        seen[f"{situation.state} to {made.state}"] += 1
    wanted = {
        "promotion", "release in ring 0", "release in a later ring", "reissues", "withdrawals", "losses", "returns",
        "running to running", "running to halted", "running to completed", "running to cancelled",
    }  # fmt: skip
    assert {name for name in wanted if seen[name] >= 10} == wanted, seen


@settings(max_examples=1500, deadline=None)
@given(SEEDS)
def test_law_the_checker_never_objects_to_the_planner(seed: int) -> None:
    situation = draw_situation(seed)
    assert check(situation, plan(situation)) == ()


@settings(max_examples=800, deadline=None)
@given(SEEDS)
def test_law_planning_again_changes_nothing(seed: int) -> None:
    situation = draw_situation(seed)
    after = carry_out(situation, plan(situation))
    assert not plan(after).changes(after)


@settings(max_examples=800, deadline=None)
@given(SEEDS, st.integers(min_value=0, max_value=100), st.integers(min_value=0, max_value=9))
def test_law_a_tighter_budget_never_lets_more_go(seed: int, percent: int, count: int) -> None:
    situation = draw_situation(seed)
    limits = situation.spec.limits
    tighter = replace(
        limits,
        failure_percent_max=min(percent, limits.failure_percent_max),
        failure_count_max=min(count, limits.failure_count_max),
        lost_percent_max=min(percent, limits.lost_percent_max),
    )
    loose, tight = plan(situation), plan(replace(situation, spec=replace(situation.spec, limits=tighter)))
    assert set(tight.releases) <= set(loose.releases)
    assert tight.ring_open <= loose.ring_open


@settings(max_examples=500, deadline=None)
@given(SEEDS, st.integers(min_value=0, max_value=600))
def test_law_time_never_takes_back_a_promotion(seed: int, minutes: int) -> None:
    situation = draw_situation(seed)
    after = carry_out(situation, plan(situation))
    later = replace(after, now=after.now + timedelta(minutes=minutes))
    assert plan(later).ring_open >= after.ring_open >= situation.ring_open


@settings(max_examples=500, deadline=None)
@given(SEEDS)
def test_law_a_freeze_or_a_pause_lets_nobody_go(seed: int) -> None:
    situation = draw_situation(seed)
    whole = Span(starts_at=NOW - timedelta(days=1), ends_at=NOW + timedelta(days=1))
    for stopped in (replace(situation, freezes=(whole,)), replace(situation, state=RolloutState.PAUSED)):
        made = plan(stopped)
        assert not made.releases
        assert not made.reissues


@settings(max_examples=500, deadline=None)
@given(SEEDS)
def test_law_the_report_always_finds_words_and_the_spec_its_way_back(seed: int) -> None:
    situation = draw_situation(seed)
    text = describe(situation, plan(situation))
    assert text.endswith((".", "?", "!"))
    assert "  " not in text
    assert parse_spec(render_spec(situation.spec)) == situation.spec
