"""Rollouts: the list, one rollout as it moves, and what people say to it.

The report is ``core.planning``'s one text; nothing of it is worded here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

from oakum.core.errors import OperatorError
from oakum.core.planning.values import FINISHED, HARMS, MOVING, HostState, RolloutState
from oakum.core.planning.verbs import Verb, role_needed
from oakum.identity.models import Role
from oakum.rollout import queries, services
from oakum.web.doors import POST, PersonRequest, act, page
from oakum.web.paging import ROW_COUNT, choice_of, offset_of, whole_number
from oakum.web.words import plural

REASON_LENGTH_MAX = 1_000
HOST_COUNT = 10  # of each ring on the rollout's own page; the ring's page has all
TROUBLE_COUNT = 10  # hosts of each troubled state
PIN_COUNT = 40
LEFT_OUT_COUNT = 40
WINDOW_COUNT = 6
PLAN_COUNT = 8
HOLDER_NAME_COUNT = 12
# What a person must look at first, worst first.
TROUBLES = (
    HostState.ROLLBACK_FAILED,
    HostState.FAILED,
    HostState.INTERRUPTED,
    HostState.ROLLED_BACK,
    HostState.LOST,
    HostState.REFUSED,
    HostState.DEFERRED,
)
_TONES = dict.fromkeys(HARMS, "bad") | dict.fromkeys(MOVING, "move")
_TONES |= {HostState.SOAKED: "move", HostState.VERIFIED: "ok", HostState.DEFERRED: "warn", HostState.REFUSED: "warn"}
STATES = tuple(state.value for state in RolloutState)
HOST_STATES = tuple(state.value for state in HostState)
# The list's filter in people's words.
VIEWS: dict[str, tuple[RolloutState, ...]] = {
    "live": (RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED),
    "waiting": (RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED),
    "over": (RolloutState.COMPLETED, RolloutState.CANCELLED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a ring's bar, of a hundred."""

    tone: str
    start: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RingBar:
    """A ring with its bar and the same in words."""

    ring: queries.RingView
    pieces: tuple[Piece, ...]
    words: str


def ring_bar(ring: queries.RingView) -> RingBar:
    """Return a ring's bar: as wide as its hosts' shares, in the order in which states follow each other."""
    pieces, start = [], 0.0
    for state, count in ring.counts:
        width = 100 * count / ring.host_count
        pieces.append(Piece(tone=_TONES.get(state, "calm"), start=round(start, 2), width=round(width, 2)))
        start += width
    words = ", ".join(f"{count} {state.value.replace('_', ' ')}" for state, count in ring.counts)
    return RingBar(ring=ring, pieces=tuple(pieces), words=words or plural(ring.host_count, "host", "hosts"))


@page(Role.VIEWER)
def rollouts(request: PersonRequest) -> HttpResponse:
    """Show rollouts, newest first; the table alone when it refreshes itself."""
    view = choice_of(request, "show", tuple(VIEWS))
    found = queries.rollouts(
        organisation_id=request.speaker.organisation_id,
        states=VIEWS.get(view, ()),
        limit=ROW_COUNT // 2,
        offset=offset_of(request),
    )
    context = {
        "page": found,
        "view": view,
        "views": tuple(VIEWS),
        "moves": any(row.state is RolloutState.RUNNING for row in found.rows),
    }
    return render(request, "web/parts/rollouts_table.html" if request.htmx else "web/rollouts.html", context)


@page(Role.VIEWER)
def rollout(request: PersonRequest, ref: str) -> HttpResponse:
    """Show one rollout; when it refreshes itself, what moves alone, or the whole once its state has changed."""
    organisation_id = request.speaker.organisation_id
    found = queries.rollout(organisation_id=organisation_id, ref=ref, hosts_per_ring=HOST_COUNT)
    if request.htmx and request.GET.get("state") != found.row.state:
        return HttpResponseClientRefresh()
    context = {
        "rollout": found,
        "row": found.row,
        "rings": [ring_bar(ring) for ring in found.rings],
        "troubles": tuple(_troubles(request, found)),
        "moves": found.row.state not in FINISHED and (found.row.started_at is not None),
        "host_count_shown": HOST_COUNT,
    }
    if request.htmx:
        return render(request, "web/parts/rollout_live.html", context)
    return render(request, "web/rollout.html", context | _still(request, found))


def _troubles(request: PersonRequest, found: queries.RolloutView) -> Iterator[queries.RolloutHostView]:
    present = {state for ring in found.rings for state, _ in ring.counts}
    for state in TROUBLES:
        if state in present:
            yield from queries.rollout_hosts(
                organisation_id=request.speaker.organisation_id, ref=found.row.id, state=state, limit=TROUBLE_COUNT
            ).rows


