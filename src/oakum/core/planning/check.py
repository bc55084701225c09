"""A second opinion on every plan, before it becomes the target.

It shares no code with the planner, only the values: each rule is worked out again from the rows, in another way, so
that one mistake does not make both agree.  An empty answer means: no objection.  It does not say what should be done
instead, and it does not look at the orders that are made from the plan (``rollout.signer.derive`` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from oakum.core.planning.values import HostId, HostProgress, HostState, Plan, RolloutState, Situation

OBJECTION_COUNT_MAX = 20  # enough to see what is wrong; a broken plan for 300 hosts would object 300 times
_ORDER_LIFE_MAX = timedelta(hours=24)

_OPEN_ENDS = frozenset(
    {HostState.WAITING, HostState.RELEASED, HostState.DEFERRED, HostState.STARTED, HostState.APPLIED}
)
_NEXT = {
    RolloutState.AWAITING_APPROVAL: {RolloutState.AWAITING_APPROVAL, RolloutState.CANCELLED},
    RolloutState.APPROVED: {RolloutState.APPROVED, RolloutState.CANCELLED},
    RolloutState.RUNNING: {
        RolloutState.RUNNING,
        RolloutState.HALTED,
        RolloutState.COMPLETED,
        RolloutState.CANCELLED,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A rule that the plan breaks, and how."""

    rule: str
    sentence: str


def check(situation: Situation, plan: Plan) -> tuple[Objection, ...]:
    """Return what speaks against carrying out ``plan`` in ``situation``, at most OBJECTION_COUNT_MAX objections."""
    scene = _Scene(situation, plan)
    found: list[Objection] = []
    for rule, judge in _RULES.items():
        for sentence in judge(scene):
            found.append(Objection(rule=rule, sentence=sentence))
            if len(found) == OBJECTION_COUNT_MAX:
                return tuple(found)
    return tuple(found)


class _Scene:
    """The situation by host, the ring of each host by the spec, and each host's state once the plan has been done."""

    def __init__(self, situation: Situation, plan: Plan) -> None:
        self.situation, self.plan, self.spec = situation, plan, situation.spec
        self.hosts: dict[HostId, HostProgress] = {host.host_id: host for host in situation.hosts}
        self.ring_of: dict[HostId, int] = {}
        self.set_of: dict[HostId, int] = {}
        for number, ring in enumerate(situation.spec.rings):
            for target in ring:
                self.ring_of[target.host_id] = number
                self.set_of[target.host_id] = target.change_set
        self.later: dict[HostId, HostState] = {host.host_id: host.state for host in situation.hosts}
        for move in (*plan.losses, *plan.returns, *plan.withdrawals):
            self.later[move.host_id] = move.state
        for host_id in plan.releases:
            self.later[host_id] = HostState.RELEASED
        self.gets_order = (*plan.releases, *plan.reissues)

    def speaks(self, host: HostProgress) -> bool:
        seen = host.last_seen_at
        return seen is not None and seen + self.spec.lost_after >= self.situation.now

    def has_proved(self, host: HostProgress) -> bool:
        state = self.later[host.host_id]
        if state is HostState.SOAKED and host.soaked_at is not None:
            in_doubt = host.remedy in {"pending_restart", "pending_reboot", "unknown"}
            return in_doubt and self.situation.now >= host.soaked_at + self.spec.soak
        return state is HostState.VERIFIED


def _states(scene: _Scene) -> Iterator[str]:
    before, after = scene.situation.state, scene.plan.state
    if after not in _NEXT.get(before, {before}):
        yield f"a plan may not take a rollout from {before} to {after}"
    if scene.gets_order and not before == after == RolloutState.RUNNING:
        yield f"orders for {len(scene.gets_order)} hosts while the rollout is {before} and would be {after}"
    if after is RolloutState.COMPLETED and before is not after:
        open_ends = [state for state in scene.later.values() if state in _OPEN_ENDS]
        if open_ends:
            yield f"completed with open ends: {dict(Counter(open_ends))}"


def _approval(scene: _Scene) -> Iterator[str]:
    given, wanted = scene.situation.approval_count, scene.situation.approvals_required
    if scene.gets_order and given < wanted:
        yield f"orders with {given} of {wanted} approvals"


def _scope(scene: _Scene) -> Iterator[str]:
    for host_id in scene.later:
        if host_id not in scene.ring_of:
            yield f"host {host_id} is not in the spec"
    for host in scene.situation.hosts:
        told = (host.ring, host.change_set)
        if told != (scene.ring_of.get(host.host_id), scene.set_of.get(host.host_id)):
            yield f"host {host.name} stands in another ring, or with other versions, than the spec says"


def _releases(scene: _Scene) -> Iterator[str]:
    for host_id in scene.plan.releases:
        host = scene.hosts.get(host_id)
        if host is None:
            yield f"host {host_id} is released and unknown"
        elif host.state is not HostState.WAITING or host.released_at is not None:
            yield f"host {host.name} is released a second time"
        elif not host.is_active or host.busy_with or not scene.speaks(host):
            yield f"host {host.name} is released and not at hand"
    for host_id in scene.plan.reissues:
        host = scene.hosts.get(host_id)
        if host is None or host.state not in (HostState.RELEASED, HostState.DEFERRED):
            yield f"host {host_id} gets its order anew and does not wait to start one"
        elif host.order_ends_at is not None and host.order_ends_at > scene.situation.now:
            yield f"host {host.name} gets its order anew while the old one lives"


def _withdrawals(scene: _Scene) -> Iterator[str]:
    for move in scene.plan.withdrawals:
        host = scene.hosts.get(move.host_id)
        if host is None or host.state not in (HostState.WAITING, HostState.RELEASED, HostState.DEFERRED):
            yield f"host {move.host_id} is taken out after it started"


