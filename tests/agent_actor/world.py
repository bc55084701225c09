"""A simulated host, the agent's memory on it, and a server that grants permits: all that the actor meets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from oakum.agent.actor import active_orders
from oakum.agent.actor.engine import Work, work
from oakum.agent.context import ActorContext
from oakum.agent.errors import HostError, ServerUnavailable
from oakum.protocol.dsse import Envelope, seal
from oakum.protocol.messages import ORDER_COUNT_MAX, ActiveOrder, Outcome, PermitReply, PermitRequest
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, VERB_APPLY, VERB_HOLD, PackageChange, WorkOrder, order_payload
from oakum.protocol.trust import MODE_APPLY, HostTrust, LocalPolicy, render_instant
from tests.agent_actor.simulated import ARCHIVES, Killed, SimulatedHost, SimulatedSystem
from tests.agent_actor.simulated_packages import Archive, Deb, Installed, Service

STATE = "/var/lib/oakum-agent"
HOST_ID, ORGANISATION_ID = "h-1", "o-1"
LAPSE_SECONDS = 10
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def seal_order(order: WorkOrder, key: Ed25519PrivateKey = KEY) -> Envelope:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return seal(ORDER_PAYLOAD_TYPE, order_payload(order), public_key=public, sign=key.sign)


@dataclass
class Grant:
    """A permit that was granted: for which attempt, and when by the host's clock."""

    request: PermitRequest
    at: float


@dataclass
class World:
    """One host and its server."""

    host: SimulatedHost
    trust: HostTrust = field(default_factory=lambda: HostTrust(HOST_ID, ORGANISATION_ID, 0, "", ()))
    policy: LocalPolicy = field(default_factory=lambda: LocalPolicy(mode=MODE_APPLY))
    spool: dict[str, Outcome] = field(default_factory=dict)
    spool_full: bool = False
    server_up: bool = True
    halted: bool = False
    permit_seconds: float = 0.1
    grants: list[Grant] = field(default_factory=list)
    asked: list[PermitRequest] = field(default_factory=list)
    generation: int = 0
    delivered: list[Envelope] = field(default_factory=list)
    hook: Callable[[str], None] = field(default=lambda _name: None)
    events: list[str] = field(default_factory=list)

    def order(self, *changes: tuple[str, str, str], **fields: Any) -> WorkOrder:
        self.generation += 1
        now = self.host.now
        values: dict[str, Any] = {
            "order_id": f"order-{self.generation}",
            "organisation_id": ORGANISATION_ID,
            "host_id": HOST_ID,
            "generation": self.generation,
            "verb": VERB_APPLY,
            "rollout_id": "r-1",
            "plan_number": 1,
            "plan_hash": "0" * 64,
            "issued_at": render_instant(now.replace(microsecond=0)),
            "expires_at": render_instant(now.replace(microsecond=0) + timedelta(days=7)),
            "windows": (),
            "packages": tuple(PackageChange(name, "amd64", old, new) for name, old, new in changes),
        }
        return WorkOrder(**{**values, **fields})

    def hold(self) -> WorkOrder:
        return self.order(verb=VERB_HOLD)

    def deliver(self, *orders: WorkOrder) -> None:
        """Have the server send these orders, again and again, beside those that it sends already."""
        self.delivered += [seal_order(order) for order in orders]

    def context(self) -> ActorContext:
        def ask_permit(request: PermitRequest) -> PermitReply:
            self.hook("ask")
            self.asked.append(request)
            if not self.server_up:
                self.host.advance(3)
                raise ServerUnavailable(code="server_unreachable", sentence="The server does not answer.")
            granted_at = self.host.clock
            self.host.advance(self.permit_seconds)
            if self.halted:
                return PermitReply(False, "", request.order_hash, LAPSE_SECONDS, "rollout_halted", "It was halted.")
            self.grants.append(Grant(request, granted_at))
            self.hook("granted")
            return PermitReply(True, "p", request.order_hash, LAPSE_SECONDS, "", "")

        def report(outcome: Outcome) -> None:
            self.hook("report")
            if self.spool_full:
                raise HostError(code="spool_full", sentence="The spool is full.")
            self.spool.setdefault(outcome.outcome_id, outcome)
            self.hook("reported")

        def save_trust(trust: HostTrust) -> None:
            self.hook("save_trust")
            assert trust.generation_max >= self.trust.generation_max
            self.trust = trust
            self.hook("saved_trust")

        return ActorContext(
            state_dir=STATE,
            host_id=HOST_ID,
            organisation_id=ORGANISATION_ID,
            server_key=PUBLIC_KEY,
            policy=self.policy,
            load_trust=lambda: self.trust,
            save_trust=save_trust,
            ask_permit=ask_permit,
            report=report,
            now=lambda: self.host.now,
            monotonic=lambda: self.host.clock,
            sleep=self._sleep,
            log=lambda event, **fields: self.events.append(f"{event} {fields}"),
        )

    def _sleep(self, seconds: float) -> None:
        self.hook("sleep")
        self.host.advance(seconds)

    def system(self) -> SimulatedSystem:
        return SimulatedSystem(self.host, self.hook)

    def tick(self) -> Work | None:
        """Let an agent live for one tick; None when it was killed or could not write."""
        try:
            done = work(self.context(), self.delivered[-ORDER_COUNT_MAX:], self.system())
        except (Killed, HostError):  # A full disk ends the tick; the agent's main loop reports it.
            done = None
        self.host.end_reboot()
        return done

    def run(self, *, tick_count_max: int = 200, seconds: float = 60.0) -> None:
        """Tick until no order is active, as often as the actor asks, else every ``seconds``."""
        for _ in range(tick_count_max):
            done = self.tick()
            if not self.active() and done is not None:
                return
            due = done.next_due_at if done is not None else None
            wait = seconds if due is None else (due - self.host.now).total_seconds()
            self.host.advance(min(max(wait, 0.1), max(seconds, 86_400.0)))
        raise AssertionError(f"never done: {self.active()}")

    def active(self) -> tuple[ActiveOrder, ...]:
        return active_orders(STATE, SimulatedSystem(self.host))

    def kinds(self, order_id: str = "") -> list[str]:
        return [each.kind for each in self.spool.values() if not order_id or each.order_id == order_id]

    def outcome(self, kind: str) -> Outcome:
        (found,) = [each for each in self.spool.values() if each.kind == kind]
        return found

    def reasons(self) -> list[str]:
        return [each.reason for each in self.spool.values()]

    @property
    def now(self) -> datetime:
        return self.host.now


