"""The executor: killed at any instant, run twice, overtaken; and that rows follow the core's values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from oakum.core.planning.effects import carry_out
from oakum.core.planning.planner import plan
from oakum.core.planning.values import HostProgress
from oakum.fleet.models import Host
from oakum.journal.models import Entry
from oakum.rollout import hosts
from oakum.rollout.execute import execute
from oakum.rollout.loops import execute_step
from oakum.rollout.models import Order, Plan, Rollout, RolloutHost
from oakum.rollout.requests import OpenNow, RingsBySize
from oakum.rollout.situation import load_situation
from tests.factories import make_organisation, make_person
from tests.rollout.world import MINUTE, World, make_world

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """Stands for kill -9: no handler of ours may catch it."""


def killed_at(number: int) -> Callable[..., Any]:
    """Return a wrapper for Django's execute_wrapper that dies at the n-th query."""
    count = 0

    def wrapper(run: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == number:
            raise Killed
        return run(sql, *arguments)

    return wrapper


def picture(rollout_id: UUID) -> dict[str, object]:
    """Return all that matters of the end, without what is drawn at random."""
    hosts = RolloutHost.objects.filter(rollout_id=rollout_id).order_by("host_id")
    fields = ("host_id", "ring", "state", "reason", "generation", "order_ends_at", "released_at", "remedy")
    return {
        "rollout": list(Rollout.objects.values("state", "ring_open", "target_plan_number", "report")),
        "hosts": list(hosts.values(*fields)),
        "orders": list(
            Order.objects.order_by("host_id", "generation").values("host_id", "generation", "verb", "state")
        ),
        "generations": list(Host.objects.order_by("id").values_list("order_generation", flat=True)),
        "plans": list(Plan.objects.order_by("number").values("number", "parent_number", "report")),
        "journal": sorted(Entry.objects.values_list("kind", flat=True)),
    }


def moments(world: World) -> dict[str, Callable[[], None]]:
    """Steps of a story at which something is to be stored: a release, a verification, a halt with its holds."""

    def verify() -> None:
        order = world.order_of(world.hosts[0])
        for kind in ("started", "applied", "soaked"):
            world.tell(world.hosts[0], kind, order=order)
        world.install(world.hosts[0])
        world.wait(MINUTE)

    def harm() -> None:
        world.tell(world.hosts[1], "rollback_failed")

    return {"release": lambda: None, "verify and open the next ring": verify, "halt and hold": harm}


def test_killed_at_any_query_and_started_again_the_end_is_the_same(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    died = 0
    for moment, prepare in moments(world).items():
        prepare()
        with _undone():
            execute_step(world.now)
            execute_step(world.now)
            expected = picture(rollout_id)
        for number in range(1, 200):
            with _undone():
                try:
                    with connection.execute_wrapper(killed_at(number)):
                        execute_step(world.now)
                except Killed:
                    died += 1
                else:
                    break
                execute_step(world.now)
                execute_step(world.now)
                assert picture(rollout_id) == expected, f"{moment}: killed at query {number}"
        else:
            pytest.fail(f"{moment}: more queries than anybody tried")
        execute_step(world.now)
        world.signer.step(now=world.now)
    assert died > 60
    assert world.rollout(rollout_id).state == "halted"


@contextmanager
def _undone() -> Iterator[None]:
    """Hold a block of which nothing stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_rows_follow_the_core_s_own_effects(now: datetime) -> None:
    """What ``carry_out`` does to values the executor does to rows, for each kind of move."""
    world = make_world(now, host_count=6)
    rollout_id = world.begin(rings=RingsBySize((6,)), wave_count_max=5, lost_percent_max=100, failure_percent_max=100)
    for moves in (False, True):
        if moves:
            _make_moves(world)
        row = Rollout.objects.get(id=rollout_id)
        before = load_situation(row, now=world.now)
        made = plan(before)
        assert made.changes(before)
        expected = carry_out(before, made)
        execute(row, now=world.now)
        after = load_situation(Rollout.objects.get(id=rollout_id), now=world.now)
        assert _comparable(after.hosts) == _comparable(expected.hosts)
        assert (after.state, after.state_reason, after.ring_open) == (made.state, made.state_reason, made.ring_open)
        world.signer.step(now=world.now)


def _make_moves(world: World) -> None:
    """Bring about a withdrawal, a lapsed order and a waiting host's turn."""
    Host.objects.filter(id=world.hosts[1].id).update(state="quarantined")
    world.tell(world.hosts[2], "refused", reason="expired")
    world.tell(world.hosts[3], "refused", reason="policy_package")
    world.wait(MINUTE)


def _comparable(hosts: tuple[HostProgress, ...]) -> list[HostProgress]:
    return sorted((replace(host, name="") for host in hosts), key=lambda host: host.host_id.int)


def test_a_plan_that_was_overtaken_is_given_up(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    stale = Rollout.objects.get(id=rollout_id)
    world.say("halt", rollout_id)
    execute(stale, now=world.now)
    assert world.states(rollout_id) == {"h0": "waiting", "h1": "waiting", "h2": "waiting"}
    assert world.rollout(rollout_id).state == "halted"
    assert not Order.objects.exists()


def test_a_failure_that_came_in_between_is_judged_before_anybody_else_goes(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin(rings=RingsBySize((2,)), wave_count_max=1)
    world.tick()
    assert world.states(rollout_id)["h1"] == "waiting"
    world.tell(world.hosts[0], "refused", reason="policy_package")
    row = Rollout.objects.get(id=rollout_id)
    situation = load_situation(row, now=world.now)
    assert plan(situation).releases == (world.hosts[1].id,)
    RolloutHost.objects.filter(host=world.hosts[0]).update(state="rolled_back")
    from oakum.rollout.execute import _carry_out
    from oakum.rollout.moving import StaleSituationError

    with pytest.raises(StaleSituationError):
        _carry_out(row, situation, plan(situation), "")
    world.tick()
    assert world.rollout(rollout_id).state == "halted"
    assert world.states(rollout_id)["h1"] == "waiting"


def test_rows_of_hosts_that_a_cut_planning_left_out_are_made(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    RolloutHost.objects.filter(host=world.hosts[1]).delete()
    world.tick()
    assert world.states(rollout_id) == {"h0": "released", "h1": "waiting", "h2": "waiting"}


def test_nothing_is_planned_over_a_part_of_the_hosts(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(now, host_count=5)
    monkeypatch.setattr(hosts, "MADE_COUNT_MAX", 2)
    rollout_id = world.begin()
    assert RolloutHost.objects.count() == 2
    execute_step(world.now)
    assert (RolloutHost.objects.count(), Order.objects.count()) == (4, 0)
    execute_step(world.now)
    assert (RolloutHost.objects.count(), Order.objects.count()) == (5, 1)
    assert world.states(rollout_id)["h0"] == "released"


def test_a_host_is_in_the_hands_of_one_rollout_at_a_time(now: datetime) -> None:
    world = make_world(now)
    one, two = world.plan(), world.plan()
    for rollout_id in (one, two):
        world.say("approve", rollout_id)
        world.say("start", rollout_id)
    world.tick()
    assert world.states(one)["h0"] == "released"
    assert world.states(two)["h0"] == "waiting"
    assert "1 busy with another rollout" in world.rollout(two).report
    assert Order.objects.count() == 1


def test_a_spec_that_was_changed_in_the_database_stops_its_rollout_and_no_other(now: datetime) -> None:
    world = make_world(now)
    one, two = world.plan(), world.plan()
    for rollout_id in (one, two):
        world.say("approve", rollout_id)
        world.say("start", rollout_id)
    from oakum.rollout import specs

    specs._kept.clear()  # as after a restart
    row = Rollout.objects.get(id=one)
    row.spec["soak_seconds"] = 0
    row.save(update_fields=["spec"])
    with pytest.raises(ExceptionGroup) as caught:
        execute_step(world.now)
    assert [getattr(fault, "code", "") for fault in caught.value.exceptions] == ["spec_changed"]
    assert world.states(two)["h0"] == "released"
    assert world.states(one)["h0"] == "waiting"


def test_the_checker_s_objection_halts(now: datetime) -> None:
    """A row that stands in another ring than the spec says: the planner would believe it."""
    world = make_world(now)
    rollout_id = world.begin()
    RolloutHost.objects.filter(host=world.hosts[2]).update(ring=0)
    world.tick()
    row = world.rollout(rollout_id)
    assert row.state == "halted"
    assert "checker objects" in row.state_reason
    assert not Order.objects.exists()


def test_a_rollout_ends_with_its_last_window(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin(window=OpenNow(timedelta(hours=1)))
    world.tick()
    world.wait(timedelta(hours=1))
    world.tick()
    row = world.rollout(rollout_id)
    assert (row.state, row.finished_at) == ("cancelled", world.now)
    assert "before 3 hosts were reached" in row.report
    assert world.states(rollout_id)["h0"] == "withdrawn"


def test_a_pending_host_is_still_looked_at_after_the_end(now: datetime) -> None:
    world = make_world(now, host_count=1)
    rollout_id = world.begin()
    world.tick()
    order = world.order_of(world.hosts[0])
    for kind in ("started", "applied", "soaked"):
        world.tell(world.hosts[0], kind, order=order)
    world.install(world.hosts[0])
    Host.objects.update(stale_status="unknown")
    for _ in range(3):
        world.wait(10 * MINUTE)
        world.tick()
    assert world.rollout(rollout_id).state == "completed"
    assert "0 of 1 host verified" in world.rollout(rollout_id).report
    Host.objects.update(stale_status="known")
    world.wait(MINUTE)
    world.tick()
    world.tick()
    assert world.states(rollout_id) == {"h0": "verified"}
    assert "1 of 1 host verified" in world.rollout(rollout_id).report


def test_organisations_do_not_touch_each_other(now: datetime) -> None:
    world = make_world(now)
    first = world.begin()
    other = make_organisation(now=now, name="Other", approvals_required=0)
    ann = make_person(other, now=now, name="olga")
    world.tick()
    Host.objects.filter(id=world.hosts[2].id).update(organisation=other)
    mine, world.organisation, world.ann = world.organisation, other, ann
    world.hosts = [Host.objects.get(id=world.hosts[2].id)]
    from tests.rollout.world import NEW, see_update

    see_update(other, NEW, now=now)
    second = world.begin()
    world.tick()
    assert world.rollout(second).number == 1
    assert set(Order.objects.filter(rollout_id=second).values_list("organisation_id", flat=True)) == {other.id}
    assert Order.objects.filter(rollout_id=first).exclude(organisation_id=mine.id).count() == 0
