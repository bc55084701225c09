"""The verb that makes a rollout: from a wish to an immutable spec that people can approve."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max

from oakum.core.errors import OperatorError
from oakum.core.planning.report import standing
from oakum.core.planning.rings import Rings, rings_by_cover, rings_by_name, rings_by_size
from oakum.core.planning.scope import Scope, choose_scope
from oakum.core.planning.specification import hash_plain, render_spec
from oakum.core.planning.values import (
    RING_COUNT_MAX,
    HostId,
    HostProgress,
    HostState,
    OrganisationId,
    PersonId,
    RolloutId,
    RolloutState,
    Situation,
    Spec,
)
from oakum.identity.models import Organisation, Role
from oakum.identity.queries import Session
from oakum.journal.services import append
from oakum.policy.queries import settings_of
from oakum.policy.values import SettingsView
from oakum.rollout.bounds import bounds_of, invalid
from oakum.rollout.calendar import make_calendar
from oakum.rollout.candidates import chosen_hosts, chosen_updates, load_candidates
from oakum.rollout.hosts import make_missing_hosts
from oakum.rollout.models import Rollout
from oakum.rollout.requests import RingsByCover, RingsByName, RingsBySize, RolloutRequest
from oakum.rollout.services.people import speaker
from oakum.rollout.wording import NAMED_COUNT_MAX, notes, nothing_to_do, selection_words

NAME_LENGTH_MAX = 120
JOURNALLED_PIN_COUNT_MAX = 500


def plan_rollout(*, organisation_id: UUID, person_id: UUID, request: RolloutRequest, now: datetime) -> UUID:
    """Make a rollout and return its id.

    It awaits approval, or is approved at once where the organisation has set ``approvals_required`` to 0.

    Raises:
        NotAllowedError: the person is no operator of this organisation.
        NotFoundError: a host, group, patch or window that was named does not exist here.
        OperatorError: the wish makes no sense, or nothing would come of it; the sentence says why.
    """
    person = speaker(organisation_id, person_id, Role.OPERATOR, "plan a rollout")
    rollout_id = uuid4()
    spec = _make_spec(organisation_id, person, rollout_id, request, now)
    rollout = _store(person, spec, request.name, now)
    make_missing_hosts(rollout.id, spec, now=now)  # A big one's other rows the executor makes.
    return rollout.id


def _make_spec(
    organisation_id: UUID, person: Session, rollout_id: UUID, request: RolloutRequest, now: datetime
) -> Spec:
    settings = settings_of(organisation_id=organisation_id)
    bounds = bounds_of(request, settings)
    calendar = make_calendar(organisation_id, request.window, now=now)
    updates = chosen_updates(organisation_id, request.selection, now=now)
    host_ids = chosen_hosts(organisation_id, request.hosts, request.rings)
    candidates = load_candidates(organisation_id, host_ids, updates, stale_after=settings.stale_after, now=now)
    first = frozenset(map(HostId, request.rings.rings[0])) if isinstance(request.rings, RingsByName) else frozenset()
    scope = choose_scope(candidates, first=first)
    if not scope.targets:
        raise nothing_to_do(scope, len(host_ids))
    rings = _make_rings(scope, request, settings)
    return Spec(
        rollout_id=RolloutId(rollout_id),
        organisation_id=OrganisationId(organisation_id),
        requested_by=PersonId(person.person_id),
        requested_for=selection_words(request.selection),
        change_sets=scope.change_sets,
        rings=rings,
        windows=calendar.windows,
        window_text=calendar.text,
        soak=bounds.soak,
        health_delay=bounds.health_delay,
        lost_after=bounds.lost_after,
        limits=bounds.limits,
        reboot=bounds.reboot,
        left_out=scope.left_out,
        notes=notes(scope, rings),
    )


def _make_rings(scope: Scope, request: RolloutRequest, settings: SettingsView) -> Rings:
    match request.rings:
        case RingsByCover():
            percents = settings.ring_percents
            made = (
                rings_by_cover(scope, zero_count_max=settings.ring_zero_count_max, percents=percents)
                if percents
                else rings_by_cover(scope, zero_count_max=settings.ring_zero_count_max)
            )
        case RingsBySize(sizes=sizes):
            if not sizes or min(sizes) < 1 or len(sizes) > RING_COUNT_MAX:
                raise invalid("rings", f"Sizes of rings are one to {RING_COUNT_MAX} numbers from 1 on.")
            made = rings_by_size(scope, sizes)
        case RingsByName(rings=named):
            made = _named_rings(scope, named)
        case _:
            assert_never(request.rings)
    return made


def _named_rings(scope: Scope, named: tuple[tuple[UUID, ...], ...]) -> Rings:
    listed = [host_id for ring in named for host_id in ring]
    if not 1 <= len(named) <= RING_COUNT_MAX or len(set(listed)) != len(listed):
        raise invalid("rings", f"One to {RING_COUNT_MAX} rings, and each host in one of them only.")
    made = rings_by_name(scope, [[HostId(host_id) for host_id in ring] for ring in named])
    if not made[0]:
        reasons = {each.name: each.sentence for each in scope.left_out if each.host_id in named[0]}
        why = "; ".join(f"{name}: {sentence}" for name, sentence in list(reasons.items())[:NAMED_COUNT_MAX])
        why = why or "Nothing of it is pending there."
        raise OperatorError(
            code="ring_zero_empty",
            sentence=f"Nobody of ring 0 can take part, and ring 1 must not go first. {why}".strip(),
            next_step="Put another host into ring 0.",
        )
    return tuple(ring for ring in made if ring)


def _store(person: Session, spec: Spec, name: str, now: datetime) -> Rollout:
    plain = render_spec(spec)
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update(no_key=True).get(id=spec.organisation_id)
        newest = Rollout.objects.filter(organisation=organisation).aggregate(newest=Max("number"))["newest"] or 0
        needed = organisation.approvals_required
        rollout = Rollout(
            id=spec.rollout_id,
            organisation=organisation,
            number=newest + 1,
            name=(name.strip() or spec.requested_for)[:NAME_LENGTH_MAX],
            state=RolloutState.AWAITING_APPROVAL if needed else RolloutState.APPROVED,
            spec=plain,
            spec_hash=hash_plain(plain),
            approvals_required=needed,
            requested_by_id=person.person_id,
            created_at=now,
        )
        rollout.report = standing(_first_situation(rollout, spec, now))
        rollout.save(force_insert=True)
        append(
            organisation_id=spec.organisation_id,
            kind="rollout.requested",
            actor=person.actor,
            subject=f"rollout:{rollout.id}",
            payload=_journal_payload(rollout, spec, plain),
            now=now,
        )
    return rollout


def _first_situation(rollout: Rollout, spec: Spec, now: datetime) -> Situation:
    """Return the situation of a rollout that nothing has happened to yet, whose hosts have no rows."""
    hosts = (
        HostProgress(
            host_id=target.host_id,
            name="",
            ring=ring,
            change_set=target.change_set,
            state=HostState.WAITING,
            last_seen_at=now,
        )
        for ring, targets in enumerate(spec.rings)
        for target in targets
    )
    return Situation(
        spec=spec,
        state=RolloutState(rollout.state),
        state_reason="",
        ring_open=0,
        hosts=tuple(hosts),
        freezes=(),
        approval_count=0,
        approvals_required=rollout.approvals_required,
        now=now,
    )


def _journal_payload(rollout: Rollout, spec: Spec, plain: Mapping[str, object]) -> dict[str, object]:
    pins = sorted({pin for change_set in spec.change_sets for pin in change_set.pins()})
    return {
        "number": rollout.number,
        "name": rollout.name,
        "spec_hash": rollout.spec_hash,
        "requested_for": spec.requested_for,
        "approvals_required": rollout.approvals_required,
        "ring_sizes": [len(ring) for ring in spec.rings],
        "left_out_count": len(spec.left_out),
        "windows": plain["windows"],
        "pin_count": len(pins),
        "pins": [list(pin) for pin in pins[:JOURNALLED_PIN_COUNT_MAX]],
    }
