"""A rollout's life, from the wish to the end, with the real executor, signer and permits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from oakum.core.planning.values import RolloutState
from oakum.fleet.models import Host
from oakum.rollout.models import Order, Plan, RolloutHost
from oakum.rollout.queries import orders_for, rollout
from tests.rollout.world import MINUTE, NEW, OLD, SOAK, make_world

pytestmark = pytest.mark.django_db


def test_from_the_wish_to_verified_ring_by_ring(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    assert world.states(rollout_id) == {"h0": "released", "h1": "waiting", "h2": "waiting"}
    assert orders_for(host_ids=[host.id for host in world.hosts]).keys() == {world.hosts[0].id}

    order = world.order_of(world.hosts[0])
    assert order is not None
    assert [(each.name, each.from_version, each.to_version) for each in order.packages] == [("openssl", OLD[1], NEW[1])]
    assert (order.soak_seconds, order.reboot, order.generation) == (600, "never", 1)
    world.patch(world.hosts[0])
    assert world.states(rollout_id) == {"h0": "verified", "h1": "released", "h2": "released"}
    assert world.rollout(rollout_id).ring_open == 1

    for host in world.hosts[1:]:
        world.patch(host)
    world.tick()
    found = rollout(organisation_id=world.organisation.id, ref="1")
    assert found.row.state is RolloutState.COMPLETED
    assert found.row.report.startswith("Completed: 3 of 3 hosts verified.")
    assert found.row.verified_count == 3
    assert not orders_for(host_ids=[host.id for host in world.hosts])
    kinds = ["requested", "approved", "started", "plan_made", "order_signed", "permit_granted", "outcome_started",
             "outcome_applied", "outcome_soaked", "host_verified", "finished"]  # fmt: skip
    assert all(world.entries(f"rollout.{kind}") for kind in kinds)


def test_ticking_again_changes_nothing(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    before = list(RolloutHost.objects.values()), list(Plan.objects.values()), list(Order.objects.values())
    for _ in range(3):
        assert world.tick() == "news of 1 running"
    assert before == (list(RolloutHost.objects.values()), list(Plan.objects.values()), list(Order.objects.values()))
    assert world.rollout(rollout_id).report == (
        "Ring 0 of 1: 0 of 1 host verified, 1 ordered. 2 hosts in later rings. Waits for 1 host of ring 0."
    )


def test_a_rollback_in_ring_zero_halts_and_nobody_else_starts(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin(rings=_sizes(2))
    world.tick()
    first, second = world.hosts[0], world.hosts[1]
    order, other = world.order_of(first), world.order_of(second)
    assert world.ask(first).granted
    world.tell(first, "started", order=order)
    world.tell(
        first, "rolled_back", order=order, reason="unit_failed", sentence="nginx failed.", health=["nginx failed"]
    )
    # Before the executor has judged it, nobody may start on the strength of what was planned before.
    assert world.ask(second).reason == "failure_unjudged"
    world.tick()
    row = world.rollout(rollout_id)
    assert row.state == "halted"
    assert "rolled back" in row.report
    assert world.states(rollout_id) == {"h0": "rolled_back", "h1": "withdrawn", "h2": "waiting"}
    hold = world.order_of(second)
    assert hold is not None
    assert (hold.verb, hold.generation, hold.packages) == ("hold", 2, ())
    assert world.ask(second, order=other).reason in {"order_superseded", "rollout_halted"}
    assert world.entries("rollout.halted")[0].payload["state"] == "halted"  # type: ignore[index]
    world.tell(second, "held", order=hold)
    assert world.order_of(second) is None


def test_resuming_accepts_or_tries_again(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin(rings=_sizes(2))
    world.tick()
    order = world.order_of(world.hosts[0])
    world.tell(world.hosts[0], "rolled_back", order=order)
    world.tick()
    world.say("resume", rollout_id, world.bea)
    assert world.states(rollout_id) == {"h0": "rolled_back", "h1": "waiting", "h2": "waiting"}
    world.tick()
    assert world.states(rollout_id)["h1"] == "released"
    again = world.order_of(world.hosts[1])
    assert again is not None
    assert again.generation == 3  # after the first order and its hold
    world.say("halt", rollout_id)
    world.tick()
    world.say("resume", rollout_id, world.bea, retry_failed=True)
    world.tick()
    assert world.states(rollout_id) == {"h0": "released", "h1": "released", "h2": "waiting"}
    world.patch(world.hosts[0])
    assert world.states(rollout_id)["h0"] == "verified"


def test_a_pause_keeps_orders_and_permits_back_and_a_resume_goes_on(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    world.say("pause", rollout_id, reason="lunch")
    assert world.ask(world.hosts[0]).reason == "rollout_paused"
    world.tick()
    assert "Paused: by ann: lunch." in world.rollout(rollout_id).report
    assert world.states(rollout_id)["h0"] == "released"
    world.say("resume", rollout_id)
    assert world.ask(world.hosts[0]).granted


def test_a_lost_host_in_ring_zero_halts_and_its_return_is_seen(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    order = world.order_of(world.hosts[0])
    world.tell(world.hosts[0], "started", order=order)
    world.silent.add(world.hosts[0].id)
    world.wait(16 * MINUTE)
    world.tick()
    assert world.states(rollout_id)["h0"] == "lost"
    assert world.rollout(rollout_id).state == "halted"
    world.say("resume", rollout_id, world.bea)
    world.silent.clear()
    world.wait(MINUTE)
    world.tick()
    assert world.states(rollout_id)["h0"] == "started"


def test_an_order_older_than_what_its_host_has_seen_is_issued_anew_above_it(now: datetime) -> None:
    world = make_world(now)
    world.begin()
    world.tick()
    dead = world.order_of(world.hosts[0])
    assert dead is not None
    Host.objects.filter(id=world.hosts[0].id).update(order_generation=7)  # the server learned it: it is from a backup
    world.tick()
    world.tick()
    anew = world.order_of(world.hosts[0])
    assert anew is not None
    assert anew.generation == 8
    assert world.ask(world.hosts[0], order=anew).granted


def test_an_order_that_lapsed_is_issued_anew_with_the_next_generation(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    first = world.order_of(world.hosts[0])
    world.tell(world.hosts[0], "deferred", reason="mirror_unavailable", sentence="The mirror is away.")
    assert world.states(rollout_id)["h0"] == "deferred"
    assert world.order_of(world.hosts[0]) == first, "a deferred order stays in force"
    for _ in range(9):
        world.wait(timedelta(hours=2, minutes=45))
        world.tick()
    second = world.order_of(world.hosts[0])
    assert first is not None
    assert second is not None
    assert (second.generation, second.packages) == (2, first.packages)
    assert world.states(rollout_id)["h0"] == "deferred"
    world.tell(world.hosts[0], "refused", order=second, reason="expired")
    world.tick()
    third = world.order_of(world.hosts[0])
    assert third is not None
    assert third.generation == 3


def test_the_host_s_word_alone_verifies_nothing(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    host = world.hosts[0]
    order = world.order_of(host)
    for kind in ("started", "applied", "soaked"):
        world.tell(host, kind, order=order)
    world.tick()
    assert world.states(rollout_id)["h0"] == "soaked"
    world.wait(MINUTE)  # a fresh inventory, which still shows the old version
    world.tick()
    row = RolloutHost.objects.get(rollout_id=rollout_id, host=host)
    assert (row.state, row.reason, row.remedy) == ("failed", "not_in_inventory", "missing")
    assert world.rollout(rollout_id).state == "halted"


@pytest.mark.parametrize(
    ("fields", "remedy"),
    [
        ({"stale_status": "unknown"}, "unknown"),
        ({"running_old": True}, "pending_restart"),
        ({"running_old": True, "facts": {"reboot_required_packages": ["openssl"]}}, "pending_reboot"),
    ],
)
def test_installed_with_old_code_running_is_not_verified_and_holds_up_nobody_for_ever(
    now: datetime, fields: dict[str, object], remedy: str
) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    host = world.hosts[0]
    order = world.order_of(host)
    for kind in ("started", "applied", "soaked"):
        world.tell(host, kind, order=order)
    world.install(host)
    changes = dict(fields)
    if changes.pop("running_old", False):
        changes["running_old_set"] = bytes(Host.objects.get(id=host.id).package_set)
    Host.objects.filter(id=host.id).update(**changes)
    world.wait(MINUTE)
    world.tick()
    row = RolloutHost.objects.get(rollout_id=rollout_id, host=host)
    assert (row.state, row.remedy) == ("soaked", remedy)
    assert world.rollout(rollout_id).ring_open == 0
    assert "installed with old code still running" in world.rollout(rollout_id).report
    world.wait(SOAK)
    world.tick()
    assert world.rollout(rollout_id).ring_open == 1
    Host.objects.filter(id=host.id).update(stale_status="known", running_old_set=b"", facts={})
    world.wait(MINUTE)
    world.tick()
    assert world.states(rollout_id)["h0"] == "verified"


def test_a_newer_version_than_the_pinned_one_counts_as_there(now: datetime) -> None:
    world = make_world(now, host_count=1)
    rollout_id = world.begin()
    world.tick()
    order = world.order_of(world.hosts[0])
    for kind in ("started", "applied", "soaked"):
        world.tell(world.hosts[0], kind, order=order)
    world.install(world.hosts[0], ("openssl", "3.0.3-1", "openssl", "3.0.3-1"))
    world.wait(MINUTE)
    world.install(world.hosts[0], ("openssl", "3.0.3-1", "openssl", "3.0.3-1"))
    world.tick()
    assert world.states(rollout_id) == {"h0": "verified"}


def _sizes(*sizes: int) -> object:
    from oakum.rollout.requests import RingsBySize

    return RingsBySize(sizes)
