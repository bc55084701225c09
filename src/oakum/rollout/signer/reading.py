"""Rows to facts, read by the signer itself, with the rollout's lock held."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Max

from oakum.fleet.models import Host
from oakum.identity.models import Approval, Membership, Organisation
from oakum.rollout.models import Order, Plan, Rollout
from oakum.rollout.signer.derive import (
    ApprovalFacts,
    HostFacts,
    OrderFacts,
    PlanFacts,
    RolloutFacts,
    SpecIndex,
    index_spec,
)

SUBJECT_KIND = "rollout"
SPEC_COUNT_MAX = 16  # kept; a big one takes half a second to read


class SpecReader:
    """Reads specs, and keeps those whose true hash was the one in the row: they cannot change any more."""

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: OrderedDict[tuple[UUID, str], SpecIndex] = OrderedDict()

    def read(self, rollout: Rollout) -> SpecIndex:
        """Return the rollout's spec, whatever its hash: that is for ``derive`` to compare."""
        key = (rollout.id, rollout.spec_hash)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = index_spec(Rollout.objects.values_list("spec", flat=True).get(id=rollout.id))
        if found.hash == rollout.spec_hash:
            self._kept[key] = found
            while len(self._kept) > SPEC_COUNT_MAX:
                self._kept.popitem(last=False)
        return found


def read_rollout(rollout: Rollout, specs: SpecReader) -> RolloutFacts:
    """Return all that is known of a rollout and of who approved it."""
    organisation = Organisation.objects.only("id", "approvals_required").get(id=rollout.organisation_id)
    return RolloutFacts(
        rollout_id=rollout.id,
        organisation_id=rollout.organisation_id,
        state=rollout.state,
        spec=specs.read(rollout),
        spec_hash=rollout.spec_hash,
        requested_by=rollout.requested_by_id,
        approvals_required=rollout.approvals_required,
        organisation_approvals_required=organisation.approvals_required,
        approvals=_approvals(rollout),
    )


def _approvals(rollout: Rollout) -> tuple[ApprovalFacts, ...]:
    rows = Approval.objects.filter(
        organisation_id=rollout.organisation_id,
        subject_kind=SUBJECT_KIND,
        subject_id=str(rollout.id),
        subject_hash=rollout.spec_hash,
    ).select_related("person")
    members = Membership.objects.filter(
        organisation_id=rollout.organisation_id, person_id__in=[row.person_id for row in rows]
    )
    roles = dict(members.values_list("person_id", "role"))
    return tuple(
        ApprovalFacts(
            person_id=row.person_id,
            approved=row.approved,
            is_active=row.person.is_active,
            role=roles.get(row.person_id, ""),
        )
        for row in rows
    )


def read_hosts(host_ids: Sequence[UUID]) -> Mapping[UUID, HostFacts]:
    """Return the hosts of orders, with the newest generation that either side knows."""
    issued = Order.objects.filter(host_id__in=host_ids).values_list("host_id").annotate(newest=Max("generation"))
    newest = dict(issued.order_by())
    rows = Host.objects.filter(id__in=host_ids).values_list("id", "organisation_id", "order_generation")
    return {
        host_id: HostFacts(organisation_id=organisation_id, generation_newest=max(counter, newest.get(host_id, 0)))
        for host_id, organisation_id, counter in rows
    }


def read_plans(rollout_id: UUID, numbers: set[int]) -> Mapping[int, PlanFacts]:
    """Return the plans that orders name."""
    rows = Plan.objects.filter(rollout_id=rollout_id, number__in=numbers)
    return {row.number: PlanFacts(plan_hash=row.plan_hash, body=row.body) for row in rows}


def order_facts(row: Order) -> OrderFacts:
    """Turn a row into a value."""
    return OrderFacts(
        order_id=row.id,
        organisation_id=row.organisation_id,
        rollout_id=row.rollout_id,
        host_id=row.host_id,
        generation=row.generation,
        verb=row.verb,
        plan_number=row.plan_number,
        payload=bytes(row.payload),
        payload_hash=row.payload_hash,
    )