def _still(request: PersonRequest, found: queries.RolloutView) -> dict[str, object]:
    """Return what a rollout's page shows that does not move."""
    speaker = request.speaker
    is_own = found.row.requested_by == speaker.person_name
    verbs = {
        verb.value: speaker.allows(Role(role_needed(verb, found.row.state)))
        and not (verb in {Verb.APPROVE, Verb.REJECT} and is_own)
        for verb in found.verbs
    }
    answered = any(each.person_name == speaker.person_name for each in found.approvals)
    return {
        "verbs": verbs,
        "is_own": is_own,
        "answered": answered,
        "approved_count": sum(each.counts for each in found.approvals),
        "pins": found.pins[:PIN_COUNT],
        "left_out": found.left_out[:LEFT_OUT_COUNT],
        "windows": [span for span in found.windows if span.ends_at > request.now][:WINDOW_COUNT],
        "plans": queries.plans(organisation_id=speaker.organisation_id, ref=found.row.id, limit=PLAN_COUNT),
    }


@page(Role.VIEWER)
def rollout_hosts(request: PersonRequest, ref: str) -> HttpResponse:
    """Show the hosts of a rollout, by ring and name."""
    organisation_id = request.speaker.organisation_id
    found = queries.rollout(organisation_id=organisation_id, ref=ref, hosts_per_ring=1)
    ring, state = whole_number(request.GET.get("ring", "")), choice_of(request, "state", HOST_STATES)
    hosts = queries.rollout_hosts(
        organisation_id=organisation_id,
        ref=found.row.id,
        ring=ring if ring is not None and ring < len(found.rings) else None,
        state=HostState(state) if state else None,
        limit=ROW_COUNT,
        offset=offset_of(request),
    )
    context = {
        "rollout": found,
        "row": found.row,
        "page": hosts,
        "ring": ring,
        "state": state,
        "states": sorted({each.value for view in found.rings for each, _ in view.counts}),
    }
    return render(request, "web/rollout_hosts.html", context)


@page(Role.OPERATOR, methods=POST)
def act_on_rollout(request: PersonRequest, rollout_id: UUID, verb: str) -> HttpResponse:
    """Say a word to a rollout.  Which role and state each word takes is the service's to judge."""
    sayings: dict[str, Callable[[PersonRequest, UUID], str]] = {
        Verb.APPROVE: _approve,
        Verb.REJECT: _reject,
        Verb.START: _start,
        Verb.PAUSE: _pause,
        Verb.RESUME: _resume,
        Verb.HALT: _halt,
        Verb.CANCEL: _cancel,
    }
    if verb not in sayings:
        raise OperatorError(code="verb_unknown", sentence="A rollout knows no such word.")
    back_to = reverse("web:rollout", args=[rollout_id])
    return act(request, lambda: sayings[verb](request, rollout_id), back_to=back_to)


class _Who(TypedDict):
    """Who says it to which rollout, when: what every verb takes."""

    organisation_id: UUID
    rollout_id: UUID
    person_id: UUID
    now: datetime


def _who(request: PersonRequest, rollout_id: UUID) -> _Who:
    return {
        "organisation_id": request.speaker.organisation_id,
        "rollout_id": rollout_id,
        "person_id": request.speaker.person_id,
        "now": request.now,
    }


def _reason(request: PersonRequest) -> str:
    return request.POST.get("reason", "").replace("\x00", "").strip()[:REASON_LENGTH_MAX]


def _approve(request: PersonRequest, rollout_id: UUID) -> str:
    state = services.approve(**_who(request, rollout_id), comment=_reason(request))
    if state is RolloutState.AWAITING_APPROVAL:
        return "You approved it. It waits for one more person."
    return "You approved it. It can be started." if state is RolloutState.APPROVED else "You approved it."


def _reject(request: PersonRequest, rollout_id: UUID) -> str:
    services.reject(**_who(request, rollout_id), comment=_reason(request))
    return "You rejected it. It will never run; a changed one can be asked for."


def _start(request: PersonRequest, rollout_id: UUID) -> str:
    services.start(**_who(request, rollout_id))
    return "Started. The first hosts go as soon as the window is open."


def _pause(request: PersonRequest, rollout_id: UUID) -> str:
    services.pause(**_who(request, rollout_id), reason=_reason(request))
    return "Paused. Nobody starts until it is resumed; what has started goes on."


def _resume(request: PersonRequest, rollout_id: UUID) -> str:
    services.resume(**_who(request, rollout_id), retry_failed=request.POST.get("retry_failed") == "yes")
    return "Resumed."


def _halt(request: PersonRequest, rollout_id: UUID) -> str:
    answer = services.halt(**_who(request, rollout_id), reason=_reason(request))
    return f"Halted. {_holders(answer)}"


def _cancel(request: PersonRequest, rollout_id: UUID) -> str:
    answer = services.cancel(**_who(request, rollout_id), reason=_reason(request))
    return f"Cancelled for good. {_holders(answer)}"


def _holders(answer: services.HaltAnswer) -> str:
    """Say who may be at work in spite of the halt: those whose start was permitted before it."""
    if not answer.holders:
        return "No host was let go before; nothing of it starts any more."
    names = ", ".join(holder.hostname for holder in answer.holders[:HOLDER_NAME_COUNT])
    more = len(answer.holders) - HOLDER_NAME_COUNT
    others = f" and {more} more" if more > 0 else ""
    count = plural(len(answer.holders), "host was", "hosts were")
    return f"Nothing else starts. {count} let go before, and may be at work: {names}{others}."
