"""A small organisation with hosts that have an update pending, and the moves of people, hosts and processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pyroaring import BitMap

from oakum.catalogue.models import Update
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import order_key
from oakum.fleet.models import Host
from oakum.identity.models import Organisation, Person, Role
from oakum.journal.models import Entry
from oakum.protocol.codec import from_json
from oakum.protocol.dsse import open_envelope
from oakum.protocol.messages import Outcome, PermitReply, PermitRequest
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, WorkOrder, payload_hash
from oakum.protocol.trust import render_instant
from oakum.rollout import services
from oakum.rollout.loops import execute_step
from oakum.rollout.models import Order, Rollout, RolloutHost
from oakum.rollout.queries import orders_for
from oakum.rollout.requests import HostsById, PendingSecurity, RingsBySize, RolloutRequest
from oakum.rollout.signer.key import SigningKey
from oakum.rollout.signer.signing import Signer
from tests.factories import Package, make_host, make_organisation, make_person, make_version

OLD: Package = ("openssl", "3.0.1-1", "openssl", "3.0.1-1")
NEW: Package = ("openssl", "3.0.2-1", "openssl", "3.0.2-1")
SOAK = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


def see_update(organisation: Organisation, package: Package, *, now: datetime, stream: str = "debian:12",
               kind: str = "security") -> Update:  # fmt: skip
    update, _ = Update.objects.get_or_create(
        organisation=organisation,
        stream=stream,
        source_name=package[2],
        source_version=package[3],
        defaults={
            "source_order_key": order_key(scheme_of_stream(stream), package[3]),
            "kind": kind,
            "first_seen_at": now,
            "told_by_host_id": uuid4(),
        },
    )
    return update


def signing_key() -> SigningKey:
    private = Ed25519PrivateKey.generate()
    return SigningKey(private.public_key().public_bytes_raw(), private.sign)


def verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)  # raises where it does not hold
    return True


@dataclass
class World:
    """``now`` moves with :meth:`wait`; every host that is not in ``silent`` speaks then."""

    now: datetime
    organisation: Organisation
    ann: Person  # asks
    bea: Person  # approves
    hosts: list[Host]
    key: SigningKey = field(default_factory=signing_key)
    silent: set[UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.signer = Signer(self.key)

    # People.

    def plan(self, **changes: Any) -> UUID:
        values: dict[str, Any] = {
            "selection": PendingSecurity(),
            "hosts": HostsById(tuple(host.id for host in self.hosts)),
            "rings": RingsBySize((1,)),
            "soak": SOAK,
            **changes,
        }
        return services.plan_rollout(
            organisation_id=self.organisation.id, person_id=self.ann.id, request=RolloutRequest(**values), now=self.now
        )

    def say(self, verb: str, rollout_id: UUID, person: Person | None = None, **details: Any) -> Any:
        speaker = person or (self.bea if verb in {"approve", "reject"} else self.ann)
        return getattr(services, verb)(
            organisation_id=self.organisation.id, rollout_id=rollout_id, person_id=speaker.id, now=self.now, **details
        )

    def begin(self, **changes: Any) -> UUID:
        rollout_id = self.plan(**changes)
        if self.organisation.approvals_required:
            self.say("approve", rollout_id)
        self.say("start", rollout_id)
        return rollout_id

    # Processes.

    def tick(self) -> str:
        waits_for = execute_step(self.now)
        self.signer.step(now=self.now)
        return waits_for

    def wait(self, span: timedelta) -> None:
        """Let time pass; hosts that speak confirm their inventory."""
        self.now += span
        Host.objects.exclude(id__in=self.silent).update(last_seen_at=self.now, inventory_at=self.now)

    # Hosts.

    def order_of(self, host: Host) -> WorkOrder | None:
        """Return what the host would accept now, its signature checked."""
        for envelope in orders_for(host_ids=[host.id]).get(host.id, ()):
            payload = open_envelope(envelope, ORDER_PAYLOAD_TYPE, public_key=self.key.public, verify=verify)
            assert payload is not None
            return from_json(payload, WorkOrder)
        return None

    def ask(self, host: Host, *, attempt: str = "", order: WorkOrder | None = None, **changes: Any) -> PermitReply:
        order = order or self.order_of(host)
        assert order is not None, f"{host.hostname} has no order"
        row = Order.objects.get(id=order.order_id)
        values: dict[str, Any] = {
            "protocol": 1,
            "order_id": order.order_id,
            "order_hash": row.payload_hash,
            "generation": order.generation,
            "attempt": attempt or uuid4().hex,
            **changes,
        }
        return services.grant_permit(host_id=host.id, request=PermitRequest(**values), now=self.now)

    def tell(self, host: Host, kind: str, *, order: WorkOrder | None = None, **changes: Any) -> tuple[str, ...]:
        order = order or self.order_of(host)
        assert order is not None
        values: dict[str, Any] = {
            "outcome_id": uuid4().hex,
            "order_id": order.order_id,
            "order_hash": payload_hash(b""),
            "generation": order.generation,
            "attempt": "1",
            "kind": kind,
            "reason": "",
            "sentence": "",
            "at": render_instant(self.now),
            **changes,
        }
        return services.record_outcomes(host_id=host.id, outcomes=(Outcome(**values),), now=self.now)

    def install(self, host: Host, *packages: Package) -> None:
        """Let the host's inventory show these packages, observed now."""
        ids = [make_version(package, now=self.now, stream=host.stream).id for package in packages or (NEW,)]
        Host.objects.filter(id=host.id).update(package_set=BitMap(ids).serialize(), inventory_at=self.now)

    def patch(self, host: Host) -> None:
        """Let a host do all of it, from the permit to the end of its soak, and show in its inventory."""
        order = self.order_of(host)
        reply = self.ask(host, order=order)
        assert reply.granted, reply
        for kind in ("started", "applied"):
            self.tell(host, kind, order=order)
        self.install(host)
        self.wait(SOAK)
        self.tell(host, "soaked", order=order)
        self.wait(MINUTE)
        self.tick()

    # The truth.

    def rollout(self, rollout_id: UUID) -> Rollout:
        return Rollout.objects.get(id=rollout_id)

    def states(self, rollout_id: UUID) -> dict[str, str]:
        rows = RolloutHost.objects.filter(rollout_id=rollout_id)
        return dict(rows.values_list("host__hostname", "state").order_by("host__hostname"))

    def entries(self, kind: str) -> list[Entry]:
        return list(Entry.objects.filter(kind=kind).order_by("sequence"))


def make_world(
    now: datetime, *, host_count: int = 3, approvals_required: int = 1, offers: Sequence[Package] = (NEW,)
) -> World:
    organisation = make_organisation(now=now, approvals_required=approvals_required)
    ann = make_person(organisation, now=now, name="ann", role=Role.OPERATOR)
    bea = make_person(organisation, now=now, name="bea", role=Role.APPROVER)
    for package in offers:
        see_update(organisation, package, now=now)
    hosts = [
        make_host(organisation, now=now, hostname=f"h{number}", packages=(OLD,),
                  offers=[(package, OLD[1]) for package in offers])
        for number in range(host_count)
    ]  # fmt: skip
    hosts.sort(key=lambda host: host.id.int)
    for number, host in enumerate(hosts):  # named in the order of going
        host.hostname = f"h{number}"
        host.save(update_fields=["hostname"])
    return World(now=now, organisation=organisation, ann=ann, bea=bea, hosts=hosts)
