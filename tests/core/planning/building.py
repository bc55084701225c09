"""Values for tests of planning, with everything that a test does not care about filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from oakum.core.planning.check import check
from oakum.core.planning.effects import carry_out
from oakum.core.planning.planner import plan
from oakum.core.planning.values import (
    ChangeSet,
    ChangeSetIndex,
    HostId,
    HostProgress,
    HostState,
    Limits,
    OrganisationId,
    PersonId,
    Plan,
    RolloutId,
    RolloutState,
    Situation,
    Spec,
    Target,
)
from oakum.core.windows import Span
from oakum.protocol.orders import PackageChange

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SOAK = timedelta(hours=2)
LIMITS = Limits(failure_percent_max=5, failure_count_max=10, lost_percent_max=2, wave_count_max=50)


def host_id(number: int) -> HostId:
    return HostId(UUID(int=number))


def change_set(*packages: str, stream: str = "debian:12", version: str = "2.0-1") -> ChangeSet:
    return ChangeSet(
        stream=stream,
        changes=tuple(
            PackageChange(name=name, architecture="amd64", from_version="1.0-1", to_version=version)
            for name in packages
        ),
    )


OPENSSL = (change_set("openssl"),)


def make_spec(
    sizes: Sequence[int],
    *,
    change_sets: tuple[ChangeSet, ...] = OPENSSL,
    sets: Sequence[int] | None = None,
    windows: tuple[Span, ...] | None = None,
    limits: Limits = LIMITS,
    **changes: Any,
) -> Spec:
    """Make a spec with rings of ``sizes``; hosts are numbered from 0 on; ``sets`` says each one's change set."""
    rings: list[tuple[Target, ...]] = []
    number = 0
    for size in sizes:
        ring = [
            Target(host_id=host_id(each), change_set=ChangeSetIndex(sets[each] if sets else 0))
            for each in range(number, number + size)
        ]
        rings.append(tuple(ring))
        number += size
    spec = Spec(
        rollout_id=RolloutId(UUID(int=1 << 100)),
        organisation_id=OrganisationId(UUID(int=2 << 100)),
        requested_by=PersonId(UUID(int=3 << 100)),
        requested_for="all pending security updates",
        change_sets=change_sets,
        rings=tuple(rings),
        windows=windows or (Span(starts_at=NOW - HOUR, ends_at=NOW + timedelta(days=10)),),
        window_text="any time",
        soak=SOAK,
        health_delay=timedelta(seconds=60),
        lost_after=timedelta(minutes=15),
        limits=limits,
        reboot="never",
        left_out=(),
        notes=(),
    )
    return replace(spec, **changes)


def make_situation(
    spec: Spec,
    states: Mapping[int, HostState | dict[str, Any]] | None = None,
    *,
    now: datetime = NOW,
    **changes: Any,
) -> Situation:
    """Make a running situation: every host waits and speaks, but for what ``states`` says by number."""
    hosts = []
    for ring, targets in enumerate(spec.rings):
        for target in targets:
            given = (states or {}).get(target.host_id.int, {})
            fields = given if isinstance(given, dict) else _typical(given, now)
            values: dict[str, Any] = {
                "host_id": target.host_id,
                "name": f"h{target.host_id.int}",
                "ring": ring,
                "change_set": target.change_set,
                "state": HostState.WAITING,
                "last_seen_at": now,
                **fields,
            }
            hosts.append(HostProgress(**values))
    situation = Situation(
        spec=spec,
        state=RolloutState.RUNNING,
        state_reason="",
        ring_open=0,
        hosts=tuple(hosts),
        freezes=(),
        approval_count=1,
        approvals_required=1,
        now=now,
    )
    return replace(situation, **changes)


def _typical(state: HostState, now: datetime) -> dict[str, Any]:
    """Return what a host in ``state`` has behind it."""
    fields: dict[str, Any] = {"state": state}
    if state in {HostState.RELEASED, HostState.DEFERRED}:
        fields |= {"released_at": now - HOUR, "order_ends_at": now + HOUR}
    if state is HostState.STARTED:
        fields |= {"released_at": now - HOUR, "started_at": now - HOUR}
    if state is HostState.APPLIED:
        fields |= {"released_at": now - HOUR, "started_at": now - HOUR, "applied_at": now - HOUR}
    if state in {HostState.SOAKED, HostState.VERIFIED}:
        past = {"released_at": now - 4 * HOUR, "started_at": now - 4 * HOUR, "applied_at": now - 4 * HOUR}
        fields |= {**past, "soaked_at": now - SOAK}
    return fields


def settle(situation: Situation) -> tuple[Plan, Situation]:
    """Plan, check, carry out; then hold that planning again changes nothing.  Return the plan and what follows."""
    first = plan(situation)
    assert check(situation, first) == ()
    after = carry_out(situation, first)
    again = plan(after)
    assert not again.changes(after), f"planning again changes something: {again}"
    return first, after
