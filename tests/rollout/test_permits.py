"""The last question, and its answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from oakum.fleet.models import Host
from oakum.policy.models import Freeze
from oakum.rollout.models import Order, Permit
from oakum.rollout.requests import OpenNow, RingsBySize
from tests.rollout.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(now: datetime) -> World:
    """Return a world whose first host has a signed order."""
    made = make_world(now)
    made.begin(window=OpenNow(timedelta(hours=4)))
    made.tick()
    return made


def rollout_id(world: World) -> object:
    return Order.objects.first().rollout_id  # type: ignore[union-attr]


def test_a_permit_names_the_order_and_lapses(world: World) -> None:
    reply = world.ask(world.hosts[0])
    assert (reply.granted, reply.lapse_seconds, reply.reason, reply.detail) == (True, 10, "", "")
    assert reply.order_hash == Order.objects.get().payload_hash
    assert Permit.objects.get().granted
    (entry,) = world.entries("rollout.permit_granted")
    assert entry.subject == f"host:{world.hosts[0].id}"


def test_the_same_attempt_gets_the_same_answer_and_another_one_is_another_question(world: World) -> None:
    first = world.ask(world.hosts[0], attempt="a")
    assert world.ask(world.hosts[0], attempt="a") == first
    assert world.ask(world.hosts[0], attempt="b").permit_id != first.permit_id
    assert len(world.entries("rollout.permit_granted")) == 2


def test_a_refused_attempt_stays_refused_and_a_new_one_is_judged_anew(world: World) -> None:
    world.say("pause", rollout_id(world))  # type: ignore[arg-type]
    assert world.ask(world.hosts[0], attempt="a").reason == "rollout_paused"
    world.say("resume", rollout_id(world))  # type: ignore[arg-type]
    again = world.ask(world.hosts[0], attempt="a")
    assert (again.granted, again.reason) == (False, "rollout_paused")
    assert world.ask(world.hosts[0], attempt="b").granted


def test_a_granted_attempt_that_asks_again_after_a_halt_is_refused_and_stays_a_holder(world: World) -> None:
    assert world.ask(world.hosts[0], attempt="a").granted
    answer = world.say("halt", rollout_id(world))  # type: ignore[arg-type]
    assert [each.hostname for each in answer.holders] == ["h0"]
    late = world.ask(world.hosts[0], attempt="a")
    assert (late.granted, late.reason, late.permit_id, late.lapse_seconds) == (False, "rollout_halted", "", 0)
    assert [each.hostname for each in world.say("halt", rollout_id(world)).holders] == ["h0"]  # type: ignore[arg-type]


def test_a_host_that_starts_anew_is_a_holder_again(world: World) -> None:
    assert world.ask(world.hosts[0], attempt="a").granted
    world.wait(timedelta(seconds=20))
    world.tell(world.hosts[0], "deferred", reason="permit_lapsed")
    assert world.say("halt", rollout_id(world)).holders == ()  # type: ignore[arg-type]
    world.say("resume", rollout_id(world), world.bea)  # type: ignore[arg-type]
    world.wait(timedelta(seconds=20))
    assert world.ask(world.hosts[0], attempt="a").granted
    assert [each.hostname for each in world.say("halt", rollout_id(world)).holders] == ["h0"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order_id": "nonsense"}, "order_unknown"),
        ({"order_id": str(uuid4())}, "order_unknown"),
        ({"order_hash": "0" * 64}, "order_differs"),
        ({"generation": 2}, "order_superseded"),
        ({"attempt": "x" * 65}, "order_unknown"),
        ({"attempt": "\0"}, "order_unknown"),
    ],
)
def test_a_question_about_something_else_is_refused(world: World, changes: dict[str, object], reason: str) -> None:
    order = world.order_of(world.hosts[0])
    reply = world.ask(world.hosts[0], order=order, **changes)  # type: ignore[arg-type]
    assert (reply.granted, reply.reason) == (False, reason)
    assert reply.detail


def test_another_host_s_order_does_not_exist(world: World) -> None:
    order = world.order_of(world.hosts[0])
    assert world.ask(world.hosts[1], order=order).reason == "order_unknown"


def test_a_freeze_that_came_later_holds_and_ends(world: World) -> None:
    Freeze.objects.create(
        organisation=world.organisation, name="sale", starts_at=world.now, ends_at=world.now + timedelta(hours=1)
    )
    assert world.ask(world.hosts[0]).reason == "frozen"
    world.wait(timedelta(hours=1))
    assert world.ask(world.hosts[0]).granted


def test_the_window_and_the_order_end(world: World) -> None:
    order = world.order_of(world.hosts[0])
    world.now += timedelta(hours=4)
    assert world.ask(world.hosts[0], order=order).reason == "order_expired"


def test_a_quarantined_host_and_one_that_started_get_none(world: World) -> None:
    Host.objects.filter(id=world.hosts[0].id).update(state="quarantined")
    assert world.ask(world.hosts[0]).reason == "host_not_active"
    Host.objects.filter(id=world.hosts[0].id).update(state="active")
    assert world.ask(world.hosts[0]).granted
    world.tell(world.hosts[0], "started")
    assert world.ask(world.hosts[0]).reason == "host_not_released"


def test_the_same_refusal_again_is_no_news(world: World) -> None:
    world.say("pause", rollout_id(world))  # type: ignore[arg-type]
    for _ in range(5):
        assert not world.ask(world.hosts[0]).granted
    assert len(world.entries("rollout.permit_refused")) == 1
    assert Permit.objects.filter(granted=False).count() == 5


def test_an_unsigned_order_gets_no_permit(now: datetime) -> None:
    world = make_world(now)
    world.begin(rings=RingsBySize((1,)))
    world.tick()
    order = world.order_of(world.hosts[0])
    Order.objects.update(state="unsigned")
    assert world.ask(world.hosts[0], order=order).reason == "order_not_signed"
