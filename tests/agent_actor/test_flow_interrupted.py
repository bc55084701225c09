"""What is killed in the middle, and faults of our own, on the simulated host: looked at, never repeated."""

from __future__ import annotations

from oakum.agent.actor.engine import FAULT_COUNT_MAX
from tests.agent_actor.weather import (
    LIB,
    WEB,
    kill_at,
    versions,
)
from tests.agent_actor.world import STATE, make_world


def test_a_power_cut_in_the_middle_is_reported_and_nothing_is_repeated() -> None:
    world = make_world()
    world.deliver(world.order(WEB, LIB))
    kill_at(world, "sleep")
    world.tick()
    world.host.advance(1.5)
    world.host.power_cut()
    world.run()
    assert world.kinds() == ["started", "interrupted"]
    assert "dpkg is in the middle of" in world.outcome("interrupted").sentence
    assert len(world.host.launches) == 1


def test_an_agent_killed_while_apt_works_is_succeeded_by_one_that_goes_on() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    kill_at(world, "sleep")
    world.tick()
    assert [each.phase for each in world.active()] == ["installing"]
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]
    assert len(world.host.launches) == 1


def test_an_agent_killed_before_apt_was_launched_does_not_launch_it_later() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    kill_at(world, "launch")
    world.tick()
    world.run()
    assert world.kinds() == ["started", "interrupted"]
    assert "every package is in its previous version" in world.outcome("interrupted").sentence
    assert world.host.launches == []


def test_apt_killed_in_the_middle_is_taken_back() -> None:
    world = make_world()
    world.deliver(world.order(WEB, LIB))
    kill_at(world, "sleep")
    world.tick()
    world.host.advance(1.5)
    world.host.kill_program()
    world.run()
    assert world.kinds() == ["started", "rolled_back"]
    assert versions(world) == ("1.0", "1.0")


def test_a_fault_that_stays_ends_the_order_and_holds_up_no_other() -> None:
    world = make_world()
    order = world.order(WEB)
    world.deliver(order)
    world.tick()
    del world.host.files[f"{STATE}/orders/{order.order_id}/before.json"]
    for _ in range(FAULT_COUNT_MAX + 1):
        world.host.advance(100)
        world.tick()
    assert world.kinds() == ["started", "interrupted"]
    assert world.outcome("interrupted").reason == "agent_fault"
    newer = world.order(LIB)
    world.deliver(newer)
    world.run()
    assert world.kinds(newer.order_id) == ["started", "applied", "soaked"]


def test_an_order_whose_file_is_damaged_is_left_out_and_the_others_go_on() -> None:
    world = make_world()
    world.server_up = False
    world.deliver(world.order(WEB))
    world.tick()
    world.host.files[f"{STATE}/orders/order-1/record.json"] = b"{"
    world.server_up = True
    world.deliver(world.order(LIB))
    world.run()
    assert world.kinds("order-2") == ["started", "applied", "soaked"]
    assert any("order_unreadable" in event for event in world.events)
