"""The verb that makes a rollout: from a wish to an immutable spec that people can approve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max

from oakum.core.errors import OperatorError
from oakum.core.planning.report import standing
from oakum.core.planning.rings import Rings, rings_by_cover, rings_by_name, rings_by_size, unproved_pins
from oakum.core.planning.scope import Scope, choose_scope
from oakum.core.planning.specification import hash_plain, render_spec
from oakum.core.planning.values import (
    RING_COUNT_MAX,
    HostId,
    Limits,
    OrganisationId,
    PersonId,
    Pin,
    RolloutId,
    RolloutState,
    Spec,
)
from oakum.identity.models import Organisation, Role
from oakum.identity.queries import Session
from oakum.journal.services import append
from oakum.policy.queries import settings_of
from oakum.policy.values import SettingsView
from oakum.protocol.orders import REBOOT_ALWAYS, REBOOT_IF_REQUIRED, REBOOT_NEVER
from oakum.rollout.calendar import make_calendar
from oakum.rollout.candidates import chosen_hosts, chosen_updates, load_candidates
from oakum.rollout.hosts import make_missing_hosts
from oakum.rollout.models import Rollout
from oakum.rollout.requests import (
    CuresFor,
    PendingSecurity,
    RingsByCover,
    RingsByName,
    RingsBySize,
    RolloutRequest,
    Selection,
    SourcesByName,
    UpdatesById,
)
from oakum.rollout.services.people import speaker
from oakum.rollout.situation import load_situation

HEALTH_DELAY_DEFAULT = timedelta(seconds=60)
HEALTH_DELAY_MAX = timedelta(hours=1)
SOAK_MAX = timedelta(days=30)
LOST_AFTER_MIN = timedelta(minutes=15)
LOST_AFTER_MAX = timedelta(days=7)
# Three check-ins missed, and a slow reboot, are no loss yet.
LOST_CHECK_IN_COUNT = 3
FAILURE_COUNT_MAX_DEFAULT = 10
LOST_PERCENT_MAX_DEFAULT = 2
WAVE_COUNT_MAX = 10_000
NAME_LENGTH_MAX = 120
NAMED_COUNT_MAX = 8  # versions or hosts named in a sentence; the rest is a number
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
    make_missing_hosts(rollout.id, spec, now=now)
    report = standing(load_situation(rollout, now=now))
    Rollout.objects.filter(id=rollout.id, report="").update(report=report)
    return rollout.id


def _make_spec(
    organisation_id: UUID, person: Session, rollout_id: UUID, request: RolloutRequest, now: datetime
) -> Spec:
    settings = settings_of(organisation_id=organisation_id)
    limits = _limits(request, settings)
    calendar = make_calendar(organisation_id, request.window, now=now)
    updates = chosen_updates(organisation_id, request.selection, now=now)
    host_ids = chosen_hosts(organisation_id, request.hosts, request.rings)
    candidates = load_candidates(organisation_id, host_ids, updates, stale_after=settings.stale_after, now=now)
    first = frozenset(map(HostId, request.rings.rings[0])) if isinstance(request.rings, RingsByName) else frozenset()
    scope = choose_scope(candidates, first=first)
    if not scope.targets:
        raise _nothing_to_do(scope, len(host_ids))
    rings = _make_rings(scope, request, settings)
    return Spec(
        rollout_id=RolloutId(rollout_id),
        organisation_id=OrganisationId(organisation_id),
        requested_by=PersonId(person.person_id),
        requested_for=_selection_words(request.selection),
        change_sets=scope.change_sets,
        rings=rings,
        windows=calendar.windows,
        window_text=calendar.text,
        soak=_duration("soak", request.soak, settings.soak, timedelta(0), SOAK_MAX),
        health_delay=_duration(
            "health_delay", request.health_delay, HEALTH_DELAY_DEFAULT, timedelta(seconds=1), HEALTH_DELAY_MAX
        ),
        lost_after=_duration(
            "lost_after", request.lost_after, _lost_after(settings), timedelta(minutes=1), LOST_AFTER_MAX
        ),
        limits=limits,
        reboot=_reboot(request.reboot),
        left_out=scope.left_out,
        notes=_notes(scope, rings),
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
                raise _invalid("rings", f"Sizes of rings are one to {RING_COUNT_MAX} numbers from 1 on.")
            made = rings_by_size(scope, sizes)
        case RingsByName(rings=named):
            made = _named_rings(scope, named)
        case _:
            assert_never(request.rings)
    return made


def _named_rings(scope: Scope, named: tuple[tuple[UUID, ...], ...]) -> Rings:
    listed = [host_id for ring in named for host_id in ring]
    if not 1 <= len(named) <= RING_COUNT_MAX or len(set(listed)) != len(listed):
        raise _invalid("rings", f"One to {RING_COUNT_MAX} rings, and each host in one of them only.")
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


def _limits(request: RolloutRequest, settings: SettingsView) -> Limits:
    def number(name: str, asked: int | None, default: int, low: int, high: int) -> int:
        value = default if asked is None else asked
        if not low <= value <= high:
            raise _invalid(name, f"{name} is a number from {low} to {high}.")
        return value

    return Limits(
        failure_percent_max=number(
            "failure_percent_max", request.failure_percent_max, settings.failure_percent_max, 0, 100
        ),
        failure_count_max=number(
            "failure_count_max", request.failure_count_max, FAILURE_COUNT_MAX_DEFAULT, 0, WAVE_COUNT_MAX
        ),
        lost_percent_max=number("lost_percent_max", request.lost_percent_max, LOST_PERCENT_MAX_DEFAULT, 0, 100),
        wave_count_max=number("wave_count_max", request.wave_count_max, settings.wave_count_max, 1, WAVE_COUNT_MAX),
    )


def _duration(name: str, asked: timedelta | None, default: timedelta, low: timedelta, high: timedelta) -> timedelta:
    value = timedelta(seconds=int((default if asked is None else asked).total_seconds()))
    if not low <= value <= high:
        raise _invalid(name, f"{name} lies between {low} and {high}.")
    return value


def _lost_after(settings: SettingsView) -> timedelta:
    return max(LOST_AFTER_MIN, LOST_CHECK_IN_COUNT * timedelta(seconds=settings.check_in_seconds))


def _reboot(word: str) -> str:
    if word not in {REBOOT_NEVER, REBOOT_IF_REQUIRED, REBOOT_ALWAYS}:
        raise _invalid("reboot", f"reboot is one of {REBOOT_NEVER}, {REBOOT_IF_REQUIRED}, {REBOOT_ALWAYS}.")
    return word


def _selection_words(selection: Selection) -> str:
    match selection:
        case PendingSecurity():
            return "all pending security updates"
        case UpdatesById(update_ids=ids):
            return f"{len(ids)} chosen updates" if len(ids) > 1 else "one chosen update"
        case SourcesByName(names=names):
            return f"pending updates of {_listed(sorted(names))}"
        case CuresFor(cve=cve):
            return f"pending updates that cure {cve}"
        case _:
            assert_never(selection)


def _notes(scope: Scope, rings: Rings) -> tuple[str, ...]:
    """Return what those who approve must see beside the numbers: who is not covered, and what is tried first where."""
    notes = []
    whole = Counter(each.reason for each in scope.left_out if not each.source)
    if whole:
        notes.append(f"{_hosts(sum(whole.values()))} left out: {_counted(whole)}.")
    parts = Counter(each.reason for each in scope.left_out if each.source)
    if parts:
        notes.append(f"Single updates left out on a host: {_counted(parts)}.")
    if scope.untouched_count:
        notes.append(f"Nothing of it is pending on {_hosts(scope.untouched_count)} of those asked for.")
    notes += [
        f"Ring {ring} is the first to install {_listed([_pin_words(pin) for pin in pins])}; each to one host first."
        for ring, pins in unproved_pins(scope, rings).items()
    ]
    return tuple(notes)


def _pin_words(pin: Pin) -> str:
    return f"{pin.package} {pin.version} ({pin.stream})"


def _nothing_to_do(scope: Scope, host_count: int) -> OperatorError:
    parts = []
    if scope.untouched_count:
        parts.append(f"nothing of it is pending on {_hosts(scope.untouched_count)}")
    reasons = Counter(each.reason for each in scope.left_out)
    if reasons:
        parts.append(f"left out: {_counted(reasons)}")
    why = "; ".join(parts) or "no host was chosen"
    return OperatorError(
        code="nothing_to_do",
        sentence=f"Nothing would come of this rollout. Of {_hosts(host_count)}: {why}.",
        next_step="Choose other hosts or patches, or see to what keeps these hosts out.",
    )


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(reasons.items()))


def _hosts(count: int) -> str:
    return f"{count} host" if count == 1 else f"{count} hosts"


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED_COUNT_MAX
    return ", ".join(names[:NAMED_COUNT_MAX]) + (f" and {more} more" if more > 0 else "")


def _store(person: Session, spec: Spec, name: str, now: datetime) -> Rollout:
    plain = render_spec(spec)
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update(no_key=True).get(id=spec.organisation_id)
        newest = Rollout.objects.filter(organisation=organisation).aggregate(newest=Max("number"))["newest"] or 0
        needed = organisation.approvals_required
        rollout = Rollout.objects.create(
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
        append(
            organisation_id=spec.organisation_id,
            kind="rollout.requested",
            actor=person.actor,
            subject=f"rollout:{rollout.id}",
            payload=_journal_payload(rollout, spec, plain),
            now=now,
        )
    return rollout


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


def _invalid(name: str, sentence: str) -> OperatorError:
    return OperatorError(code=f"{name}_invalid", sentence=sentence, next_step="Change it and plan again.")
