"""What hosts tell: stored once, bounded, about themselves only, and always journalled when it is news."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from oakum.protocol.messages import OUTCOME_COUNT_MAX, Outcome, PackageResult
from oakum.protocol.trust import render_instant
from oakum.rollout import services
from oakum.rollout.models import Order, OutcomeRecord, RolloutHost
from tests.rollout.world import MINUTE, World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(now: datetime) -> World:
    made = make_world(now)
    made.begin()
    made.tick()
    return made


def outcome(world: World, order_id: str, kind: str, **changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "outcome_id": uuid4().hex, "order_id": order_id, "order_hash": "0" * 64, "generation": 1, "attempt": "1",
        "kind": kind, "reason": "", "sentence": "", "at": render_instant(world.now), **changes,
    }  # fmt: skip
    return Outcome(**values)


def record(world: World, *outcomes: Outcome, host: int = 0) -> tuple[str, ...]:
    return services.record_outcomes(host_id=world.hosts[host].id, outcomes=outcomes, now=world.now)


def test_a_repeated_post_is_stored_once_and_acknowledged_twice(world: World) -> None:
    order = Order.objects.get()
    told = outcome(world, str(order.id), "started")
    assert record(world, told) == record(world, told) == (told.outcome_id,)
    assert OutcomeRecord.objects.count() == len(world.entries("rollout.outcome_started")) == 1
    assert RolloutHost.objects.get(host=world.hosts[0]).started_at == world.now


def test_a_refused_order_that_the_server_never_gave_is_journalled_with_its_reason(world: World) -> None:
    forged = outcome(
        world, str(uuid4()), "refused", reason="signature_invalid", sentence="Not signed by the pinned key."
    )
    assert record(world, forged, host=1) == (forged.outcome_id,)
    (entry,) = world.entries("rollout.outcome_refused")
    assert entry.subject == f"host:{world.hosts[1].id}"
    assert entry.payload is not None
    assert (entry.payload["reason"], entry.payload["order_id"]) == ("signature_invalid", forged.order_id)
    assert "no such order" in entry.payload["note"]


def test_a_host_speaks_for_itself_only(world: World) -> None:
    order = Order.objects.get()
    record(world, outcome(world, str(order.id), "rollback_failed"), host=2)
    assert set(world.states(order.rollout_id).values()) == {"released", "waiting"}
    assert Order.objects.get().state == "signed"


@pytest.mark.parametrize("kind", ["refused", "soaked", "rolled_back", "rollback_failed", "failed", "interrupted"])
def test_a_finished_order_is_not_delivered_again(world: World, kind: str) -> None:
    world.tell(world.hosts[0], kind)
    assert world.order_of(world.hosts[0]) is None
    assert Order.objects.get().state == "finished"


@pytest.mark.parametrize("kind", ["deferred", "started", "applied"])
def test_an_order_under_way_is_delivered_until_it_is_finished(world: World, kind: str) -> None:
    world.tell(world.hosts[0], kind)
    assert world.order_of(world.hosts[0]) is not None


def test_a_host_that_started_before_it_saw_the_hold_is_believed(world: World) -> None:
    order = world.order_of(world.hosts[0])
    rollout_id = Order.objects.get().rollout_id
    world.say("halt", rollout_id)
    world.tick()
    assert world.states(rollout_id)["h0"] == "withdrawn"
    world.tell(world.hosts[0], "started", order=order)
    assert world.states(rollout_id)["h0"] == "started"
    world.tell(world.hosts[0], "rolled_back", order=order, reason="unit_failed", health=["nginx.service failed"])
    row = RolloutHost.objects.get(host=world.hosts[0])
    assert (row.state, row.reason, row.health) == ("rolled_back", "unit_failed", ["nginx.service failed"])


def test_the_same_obstacle_again_is_no_news_and_another_one_is(world: World) -> None:
    for reason in ("apt_locked", "apt_locked", "disk_full"):
        world.tell(world.hosts[0], "deferred", reason=reason, sentence=f"Because of {reason}.")
        world.wait(MINUTE)
    assert OutcomeRecord.objects.count() == 3
    assert [entry.payload["reason"] for entry in world.entries("rollout.outcome_deferred")] == [  # type: ignore[index]
        "apt_locked", "disk_full",
    ]  # fmt: skip
    assert RolloutHost.objects.get(host=world.hosts[0]).sentence == "Because of disk_full."


def test_a_bad_item_harms_no_other_and_everything_a_host_may_send_is_kept(world: World) -> None:
    order = str(Order.objects.get().id)
    odd = [
        outcome(world, order, "no such word" * 9, outcome_id="x" * 200),
        outcome(world, "\0{not-an-id}", "refused", reason="r" * 500, sentence="s" * 5000, at="yesterday"),
        outcome(world, order, "deferred", reason="nul\0here", sentence="half \ud800 pair", log="l" * 100_000,
                health=("h" * 5000,) * 500, generation=2**62),
        outcome(world, order, "started", packages=(PackageResult("a", "amd64", "1", "2", "2"),) * 2000),
    ]  # fmt: skip
    assert record(world, *odd) == tuple(each.outcome_id for each in odd)
    assert OutcomeRecord.objects.count() == 4
    assert world.states(Order.objects.get().rollout_id)["h0"] == "started"
    assert world.entries("rollout.outcome_other")
    stored = OutcomeRecord.objects.get(kind="started")
    assert len(stored.body["packages"]) == 500
    assert record(world, *odd) == tuple(each.outcome_id for each in odd), "an odd one is still known when it repeats"
    assert OutcomeRecord.objects.count() == 4


def test_a_whole_spool_in_one_post_ends_where_the_host_is(world: World) -> None:
    order = str(Order.objects.get().id)
    story = [outcome(world, order, kind) for kind in ("deferred", "started", "applied", "soaked")]
    padding = [outcome(world, order, "deferred") for _ in range(OUTCOME_COUNT_MAX - 4)]
    record(world, *story, *padding)
    assert world.states(Order.objects.get().rollout_id)["h0"] == "soaked"
