"""Storm for safety, calm for progress, planted bugs to show that the checks can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from oakum.core.planning.planner import plan
from oakum.core.planning.values import HostState, Limits, Plan, RolloutState, Situation
from oakum.core.windows import Span
from tests.core.planning.building import NOW, change_set, make_situation, make_spec
from tests.core.planning.simulation import CALM, DRIZZLE, STORM, Fleet, ObjectionError, SafetyError, Weather
from tests.draws import seeds

TICKS_OF_A_DAY = 288
LIMITS = Limits(failure_percent_max=10, failure_count_max=4, lost_percent_max=5, wave_count_max=4)
NIGHTS = tuple(
    Span(starts_at=NOW + timedelta(days=day), ends_at=NOW + timedelta(days=day, hours=14)) for day in range(12)
)
SETS = (
    change_set("openssl"),
    change_set("openssl", "curl"),
    change_set("openssl", stream="ubuntu:22.04"),
    change_set("kernel", stream="ubuntu:22.04"),
)


def make_fleet(
    seed: int, weather: Weather, planner: Callable[[Situation], Plan] = plan, *, checks: bool = True
) -> Fleet:
    sets = [0, 1, 2, *[(number * 7 + seed) % 4 for number in range(21)]]
    spec = make_spec((3, 6, 15), change_sets=SETS, sets=sets, windows=NIGHTS, limits=LIMITS, soak=timedelta(hours=1))
    return Fleet(make_situation(spec), seed=seed, weather=weather, planner=planner, checks=checks)


@pytest.mark.parametrize("seed", seeds(60))
def test_storm_no_host_ever_does_what_none_may(seed: int) -> None:
    fleet = make_fleet(seed, STORM)
    fleet.run(tick_count_max=6 * TICKS_OF_A_DAY)
    assert fleet.plan_count > 0
    assert any(host.start_count for host in fleet.real.values()), "a storm in which nobody starts shows nothing"


@pytest.mark.parametrize("seed", seeds(20))
def test_calm_every_host_is_verified_in_time(seed: int) -> None:
    fleet = make_fleet(seed, CALM)
    took = fleet.run(tick_count_max=6 * TICKS_OF_A_DAY)
    assert fleet.situation.state is RolloutState.COMPLETED, took
    assert all(host.state is HostState.VERIFIED for host in fleet.situation.hosts)
    assert all(host.start_count == 1 and host.has_new for host in fleet.real.values())


@pytest.mark.parametrize("seed", seeds(20))
def test_drizzle_what_only_delays_only_delays(seed: int) -> None:
    """Late, doubled and reordered words, passing obstacles, reboots pending, silence: nothing is stuck for ever."""
    fleet = make_fleet(seed, DRIZZLE)
    for _ in range(11 * TICKS_OF_A_DAY):
        if fleet.situation.state is RolloutState.HALTED:  # a silence took too long: an approver sees to it
            fleet._resume(is_halted=True)
        if fleet.situation.state in {RolloutState.COMPLETED, RolloutState.CANCELLED}:
            break
        fleet.step()
    assert fleet.situation.state is RolloutState.COMPLETED
    assert sum(host.has_new for host in fleet.real.values()) >= 21


# Planted bugs: a planner that is wrong in one way each.


def _releasing(pick: Callable[[Situation], list[int]], *, opens: int | None = None) -> Callable[[Situation], Plan]:
    """Return a planner that also releases the hosts that ``pick`` names, as if it were right to."""

    def wrong(situation: Situation) -> Plan:
        made = plan(situation)
        taken = {move.host_id for move in (*made.withdrawals, *made.losses, *made.returns)}
        more = tuple(
            situation.hosts[number].host_id
            for number in pick(situation)
            if situation.hosts[number].host_id not in {*made.releases, *made.reissues, *taken}
        )
        if not more:
            return made
        windows = made.order_windows or (Span(starts_at=situation.now, ends_at=situation.now + timedelta(hours=1)),)
        return replace(
            made, releases=made.releases + more, order_windows=windows,
            order_ends_at=made.order_ends_at or situation.now + timedelta(hours=1),
            ring_open=made.ring_open if opens is None else opens,
        )  # fmt: skip

    return wrong


def _waiting(situation: Situation, *, ring_max: int = 9) -> list[int]:
    return [host.host_id.int for host in situation.hosts if host.state is HostState.WAITING and host.ring <= ring_max]


def _always_open(situation: Situation) -> Plan:
    spec = situation.spec
    whole = Span(starts_at=NOW - timedelta(days=1), ends_at=spec.expires_at)
    return plan(replace(situation, spec=replace(spec, windows=(whole,))))


def _without_freezes(situation: Situation) -> Plan:
    return plan(replace(situation, freezes=()))


def _with_other_limits(situation: Situation) -> Plan:
    limits = Limits(failure_percent_max=100, failure_count_max=99, lost_percent_max=100, wave_count_max=99)
    return plan(replace(situation, spec=replace(situation.spec, limits=limits)))


def _blind_to_harm(situation: Situation) -> Plan:
    return plan(replace(situation, hosts=tuple(replace(host, is_accepted=True) for host in situation.hosts)))


def _never_soaks(situation: Situation) -> Plan:
    hosts = tuple(
        replace(host, state=HostState.VERIFIED) if host.state is HostState.APPLIED else host for host in situation.hosts
    )
    return plan(replace(situation, hosts=hosts))


def _ignores_the_halt(situation: Situation) -> Plan:
    if situation.state not in {RolloutState.HALTED, RolloutState.PAUSED}:
        return plan(situation)
    return replace(plan(replace(situation, state=RolloutState.RUNNING)), state=situation.state)


def _ignores_proof(situation: Situation) -> Plan:
    """Forget which versions differ: everything looks proved as soon as anything is."""
    hosts = tuple(replace(host, change_set=situation.hosts[0].change_set) for host in situation.hosts)
    return plan(replace(situation, hosts=hosts))


PLANTED = {
    "opens every ring at once": _releasing(_waiting, opens=2),
    "lets ring 1 go with ring 0": _releasing(lambda situation: _waiting(situation, ring_max=1)[:3], opens=1),
    "releases a host again": _releasing(
        lambda situation: [h.host_id.int for h in situation.hosts if h.state is HostState.VERIFIED][:1]
    ),
    "knows no windows": _always_open,
    "knows no freezes": _without_freezes,
    "knows no limits": _with_other_limits,
    "knows no harm": _blind_to_harm,
    "does not wait for the soak": _never_soaks,
    "goes on after a halt": _ignores_the_halt,
    "does not ask for proof": _ignores_proof,
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_checker_finds_each_planted_bug(name: str) -> None:
    found = 0
    for seed in range(12):
        try:
            make_fleet(seed, STORM, PLANTED[name]).run(tick_count_max=3 * TICKS_OF_A_DAY)
        except ObjectionError:
            found += 1
    assert found > 0, f"a planner that {name} passes the checker"


# Permits stand between a wrong plan and a host: halts, windows, second orders.  What they do not know must show.
@pytest.mark.parametrize(
    "name",
    [
        "opens every ring at once",
        "lets ring 1 go with ring 0",
        "knows no limits",
        "knows no harm",
    ],
)
def test_the_truth_finds_planted_bugs_without_the_checker(name: str) -> None:
    found = 0
    for seed in range(12):
        try:
            make_fleet(seed, STORM, PLANTED[name], checks=False).run(tick_count_max=3 * TICKS_OF_A_DAY)
        except SafetyError:
            found += 1
    assert found > 0, f"a planner that {name} does nothing wrong that anybody would see"


def test_the_same_seed_gives_the_same_story() -> None:
    one, other = make_fleet(5, STORM), make_fleet(5, STORM)
    one.run(tick_count_max=TICKS_OF_A_DAY)
    other.run(tick_count_max=TICKS_OF_A_DAY)
    assert one.situation == other.situation