def _waves(scene: _Scene) -> Iterator[str]:
    in_hand = sum(state in ("released", "deferred", "started") for state in scene.later.values())
    if scene.plan.releases and in_hand > scene.spec.limits.wave_count_max:
        yield f"{in_hand} hosts in hand, and the wave is {scene.spec.limits.wave_count_max}"


def _windows(scene: _Scene) -> Iterator[str]:
    if not scene.gets_order:
        return
    now, freezes = scene.situation.now, scene.situation.freezes
    if not any(span.starts_at <= now < span.ends_at for span in scene.plan.order_windows):
        yield "no window of the orders is open now"
    for span in scene.plan.order_windows:
        if not any(one.starts_at <= span.starts_at and span.ends_at <= one.ends_at for one in scene.spec.windows):
            yield f"the window from {span.starts_at} is not in the spec"
        if any(freeze.starts_at < span.ends_at and span.starts_at < freeze.ends_at for freeze in freezes):
            yield f"the window from {span.starts_at} overlaps a freeze"
    ends_at = scene.plan.order_ends_at
    if ends_at is None or not now < ends_at <= min(now + _ORDER_LIFE_MAX, scene.spec.expires_at):
        yield f"the orders lapse at {ends_at}"


def _rings(scene: _Scene) -> Iterator[str]:
    before, after = scene.situation.ring_open, scene.plan.ring_open
    if not before <= after < len(scene.spec.rings):
        yield f"the open ring goes from {before} to {after}"
    for host_id in scene.gets_order:
        if scene.ring_of.get(host_id, 0) > after:
            yield f"host {host_id} of ring {scene.ring_of[host_id]} goes while ring {after} is the newest open one"
    for number in range(before, after):
        hosts = [scene.hosts[target.host_id] for target in scene.spec.rings[number] if target.host_id in scene.hosts]
        unfinished = [host.name for host in hosts if _is_unfinished(scene, host)]
        if unfinished:
            yield f"ring {number + 1} opens before {', '.join(unfinished[:5])} of ring {number} came to something"
        if not any(scene.has_proved(host) for host in hosts):
            yield f"ring {number + 1} opens and no host of ring {number} is evidence"


def _is_unfinished(scene: _Scene, host: HostProgress) -> bool:
    state = scene.later[host.host_id]
    if state is HostState.WAITING:
        return scene.speaks(host)
    if state is HostState.SOAKED:
        return host.remedy not in {"pending_restart", "pending_reboot", "unknown"}
    return state in ("released", "deferred", "started", "applied")


def _harm(scene: _Scene) -> Iterator[str]:
    moves_on = scene.plan.ring_open > scene.situation.ring_open or scene.gets_order
    if not moves_on:
        return
    limits = scene.spec.limits
    for number, ring in enumerate(scene.spec.rings):
        counted: Counter[str] = Counter(
            scene.later[target.host_id].value
            for target in ring
            if target.host_id in scene.hosts and not scene.hosts[target.host_id].is_accepted
        )
        lost = counted["lost"]
        failed = sum(counted[state] for state in ("failed", "rolled_back", "rollback_failed", "interrupted"))
        unsigned = [each for each in ring if _is_unsignable(scene, each.host_id)]
        if unsigned:
            yield f"it goes on while the signer refuses {len(unsigned)} orders of ring {number}"
        if counted["rollback_failed"] or (number == 0 and (lost or counted["rolled_back"])):
            yield f"it goes on after harm in ring {number}: {dict(counted)}"
        if failed > limits.failure_count_max or failed / len(ring) > limits.failure_percent_max / 100:
            yield f"it goes on with {failed} of {len(ring)} hosts failed in ring {number}"
        if lost / len(ring) > limits.lost_percent_max / 100:
            yield f"it goes on with {lost} of {len(ring)} hosts lost in ring {number}"


def _is_unsignable(scene: _Scene, host_id: HostId) -> bool:
    host = scene.hosts.get(host_id)
    return host is not None and (host.state, host.reason, host.is_accepted) == ("failed", "order_unsignable", False)


def _proof(scene: _Scene) -> Iterator[str]:
    """Behind ring 0, a version that nobody has proved is on one host at most."""
    later_rings = [host_id for host_id in scene.plan.releases if scene.ring_of.get(host_id, 0) > 0]
    if not later_rings:
        return
    proved = {scene.set_of[host_id] for host_id, host in scene.hosts.items() if scene.has_proved(host)}
    doubtful = {scene.set_of[host_id] for host_id in later_rings} - proved
    if not doubtful:
        return
    known = {pin for index in proved for pin in scene.spec.change_sets[index].pins()}
    wanted = {pin for index in doubtful for pin in scene.spec.change_sets[index].pins()} - known
    under_way = ("released", "deferred", "started", "applied", "soaked")
    carriers = Counter(
        pin
        for host_id, state in scene.later.items()
        if state in under_way
        for pin in wanted.intersection(scene.spec.change_sets[scene.set_of[host_id]].pins())
    )
    for host_id in later_rings:
        for pin in wanted.intersection(scene.spec.change_sets[scene.set_of[host_id]].pins()):
            if carriers[pin] > 1:
                yield f"{pin.package} {pin.version} goes to {carriers[pin]} hosts and nobody has proved it"
                break


_RULES = {
    "scope": _scope,
    "states": _states,
    "approval": _approval,
    "releases": _releases,
    "withdrawals": _withdrawals,
    "waves": _waves,
    "windows": _windows,
    "rings": _rings,
    "harm": _harm,
    "proof": _proof,
}
