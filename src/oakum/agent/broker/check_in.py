"""The check-in, so that the server can tell a lost reply from a copied host.

The nonce of the last reply goes into the next check-in.  An *attempt* is made and stored before the first sending and
kept until a reply is stored: however often the host dies in between, the same check-in goes out under the same attempt.
What the reply asks for is the caller's business (``tick``).
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Callable

from oakum import __version__
from oakum.agent.broker.client import Broker
from oakum.agent.config import CHECK_IN_SECONDS_MAX, CHECK_IN_SECONDS_MIN
from oakum.agent.errors import AgentError, ServerAnswerError
from oakum.agent.observer import Observation
from oakum.agent.state import AgentState, StateStore
from oakum.protocol.inventory import SECTIONS
from oakum.protocol.messages import (
    NOTES_REQUEST_COUNT_MAX,
    ORDER_COUNT_MAX,
    PROTOCOL_VERSION,
    ActiveOrder,
    CheckIn,
    CheckInReply,
)
from oakum.protocol.trust import parse_instant, render_instant

ATTEMPT_BYTES = 16


def check_in(
    broker: Broker,
    store: StateStore,
    observation: Observation,
    *,
    active: tuple[ActiveOrder, ...],
    now: Callable[[], datetime],
) -> CheckInReply:
    """Check in and return the reply, stored: nonce, clock skew, and that it went well.

    Raises:
        AgentError: it did not go well; the state then says why, and keeps the attempt for the next try.
    """
    state = store.change(
        attempt=store.state.attempt or secrets.token_hex(ATTEMPT_BYTES), check_in_tried_at=_seconds(now())
    )
    try:
        reply, exchange = broker.check_in(_render(state, observation, active, now()))
        received_at = now()
        _check_reply(reply)
        midpoint = received_at - timedelta(seconds=(exchange.ended_at - exchange.began_at) / 2)
        skew = measure_skew(reply.server_time, midpoint)
    except AgentError as error:
        store.change(check_in_problem=str(error))
        raise
    store.change(
        nonce=reply.nonce,
        attempt="",
        checked_in_at=_seconds(received_at),
        check_in_problem="",
        check_in_seconds=clamp_interval(reply.check_in_seconds),
        packages_hash=observation.packages_hash,
        offers_hash=observation.offers_hash,
        facts_hash=observation.facts_hash,
        clock_skew_seconds=skew,
    )
    return reply


def _render(state: AgentState, observation: Observation, active: tuple[ActiveOrder, ...], sent_at: datetime) -> CheckIn:
    return CheckIn(
        protocol=PROTOCOL_VERSION,
        nonce=state.nonce,
        attempt=state.attempt,
        sent_at=render_instant(sent_at),
        boot_id=observation.facts.boot_id,
        agent_version=__version__,
        policy_mode=observation.facts.policy_mode,
        packages_hash=observation.packages_hash,
        offers_hash=observation.offers_hash,
        facts_hash=observation.facts_hash,
        lists_updated_at=observation.lists_updated_at,
        generation_max=state.generation_max,
        active=active,
    )


def _check_reply(reply: CheckInReply) -> None:
    problem = ""
    if not reply.nonce:
        problem = "it gives no nonce"
    elif len(reply.orders) > ORDER_COUNT_MAX or len(reply.notes_wanted) > NOTES_REQUEST_COUNT_MAX:
        problem = "it asks for more than the protocol allows"
    elif any(section not in SECTIONS for section in reply.need):
        problem = "it needs a section that does not exist"
    if problem:
        raise ServerAnswerError(
            code="reply_senseless",
            sentence=f"The server's answer to the check-in makes no sense: {problem}.",
            next_step="Update agent and server to the same version.",
        )


def measure_skew(server_time: str, midpoint: datetime) -> int:
    """Return the server's clock less ours, to the nearest second.

    ``midpoint`` is our clock half-way between request and reply.

    Raises:
        ServerAnswerError: the server's time cannot be read.
    """
    try:
        return round((parse_instant(server_time) - midpoint).total_seconds())
    except ValueError as error:
        raise ServerAnswerError(
            code="reply_senseless",
            sentence=f"The server's time cannot be read: {error}.",
            next_step="Update agent and server to the same version.",
        ) from error


def clamp_interval(seconds: int) -> int:
    """Return the interval within what an agent accepts.

    >>> clamp_interval(0), clamp_interval(300), clamp_interval(10**9)
    (5, 300, 86400)
    """
    return min(max(seconds, CHECK_IN_SECONDS_MIN), CHECK_IN_SECONDS_MAX)


def _seconds(instant: datetime) -> str:
    return render_instant(instant.replace(microsecond=0))
