"""Orders that cannot be carried out now, on the simulated host: they wait, and go on when the obstacle is gone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from oakum.agent.actor.engine import work
from oakum.agent.actor.installing import NOT_BEGUN_COUNT_MAX
from oakum.protocol.trust import render_instant
from tests.agent_actor.weather import (
    WEB,
    answer_late,
    calm,
    drop_root,
    fill_disk,
    halt,
    lock,
    set_clock_wrong,
    short_id,
    take_mirror_away,
    take_mirror_away_with_old_lists,
    take_server_away,
    versions,
    withhold,
)
from tests.agent_actor.world import World, make_world

DEFERRALS: tuple[tuple[str, Callable[[World], None], str], ...] = (
    ("clock_wrong", set_clock_wrong, "900 s"),
    ("apt_locked", lock, "process 1234 (/usr/bin/unattended-upgrade) holds /var/lib/dpkg/lock"),
    ("version_unavailable", withhold, "Version '1.1' for 'acme-web' was not found"),
    ("mirror_unavailable", take_mirror_away, "Could not connect to mirror.example.test"),
    ("mirror_unavailable", take_mirror_away_with_old_lists, "Could not connect"),
    ("disk_full", fill_disk, "has 2 MB free, the change needs"),
    ("server_unavailable", take_server_away, "The server does not answer."),
    ("rollout_halted", halt, "It was halted."),
    ("permit_lapsed", answer_late, "lapsed"),
    ("not_root", drop_root, "does not run as root"),
)


@pytest.mark.parametrize(("reason", "arrange", "words"), DEFERRALS, ids=short_id)
def test_a_passing_obstacle_is_said_once_and_the_order_goes_on_when_it_is_gone(
    reason: str, arrange: Callable[[World], None], words: str
) -> None:
    world = make_world()
    arrange(world)
    world.deliver(world.order(WEB))
    for _ in range(3):
        world.tick()
        world.host.advance(300)
    (outcome,) = world.spool.values()
    assert (outcome.kind, outcome.reason) == ("deferred", reason)
    assert words in outcome.sentence
    assert versions(world) == ("1.0", "1.0")
    assert world.host.launches == []
    assert [each.phase for each in world.active()] == ["waiting"]
    assert words in world.active()[0].detail
    calm(world)
    world.run()
    assert world.kinds() == ["deferred", "started", "applied", "soaked"]


def test_lists_are_not_fetched_at_every_tick_for_a_version_that_is_not_there() -> None:
    world = make_world()
    withhold(world)
    world.deliver(world.order(WEB))
    fetches = []
    refresh = world.host.archive.refresh

    def counted() -> None:
        fetches.append(world.now)
        refresh()

    world.host.archive.refresh = counted  # type: ignore[method-assign]
    for _ in range(60):
        world.tick()
        world.host.advance(120)
    assert 2 <= len(fetches) <= 5
    assert world.kinds() == ["deferred"]


def test_each_question_for_a_permit_is_a_new_attempt() -> None:
    world = make_world()
    world.halted = True
    world.deliver(world.order(WEB))
    for _ in range(4):
        world.tick()
    assert len({request.attempt for request in world.asked}) == 4


def test_a_permit_for_another_order_is_not_used() -> None:
    world = make_world()
    context = world.context()

    def confused(request: Any) -> Any:
        return dataclasses.replace(context.ask_permit(request), order_hash="0" * 64)

    world.deliver(world.order(WEB))

    work(dataclasses.replace(context, ask_permit=confused), world.delivered, world.system())
    assert world.outcome("deferred").reason == "permit_mismatch"
    assert world.host.launches == []


def test_without_room_in_the_spool_nothing_begins() -> None:
    world = make_world()
    world.spool_full = True
    world.deliver(world.order(WEB))
    world.tick()
    assert world.host.launches == []
    assert world.spool == {}
    world.spool_full = False
    world.run()
    assert world.kinds() == ["deferred", "started", "applied", "soaked"]
    assert world.outcome("deferred").reason == "spool_full"


def test_an_order_that_expires_while_it_waits_is_refused() -> None:
    world = make_world()
    world.server_up = False
    expires = render_instant(world.now + timedelta(minutes=10))
    world.deliver(world.order(WEB, expires_at=expires))
    world.tick()
    world.host.advance(601)
    world.tick()
    assert [each.reason for each in world.spool.values()] == ["server_unavailable", "expired"]


def test_apt_that_finds_the_lock_taken_in_the_last_instant_is_tried_again_and_then_given_up() -> None:
    world = make_world()
    ask = world.context().ask_permit

    def take_lock(request: Any) -> Any:
        world.host.foreign_lock = "apt-daily"
        return ask(request)

    world.deliver(world.order(WEB))
    for _ in range(NOT_BEGUN_COUNT_MAX + 1):
        world.host.foreign_lock = ""
        work(dataclasses.replace(world.context(), ask_permit=take_lock), world.delivered, world.system())
        world.host.advance(60)
    assert world.kinds().count("started") == NOT_BEGUN_COUNT_MAX + 1
    assert world.outcome("failed").reason == "install_failed"
    assert "Could not get lock" in world.outcome("failed").sentence
    assert versions(world) == ("1.0", "1.0")


def test_a_download_that_vanished_before_the_change_fails_it_without_harm() -> None:
    world = make_world()
    ask = world.context().ask_permit

    def clean(request: Any) -> Any:
        for name in [name for name in world.host.files if name.startswith("/var/cache/apt/archives/")]:
            del world.host.files[name]
        return ask(request)

    world.deliver(world.order(WEB))
    work(dataclasses.replace(world.context(), ask_permit=clean), world.delivered, world.system())
    assert world.kinds() == ["started", "failed"]
    assert versions(world) == ("1.0", "1.0")
