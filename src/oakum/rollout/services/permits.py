"""The answer to a host's last question before the first irreversible step.

The same attempt always gets the same answer, with one exception that errs on the safe side: a granted attempt that asks
again (its reply was lost) is judged again, and once the rollout was halted or the window has closed it is refused.  The
host that got the first reply stays on the list of holders that a halt answers with.
"""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from oakum.core.planning.permits import LAPSE_SECONDS, SENTENCES, PermitFacts, judge_permit
from oakum.core.planning.values import HARMS, HostState, RolloutState
from oakum.core.windows import Span
from oakum.fleet.models import Host
from oakum.fleet.models import HostState as FleetState
from oakum.journal.services import append
from oakum.protocol.codec import from_json
from oakum.protocol.messages import PermitReply, PermitRequest
from oakum.protocol.orders import VERB_APPLY, WorkOrder
from oakum.protocol.trust import parse_instant
from oakum.rollout.calendar import freezes_of
from oakum.rollout.ids import parse_id
from oakum.rollout.models import Order, OrderState, Permit, Rollout, RolloutHost

ATTEMPT_LENGTH_MAX = 64
# A host asks once a tick while its order lives, a day: more is a host gone wild.
PERMIT_COUNT_MAX = 2_000

log = logging.getLogger("oakum.rollout")


def grant_permit(*, host_id: UUID, request: PermitRequest, now: datetime) -> PermitReply:
    """Say whether the host may start its order now, under the rollout's lock, which a halt takes too."""
    order = _find_order(host_id, request)
    if order is None:
        log.warning("permit_order_unknown host=%s order=%.40s", host_id, request.order_id)
        return _reply("order_unknown", request)
    with transaction.atomic():
        rollout = Rollout.objects.select_for_update(no_key=True).defer("spec").get(id=order.rollout_id)
        order.refresh_from_db(fields=["state", "payload_hash"])
        permits = Permit.objects.filter(order_id=order.id)
        earlier = permits.filter(attempt=request.attempt).first()
        if earlier is not None and not earlier.granted:
            return _reply(earlier.reason, request)
        if earlier is None and permits.count() >= PERMIT_COUNT_MAX:
            return _reply("too_many_questions", request)
        reason = judge_permit(_facts(rollout, order, request, now), now=now)
        if earlier is not None:
            return _repeat(rollout, order, earlier, reason, request, now)
        return _answer(rollout, order, reason, request, now)


def _find_order(host_id: UUID, request: PermitRequest) -> Order | None:
    order_id = parse_id(request.order_id)
    if order_id is None or not 0 < len(request.attempt) <= ATTEMPT_LENGTH_MAX or "\0" in request.attempt:
        return None
    return Order.objects.filter(id=order_id, host_id=host_id, verb=VERB_APPLY).first()


def _facts(rollout: Rollout, order: Order, request: PermitRequest, now: datetime) -> PermitFacts:
    signed = from_json(bytes(order.payload), WorkOrder)
    host = Host.objects.only("state", "order_generation").get(id=order.host_id)
    hosts = RolloutHost.objects.filter(rollout_id=rollout.id)
    return PermitFacts(
        host_is_active=host.state == FleetState.ACTIVE,
        order_is_signed=order.state == OrderState.SIGNED,
        order_is_newest=order.generation == host.order_generation == request.generation,
        hash_matches=order.payload_hash == request.order_hash,
        order_ends_at=parse_instant(signed.expires_at),
        order_windows=tuple(
            Span(starts_at=parse_instant(each.starts_at), ends_at=parse_instant(each.ends_at))
            for each in signed.windows
        ),
        rollout_state=RolloutState(rollout.state),
        host_state=HostState(hosts.values_list("state", flat=True).get(host_id=order.host_id)),
        freezes=freezes_of(rollout.organisation_id, now),
        harm_count=hosts.filter(state__in=list(HARMS), accepted_at=None).count(),
        harm_count_judged=rollout.harm_count_judged,
    )


def _answer(rollout: Rollout, order: Order, reason: str, request: PermitRequest, now: datetime) -> PermitReply:
    newest = Permit.objects.filter(order_id=order.id).order_by("-asked_at", "-id").first()
    permit = Permit.objects.create(
        organisation_id=order.organisation_id,
        order_id=order.id,
        attempt=request.attempt,
        granted=not reason,
        reason=reason,
        asked_at=now,
    )
    # A host that waits asks at every tick; the same refusal again is no news.
    if not reason or newest is None or newest.granted or newest.reason != reason:
        _journal(rollout, order, reason, request, now)
    return _reply(reason, request, permit)


def _repeat(
    rollout: Rollout, order: Order, earlier: Permit, reason: str, request: PermitRequest, now: datetime
) -> PermitReply:
    if not reason:
        earlier.asked_at = now
        earlier.save(update_fields=["asked_at"])
        return _reply("", request, earlier)
    _journal(rollout, order, reason, request, now)
    return _reply(reason, request)


def _journal(rollout: Rollout, order: Order, reason: str, request: PermitRequest, now: datetime) -> None:
    payload: dict[str, object] = {
        "rollout": rollout.number,
        "order_id": str(order.id),
        "order_hash": order.payload_hash,
        "generation": order.generation,
        "attempt": request.attempt,
    }
    append(
        organisation_id=order.organisation_id,
        kind="rollout.permit_refused" if reason else "rollout.permit_granted",
        actor=f"host:{order.host_id}",
        subject=f"host:{order.host_id}",
        payload={**payload, "reason": reason} if reason else payload,
        now=now,
    )


def _reply(reason: str, request: PermitRequest, permit: Permit | None = None) -> PermitReply:
    granted = not reason and permit is not None
    return PermitReply(
        granted=granted,
        permit_id=str(permit.id) if granted and permit else "",
        order_hash=request.order_hash,
        lapse_seconds=LAPSE_SECONDS if granted else 0,
        reason=reason,
        detail=SENTENCES[reason] if reason else "",
    )
