"""The plans of a rollout: what was decided when, each with its report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.rollout.models import Plan
from oakum.rollout.queries.find import find_rollout

PAGE_COUNT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """One plan: immutable, numbered, with one parent."""

    number: int
    parent_number: int
    plan_hash: str
    report: str
    made_at: datetime


def plans(*, organisation_id: UUID, ref: UUID | int | str, limit: int = 50) -> tuple[PlanView, ...]:
    """Return the newest plans of a rollout, newest first.

    Raises:
        NotFoundError: no such rollout.
    """
    rows = Plan.objects.filter(rollout_id=find_rollout(organisation_id, ref).id).defer("body").order_by("-number")
    return tuple(
        PlanView(
            number=row.number,
            parent_number=row.parent_number,
            plan_hash=row.plan_hash,
            report=row.report,
            made_at=row.made_at,
        )
        for row in rows[: max(1, min(limit, PAGE_COUNT_MAX))]
    )
