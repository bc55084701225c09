"""fleet.context: the host's own word, else its groups' strictest, else the default."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oakum.fleet.context import CRITICALITIES, ENVIRONMENTS, REACHABILITIES, HostContext, Told, effective_context

answers = {
    "reachability": st.sampled_from(["", *REACHABILITIES]),
    "environment": st.sampled_from(["", *ENVIRONMENTS]),
    "criticality": st.sampled_from(["", *CRITICALITIES]),
}
own = st.builds(Told, **answers)
groups = st.lists(st.builds(Told, name=st.sampled_from(["db", "web", "dmz"]), **answers), max_size=4)


def test_nobody_has_said_anything() -> None:
    assert effective_context(Told(), []) == HostContext(
        reachability="internal",
        reachability_source="default",
        environment="production",
        environment_source="default",
        criticality="medium",
        criticality_source="default",
    )


def test_the_strictest_group_wins_and_the_hosts_own_word_beats_it() -> None:
    told = [Told(name="lab", reachability="isolated", criticality="low"), Told(name="dmz", reachability="public")]
    context = effective_context(Told(criticality="high"), told)
    assert (context.reachability, context.reachability_source) == ("public", "group dmz")
    assert (context.criticality, context.criticality_source) == ("high", "host")
    assert effective_context(Told(reachability="isolated"), told).reachability == "isolated"


@given(own, groups)
def test_one_more_group_never_makes_a_host_look_safer_than_a_group_that_spoke(own: Told, told: list[Told]) -> None:
    for extra in (Told(name="x", reachability=each) for each in REACHABILITIES):
        before, after = effective_context(own, told), effective_context(own, [*told, extra])
        if before.reachability_source != "default":
            assert REACHABILITIES.index(after.reachability) <= REACHABILITIES.index(before.reachability)


@given(own, groups)
def test_the_order_of_groups_does_not_matter(own: Told, told: list[Told]) -> None:
    assert effective_context(own, told) == effective_context(own, list(reversed(told)))
