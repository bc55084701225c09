"""A fleet on a virtual clock: the shipped planner, checker, permits, outcomes, and hosts that misbehave.

Everything follows from the seed.  ``Fleet.observe`` looks at what hosts *really* did, never at what the server
believes, so that it can find what the planner and the checker overlook together.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from oakum.core.planning.check import check
from oakum.core.planning.effects import carry_out
from oakum.core.planning.outcomes import Age, advance
from oakum.core.planning.permits import PermitFacts, judge_permit
from oakum.core.planning.planner import plan as shipped_plan
from oakum.core.planning.resume import resume_host
from oakum.core.planning.tally import harm_count
from oakum.core.planning.values import (
    FINISHED,
    ChangeSet,
    HostId,
    HostProgress,
    HostState,
    Plan,
    RolloutState,
    Situation,
)
from oakum.core.planning.verification import Evidence, verify
from oakum.core.windows import Span

TICK = timedelta(minutes=5)
Planner = Callable[[Situation], Plan]


class SafetyError(AssertionError):
    """A host did what no host may do."""


class ObjectionError(AssertionError):
    """The checker objected to a plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How likely each misfortune is, per occasion."""

    fails: float = 0.0
    rolls_back: float = 0.0
    breaks: float = 0.0  # cannot be taken back
    refuses: float = 0.0
    defers: float = 0.0
    falls_silent: float = 0.0  # for hours, at any tick
    dies: float = 0.0  # for ever, right after it started
    outcome_is_late: float = 0.0
    outcome_is_doubled: float = 0.0
    needs_reboot: float = 0.0
    lies: float = 0.0  # says soaked, has installed nothing
    person_meddles: float = 0.0  # pauses, halts, resumes, at any tick
    freeze_begins: float = 0.0


STORM = Weather(
    fails=0.02, rolls_back=0.03, breaks=0.003, refuses=0.05, defers=0.2, falls_silent=0.01, dies=0.005,
    outcome_is_late=0.3, outcome_is_doubled=0.2, needs_reboot=0.2, lies=0.01, person_meddles=0.02, freeze_begins=0.005,
)  # fmt: skip
DRIZZLE = Weather(defers=0.2, falls_silent=0.004, outcome_is_late=0.3, outcome_is_doubled=0.2, needs_reboot=0.2)
CALM = Weather()


@dataclass(slots=True, kw_only=True)
class SimulatedOrder:
    generation: int
    is_hold: bool
    changes: ChangeSet
    windows: tuple[Span, ...]
    ends_at: datetime


@dataclass(slots=True, kw_only=True)
class SimulatedHost:
    """What a host really is.  ``fate`` is drawn when it starts."""

    host_id: HostId
    phase: str = "idle"
    generation_max: int = 0
    order: SimulatedOrder | None = None
    silent_until: datetime | None = None
    is_dead: bool = False
    due_at: datetime | None = None
    soaks: bool = False
    has_new: bool = False
    runs_new: bool = False
    spool: list[tuple[str, str, int, datetime]] = field(default_factory=list)  # kind, reason, generation, from when on
    start_count: int = 0


class Fleet:
    """One rollout over simulated hosts; ``step`` lets TICK pass."""

    def __init__(
        self, situation: Situation, *, seed: int, weather: Weather, planner: Planner = shipped_plan, checks: bool = True
    ) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a story, not a secret
        self.weather, self.planner, self.checks = weather, planner, checks
        self.situation = situation
        self.orders: dict[HostId, SimulatedOrder] = {}
        self.generation = 0
        self.real = {host.host_id: SimulatedHost(host_id=host.host_id) for host in situation.hosts}
        self.retried: dict[HostId, int] = {}
        self.lost: set[HostId] = set()
        self.plan_count = 0
        self.judged = 0
        self.harmed_ring_zero = False

    # The server.

    def step(self) -> None:
        """Let one tick pass: hosts speak and act in random order, then the server plans, then a person may meddle."""
        self.situation = replace(self.situation, now=self.situation.now + TICK)
        for host in self.random.sample(list(self.real.values()), len(self.real)):
            if self._speaks(host):
                self._live(host)
        self._plan()
        self._meddle()

    def run(self, *, tick_count_max: int) -> int:
        """Step until the rollout is finished, at most ``tick_count_max`` times; return how many it took."""
        for count in range(tick_count_max):
            if self.situation.state in FINISHED:
                return count
            self.step()
        return tick_count_max

    def _plan(self) -> None:
        self._verify()
        situation = self.situation
        made = self.planner(situation)
        if self.checks:
            objections = check(situation, made)
            if objections:
                raise ObjectionError(objections)
        after = carry_out(situation, made)
        again = self.planner(after)
        if self.checks and again.changes(after):
            raise ObjectionError(f"planning again changes something: {again}")
        for host_id in (*made.releases, *made.reissues):
            self._order(host_id, made, is_hold=False)
        for move in made.withdrawals:
            if self._progress(move.host_id).released_at is not None:
                self._order(move.host_id, made, is_hold=True)
        self.lost |= {move.host_id for move in made.losses}
        self.plan_count += made.changes(situation)
        self.situation, self.judged = after, harm_count(after)

    def _order(self, host_id: HostId, made: Plan, *, is_hold: bool) -> None:
        self.generation += 1
        change_set = self.situation.spec.change_sets[self._progress(host_id).change_set]
        self.orders[host_id] = SimulatedOrder(
            generation=self.generation, is_hold=is_hold, changes=change_set,
            windows=made.order_windows, ends_at=made.order_ends_at or self.situation.now,
        )  # fmt: skip

    def _progress(self, host_id: HostId) -> HostProgress:
        return self.situation.hosts[host_id.int]

    def _set(self, host: HostProgress) -> None:
        hosts = list(self.situation.hosts)
        hosts[host.host_id.int] = host
        self.situation = replace(self.situation, hosts=tuple(hosts))

    def _verify(self) -> None:
        for host in self.situation.hosts:
            if host.state not in {HostState.APPLIED, HostState.SOAKED}:
                continue
            real = self.real[host.host_id]
            evidence = Evidence(
                observed_at=host.last_seen_at, packages_status="known", stale_status="known",
                missing=() if real.has_new else ("openssl",), running_old=() if real.runs_new else ("openssl",),
                awaiting_reboot=(),
            )  # fmt: skip
            found = verify(host.state, evidence, since=host.soaked_at or host.applied_at)
            if found is not None:
                self._set(replace(host, state=found.state, reason=found.reason, remedy=found.remedy))

    def _receive(self, host: SimulatedHost, kind: str, reason: str, generation: int) -> None:
        progress, now = self._progress(host.host_id), self.situation.now
        newest = self.orders[host.host_id].generation
        step = advance(
            progress.state, kind=kind, reason=reason, age=Age.NEWEST if generation == newest else Age.REPLACED
        )
        if step.state is progress.state:
            return
        stamps = {HostState.STARTED: "started_at", HostState.APPLIED: "applied_at", HostState.SOAKED: "soaked_at"}
        changes: dict[str, datetime] = {stamps[step.state]: now} if step.state in stamps else {}
        progress = replace(progress, state=step.state, reason=reason, is_accepted=False, **changes)  # type: ignore[arg-type]
        if reason == "expired":
            progress = replace(progress, order_ends_at=None)
        self._set(progress)
        if step.state is HostState.ROLLED_BACK and progress.ring == 0:
            self.harmed_ring_zero = True

    def _permits(self, host: SimulatedHost, order: SimulatedOrder) -> bool:
        facts = PermitFacts(
            host_is_active=True, order_is_signed=True, hash_matches=True,
            order_is_newest=order.generation == self.orders[host.host_id].generation,
            order_ends_at=order.ends_at, order_windows=order.windows, rollout_state=self.situation.state,
            host_state=self._progress(host.host_id).state, freezes=self.situation.freezes,
            harm_count=harm_count(self.situation), harm_count_judged=self.judged,
        )  # fmt: skip
        return not judge_permit(facts, now=self.situation.now)

    # The hosts.

    def _chance(self, likelihood: float) -> bool:
        return self.random.random() < likelihood

    def _speaks(self, host: SimulatedHost) -> bool:
        now = self.situation.now
        if self._chance(self.weather.falls_silent):
            host.silent_until = now + timedelta(hours=self.random.uniform(0.1, 6))
        return not host.is_dead and (host.silent_until is None or host.silent_until <= now)

    def _live(self, host: SimulatedHost) -> None:
        now = self.situation.now
        self._set(replace(self._progress(host.host_id), last_seen_at=now))
        told, host.spool = [each for each in host.spool if each[3] <= now], [e for e in host.spool if e[3] > now]
        for kind, reason, generation, _ in self.random.sample(told, len(told)):
            self._receive(host, kind, reason, generation)
        order = self.orders.get(host.host_id)
        if order is not None and order.generation > host.generation_max:
            host.generation_max = order.generation
            if host.phase == "idle":
                host.order = None if order.is_hold else order
        getattr(self, f"_{host.phase}")(host)

    def _idle(self, host: SimulatedHost) -> None:
        order, now = host.order, self.situation.now
        if order is None:
            return
        if now >= order.ends_at:
            self._tell(host, "refused", "expired")
            host.order = None
        elif self._chance(self.weather.refuses):
            self._tell(host, "refused", "policy_package")
            host.order = None
        elif self._chance(self.weather.defers) or not any(span.contains(now) for span in order.windows):
            self._tell(host, "deferred", "busy")
        elif self._permits(host, order):
            self.observe(host, order)
            host.phase, host.due_at = "installing", now + timedelta(minutes=self.random.randint(1, 40))
            host.start_count += 1
            host.is_dead = self._chance(self.weather.dies)
            self._tell(host, "started", "")

    def _installing(self, host: SimulatedHost) -> None:
        assert host.due_at is not None
        if self.situation.now < host.due_at:
            return
        for kind, likelihood in (
            ("failed", self.weather.fails),
            ("rolled_back", self.weather.rolls_back),
            ("rollback_failed", self.weather.breaks),
        ):
            if self._chance(likelihood):
                self._end(host, kind)
                return
        lies = self._chance(self.weather.lies)
        host.has_new = not lies
        host.runs_new = not lies and not self._chance(self.weather.needs_reboot)
        host.phase, host.due_at = "soaking", self.situation.now + self.situation.spec.soak
        self._tell(host, "applied", "")

    def _soaking(self, host: SimulatedHost) -> None:
        assert host.due_at is not None
        if self.situation.now < host.due_at:
            return
        if self._chance(self.weather.rolls_back):
            self._end(host, "rolled_back")
        else:
            self._end(host, "soaked")

    def _end(self, host: SimulatedHost, kind: str) -> None:
        host.phase, host.has_new = "idle", host.has_new and kind == "soaked"
        self._tell(host, kind, "")
        host.order = None

    def _tell(self, host: SimulatedHost, kind: str, reason: str) -> None:
        assert host.order is not None
        for _ in range(2 if self._chance(self.weather.outcome_is_doubled) else 1):
            late = (
                timedelta(minutes=self.random.randint(1, 60))
                if self._chance(self.weather.outcome_is_late)
                else TICK * 0
            )
            host.spool.append((kind, reason, host.order.generation, self.situation.now + late))

    # People.

    def _meddle(self) -> None:
        state, weather = self.situation.state, self.weather
        if self._chance(weather.freeze_begins):
            freeze = Span(starts_at=self.situation.now, ends_at=self.situation.now + timedelta(hours=3))
            self.situation = replace(self.situation, freezes=(*self.situation.freezes, freeze))
        if state in {RolloutState.PAUSED, RolloutState.HALTED} and self._chance(weather.person_meddles * 3):
            self._resume(is_halted=state is RolloutState.HALTED)
        elif state is RolloutState.RUNNING and self._chance(weather.person_meddles):
            to = self.random.choice([RolloutState.PAUSED, RolloutState.HALTED])
            self.situation = replace(self.situation, state=to, state_reason="A person said so.")

    def _resume(self, *, is_halted: bool) -> None:
        hosts = self.situation.hosts
        if is_halted:
            self.harmed_ring_zero = False
            hosts = tuple(resume_host(host, retries=self._chance(0.5)) for host in hosts)
            for before, after in zip(self.situation.hosts, hosts, strict=True):
                if after.state is HostState.WAITING and before.state is not HostState.WAITING:
                    self.retried[after.host_id] = self.retried.get(after.host_id, 0) + 1
        self.situation = replace(self.situation, state=RolloutState.RUNNING, state_reason="", hosts=hosts)

    # The truth.

    def observe(self, host: SimulatedHost, order: SimulatedOrder) -> None:
        """Hold, at the instant a host really starts, what must be so whatever the server believes."""
        situation, now, spec = self.situation, self.situation.now, self.situation.spec
        ring = next(number for number, ring in enumerate(spec.rings) if any(t.host_id == host.host_id for t in ring))
        target = next(t for t in spec.rings[ring] if t.host_id == host.host_id)
        rules = {
            "a host starts only in a running rollout": situation.state is RolloutState.RUNNING,
            "a host starts only in a window": any(span.contains(now) for span in spec.windows),
            "no host starts in a freeze": not any(span.contains(now) for span in situation.freezes),
            "no host starts twice": host.start_count <= self.retried.get(host.host_id, 0),
            "a host gets the spec's versions": order.changes == spec.change_sets[target.change_set],
            "nobody starts after a rollback in ring 0": not self.harmed_ring_zero,
            "a later ring starts after the one before has proved itself": ring == 0 or self._has_proved(ring - 1),
            "nobody starts unapproved": situation.approval_count >= situation.approvals_required,
            "the wave has its limit": self._really_installing() < spec.limits.wave_count_max + self._strays(host),
        }
        broken = [rule for rule, holds in rules.items() if not holds]
        if broken:
            raise SafetyError(f"seed: {broken} at {now}, host {host.host_id.int}")

    def _has_proved(self, ring: int) -> bool:
        return any(self.real[target.host_id].has_new for target in self.situation.spec.rings[ring])

    def _really_installing(self) -> int:
        return sum(host.phase == "installing" for host in self.real.values())

    def _strays(self, starting: SimulatedHost) -> int:
        """Hosts above the wave that no planner can help: given up although they started, or lost and back again."""
        given_up = {HostState.LOST, HostState.WITHDRAWN, HostState.WAITING}
        return sum(
            (real.phase == "installing" and self._progress(host_id).state in given_up)
            or (host_id in self.lost and (real.phase == "installing" or real is starting))
            for host_id, real in self.real.items()
        )
