"""An order that is handed out again: the server's right until it has what came of it, a replay after that."""

from __future__ import annotations

import dataclasses

import pytest

from oakum.agent.actor import work
from tests.agent_actor.world import World, make_world

WEB = ("acme-web", "1.0", "1.1")


@pytest.fixture
def finished() -> World:
    world = make_world()
    world.deliver(world.order(WEB))
    world.run()
    return world


def tick(world: World, *, unacknowledged: frozenset[str]) -> None:
    context = dataclasses.replace(world.context(), unacknowledged=lambda: unacknowledged)
    work(context, world.delivered, world.system())


def test_until_the_server_has_the_outcome_a_repetition_is_nothing_to_speak_of(finished: World) -> None:
    tick(finished, unacknowledged=frozenset({"order-1"}))
    assert finished.kinds() == ["started", "applied", "soaked"]


def test_after_that_it_is_a_replay_refused_and_told_once(finished: World) -> None:
    launches = len(finished.host.launches)
    for _ in range(3):
        tick(finished, unacknowledged=frozenset())
    assert finished.kinds() == ["started", "applied", "soaked", "refused"]
    assert finished.reasons()[-1] == "replayed"
    assert len(finished.host.launches) == launches


def test_an_order_that_is_still_at_work_may_be_handed_out_as_often_as_the_server_likes() -> None:
    world = make_world()
    world.deliver(world.order(WEB, soak_seconds=3_600))
    for _ in range(4):
        tick(world, unacknowledged=frozenset())
        world.host.advance(60)
    assert "refused" not in world.kinds()
