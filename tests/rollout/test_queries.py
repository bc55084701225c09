"""What pages, API and gateway read."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import pytest

from oakum.core.errors import NotFoundError
from oakum.core.planning.values import HostState, RolloutState
from oakum.rollout.models import Order
from oakum.rollout.queries import orders_for, plans, rollout, rollout_hosts, rollouts, rollouts_of_host
from oakum.rollout.requests import RingsBySize
from tests.rollout.world import make_world

pytestmark = pytest.mark.django_db


def test_lists_count_hosts_and_page(now: datetime) -> None:
    world = make_world(now)
    first = world.begin(rings=RingsBySize((2,)))
    world.tick()
    world.patch(world.hosts[0])
    world.tell(world.hosts[1], "failed")
    second = world.plan(name="Second")
    page = rollouts(organisation_id=world.organisation.id)
    assert [(row.id, row.number, row.name) for row in page.rows] == [
        (second, 2, "Second"), (first, 1, "all pending security updates"),
    ]  # fmt: skip
    row = page.rows[1]
    assert (row.host_count, row.verified_count, row.failed_count, row.moving_count) == (3, 1, 1, 0)
    running = rollouts(organisation_id=world.organisation.id, states=[RolloutState.RUNNING])
    assert [each.number for each in running.rows] == [1]
    assert [each.number for each in rollouts(organisation_id=world.organisation.id, limit=1, offset=1).rows] == [1]
    assert rollouts(organisation_id=uuid4()).total_count == 0


def test_one_rollout_by_number_or_id_and_its_hosts_by_ring_and_state(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    assert rollout(organisation_id=world.organisation.id, ref=1) == rollout(
        organisation_id=world.organisation.id, ref=str(rollout_id)
    )
    view = rollout(organisation_id=world.organisation.id, ref="1", hosts_per_ring=1)
    assert [(ring.number, ring.host_count, ring.is_open, len(ring.hosts)) for ring in view.rings] == [
        (0, 1, True, 1), (1, 2, False, 1),
    ]  # fmt: skip
    assert view.rings[1].counts == ((HostState.WAITING, 2),)
    assert set(view.verbs) == {"approve", "pause", "halt", "cancel"}
    found = rollout_hosts(organisation_id=world.organisation.id, ref=1, state=HostState.WAITING, limit=1, offset=1)
    assert (found.total_count, [row.hostname for row in found.rows]) == (2, ["h2"])
    for ref in ("2", "nonsense", str(uuid4()), "9" * 30, ""):
        with pytest.raises(NotFoundError):
            rollout(organisation_id=world.organisation.id, ref=ref)
    with pytest.raises(NotFoundError):
        rollout(organisation_id=uuid4(), ref=rollout_id)


def test_the_trail_of_plans_and_of_a_host(now: datetime) -> None:
    world = make_world(now)
    world.begin()
    world.tick()
    world.patch(world.hosts[0])
    trail = plans(organisation_id=world.organisation.id, ref=1)
    assert [(each.number, each.parent_number) for each in trail] == [(2, 1), (1, 0)]
    assert trail[0].report.startswith("Ring 1 opened. 2 hosts released.")
    (mine,) = rollouts_of_host(organisation_id=world.organisation.id, host_id=world.hosts[0].id)
    assert (mine.number, mine.host_state, mine.remedy) == (1, HostState.VERIFIED, "verified")
    assert "nothing older runs" in mine.sentence
    assert rollouts_of_host(organisation_id=uuid4(), host_id=world.hosts[0].id) == ()


def test_only_the_newest_signed_order_in_force_is_delivered(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin(rings=RingsBySize((2,)))
    world.tick()
    first, second = world.hosts[0].id, world.hosts[1].id
    assert set(orders_for(host_ids=[first, second, uuid4()])) == {first, second}
    assert orders_for(host_ids=[]) == {}
    world.say("halt", rollout_id)
    world.tick()
    assert {len(each) for each in orders_for(host_ids=[first, second]).values()} == {1}
    assert Order.objects.filter(state="signed").values_list("verb", flat=True).distinct().get() == "hold"
    Order.objects.filter(host_id=first, verb="hold").update(state="unsigned")
    assert set(orders_for(host_ids=[first, second])) == {second}, "an order that was replaced is never delivered"
