"""What has become of a rollout's hosts that they do not tell themselves: what inventory shows, what the signer refused.

It writes what ``core.planning.verification`` says, in short transactions; it plans nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.planning.values import REASON_UNSIGNABLE, WITHDRAWABLE, HostState, Pin, Spec
from oakum.core.planning.verification import Evidence, Finding, verify
from oakum.fleet.models import Host
from oakum.fleet.sets import load_set
from oakum.journal.services import append
from oakum.protocol.orders import VERB_APPLY
from oakum.rollout.models import Order, OrderState, Rollout, RolloutHost

ACTOR = "loop:execute"
# Looked at in one tick, and written in one transaction: no halt waits for more.
HOST_COUNT_MAX = 1_000
WRITE_CHUNK_COUNT = 100
NAME_CHUNK_COUNT = 500
SENTENCE_LENGTH_MAX = 1_000
_HOST_FIELDS = (
    "id",
    "hostname",
    "packages_status",
    "stale_status",
    "package_set",
    "running_old_set",
    "inventory_at",
    "facts",
)

VersionIds = Mapping[Pin, BitMap]  # package versions that are the pinned one or newer


def observe(rollout: Rollout, spec: Spec, *, now: datetime) -> bool:
    """Take note of refused orders and of new inventories; say whether any host stands differently for it."""
    refused = _note_unsignable(rollout, now)
    rows = list(_looked_for(rollout))
    if not rows:
        return refused
    versions = _versions({pin for row in rows for pin in spec.change_sets[row.change_set].pins()})
    hosts = Host.objects.only(*_HOST_FIELDS).in_bulk([row.host_id for row in rows])
    found = [_judge(row, hosts[row.host_id], spec, versions) for row in rows]
    changed = [each for each in found if each is not None]
    for start in range(0, len(changed), WRITE_CHUNK_COUNT):
        _write(rollout, changed[start : start + WRITE_CHUNK_COUNT], now)
    return refused or any(
        (each.finding.remedy, each.finding.state) != (each.row.remedy, each.row.state) for each in changed
    )


def _looked_for(rollout: Rollout) -> Iterable[RolloutHost]:
    """Return the hosts that have installed, and of which a newer inventory has come than the one judged last."""
    fresh = Q(remedy_at=None) | Q(remedy_at__lt=F("host__inventory_at"))
    rows = RolloutHost.objects.filter(
        fresh,
        rollout_id=rollout.id,
        state__in=[HostState.APPLIED, HostState.SOAKED],
        host__inventory_at__gt=F("applied_at"),
    )
    return rows.order_by("changed_at")[:HOST_COUNT_MAX]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    row: RolloutHost
    hostname: str
    inventory_at: datetime
    finding: Finding


def _judge(row: RolloutHost, host: Host, spec: Spec, versions: VersionIds) -> _Judged | None:
    evidence = _evidence(host, spec.change_sets[row.change_set].pins(), versions)
    finding = verify(HostState(row.state), evidence, since=row.soaked_at or row.applied_at)
    if finding is None or host.inventory_at is None:
        return None
    return _Judged(row=row, hostname=host.hostname, inventory_at=host.inventory_at, finding=finding)


def _evidence(host: Host, pins: Iterable[Pin], versions: VersionIds) -> Evidence:
    present, old = load_set(host.package_set), load_set(host.running_old_set)
    missing: list[str] = []
    restart: list[str] = []
    reboot: list[str] = []
    for pin in pins:
        ids = versions.get(pin, BitMap())
        if not ids & present:
            missing.append(f"{pin.package} {pin.version}")
        elif ids & present & old:
            (reboot if pin.package in _reboot_names(host) else restart).append(pin.package)
    return Evidence(
        observed_at=host.inventory_at,
        packages_status=host.packages_status,
        stale_status=host.stale_status,
        missing=tuple(missing),
        running_old=tuple(restart),
        awaiting_reboot=tuple(reboot),
    )


def _reboot_names(host: Host) -> frozenset[str]:
    """Return the packages whose older code only a reboot ends: kernels, and what the distribution lists."""
    kernels = (kernel["package"] for kernel in host.facts.get("kernels", ()))
    return frozenset((*kernels, *host.facts.get("reboot_required_packages", ())))


def _versions(pins: set[Pin]) -> VersionIds:
    """Return, per pin, the ids of package versions that are it or newer: somebody may have gone further meanwhile."""
    rows = list(_rows_of({(pin.stream, pin.package) for pin in pins}))
    keys = {Pin(row.stream, row.architecture, row.name, row.version): bytes(row.order_key) for row in rows}
    by_name: dict[tuple[str, str, str], list[PackageVersion]] = {}
    for row in rows:
        by_name.setdefault((row.stream, row.architecture, row.name), []).append(row)
    return {
        pin: BitMap(
            row.id for row in by_name[pin.stream, pin.architecture, pin.package] if bytes(row.order_key) >= keys[pin]
        )
        for pin in pins
        if pin in keys
    }


def _rows_of(places: set[tuple[str, str]]) -> Iterator[PackageVersion]:
    for stream in sorted({stream for stream, _ in places}):
        names = sorted(name for place, name in places if place == stream)
        for start in range(0, len(names), NAME_CHUNK_COUNT):
            chunk = names[start : start + NAME_CHUNK_COUNT]
            yield from PackageVersion.objects.filter(stream=stream, name__in=chunk).only(
                "stream", "architecture", "name", "version", "order_key"
            )


def _write(rollout: Rollout, found: list[_Judged], now: datetime) -> None:
    with transaction.atomic():
        Rollout.objects.select_for_update(no_key=True).only("id").get(id=rollout.id)
        for judged in found:
            _write_one(rollout, judged, now)


def _write_one(rollout: Rollout, judged: _Judged, now: datetime) -> None:
    row, finding = judged.row, judged.finding
    fields: dict[str, object] = {"remedy": finding.remedy.value, "remedy_at": judged.inventory_at}
    if (finding.remedy, finding.state) != (row.remedy, row.state):
        fields |= {"sentence": finding.sentence[:SENTENCE_LENGTH_MAX], "changed_at": now}
    if finding.state != row.state:
        fields |= {"state": finding.state, "reason": finding.reason}
    if finding.state is HostState.VERIFIED:
        fields |= {"verified_at": now}
    # The host may have told something since the row was read: then its word is judged with the next inventory.
    same = RolloutHost.objects.filter(id=row.id, state=row.state, changed_at=row.changed_at)
    if same.update(**fields) and finding.state != row.state:
        kind = "rollout.host_verified" if finding.state is HostState.VERIFIED else "rollout.host_not_verified"
        append(
            organisation_id=rollout.organisation_id,
            kind=kind,
            actor=ACTOR,
            subject=f"host:{row.host_id}",
            payload={"rollout": rollout.number, "hostname": judged.hostname, "sentence": finding.sentence},
            now=now,
        )


def _note_unsignable(rollout: Rollout, now: datetime) -> bool:
    """Move hosts whose order the signer refused: the planner halts on them."""
    refused = Order.objects.filter(rollout_id=rollout.id, state=OrderState.UNSIGNABLE, verb=VERB_APPLY)
    orders = list(refused.order_by("-issued_at").only("id", "host_id", "unsignable_reason")[:HOST_COUNT_MAX])
    if not orders:
        return False
    moved = 0
    with transaction.atomic():
        Rollout.objects.select_for_update(no_key=True).only("id").get(id=rollout.id)
        for order in orders:
            waiting = RolloutHost.objects.filter(order_id=order.id, state__in=list(WITHDRAWABLE))
            moved += waiting.filter(rollout_id=rollout.id, host_id=order.host_id).update(
                state=HostState.FAILED,
                reason=REASON_UNSIGNABLE,
                sentence=order.unsignable_reason,
                order_ends_at=None,
                changed_at=now,
            )
    return moved > 0
