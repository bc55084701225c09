"""The words: what a rollout did, how its rings stand, and what it waits for.

One text, shown by page, API and command line alike.  It decides nothing: the sentences follow from the situation and
the plan.  Instants are absolute, so the text changes only when something happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import assert_never

from oakum.core.planning.effects import carry_out
from oakum.core.planning.tally import Tally, tally
from oakum.core.planning.values import Plan, RolloutState, Situation
from oakum.core.planning.verdict import (
    Promote,
    RingVerdict,
    WaitForHosts,
    WaitForPerson,
    WaitForProof,
    WaitForSoak,
    judge_ring,
)
from oakum.core.windows import effective, next_span, open_span

# The order is the order of telling: what is done, what is under way, what has not begun, what went wrong.
_WORDS = (
    ("verified", "verified"),
    ("pending", "installed with old code still running"),
    ("patient", "installed with old code still running"),
    ("unseen", "to be confirmed by inventory"),
    ("applied", "soaking"),
    ("started", "installing"),
    ("released", "ordered"),
    ("deferred", "deferred"),
    ("ready", "waiting"),
    ("busy", "busy with another rollout"),
    ("silent", "silent"),
    ("refused", "refused"),
    ("withdrawn", "withdrawn"),
    ("rolled_back", "rolled back"),
    ("rollback_failed", "broken: could not be taken back"),
    ("failed", "failed"),
    ("unsignable", "without a signed order"),
    ("lost", "lost"),
    ("accepted", "given up"),
)

# Who approves, starts, or reads the end of it must see who is not covered.
_NOTED = frozenset({RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED, RolloutState.COMPLETED})


def describe(situation: Situation, plan: Plan) -> str:
    """Return the report of ``plan``, made in ``situation``: a few sentences in one paragraph."""
    return " ".join([*_did(situation, plan), standing(carry_out(situation, plan))])


def standing(situation: Situation) -> str:
    """Return how the rollout stands and what it waits for, without what was done last."""
    tallies = tally(situation)
    sentences = [*_headline(situation, tallies), *_rings(situation, tallies)]
    if situation.state is RolloutState.RUNNING:
        sentences += _waits(situation, tallies)
    if situation.state in _NOTED:
        sentences += situation.spec.notes
    return " ".join(sentences)


def _did(situation: Situation, plan: Plan) -> Iterator[str]:
    if plan.ring_open > situation.ring_open:
        yield f"Ring {plan.ring_open} opened."
    for count, words in (
        (len(plan.releases), "released"),
        (len(plan.reissues), "ordered anew"),
        (len(plan.withdrawals), "withdrawn"),
        (len(plan.losses), "lost"),
        (len(plan.returns), "back"),
    ):
        if count:
            yield f"{_hosts(count)} {words}."


def _headline(after: Situation, tallies: tuple[Tally, ...]) -> Iterator[str]:
    given, wanted = after.approval_count, after.approvals_required
    match after.state:
        case RolloutState.AWAITING_APPROVAL:
            yield f"Waits for approval: {given} of {wanted} given."
        case RolloutState.APPROVED:
            yield "Waits for somebody to start it."
        case RolloutState.PAUSED:
            yield f"Paused: {_end(after.state_reason)} Nothing starts until somebody resumes it."
        case RolloutState.HALTED:
            yield f"Halted: {_end(after.state_reason)} Nothing starts until an approver resumes it."
        case RolloutState.CANCELLED:
            yield f"Cancelled: {_end(after.state_reason)}"
        case RolloutState.COMPLETED:
            verified = sum(ring.verified for ring in tallies)
            yield f"Completed: {verified} of {_hosts(sum(ring.host_count for ring in tallies))} verified."
        case RolloutState.RUNNING:
            pass
        case _:
            assert_never(after.state)
    if wanted == 0:
        yield "No approval was required: this organisation has set approvals_required to 0."


def _rings(after: Situation, tallies: tuple[Tally, ...]) -> Iterator[str]:
    if after.state in {RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED}:
        sizes = ", ".join(str(ring.host_count) for ring in tallies)
        yield f"Rings of {sizes} hosts." if len(tallies) > 1 else f"One ring of {_hosts(tallies[0].host_count)}."
        return
    for ring in tallies[: after.ring_open + 1]:
        # An earlier ring is told of while something in it is unfinished or went wrong.
        if ring.ring == after.ring_open or ring.verified < ring.host_count:
            yield f"{_ring_name(ring, tallies)}: {_counts(ring)}."
    later = sum(ring.host_count for ring in tallies[after.ring_open + 1 :])
    if later:
        yield f"{_hosts(later)} in later rings."


def _ring_name(ring: Tally, tallies: tuple[Tally, ...]) -> str:
    return f"Ring {ring.ring} of {len(tallies) - 1}" if len(tallies) > 1 else "The only ring"


def _counts(ring: Tally) -> str:
    parts = [f"{ring.verified} of {_hosts(ring.host_count)} verified"]
    merged: dict[str, int] = {}
    for group, words in _WORDS[1:]:
        merged[words] = merged.get(words, 0) + getattr(ring, group)
    return ", ".join(parts + [f"{count} {words}" for words, count in merged.items() if count])


def _waits(after: Situation, tallies: tuple[Tally, ...]) -> Iterator[str]:
    ring = tallies[after.ring_open]
    is_last = after.ring_open == len(tallies) - 1
    yield from _verdict_words(judge_ring(ring), ring, after, is_last=is_last)
    if ring.deferred:
        yield f"Deferred, and tried again by the host itself: {_listed(ring.deferred_names, ring.deferred)}."
    waiting = sum(each.ready for each in tallies[: after.ring_open + 1])
    if waiting:
        yield from _hindrance(after, tallies)
    silent = sum(each.silent for each in tallies[: after.ring_open + 1])
    if silent:
        yield f"Waits for {_hosts(silent)} to speak again."


def _verdict_words(verdict: RingVerdict, ring: Tally, after: Situation, *, is_last: bool) -> Iterator[str]:
    match verdict:
        case Promote():
            if not is_last:
                yield f"Ring {ring.ring} has proved itself."
            elif ring.pending:
                yield f"Waits for {_hosts(ring.pending)} to run the new code, until {_at(ring.proof_due_at, after)}."
        case WaitForSoak(ends_at=ends_at):
            yield f"Waits for the soak of ring {ring.ring} to end at {_at(ends_at, after)}."
        case WaitForProof(due_at=due_at):
            yield (
                f"Waits for one host of ring {ring.ring} to run the new code after a restart or reboot; "
                f"at {_at(due_at, after)} goes on without."
            )
        case WaitForPerson():
            yield f"Nothing in ring {ring.ring} worked: retry its hosts, or cancel."
        case WaitForHosts():
            under_way = ring.released + ring.started + ring.applied + ring.unseen
            if under_way:
                yield f"Waits for {_hosts(under_way)} of ring {ring.ring}."
        case _:
            assert_never(verdict)


def _hindrance(after: Situation, tallies: tuple[Tally, ...]) -> Iterator[str]:
    """Say why hosts that could go do not."""
    spans = effective(after.spec.windows, after.freezes)
    if open_span(spans, after.now) is not None:
        if sum(ring.in_hand for ring in tallies) >= after.spec.limits.wave_count_max:
            yield f"The wave is full: {_hosts(after.spec.limits.wave_count_max)} at once."
        elif after.ring_open:
            yield "The other hosts wait until a first host has proved their versions."
        return
    following = next_span(spans, after.now)
    is_frozen = open_span(after.spec.windows, after.now) is not None
    what = "A freeze is on" if is_frozen else "No window is open"
    if following is None:
        yield f"{what}, and no window is left."
    else:
        yield f"{what}: waits until {_at(following.starts_at, after)}."


def _listed(names: list[str], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"


def _end(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _at(instant: datetime | None, after: Situation) -> str:
    """Render an instant, to the minute, rounded up: what is said to be over at 14:05 is."""
    assert instant is not None
    if instant.second or instant.microsecond:
        instant = instant.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return f"{instant:%H:%M} UTC" if instant.date() == after.now.date() else f"{instant:%Y-%m-%d %H:%M} UTC"
