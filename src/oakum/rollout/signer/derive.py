"""May this order be signed?  Everything worked out again from the rows, with no code of the planner's or executor's.

Pure.  A row that was tampered with, a plan that nobody made, an approval that is missing: each is a refusal with its
reason.  What may still come right (a pause, an order that a newer one will replace) is a reason to wait.  It does not
judge whether the rollout is going well (``core.planning``) nor whether the host will obey (``protocol.trust``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.orders import VERB_APPLY, VERB_HOLD, WorkOrder, order_payload, payload_hash
from oakum.protocol.trust import parse_instant

ORDER_LIFE_MAX = timedelta(hours=24)
CLOCK_TOLERANCE = timedelta(minutes=1)  # executor and signer may run on two machines
APPROVER_ROLES = frozenset({"approver", "administrator"})

_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)

SENTENCES = {
    "row_malformed": "A row that the order rests on cannot be read.",
    "payload_hash_wrong": "The order's bytes are not those that its hash was made from.",
    "payload_malformed": "The order's bytes are no order in canonical form.",
    "row_differs": "The order's row says something else than its bytes.",
    "verb_unknown": "The order's verb is not one that is signed.",
    "host_foreign": "The host is not of the rollout's organisation.",
    "hold_malformed": "A hold names packages or windows.",
    "generation_not_newest": "The order is not the newest one of its host.",
    "spec_changed": "The rollout's spec is not the one that was approved.",
    "spec_foreign": "The rollout's spec was made for another rollout or organisation.",
    "approvals_missing": "The rollout lacks approvals by people who may approve today and did not ask for it.",
    "plan_unknown": "The plan that the order names does not exist.",
    "plan_changed": "The plan is not the one that its hash was made from.",
    "host_not_in_plan": "The plan does not let this host go.",
    "host_not_in_spec": "The host is not one that was approved.",
    "versions_differ": "The order's packages or versions are not those that were approved for the host.",
    "windows_differ": "The order's windows are not within those that were approved.",
    "settings_differ": "The order's soak, health delay or reboot are not those that were approved.",
    "times_wrong": "The order's issue or expiry is out of bounds.",
    "rollout_not_running": "The rollout is not running.",
    "expired": "The order has expired before it was signed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """An order's row."""

    order_id: UUID
    organisation_id: UUID
    rollout_id: UUID
    host_id: UUID
    generation: int
    verb: str
    plan_number: int
    payload: bytes
    payload_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """The order's host; ``generation_newest`` is the greatest of the host's orders and of its own counter."""

    organisation_id: UUID
    generation_newest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFacts:
    """One answer to the rollout's spec hash, and what its author may do today (empty: no member any more)."""

    person_id: UUID
    approved: bool
    is_active: bool
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFacts:
    """The rollout's row and its organisation's.  ``spec`` has been hashed once by ``index_spec``."""

    rollout_id: UUID
    organisation_id: UUID
    state: str
    spec: SpecIndex
    spec_hash: str
    requested_by: UUID
    approvals_required: int
    organisation_approvals_required: int
    approvals: tuple[ApprovalFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecIndex:
    """A spec's plain JSON with its true hash and each host's change set, read once."""

    plain: Mapping[str, Any]
    hash: str
    change_set_of: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """The row of the plan that the order names."""

    plan_hash: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """Never to be signed."""

    reason: str

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return SENTENCES[self.reason]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Not to be signed now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sign:
    """To be signed, exactly as it is."""


Answer = Sign | Wait | Refuse


def index_spec(plain: Mapping[str, Any]) -> SpecIndex:
    """Hash a spec and find each host's change set in it."""
    try:
        change_set_of = {host_id: index for ring in plain["rings"] for host_id, index in ring}
        return SpecIndex(plain=plain, hash=_hash(plain), change_set_of=change_set_of)
    except _MALFORMED:
        return SpecIndex(plain={}, hash="", change_set_of={})  # it is nobody's: derive refuses by the hash


def derive(
    order: OrderFacts, *, host: HostFacts, rollout: RolloutFacts, plan: PlanFacts | None, now: datetime
) -> Answer:
    """Say whether the order may be signed; the first reason against it is the answer.

    A hold is always signed, whatever the rollout's state: it makes nothing start.  Rows of another shape than ours are
    refused too: a signer that fell over them would sign nothing for anybody.
    """
    try:
        return _derive(order, host, rollout, plan, now)
    except _MALFORMED:
        return Refuse(reason="row_malformed")


def _derive(order: OrderFacts, host: HostFacts, rollout: RolloutFacts, plan: PlanFacts | None, now: datetime) -> Answer:
    content = _content(order)
    if isinstance(content, Refuse):
        return content
    if host.organisation_id != order.organisation_id or rollout.organisation_id != order.organisation_id:
        return Refuse(reason="host_foreign")
    if order.generation != host.generation_newest:
        return Refuse(reason="generation_not_newest")
    if content.verb == VERB_HOLD:
        return Refuse(reason="hold_malformed") if content.packages or content.windows else Sign()
    if content.verb != VERB_APPLY:
        return Refuse(reason="verb_unknown")
    reason = (
        _against_rollout(rollout) or _against_plan(content, order, plan) or _against_content(content, rollout, plan)
    )
    if reason:
        return Refuse(reason=reason)
    return _timely(content, rollout, now)


def _content(order: OrderFacts) -> WorkOrder | Refuse:
    if payload_hash(order.payload) != order.payload_hash:
        return Refuse(reason="payload_hash_wrong")
    try:
        content = from_json(order.payload, WorkOrder)
        # Parsing ignores what it does not know: only what gives the same bytes again says no more than it seems to.
        is_canonical = order_payload(content) == order.payload
        for instant in (content.issued_at, content.expires_at):
            parse_instant(instant)
    except (WireError, ValueError):
        return Refuse(reason="payload_malformed")
    if not is_canonical:
        return Refuse(reason="payload_malformed")
    told = (
        content.order_id,
        content.organisation_id,
        content.rollout_id,
        content.host_id,
        content.generation,
        content.verb,
        content.plan_number,
    )
    row = (
        str(order.order_id),
        str(order.organisation_id),
        str(order.rollout_id),
        str(order.host_id),
        order.generation,
        order.verb,
        order.plan_number,
    )
    return content if told == row else Refuse(reason="row_differs")


def _against_rollout(rollout: RolloutFacts) -> str:
    spec = rollout.spec
    if spec.hash != rollout.spec_hash:
        return "spec_changed"
    made_for = (spec.plain["rollout_id"], spec.plain["organisation_id"], spec.plain["requested_by"])
    if made_for != (str(rollout.rollout_id), str(rollout.organisation_id), str(rollout.requested_by)):
        return "spec_foreign"
    # The organisation's own number counts too: lowering it in the rollout's row alone gains nothing.
    needed = max(rollout.approvals_required, rollout.organisation_approvals_required)
    holding = {
        each.person_id
        for each in rollout.approvals
        if each.approved and each.is_active and each.role in APPROVER_ROLES and each.person_id != rollout.requested_by
    }
    return "" if len(holding) >= needed else "approvals_missing"


def _against_plan(content: WorkOrder, order: OrderFacts, plan: PlanFacts | None) -> str:
    if plan is None:
        return "plan_unknown"
    if _hash(plan.body) != plan.plan_hash or content.plan_hash != plan.plan_hash:
        return "plan_changed"
    body = plan.body
    if body["rollout_id"] != content.rollout_id or body["number"] != order.plan_number:
        return "plan_changed"
    return "" if content.host_id in {*body["releases"], *body["reissues"]} else "host_not_in_plan"


def _against_content(content: WorkOrder, rollout: RolloutFacts, plan: PlanFacts | None) -> str:
    spec = rollout.spec.plain
    index = rollout.spec.change_set_of.get(content.host_id)
    if index is None:
        return "host_not_in_spec"
    wanted = sorted(map(tuple, spec["change_sets"][index]["changes"]))
    brought = sorted((each.name, each.architecture, each.from_version, each.to_version) for each in content.packages)
    if not brought or brought != wanted:
        return "versions_differ"
    windows = [[each.starts_at, each.ends_at] for each in content.windows]
    assert plan is not None
    if windows != plan.body["order_windows"] or not windows or not all(_is_within(each, spec) for each in windows):
        return "windows_differ"
    settings = (content.soak_seconds, content.health_delay_seconds, content.reboot)
    if settings != (spec["soak_seconds"], spec["health_delay_seconds"], spec["reboot"]):
        return "settings_differ"
    return "" if content.expires_at == plan.body["order_ends_at"] else "times_wrong"


def _is_within(window: list[str], spec: Mapping[str, Any]) -> bool:
    starts_at, ends_at = (parse_instant(text) for text in window)
    return starts_at < ends_at and any(
        parse_instant(low) <= starts_at and ends_at <= parse_instant(high) for low, high in spec["windows"]
    )


def _timely(content: WorkOrder, rollout: RolloutFacts, now: datetime) -> Answer:
    issued_at, expires_at = parse_instant(content.issued_at), parse_instant(content.expires_at)
    if issued_at > now + CLOCK_TOLERANCE or not timedelta(0) < expires_at - issued_at <= ORDER_LIFE_MAX:
        return Refuse(reason="times_wrong")
    if rollout.state != "running":
        return Wait(reason="rollout_not_running")
    return Wait(reason="expired") if expires_at <= now else Sign()


def _hash(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(dict(plain))).hexdigest()
