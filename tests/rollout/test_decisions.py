"""What people may say: approvals, who may resume, what cannot be told."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from oakum.core.errors import NotFoundError, OperatorError
from oakum.identity.models import Membership, Organisation, Role
from oakum.rollout.models import Rollout
from oakum.rollout.queries import rollout, waiting_for
from tests.factories import make_organisation, make_person
from tests.rollout.world import World, make_world

pytestmark = pytest.mark.django_db


def refused(world: World, verb: str, rollout_id: object, person: object, **details: object) -> str:
    with pytest.raises(OperatorError) as caught:
        world.say(verb, rollout_id, person, **details)  # type: ignore[arg-type]
    assert caught.value.sentence
    assert caught.value.next_step
    return caught.value.code


def test_who_asked_never_approves_whatever_their_role(now: datetime) -> None:
    world = make_world(now)
    Membership.objects.filter(person=world.ann).update(role=Role.ADMINISTRATOR)
    rollout_id = world.plan()
    assert refused(world, "approve", rollout_id, world.ann) == "own_request"
    assert refused(world, "reject", rollout_id, world.ann) == "own_request"
    assert refused(world, "start", rollout_id, world.ann) == "state_forbids"
    world.say("approve", rollout_id)
    assert world.rollout(rollout_id).state == "approved"


def test_an_operator_approves_nothing_and_a_stranger_does_not_exist(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.plan()
    oli = make_person(world.organisation, now=now, name="oli")
    assert refused(world, "approve", rollout_id, oli) == "role_too_low"
    other = make_organisation(now=now, name="Other")
    eve = make_person(other, now=now, name="eve", role=Role.ADMINISTRATOR)
    assert refused(world, "approve", rollout_id, eve) == "not_a_member"
    world.organisation = other
    with pytest.raises(NotFoundError):
        world.say("approve", rollout_id, eve)


def test_two_approvals_are_of_two_people_and_of_this_content(now: datetime) -> None:
    world = make_world(now, approvals_required=2)
    rollout_id = world.plan()
    world.say("approve", rollout_id)
    assert refused(world, "approve", rollout_id, world.bea) == "answered_before"
    assert world.rollout(rollout_id).state == "awaiting_approval"
    assert "1 of 2 given" in world.rollout(rollout_id).report
    cal = make_person(world.organisation, now=now, name="cal", role=Role.APPROVER)
    world.say("approve", rollout_id, cal, comment="seen")
    assert world.rollout(rollout_id).state == "approved"
    given = rollout(organisation_id=world.organisation.id, ref=rollout_id).approvals
    assert {(each.person_name, each.counts, each.comment) for each in given} == {
        ("bea", True, ""),
        ("cal", True, "seen"),
    }
    Membership.objects.filter(person=cal).update(role=Role.OPERATOR)
    assert refused(world, "start", rollout_id, world.ann) == "approvals_missing"


def test_an_approval_of_another_content_is_none(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.plan()
    world.say("approve", rollout_id)
    Rollout.objects.filter(id=rollout_id).update(spec_hash="0" * 64, state="approved")
    with pytest.raises(OperatorError) as caught:
        world.say("start", rollout_id)
    assert caught.value.code == "approvals_missing"


def test_a_rejection_ends_it(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.plan()
    world.say("reject", rollout_id, comment="not on a Sunday")
    row = world.rollout(rollout_id)
    assert (row.state, row.state_reason) == ("cancelled", "rejected by bea: not on a Sunday")
    assert row.finished_at == now
    assert refused(world, "start", rollout_id, world.ann) == "state_forbids"


def test_after_a_halt_only_another_approver_resumes(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.say("halt", rollout_id, reason="smoke")
    assert refused(world, "resume", rollout_id, world.ann) == "role_too_low"
    Membership.objects.filter(person=world.ann).update(role=Role.APPROVER)
    assert refused(world, "resume", rollout_id, world.ann) == "own_request"
    world.say("resume", rollout_id, world.bea)
    assert world.rollout(rollout_id).state == "running"


def test_in_an_organisation_of_one_the_one_resumes(now: datetime) -> None:
    world = make_world(now, approvals_required=0)
    Membership.objects.filter(person=world.ann).update(role=Role.ADMINISTRATOR)
    rollout_id = world.begin()
    world.say("halt", rollout_id)
    world.say("resume", rollout_id)
    assert world.rollout(rollout_id).state == "running"


def test_halting_twice_answers_twice_and_journals_once(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    assert world.ask(world.hosts[0]).granted
    first = world.say("halt", rollout_id, reason="smoke")
    assert [(each.hostname, each.permitted_at) for each in first.holders] == [("h0", now)]
    assert world.say("halt", rollout_id) == first
    assert len(world.entries("rollout.halted")) == 1
    world.wait(timedelta(seconds=1))
    world.tell(world.hosts[0], "started")
    assert world.say("halt", rollout_id).holders == ()


def test_cancelling_is_for_good_and_takes_orders_back(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    world.tick()
    answer = world.say("cancel", rollout_id, reason="wrong patch")
    assert answer.state == "cancelled"
    world.tick()
    assert world.states(rollout_id)["h0"] == "withdrawn"
    hold = world.order_of(world.hosts[0])
    assert hold is not None
    assert hold.verb == "hold"
    assert refused(world, "resume", rollout_id, world.bea) == "state_forbids"


def test_what_waits_for_whom(now: datetime) -> None:
    world = make_world(now)
    one, two, three = world.plan(), world.plan(), world.plan()
    vic = make_person(world.organisation, now=now, name="vic", role=Role.VIEWER)

    def waits(person: object) -> list[tuple[int, str]]:
        rows = waiting_for(organisation_id=world.organisation.id, person_id=person.id)  # type: ignore[attr-defined]
        return [(row.number, row.verb) for row in rows]

    assert waits(world.ann) == []
    assert waits(vic) == []
    assert waits(world.bea) == [(1, "approve"), (2, "approve"), (3, "approve")]
    world.say("approve", one)
    assert waits(world.ann) == [(1, "start")]
    world.say("start", one)
    world.say("halt", one)
    world.say("approve", two)
    world.say("start", two)
    world.say("pause", two)
    assert waits(world.ann) == [(2, "resume")]
    assert waits(world.bea) == [(1, "resume"), (2, "resume"), (3, "approve")]
    world.say("cancel", three)
    assert len(waits(world.bea)) == 2


def test_raising_the_organisation_s_number_stops_what_has_too_few_until_another_approves(now: datetime) -> None:
    world = make_world(now)
    rollout_id = world.begin()
    Organisation.objects.update(approvals_required=2)
    world.tick()
    row = world.rollout(rollout_id)
    assert (row.state, row.state_reason) == ("halted", "Only 1 of 2 approvals hold today.")
    assert refused(world, "resume", rollout_id, world.bea) == "approvals_missing"
    cal = make_person(world.organisation, now=now, name="cal", role=Role.APPROVER)
    world.say("approve", rollout_id, cal)
    world.say("resume", rollout_id, cal)
    world.tick()
    assert world.order_of(world.hosts[0]) is not None