def make_world(*debs: Deb, seed: int = 0, **traits: Any) -> World:
    """A host with acme-web 1.0 (a service on port 8081, using acme-lib) and acme-lib 1.0; 1.1 of both is offered.

    ``web`` and ``lib`` are the traits of their versions 1.1.
    """
    archive = Archive()
    web, lib = frozenset(traits.get("web", ())), frozenset(traits.get("lib", ()))
    old_web, old_lib = Deb("acme-web", "1.0"), Deb("acme-lib", "1.0")
    archive.add(old_web, old_lib, Deb("acme-web", "1.1", traits=web), Deb("acme-lib", "1.1", traits=lib), *debs)
    host = SimulatedHost(archive, seed=seed)
    host.packages["acme-web", "amd64"] = Installed(old_web)
    host.packages["acme-lib", "amd64"] = Installed(old_lib, auto=True)
    host.services["acme-web.service"] = Service("acme-web.service", "acme-web", 8081, ("acme-lib",), started_at=900.0)
    host.services["ssh.service"] = Service("ssh.service", "openssh-server", 22, started_at=900.0)
    host.files["/etc/acme.conf"] = b"colour = blue\n"
    return World(host)


def saved_debs(world: World) -> list[str]:
    """The .debs in apt's archive cache."""
    prefix = ARCHIVES + "/"
    return sorted(name.removeprefix(prefix) for name in world.host.files if name.startswith(prefix))


def with_trust(world: World, **changes: Any) -> None:
    world.trust = dataclasses.replace(world.trust, **changes)
