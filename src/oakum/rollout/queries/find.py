"""Find a rollout by what people say: its number, or its id."""

from __future__ import annotations

from uuid import UUID

from oakum.core.errors import NotFoundError
from oakum.rollout.ids import parse_id
from oakum.rollout.models import Rollout

NUMBER_MAX = 2**31 - 1


def find_rollout(organisation_id: UUID, ref: UUID | int | str) -> Rollout:
    """Return the row of a rollout, without its spec.

    Raises:
        NotFoundError: this organisation has none of that number or id (``rollout_unknown``).
    """
    rows = Rollout.objects.filter(organisation_id=organisation_id).defer("spec").select_related("requested_by")
    text = str(ref).strip()
    found = None
    if text.isdecimal() and int(text) <= NUMBER_MAX:
        found = rows.filter(number=int(text)).first()
    elif rollout_id := parse_id(text):
        found = rows.filter(id=rollout_id).first()
    if found is None:
        raise NotFoundError(
            code="rollout_unknown", sentence=f"There is no rollout {text[:40]}.", next_step="See the list of rollouts."
        )
    return found
