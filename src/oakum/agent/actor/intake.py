"""Take in signed orders: open, parse, judge, and answer or keep each, once.

An envelope that was answered before is not answered again; an order that is kept, or was finished, is not taken in
twice.  Whatever is authentic and addressed to this host raises the generation that it has seen, obeyed or not: what is
older is void.  A hold abandons what has not begun and leaves alone what has.  Nothing of the host is touched here.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import re
from typing import Optional, Sequence, Tuple

from oakum.agent.actor.answers import ANSWERS_WAITING_COUNT_MAX, answer, remember
from oakum.agent.actor.finishing import finish
from oakum.agent.actor.judge import judge_words
from oakum.agent.actor.record import RECEIVED, UNSTARTED_PHASES, OrderRecord, outcome_id
from oakum.agent.actor.tools import Tools
from oakum.agent.verifier import verify
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.dsse import PAYLOAD_BYTES_MAX, Envelope, open_envelope
from oakum.protocol.messages import ORDER_COUNT_MAX, Outcome
from oakum.protocol.orders import (
    ORDER_PAYLOAD_TYPE,
    OUTCOME_HELD,
    OUTCOME_REFUSED,
    VERB_HOLD,
    WorkOrder,
    payload_hash,
)
from oakum.protocol.trust import (
    REFUSED_MALFORMED,
    REFUSED_OLD_GENERATION,
    REFUSED_OTHER_HOST,
    REFUSED_OTHER_ORGANISATION,
    REFUSED_REPLAYED,
    REFUSED_SIGNATURE,
    REFUSED_VERB,
    SENTENCES,
    Refusal,
    judge_order,
    refuse,
    render_instant,
)

# Refusals that say nothing about which orders this host was given.
NOT_OURS = (
    REFUSED_MALFORMED,
    REFUSED_VERB,
    REFUSED_OTHER_HOST,
    REFUSED_OTHER_ORGANISATION,
    REFUSED_REPLAYED,
    REFUSED_OLD_GENERATION,
)

_CLAIMED_ID = re.compile(r"[0-9A-Za-z-]{1,64}\Z")


@dataclasses.dataclass(frozen=True)
class Opened:
    """An envelope that the pinned key signed."""

    envelope: Envelope
    order: WorkOrder
    order_hash: str


def take_in(tools: Tools, envelopes: Sequence[Envelope]) -> None:
    """Answer or keep each of ``envelopes``, at most ORDER_COUNT_MAX of them, lowest generation first."""
    seen = tools.store.load_seen()
    answered = set(seen.keys)
    opened = []
    for envelope in envelopes[:ORDER_COUNT_MAX]:
        key = hashlib.sha256(canonical_json(envelope)).hexdigest()
        if key in answered:
            _answer_replay(tools, envelope, answered)
            continue
        found = open_order(envelope, tools.context.server_key)
        if isinstance(found, Opened):
            opened.append((key, found))
        elif len(seen.outbox) < ANSWERS_WAITING_COUNT_MAX:
            answer(tools, key, _unopened_outcome(tools, envelope, key, found))
    for key, each in sorted(opened, key=lambda pair: pair[1].order.generation):
        if each.order_hash not in answered:
            _take(tools, each)
        remember(tools, key)


def _answer_replay(tools: Tools, envelope: Envelope, answered: "set[str]") -> None:
    """Say, once, that an order was handed out again although the server has long had what came of it.

    Until then a repetition is the server's right: it cannot know yet.
    """
    unacknowledged, order_id = tools.context.unacknowledged, _claims(envelope)[0]
    if unacknowledged is None or order_id not in tools.context.load_trust().finished_order_ids:
        return
    found = open_order(envelope, tools.context.server_key)
    if not isinstance(found, Opened) or order_id in unacknowledged():
        return
    key = "replayed:" + found.order_hash
    if key not in answered:
        refusal = refuse(REFUSED_REPLAYED)
        outcome = _outcome(tools, found, OUTCOME_REFUSED, refusal.reason, refusal.sentence)
        again = outcome_id(found.order_hash, "", OUTCOME_REFUSED, 2)
        answer(tools, key, dataclasses.replace(outcome, outcome_id=again))


def open_order(envelope: Envelope, server_key: bytes) -> "Opened | Refusal":
    """Return the order in ``envelope``, or why it is none.  Pure."""
    payload = open_envelope(envelope, ORDER_PAYLOAD_TYPE, public_key=server_key, verify=verify)
    if payload is None:
        return refuse(REFUSED_SIGNATURE)
    try:
        order = from_json(payload, WorkOrder)
    except WireError as error:
        return refuse(REFUSED_MALFORMED, detail="%.200s." % error)
    refusal = judge_words(order)
    return refusal if refusal is not None else Opened(envelope, order, payload_hash(payload))


def _take(tools: Tools, opened: Opened) -> None:
    cases, _unreadable = tools.store.cases()
    if any(case.record.order_hash == opened.order_hash for case in cases):
        return
    order, context = opened.order, tools.context
    refusal: Optional[Refusal] = refuse(REFUSED_REPLAYED, detail="Its id is another order's.")
    if all(case.record.order_id != order.order_id for case in cases):
        refusal = judge_order(
            order,
            order_hash=opened.order_hash,
            trust=context.load_trust(),
            policy=context.policy,
            now=context.now(),
        )
    if refusal is None or refusal.reason not in NOT_OURS:
        _raise_generation(tools, opened)
    if refusal is not None and refusal.final:
        outcome = _outcome(tools, opened, OUTCOME_REFUSED, refusal.reason, refusal.sentence)
        answer(tools, opened.order_hash, outcome, finished=refusal.reason not in NOT_OURS)
    elif order.verb == VERB_HOLD:
        _hold(tools, opened)
    else:
        _keep(tools, opened)


def _raise_generation(tools: Tools, opened: Opened) -> None:
    trust = tools.context.load_trust()
    if opened.order.generation > trust.generation_max:
        raised = dataclasses.replace(
            trust, generation_max=opened.order.generation, current_order_hash=opened.order_hash
        )
        tools.context.save_trust(raised)


def _keep(tools: Tools, opened: Opened) -> None:
    record = OrderRecord(
        order_id=opened.order.order_id,
        order_hash=opened.order_hash,
        generation=opened.order.generation,
        phase=RECEIVED,
        phase_at=render_instant(tools.context.now()),
    )
    tools.store.add(record, opened.envelope)
    tools.context.log("actor.received", order=record.order_id, generation=record.generation)


def _hold(tools: Tools, opened: Opened) -> None:
    """Abandon what has not begun, then say so; a repeat after a crash finds nothing more to abandon."""
    cases, _unreadable = tools.store.cases()
    abandoned = [case for case in cases if case.record.phase in UNSTARTED_PHASES]
    for case in abandoned:
        sentence = "%s The server withdrew it before it began." % SENTENCES[REFUSED_OLD_GENERATION]
        finish(tools, case, OUTCOME_REFUSED, REFUSED_OLD_GENERATION, sentence)
    sentence = "Nothing older than generation %d starts any more." % opened.order.generation
    outcome = _outcome(tools, opened, OUTCOME_HELD, "", sentence)
    answer(tools, opened.order_hash, outcome, finished=True)


def _outcome(tools: Tools, opened: Opened, kind: str, reason: str, sentence: str) -> Outcome:
    return Outcome(
        outcome_id=outcome_id(opened.order_hash, "", kind, 1),
        order_id=opened.order.order_id,
        order_hash=opened.order_hash,
        generation=opened.order.generation,
        attempt="",
        kind=kind,
        reason=reason,
        sentence=sentence,
        at=render_instant(tools.context.now()),
    )


def _unopened_outcome(tools: Tools, envelope: Envelope, key: str, refusal: Refusal) -> Outcome:
    """Report what could not be opened; its id is what it claims, and its hash that of what it holds."""
    order_id, generation, order_hash = _claims(envelope)
    return Outcome(
        outcome_id=outcome_id(key, "", OUTCOME_REFUSED, 1),
        order_id=order_id,
        order_hash=order_hash,
        generation=generation,
        attempt="",
        kind=OUTCOME_REFUSED,
        reason=refusal.reason,
        sentence=refusal.sentence,
        at=render_instant(tools.context.now()),
    )


def _claims(envelope: Envelope) -> Tuple[str, int, str]:
    """Return the order id and generation that an untrusted envelope claims, empty and 0 if none, and its hash."""
    try:
        payload = base64.b64decode(envelope.payload[: 2 * PAYLOAD_BYTES_MAX], validate=True)
    except (binascii.Error, ValueError):
        return "", 0, ""
    try:
        plain: Optional[object] = json.loads(payload)
    except (ValueError, RecursionError):
        plain = None
    fields = plain if isinstance(plain, dict) else {}
    order_id, generation = fields.get("order_id"), fields.get("generation")
    known = isinstance(order_id, str) and _CLAIMED_ID.match(order_id) is not None
    number = generation if isinstance(generation, int) and not isinstance(generation, bool) else 0
    return (str(order_id) if known else "", number, payload_hash(payload))
