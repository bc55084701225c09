"""What the planner does in one situation; every test ends by planning again, which must change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oakum.core.planning.planner import ORDER_LIFE_MAX, plan
from oakum.core.planning.standing import RELEASED_MAX, SOAK_REPORT_GRACE, STARTED_MAX
from oakum.core.planning.values import (
    MOVE_COUNT_MAX,
    REASON_UNSIGNABLE,
    HostState,
    Limits,
    RolloutState,
)
from oakum.core.windows import Span
from tests.core.planning.building import (
    HOUR,
    LIMITS,
    NOW,
    SOAK,
    change_set,
    host_id,
    make_situation,
    make_spec,
    settle,
)

VERIFIED, SOAKED, APPLIED, STARTED = HostState.VERIFIED, HostState.SOAKED, HostState.APPLIED, HostState.STARTED
RELEASED, DEFERRED, LOST, REFUSED = HostState.RELEASED, HostState.DEFERRED, HostState.LOST, HostState.REFUSED
ROLLED_BACK, FAILED = HostState.ROLLED_BACK, HostState.FAILED


def numbers(hosts: tuple[object, ...]) -> list[int]:
    return [host.int for host in hosts]  # type: ignore[attr-defined]


def test_ring_zero_goes_first_and_alone() -> None:
    found, after = settle(make_situation(make_spec((2, 3))))
    assert numbers(found.releases) == [0, 1]
    assert after.ring_open == 0
    assert found.order_ends_at == NOW + ORDER_LIFE_MAX


def test_the_next_ring_opens_when_every_host_came_to_something_and_one_is_evidence() -> None:
    found, _ = settle(make_situation(make_spec((2, 3)), {0: VERIFIED, 1: REFUSED}))
    assert found.ring_open == 1
    assert numbers(found.releases) == [2, 3, 4]


@pytest.mark.parametrize("state", [RELEASED, DEFERRED, STARTED, APPLIED, SOAKED])
def test_a_ring_waits_for_each_of_its_hosts(state: HostState) -> None:
    found, _ = settle(make_situation(make_spec((2, 3)), {0: VERIFIED, 1: state}))
    assert found.ring_open == 0
    assert not found.releases


def test_promotion_is_remembered_while_a_late_host_of_ring_zero_is_under_way() -> None:
    situation = make_situation(make_spec((2, 2, 2)), {0: VERIFIED, 1: APPLIED, 2: VERIFIED, 3: VERIFIED}, ring_open=1)
    found, _ = settle(situation)
    assert found.ring_open == 2
    assert numbers(found.releases) == [4, 5]


def test_a_silent_host_gets_no_order_holds_up_nobody_and_goes_when_it_speaks() -> None:
    spec = make_spec((2, 2))
    silent = {"state": HostState.WAITING, "last_seen_at": NOW - HOUR}
    found, after = settle(make_situation(spec, {0: VERIFIED, 1: silent}))
    assert numbers(found.releases) == [2, 3]
    back = replace(after, hosts=tuple(replace(host, last_seen_at=NOW) for host in after.hosts))
    found, _ = settle(back)
    assert numbers(found.releases) == [1]


def test_nobody_goes_outside_the_window_or_in_a_freeze() -> None:
    window = Span(starts_at=NOW, ends_at=NOW + HOUR)
    situation = make_situation(make_spec((1,), windows=(window,)))
    assert settle(situation)[0].releases
    before = replace(situation, now=NOW - timedelta(seconds=1))
    assert not settle(before)[0].releases
    freeze = Span(starts_at=NOW - HOUR, ends_at=NOW + timedelta(minutes=30))
    frozen = replace(situation, freezes=(freeze,))
    assert not settle(frozen)[0].releases
    thawed = make_situation(situation.spec, now=freeze.ends_at, freezes=(freeze,))
    found, _ = settle(thawed)
    assert found.releases
    assert found.order_windows == (Span(starts_at=freeze.ends_at, ends_at=window.ends_at),)
    assert found.order_ends_at == window.ends_at


def test_waves_count_every_host_in_hand() -> None:
    limits = replace(LIMITS, wave_count_max=3)
    spec = make_spec((6,), limits=limits)
    found, after = settle(make_situation(spec, {0: STARTED, 1: DEFERRED}))
    assert numbers(found.releases) == [2]
    after = replace(
        after, hosts=tuple(replace(host, state=VERIFIED) if host.state is STARTED else host for host in after.hosts)
    )
    assert numbers(settle(after)[0].releases) == [3]


def test_one_plan_moves_a_bounded_number_and_the_next_one_goes_on() -> None:
    limits = replace(LIMITS, wave_count_max=MOVE_COUNT_MAX + 20)
    situation = make_situation(make_spec((MOVE_COUNT_MAX + 50,), limits=limits))
    first = plan(situation)
    assert len(first.releases) == MOVE_COUNT_MAX
    from oakum.core.planning.effects import carry_out

    found, _ = settle(carry_out(situation, first))
    assert len(found.releases) == 20


def test_a_lapsed_order_is_issued_anew_in_the_window_only() -> None:
    lapsed = {"state": DEFERRED, "released_at": NOW - HOUR, "order_ends_at": NOW}
    gone = {"state": RELEASED, "released_at": NOW - HOUR, "order_ends_at": None}
    situation = make_situation(make_spec((2,)), {0: lapsed, 1: gone})
    found, after = settle(situation)
    assert numbers(found.reissues) == [0, 1]
    assert not found.releases
    assert after.hosts[0].state is DEFERRED
    frozen = replace(situation, freezes=(Span(starts_at=NOW - HOUR, ends_at=NOW + HOUR),))
    assert not settle(frozen)[0].reissues


def test_a_busy_host_is_waited_for() -> None:
    busy = {"state": HostState.WAITING, "busy_with": 6}
    found, _ = settle(make_situation(make_spec((2, 1)), {0: VERIFIED, 1: busy}))
    assert not found.releases
    assert found.ring_open == 0


def test_a_host_that_may_not_speak_is_taken_out_not_called_lost() -> None:
    quarantined = {"state": RELEASED, "is_active": False, "last_seen_at": NOW - HOUR, "released_at": NOW - HOUR}
    found, after = settle(make_situation(make_spec((2,)), {0: VERIFIED, 1: quarantined}))
    assert [move.reason for move in found.withdrawals] == ["not_active"]
    assert after.state is RolloutState.COMPLETED


@pytest.mark.parametrize("state", [DEFERRED, RELEASED])
def test_a_host_that_does_not_start_for_too_long_is_left_behind(state: HostState) -> None:
    stuck = {"state": state, "released_at": NOW - RELEASED_MAX - HOUR, "order_ends_at": NOW + HOUR}
    found, _ = settle(make_situation(make_spec((2, 1)), {0: VERIFIED, 1: stuck}))
    assert [move.reason for move in found.withdrawals] == ["not_started_in_time"]
    assert found.ring_open == 1


def test_an_approval_that_is_gone_halts() -> None:
    found, _ = settle(make_situation(make_spec((2,)), {0: RELEASED}, approval_count=0))
    assert found.state is RolloutState.HALTED
    assert found.state_reason == "Only 0 of 1 approvals hold today."
    assert numbers(tuple(move.host_id for move in found.withdrawals)) == [0]


# Harm.


@pytest.mark.parametrize("state", [ROLLED_BACK, HostState.ROLLBACK_FAILED, LOST])
def test_one_rollback_or_loss_in_ring_zero_halts(state: HostState) -> None:
    limits = Limits(failure_percent_max=100, failure_count_max=99, lost_percent_max=100, wave_count_max=9)
    harmed = {"state": state, "last_seen_at": NOW - HOUR}
    found, after = settle(make_situation(make_spec((3, 3), limits=limits), {0: VERIFIED, 1: harmed, 2: RELEASED}))
    assert found.state is RolloutState.HALTED
    assert "h1" in found.state_reason
    assert numbers(tuple(move.host_id for move in found.withdrawals)) == [2]
    assert after.hosts[2].state is HostState.WITHDRAWN


@pytest.mark.parametrize(
    ("failed_count", "percent", "count", "halts"),
    [(1, 5, 10, False), (2, 5, 10, True), (1, 0, 10, True), (1, 5, 0, True), (0, 0, 0, False)],
)
def test_the_failure_budget_is_a_percentage_and_a_count(
    failed_count: int,
    percent: int,
    count: int,
    halts: bool,  # noqa: FBT001
) -> None:
    limits = Limits(failure_percent_max=percent, failure_count_max=count, lost_percent_max=2, wave_count_max=50)
    states = {0: VERIFIED} | dict.fromkeys(range(1, 1 + failed_count), ROLLED_BACK)
    found, _ = settle(make_situation(make_spec((1, 20), limits=limits), states, ring_open=1))
    assert (found.state is RolloutState.HALTED) == halts


def test_an_absolute_count_stops_a_big_ring_long_before_its_percentage() -> None:
    limits = replace(LIMITS, failure_count_max=3)
    states = {0: VERIFIED} | dict.fromkeys(range(1, 5), FAILED)
    found, _ = settle(make_situation(make_spec((1, 200), limits=limits), states, ring_open=1))
    assert found.state is RolloutState.HALTED


def test_more_than_two_percent_lost_halts_a_later_ring() -> None:
    lost = {"state": APPLIED, "applied_at": NOW - HOUR, "last_seen_at": NOW - HOUR}
    limits = replace(LIMITS, wave_count_max=200)
    spec = make_spec((1, 100), limits=limits)
    found, _ = settle(make_situation(spec, {0: VERIFIED, 1: lost, 2: lost}, ring_open=1))
    assert (found.state, len(found.losses)) == (RolloutState.RUNNING, 2)
    found, _ = settle(make_situation(spec, {0: VERIFIED, 1: lost, 2: lost, 3: lost}, ring_open=1))
    assert (found.state, len(found.losses)) == (RolloutState.HALTED, 3)


def test_a_host_that_cannot_be_taken_back_halts_wherever_it_is() -> None:
    found, _ = settle(make_situation(make_spec((1, 100)), {0: VERIFIED, 5: HostState.ROLLBACK_FAILED}, ring_open=1))
    assert found.state is RolloutState.HALTED


def test_an_order_that_the_signer_refused_halts() -> None:
    unsigned = {"state": FAILED, "reason": REASON_UNSIGNABLE}
    found, _ = settle(make_situation(make_spec((1, 100)), {0: VERIFIED, 5: unsigned}, ring_open=1))
    assert found.state is RolloutState.HALTED
    assert "signer" in found.state_reason


def test_a_ring_in_which_nothing_worked_never_promotes_within_any_budget() -> None:
    limits = Limits(failure_percent_max=100, failure_count_max=99, lost_percent_max=100, wave_count_max=9)
    spec = make_spec((2, 2), limits=limits)
    found, _ = settle(make_situation(spec, {0: REFUSED, 1: FAILED}))
    assert found.state is RolloutState.HALTED
    accepted = {"state": FAILED, "is_accepted": True}
    found, after = settle(make_situation(spec, {0: accepted, 1: accepted}))
    assert (found.state, after.ring_open, found.releases) == (RolloutState.RUNNING, 0, ())


def test_an_accepted_failure_no_longer_halts() -> None:
    accepted = {"state": ROLLED_BACK, "is_accepted": True}
    found, _ = settle(make_situation(make_spec((2, 2)), {0: VERIFIED, 1: accepted}))
    assert found.state is RolloutState.RUNNING
    assert found.ring_open == 1


def test_a_host_that_speaks_but_not_of_its_order_is_lost_too_and_does_not_flap() -> None:
    hung = {"state": STARTED, "started_at": NOW - STARTED_MAX - HOUR}
    found, _ = settle(make_situation(make_spec((1, 100)), {0: VERIFIED, 5: hung}, ring_open=1))
    assert [move.reason for move in found.losses] == ["overdue"]
    mute = {"state": APPLIED, "applied_at": NOW - SOAK - SOAK_REPORT_GRACE - HOUR}
    found, _ = settle(make_situation(make_spec((1, 100)), {0: VERIFIED, 5: mute}, ring_open=1))
    assert [move.reason for move in found.losses] == ["overdue"]


def test_a_lost_host_that_speaks_again_goes_on_where_it_was() -> None:
    lost = {"state": LOST, "applied_at": NOW - HOUR, "started_at": NOW - HOUR, "is_accepted": True}
    found, after = settle(make_situation(make_spec((1, 100)), {0: VERIFIED, 5: lost}, ring_open=1))
    assert [(move.host_id.int, move.state) for move in found.returns] == [(5, APPLIED)]
    assert not after.hosts[5].is_accepted


# Pending: installed, and older code still runs.


def pending(soaked_ago: timedelta) -> dict[str, object]:
    return {
        "state": SOAKED,
        "applied_at": NOW - soaked_ago - SOAK,
        "soaked_at": NOW - soaked_ago,
        "remedy": "pending_reboot",
    }


def test_a_pending_host_holds_up_nobody_once_another_is_verified() -> None:
    found, _ = settle(make_situation(make_spec((2, 2)), {0: VERIFIED, 1: pending(HOUR)}))
    assert found.ring_open == 1


def test_a_ring_of_pending_hosts_waits_one_more_soak_for_a_reboot_and_then_goes_on() -> None:
    found, after = settle(make_situation(make_spec((1, 2)), {0: pending(HOUR)}))
    assert (found.ring_open, found.state) == (0, RolloutState.RUNNING)
    later = replace(after, now=NOW + HOUR, hosts=tuple(replace(host, last_seen_at=NOW + HOUR) for host in after.hosts))
    assert settle(later)[0].ring_open == 1


# Proof: behind ring 0, an unproved version goes to one host first.


def test_a_stream_that_no_ring_proved_gets_a_first_host_of_its_own() -> None:
    sets = (change_set("openssl"), change_set("openssl", stream="ubuntu:22.04"))
    spec = make_spec((1, 4), change_sets=sets, sets=[0, 1, 1, 1, 0])
    found, after = settle(make_situation(spec, {0: VERIFIED}))
    assert numbers(found.releases) == [1, 4]
    proved = replace(
        after,
        hosts=tuple(replace(host, state=VERIFIED) if host.host_id == host_id(1) else host for host in after.hosts),
    )
    assert numbers(settle(proved)[0].releases) == [2, 3]


def test_a_version_whose_first_host_refused_goes_to_the_next_one_alone() -> None:
    sets = (change_set("openssl"), change_set("openssl", "curl"))
    spec = make_spec((2, 4), change_sets=sets, sets=[0, 1, 1, 1, 1, 0])
    found, _ = settle(make_situation(spec, {0: VERIFIED, 1: REFUSED}))
    assert numbers(found.releases) == [2, 5]


# The end.


def test_it_completes_when_every_host_came_to_something() -> None:
    states = {0: VERIFIED, 1: VERIFIED, 2: REFUSED}
    assert settle(make_situation(make_spec((1, 2)), states, ring_open=1))[0].state is RolloutState.COMPLETED


def test_it_ends_with_its_last_window_but_not_while_a_host_is_at_work() -> None:
    window = Span(starts_at=NOW - HOUR, ends_at=NOW)
    spec = make_spec((2, 2), windows=(window,))
    found, _ = settle(make_situation(spec, {0: VERIFIED, 1: APPLIED}))
    assert found.state is RolloutState.RUNNING
    found, after = settle(make_situation(spec, {0: VERIFIED, 1: RELEASED}))
    assert found.state is RolloutState.CANCELLED
    assert "before 3 hosts were reached" in found.state_reason
    assert after.hosts[1].state is HostState.WITHDRAWN


@pytest.mark.parametrize("state", [each for each in RolloutState if each is not RolloutState.RUNNING])
def test_only_a_running_rollout_gives_orders(state: RolloutState) -> None:
    lapsed = {"state": DEFERRED, "released_at": NOW - HOUR, "order_ends_at": NOW - HOUR}
    found, _ = settle(make_situation(make_spec((3,)), {1: lapsed}, state=state))
    assert not found.releases
    assert not found.reissues
    assert found.state is state
    stops = state in {RolloutState.HALTED, RolloutState.CANCELLED}
    assert numbers(tuple(move.host_id for move in found.withdrawals)) == ([1] if stops else [])


@pytest.mark.parametrize("state", [RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED])
def test_a_rollout_that_nobody_starts_in_time_ends(state: RolloutState) -> None:
    window = Span(starts_at=NOW - HOUR, ends_at=NOW)
    found, _ = settle(make_situation(make_spec((2,), windows=(window,)), state=state))
    assert found.state is RolloutState.CANCELLED
    assert "before 2 hosts were reached" in found.state_reason
