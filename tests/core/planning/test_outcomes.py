"""The state machine of one host, as a table and as laws."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.planning.outcomes import FINAL_KINDS, Age, advance
from oakum.core.planning.values import FAILURES, HostState
from oakum.protocol.orders import OUTCOME_DEFERRED, OUTCOME_KINDS, OUTCOME_STARTED

S = HostState
KINDS = st.sampled_from(OUTCOME_KINDS)
STATES = st.sampled_from(HostState)


@pytest.mark.parametrize(
    ("state", "kind", "reason", "age", "after"),
    [
        (S.RELEASED, "deferred", "apt_locked", Age.NEWEST, S.DEFERRED),
        (S.RELEASED, "started", "", Age.NEWEST, S.STARTED),
        (S.DEFERRED, "started", "", Age.NEWEST, S.STARTED),
        (S.STARTED, "applied", "", Age.NEWEST, S.APPLIED),
        (S.APPLIED, "soaked", "", Age.NEWEST, S.SOAKED),
        (S.RELEASED, "soaked", "", Age.NEWEST, S.SOAKED),  # what came before was lost on the way
        (S.APPLIED, "started", "", Age.NEWEST, S.APPLIED),  # late
        (S.STARTED, "deferred", "disk_full", Age.NEWEST, S.STARTED),  # late
        (S.RELEASED, "refused", "policy_package", Age.NEWEST, S.REFUSED),
        (S.RELEASED, "refused", "expired", Age.NEWEST, S.DEFERRED),  # it gets a new order
        (S.RELEASED, "refused", "policy_package", Age.REPLACED, S.RELEASED),  # said of an order that is gone
        (S.WITHDRAWN, "held", "", Age.NEWEST, S.WITHDRAWN),
        (S.WITHDRAWN, "refused", "policy_package", Age.REPLACED, S.WITHDRAWN),
        (S.WITHDRAWN, "started", "", Age.REPLACED, S.STARTED),  # it had started before it saw the hold
        (S.WITHDRAWN, "rolled_back", "", Age.REPLACED, S.ROLLED_BACK),
        (S.WAITING, "applied", "", Age.REPLACED, S.APPLIED),
        (S.LOST, "deferred", "apt_locked", Age.NEWEST, S.DEFERRED),
        (S.LOST, "applied", "", Age.NEWEST, S.APPLIED),
        (S.STARTED, "failed", "dpkg_error", Age.NEWEST, S.FAILED),
        (S.STARTED, "interrupted", "", Age.NEWEST, S.INTERRUPTED),
        (S.APPLIED, "rolled_back", "unit_failed", Age.NEWEST, S.ROLLED_BACK),
        (S.VERIFIED, "rolled_back", "unit_failed", Age.NEWEST, S.ROLLED_BACK),
        (S.ROLLED_BACK, "rollback_failed", "", Age.NEWEST, S.ROLLBACK_FAILED),
        (S.ROLLBACK_FAILED, "rolled_back", "", Age.NEWEST, S.ROLLBACK_FAILED),
        (S.ROLLED_BACK, "soaked", "", Age.NEWEST, S.ROLLED_BACK),
        (S.RELEASED, "exploded", "", Age.NEWEST, S.RELEASED),  # a word of a newer agent
    ],
)
def test_what_an_outcome_makes_of_a_state(state: HostState, kind: str, reason: str, age: Age, after: HostState) -> None:
    step = advance(state, kind=kind, reason=reason, age=age)
    assert step.state is after
    assert bool(step.note) == (step.state is state and kind != "held")


@given(STATES, KINDS, st.sampled_from(Age))
def test_law_the_same_outcome_twice_is_once(state: HostState, kind: str, age: Age) -> None:
    once = advance(state, kind=kind, reason="", age=age)
    again = advance(once.state, kind=kind, reason="", age=age)
    assert again.state is once.state


@given(STATES, KINDS, st.sampled_from(Age))
def test_law_a_failure_is_never_undone_by_a_good_word(state: HostState, kind: str, age: Age) -> None:
    if state in FAILURES:
        assert advance(state, kind=kind, reason="", age=age).state in FAILURES


@given(STATES, KINDS, st.sampled_from(Age))
def test_law_only_inventory_verifies_and_only_a_planner_gives_up(state: HostState, kind: str, age: Age) -> None:
    after = advance(state, kind=kind, reason="", age=age).state
    assert after is state or after not in {S.VERIFIED, S.LOST, S.WITHDRAWN, S.WAITING, S.RELEASED}


@pytest.mark.parametrize(
    "story",
    [("started", "applied", "soaked"), ("started", "applied", "rolled_back"), ("deferred", "started", "failed")],
)
def test_law_the_order_of_arrival_does_not_matter(story: tuple[str, ...]) -> None:
    ends = set()
    for arrival in permutations(story):
        state = S.RELEASED
        for kind in arrival:
            state = advance(state, kind=kind, reason="", age=Age.NEWEST).state
        ends.add(state)
    assert len(ends) == 1


def test_every_kind_is_either_final_or_known_to_go_on() -> None:
    assert set(OUTCOME_KINDS) - FINAL_KINDS == {OUTCOME_DEFERRED, OUTCOME_STARTED, "applied"}
