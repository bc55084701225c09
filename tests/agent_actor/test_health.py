"""Health compared: what got worse is found, what was ill before is not, and what comes and goes raises no alarm."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.agent.actor.health import (
    JOB_FAILED,
    LISTENER_GONE,
    SETTLED_SECONDS,
    SYSTEMD_SILENT,
    UNIT_FAILED,
    UNIT_RESTARTING,
    UNIT_STOPPED,
    compare_health,
    confirm_health,
    is_worse,
    was_ill,
)
from oakum.agent.actor.health_state import MANAGER_ABSENT, MANAGER_ANSWERS, MANAGER_SILENT, HealthState, Unit
from oakum.agent.actor.system import Listener
from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.trust import render_instant

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEB = Unit("nginx.service", "active", "running", "success", "enabled", invocation="a", active_seconds=9_000)
ANY4, ANY6 = "0.0.0.0", "::"  # noqa: S104 - compared, never bound


def state(*units: Unit, listeners: tuple[Listener, ...] = (), seconds: int = 0, **fields: Any) -> HealthState:
    values: dict[str, Any] = {"boot_id": "b1", "manager": MANAGER_ANSWERS}
    return HealthState(
        taken_at=render_instant(AT + timedelta(seconds=seconds)),
        units=units,
        listeners=listeners,
        **{**values, **fields},
    )


def kinds(before: HealthState, after: HealthState) -> list[tuple[str, str]]:
    return [(each.kind, each.subject) for each in compare_health(before, after)]


# Properties over any host.

NAMES = st.sampled_from(
    [
        f"{stem}.{kind}"
        for stem in ("nginx", "ssh", "backup", "session-3", "user@1000", "run-u5", "apt-daily", "oakum-agent")
        for kind in ("service", "socket", "timer", "mount", "scope", "path")
    ]
)
UNITS = st.builds(
    Unit,
    name=NAMES,
    active=st.sampled_from(("active", "inactive", "failed", "activating", "deactivating", "reloading")),
    sub=st.sampled_from(("running", "dead", "auto-restart", "exited", "failed")),
    result=st.sampled_from(("success", "exit-code")),
    enablement=st.sampled_from(("enabled", "static", "disabled", "", "generated")),
    restarts=st.integers(0, 5),
    invocation=st.sampled_from(("a", "b", "")),
    active_seconds=st.integers(0, 2 * SETTLED_SECONDS),
    triggers=st.lists(NAMES, max_size=2).map(tuple),
    oneshot=st.booleans(),
    transient=st.booleans(),
)
SOCKETS = st.sampled_from(("tcp", "udp")).flatmap(
    lambda protocol: (
        st.tuples(st.just(protocol), st.sampled_from((ANY4, "127.0.0.1", "192.0.2.1")))
        | st.tuples(st.just(protocol + "6"), st.sampled_from((ANY6, "::1", "2001:db8::1")))
    )
)
LISTENERS = st.builds(
    lambda socket, port, unit: Listener(socket[0], socket[1], port, unit),
    SOCKETS,
    st.sampled_from((22, 80, 443, 40_000, 50_000)),
    st.sampled_from(("nginx.service", "ssh.service", "", "init.scope", "session-3.scope")),
)
STATES = st.builds(
    HealthState,
    taken_at=st.just(render_instant(AT)),
    boot_id=st.sampled_from(("b1", "b2")),
    manager=st.sampled_from((MANAGER_ANSWERS, MANAGER_ANSWERS, MANAGER_SILENT, MANAGER_ABSENT)),
    units=st.lists(UNITS, max_size=6, unique_by=lambda unit: unit.name).map(tuple),
    listeners=st.lists(LISTENERS, max_size=8, unique=True).map(tuple),
)


@given(STATES)
def test_a_host_compared_with_itself_has_no_differences(any_state: HealthState) -> None:
    assert compare_health(any_state, any_state) == ()
    second = confirm_health(any_state, any_state, any_state)
    assert (second.confirmed, second.fresh, second.notes) == ((), (), ())


ANSWERING = STATES.map(lambda each: dataclasses.replace(each, manager=MANAGER_ANSWERS))
WELL = UNITS.map(lambda unit: dataclasses.replace(unit, name="postgresql.service", transient=False))


def with_unit(whole: HealthState, unit: Unit) -> HealthState:
    others = tuple(each for each in whole.units if each.name != unit.name)
    return dataclasses.replace(whole, units=(*others, unit))


@given(before=ANSWERING, after=ANSWERING, unit=WELL)
def test_a_unit_that_newly_fails_always_shows(before: HealthState, after: HealthState, unit: Unit) -> None:
    """Whatever else is different, and whatever the unit was doing before, as long as it was not ill."""
    failed = dataclasses.replace(unit, active="failed")
    if not was_ill(unit):
        before = with_unit(before, unit)
    found = kinds(before, with_unit(after, failed))
    assert (UNIT_FAILED, unit.name) in found or (JOB_FAILED, unit.name) in found


@given(before=STATES, after=STATES)
def test_what_was_ill_before_never_shows(before: HealthState, after: HealthState) -> None:
    ill = {unit.name for unit in before.units if was_ill(unit)}
    found = compare_health(before, after)
    assert not ill & {each.unit for each in found}


@given(before=STATES, after=STATES)
def test_each_difference_shows_once_and_has_words(before: HealthState, after: HealthState) -> None:
    found = compare_health(before, after)
    assert len({(each.kind, each.subject) for each in found}) == len(found)
    assert all(each.sentence and each.subject for each in found)


@given(before=STATES, first=STATES, second=STATES)
def test_a_second_look_shares_out_what_is_worse_and_loses_no_harm(
    before: HealthState, first: HealthState, second: HealthState
) -> None:
    """All that the second look finds is confirmed, fresh or a note; only restarts that settled become notes."""
    found = compare_health(before, second)
    looked = confirm_health(before, first, second)
    assert len(looked.confirmed) + len(looked.fresh) + len(looked.notes) == len(found)
    lost = {each for each in found if each.is_harm} - {*looked.confirmed, *looked.fresh}
    assert {each.kind for each in lost} <= {UNIT_RESTARTING}
    assert all(each.is_harm for each in (*looked.confirmed, *looked.fresh))
    assert not any(each.is_harm for each in looked.notes)


@given(before=STATES, after=STATES, more=st.lists(LISTENERS, max_size=3).map(tuple))
def test_more_listeners_are_never_worse(before: HealthState, after: HealthState, more: tuple[Listener, ...]) -> None:
    richer = dataclasses.replace(after, listeners=(*after.listeners, *more))
    poorer_found = {each.subject for each in compare_health(before, after) if each.kind == LISTENER_GONE}
    assert {each.subject for each in compare_health(before, richer) if each.kind == LISTENER_GONE} <= poorer_found


@given(STATES)
def test_a_look_survives_the_disk(any_state: HealthState) -> None:
    assert from_json(canonical_json(any_state), HealthState) == any_state


# Units.


def test_a_service_that_fails_shows_with_systemds_word_for_it() -> None:
    failed = dataclasses.replace(WEB, active="failed", sub="failed", result="exit-code")
    (difference,) = compare_health(state(WEB), state(failed))
    assert difference.kind == UNIT_FAILED
    assert difference.sentence == "nginx.service failed (exit-code)"
    assert is_worse((difference,))


def test_a_job_that_a_timer_starts_shows_and_does_not_take_an_update_back() -> None:
    job = Unit("backup.service", "inactive", oneshot=True, triggers=("backup.timer",))
    found = compare_health(state(job), state(dataclasses.replace(job, active="failed")))
    assert [each.kind for each in found] == [JOB_FAILED]
    assert not is_worse(found)


@pytest.mark.parametrize(
    "name", ["session-7.scope", "user@1000.service", "run-u12.service", "apt-daily.service", "oakum-agent.service"]
)
def test_what_comes_and_goes_by_itself_raises_no_alarm(name: str) -> None:
    unit = Unit(name, "active", "running", enablement="enabled")
    assert kinds(state(unit), state(dataclasses.replace(unit, active="failed"))) == []
    assert kinds(state(unit), state()) == []


@pytest.mark.parametrize("after", [(), (dataclasses.replace(WEB, active="inactive", sub="dead"),)])
def test_an_enabled_service_that_is_no_longer_active_shows(after: tuple[Unit, ...]) -> None:
    assert kinds(state(WEB), state(*after)) == [(UNIT_STOPPED, "nginx.service")]


@pytest.mark.parametrize(
    "unit",
    [
        dataclasses.replace(WEB, enablement="static"),  # leaves when idle, as polkit does
        dataclasses.replace(WEB, enablement="disabled"),
        Unit("fstrim.service", "active", enablement="enabled", oneshot=True),  # just at work
        Unit("proc-sys-fs-binfmt_misc.mount", "active"),  # nobody's wish
        Unit("multi-user.target", "active", enablement="enabled"),
    ],
)
def test_what_is_inactive_by_nature_is_not_missed(unit: Unit) -> None:
    assert kinds(state(unit), state(dataclasses.replace(unit, active="inactive"))) == []


def test_a_service_that_its_socket_starts_may_leave_as_long_as_the_socket_waits() -> None:
    socket = Unit("cups.socket", "active", "listening", enablement="enabled")
    cups = Unit("cups.service", "active", "running", enablement="enabled", triggers=("cups.socket",))
    gone = dataclasses.replace(cups, active="inactive")
    assert kinds(state(cups, socket), state(gone, socket)) == []
    no_socket = dataclasses.replace(socket, active="inactive")
    assert (UNIT_STOPPED, "cups.service") in kinds(state(cups, socket), state(gone, no_socket))


def test_a_firewall_that_stays_active_after_it_ran_is_missed() -> None:
    nftables = Unit("nftables.service", "active", "exited", enablement="enabled")
    assert kinds(state(nftables), state(dataclasses.replace(nftables, active="inactive"))) == [
        (UNIT_STOPPED, "nftables.service")
    ]


def test_a_mount_from_fstab_is_missed() -> None:
    mount = Unit("srv-data.mount", "active", "mounted", enablement="generated")
    assert kinds(state(mount), state(dataclasses.replace(mount, active="inactive"))) == [
        (UNIT_STOPPED, "srv-data.mount")
    ]


# Restarting.


def flapping(restarts: int, invocation: str, active_seconds: int, **fields: Any) -> Unit:
    return dataclasses.replace(WEB, restarts=restarts, invocation=invocation, active_seconds=active_seconds, **fields)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WEB, flapping(1, "b", 5)),
        (flapping(3, "a", 9_000), flapping(4, "b", 5)),
        (flapping(3, "a", 9_000), flapping(2, "b", 5)),  # set back by the package's restart, and grown again
        (flapping(2, "a", 9_000), flapping(2, "b", 5)),  # the same number of another life
        (WEB, flapping(0, "b", 0, active="activating", sub="auto-restart")),
    ],
)
def test_a_unit_that_systemd_had_to_restart_shows(before: Unit, after: Unit) -> None:
    assert kinds(state(before), state(after)) == [(UNIT_RESTARTING, "nginx.service")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (flapping(3, "a", 9_000), flapping(0, "b", 5)),  # the package restarted it
        (flapping(3, "a", 9_000), flapping(3, "a", 9_060)),  # nothing happened
        (flapping(7, "a", 20), flapping(12, "b", 5)),  # it flapped before
        (WEB, flapping(2, "b", SETTLED_SECONDS)),  # long ago
    ],
)
def test_restarts_that_are_not_the_updates_do_not_show(before: Unit, after: Unit) -> None:
    assert kinds(state(before), state(after)) == []


@pytest.mark.parametrize(
    ("first", "second", "harmful"),
    [
        (flapping(3, "c", 2), flapping(9, "d", 2), True),  # restarted between the looks
        (flapping(1, "b", 55), flapping(1, "b", 85), False),  # stumbled once when its database was restarted
        (flapping(5, "b", 54), flapping(5, "b", 84), False),  # stumbled while that took some seconds, and holds
        (flapping(2, "b", 1), flapping(2, "b", 31), True),  # every thirty seconds or so: it has not held longer yet
        (flapping(1, "b", 55), flapping(1, "b", 0, active="activating", sub="auto-restart"), True),
        (flapping(1, "b", 55), flapping(1, "b", 85, active="failed"), True),
    ],
)
def test_only_what_keeps_restarting_is_harm(first: Unit, second: Unit, harmful: bool) -> None:  # noqa: FBT001 - a table
    before, look, again = state(WEB), state(first, seconds=60), state(second, seconds=90)
    found = confirm_health(before, look, again)
    assert bool(found.confirmed) == harmful
    assert found.fresh == ()


def test_a_unit_that_gave_up_between_the_looks_is_confirmed_and_another_ill_is_fresh() -> None:
    ssh = dataclasses.replace(WEB, name="ssh.service")
    first = state(flapping(3, "c", 2), ssh, seconds=60)
    second = state(dataclasses.replace(WEB, active="failed"), dataclasses.replace(ssh, active="failed"), seconds=90)
    found = confirm_health(state(WEB, ssh), first, second)
    assert [each.subject for each in found.confirmed] == ["nginx.service"]
    assert [each.subject for each in found.fresh] == ["ssh.service"]


# Listeners.


def listens(protocol: str, address: str, port: int, unit: str = "nginx.service") -> Listener:
    return Listener(protocol, address, port, unit)


HTTP = listens("tcp", ANY4, 80)


def gone(before: tuple[Listener, ...], after: tuple[Listener, ...], **fields: Any) -> list[str]:
    found = compare_health(state(WEB, listeners=before), state(WEB, listeners=after, **fields))
    return [each.subject for each in found if each.kind == LISTENER_GONE]


def test_a_listener_that_is_gone_shows_with_its_unit() -> None:
    (difference,) = compare_health(state(WEB, listeners=(HTTP,)), state(WEB))
    assert difference.sentence == "nothing listens on tcp 0.0.0.0:80 any more (nginx.service)"
    assert difference.unit == "nginx.service"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HTTP, listens("tcp", ANY4, 80, "apache2.service")),  # another serves there
        (HTTP, listens("tcp6", ANY6, 80)),  # both families in one socket now
        (listens("tcp", "127.0.0.1", 80), HTTP),  # the wildcard includes it
        (listens("tcp", "192.0.2.1", 80), listens("tcp", "192.0.2.9", 80)),  # the lease changed
        (listens("tcp6", "2001:db8::1", 80), listens("tcp6", "2001:db8::2", 80)),
        (listens("udp", ANY4, 40_000), HTTP),  # a client's reply port
        (listens("tcp", ANY4, 40_000), listens("tcp", ANY4, 50_000)),  # RPC takes a new one at each start
        (listens("tcp", ANY4, 8_000, "session-3.scope"), HTTP),  # a person logged out
        (listens("tcp", ANY4, 8_000, "user@1000.service"), HTTP),
        (listens("tcp", ANY4, 0), HTTP),
    ],
)
def test_a_socket_that_another_stands_for_is_not_missed(before: Listener, after: Listener) -> None:
    assert gone((before,), (after,)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((HTTP,), ()),
        ((HTTP,), (listens("tcp", "127.0.0.1", 80),)),  # the world is shut out
        ((HTTP,), (listens("udp", ANY4, 80),)),
        ((HTTP, listens("tcp6", ANY6, 80)), (listens("tcp6", ANY6, 80),)),  # they were two sockets
        ((listens("tcp", "127.0.0.1", 80),), (listens("tcp", "192.0.2.1", 80),)),
        ((listens("udp", ANY4, 53),), ()),
        ((listens("tcp", ANY4, 40_000),), ()),
        ((listens("tcp", ANY4, 40_000), listens("tcp", ANY4, 40_001)), (listens("tcp", ANY4, 50_000),)),
        ((listens("tcp", ANY4, 40_000),), (listens("tcp", ANY4, 50_000, "ssh.service"),)),  # another unit's
        ((listens("tcp", ANY4, 8_000, ""),), ()),  # whose it is cannot be told
    ],
)
def test_a_socket_that_nothing_stands_for_is_missed(before: tuple[Listener, ...], after: tuple[Listener, ...]) -> None:
    assert len(gone(before, after)) == 1


def test_a_socket_that_several_processes_share_is_missed_once() -> None:
    assert len(gone((HTTP, dataclasses.replace(HTTP, unit="")), ())) == 1


def test_after_a_reboot_only_what_starts_at_boot_is_missed() -> None:
    by_hand = listens("tcp", ANY4, 8_000, "build-server.service")
    units = (WEB, Unit("build-server.service", "active", "running", enablement="disabled"))
    before = state(*units, listeners=(HTTP, by_hand, listens("tcp", ANY4, 111, "init.scope")))
    found = kinds(before, state(WEB, boot_id="b2"))
    assert found == [(LISTENER_GONE, "tcp 0.0.0.0:80"), (LISTENER_GONE, "tcp 0.0.0.0:111")]


# The manager.


def test_a_systemd_that_falls_silent_is_harm_and_one_that_was_is_not() -> None:
    silent = state(manager=MANAGER_SILENT)
    assert [each.kind for each in compare_health(state(WEB), silent)] == [SYSTEMD_SILENT]
    assert compare_health(silent, silent) == ()
    assert compare_health(silent, state(WEB)) == ()


def test_a_host_without_systemd_is_judged_by_its_listeners() -> None:
    before = state(manager=MANAGER_ABSENT, listeners=(dataclasses.replace(HTTP, unit=""),))
    assert [each.kind for each in compare_health(before, state(manager=MANAGER_ABSENT))] == [LISTENER_GONE]
