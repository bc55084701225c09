"""Which approvals hold: given to exactly this spec, by people who may approve today and did not ask for it.

The order signer does not use this: it works the same out for itself.
"""

from __future__ import annotations

from oakum.identity.models import Role
from oakum.identity.queries import ApprovalView, approvals, approvals_required, role_allows
from oakum.rollout.models import Rollout

SUBJECT_KIND = "rollout"


def answers(rollout: Rollout) -> tuple[ApprovalView, ...]:
    """Return every answer to exactly this spec, oldest first."""
    return approvals(
        organisation_id=rollout.organisation_id,
        subject_kind=SUBJECT_KIND,
        subject_id=str(rollout.id),
        subject_hash=rollout.spec_hash,
    )


def holds(answer: ApprovalView, rollout: Rollout) -> bool:
    """Say whether an answer is an approval that counts today."""
    if not answer.approved or answer.person_id == rollout.requested_by_id or answer.role is None:
        return False
    return role_allows(answer.role, Role.APPROVER)


def approval_count(rollout: Rollout) -> int:
    """Return how many approvals hold."""
    return sum(holds(answer, rollout) for answer in answers(rollout))


def approvals_needed(rollout: Rollout) -> int:
    """Return how many must hold: what the rollout was planned with, or what its organisation asks for now if more."""
    return max(rollout.approvals_required, approvals_required(organisation_id=rollout.organisation_id))
