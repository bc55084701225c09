"""The loop that executes rollouts: look at every live one, take one step each.

It takes no input but the instant, may be killed at any instant and run twice.  One rollout's fault does not keep the
others from their step; all faults are raised together at the end.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from oakum.core.planning.values import FINISHED, HARMS, WITHDRAWABLE, HostState, RolloutState, Spec
from oakum.rollout.execute import execute
from oakum.rollout.hosts import make_missing_hosts
from oakum.rollout.models import Rollout, RolloutHost
from oakum.rollout.observe import observe
from oakum.rollout.specs import spec_of

# How long inventory is still looked at for hosts that were pending a reboot when their rollout ended.
VERIFY_AFTER_FINISH = timedelta(days=30)
ROLLOUT_COUNT_MAX = 1_000
# A look at 10,000 hosts takes a fifth of a second of one core: a rollout of 100,000 is looked at every ten seconds.  A
# failure is judged at the next tick all the same, and until then nobody gets a start permit.
HOSTS_PER_SECOND = 10_000


def execute_step(now: datetime) -> str:
    """Take one step of every live rollout and return what the loop waits for, in words."""
    states: Counter[RolloutState] = Counter()
    faults: list[Exception] = []
    for rollout in _live(now):
        try:
            states[_step(rollout, now)] += 1
        except Exception as error:  # noqa: BLE001 - this loop's outermost frame for one rollout; raised below
            error.add_note(f"while executing rollout {rollout.number} ({rollout.id})")
            faults.append(error)
    if faults:
        raise ExceptionGroup("rollouts could not be executed", faults)
    moving = [f"{states[state]} {state.value.replace('_', ' ')}" for state in RolloutState if states[state]]
    return f"news of {', '.join(moving)}" if moving else "a rollout"


def _live(now: datetime) -> list[Rollout]:
    """Return the rollouts that something is left to do for, oldest first."""
    hosts = RolloutHost.objects.filter(rollout_id=OuterRef("id"))
    to_hold = Exists(hosts.filter(state__in=list(WITHDRAWABLE)))
    to_verify = Exists(hosts.filter(state__in=[HostState.APPLIED, HostState.SOAKED, HostState.STARTED]))
    over = Q(state__in=list(FINISHED), finished_at__gt=now - VERIFY_AFTER_FINISH) & (to_hold | to_verify)
    rows = Rollout.objects.exclude(state__in=list(FINISHED)) | Rollout.objects.filter(over)
    return list(rows.defer("spec").order_by("created_at", "number")[:ROLLOUT_COUNT_MAX])


def _step(rollout: Rollout, now: datetime) -> RolloutState:
    spec = spec_of(rollout.id, rollout.spec_hash)
    if rollout.target_plan_number == 0 and not make_missing_hosts(rollout.id, spec, now=now):
        return RolloutState(rollout.state)  # A plan over a part of the hosts would be another rollout's.
    has_news = observe(rollout, spec, now=now)
    state = RolloutState(rollout.state)
    if not has_news and _may_rest(rollout, state, spec, now):
        return state
    after = execute(rollout, now=now).state
    # Only saves work: a process that starts anew looks at everything once.
    _stepped[rollout.id] = (after, now)
    return after


_stepped: dict[UUID, tuple[RolloutState, datetime]] = {}


def _may_rest(rollout: Rollout, state: RolloutState, spec: Spec, now: datetime) -> bool:
    """Say whether looking at every host of the rollout can wait for a later tick."""
    if state in {RolloutState.AWAITING_APPROVAL, RolloutState.APPROVED}:
        return bool(rollout.report) and now < spec.expires_at
    stepped_as, stepped_at = _stepped.get(rollout.id, (None, now))
    if stepped_as is not state:
        return False
    hosts = RolloutHost.objects.filter(rollout_id=rollout.id)
    if state is RolloutState.RUNNING:
        size = sum(len(ring) for ring in spec.rings)
        pause = timedelta(seconds=size // HOSTS_PER_SECOND)
        harmed = hosts.filter(state__in=list(HARMS), accepted_at=None).count()
        return now - stepped_at < pause and harmed == rollout.harm_count_judged
    if state is not RolloutState.PAUSED and hosts.filter(state__in=list(WITHDRAWABLE)).exists():
        return False
    return not hosts.filter(changed_at__gte=stepped_at).exists()
