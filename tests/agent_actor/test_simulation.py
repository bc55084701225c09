"""Storms over a simulated host: whatever is killed or goes away, the promises hold; then calm, and every order ends.

Each seed is one history: orders, bad versions and faults are drawn from it, so that a failure can be repeated.
``OAKUM_SIMULATION_SEEDS`` sets how many seeds are tried.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from oakum.protocol.orders import (
    OUTCOME_APPLIED,
    OUTCOME_FAILED,
    OUTCOME_HELD,
    OUTCOME_INTERRUPTED,
    OUTCOME_REFUSED,
    OUTCOME_ROLLBACK_FAILED,
    OUTCOME_ROLLED_BACK,
    OUTCOME_SOAKED,
    OUTCOME_STARTED,
    REBOOT_ALWAYS,
    REBOOT_NEVER,
    WorkOrder,
)
from tests.agent_actor import simulated_packages as bad
from tests.agent_actor.simulated import Killed
from tests.agent_actor.world import LAPSE_SECONDS, World, make_world

SEED_COUNT = int(os.environ.get("OAKUM_SIMULATION_SEEDS", "150"))
STORM_TICKS = 25
TRAITS = (
    bad.POSTINST_FAILS,
    bad.SERVICE_FAILS,
    bad.SERVICE_FLAPS,
    bad.SERVICE_STOPS,
    bad.PORT_GONE,
    bad.SLOW_PORT,
    bad.STUMBLES,
    bad.HANGS,
)
HARMFUL = {bad.POSTINST_FAILS, bad.SERVICE_FAILS, bad.SERVICE_FLAPS, bad.SERVICE_STOPS, bad.PORT_GONE, bad.HANGS}
FINAL = (
    OUTCOME_HELD,
    OUTCOME_REFUSED,
    OUTCOME_SOAKED,
    OUTCOME_ROLLED_BACK,
    OUTCOME_ROLLBACK_FAILED,
    OUTCOME_FAILED,
    OUTCOME_INTERRUPTED,
)


class LawBroken(BaseException):
    """A promise was broken inside the actor; no handler of its own may hide that."""


@dataclass
class Storm:
    """One history, drawn from a seed."""

    world: World
    random: random.Random
    orders: list[WorkOrder] = field(default_factory=list)
    versions_at_launch: dict[str, tuple[str, str]] = field(default_factory=dict)
    on: bool = True

    def hook(self, name: str) -> None:
        """Look over the actor's shoulder, and now and then kill it."""
        if name == "launch":
            try:
                self.check_permit()
            except Exception as error:
                raise LawBroken(repr(error)) from error
        if self.on and self.random.random() < 0.004:
            raise Killed

    def check_permit(self) -> None:
        """LAW: nothing is launched forward without a permit for this attempt that has not lapsed."""
        world = self.world
        installing = [each for each in world.active() if each.phase == "installing"]
        if not installing:
            assert [each.phase for each in world.active() if each.phase == "rolling_back"], world.active()
            return
        (order,) = installing
        grant = world.grants[-1]
        assert grant.request.order_hash == order.order_hash
        assert world.host.clock - grant.at < LAPSE_SECONDS
        assert not world.halted or grant.at < world.host.clock
        started = [each for each in world.spool.values() if each.kind == OUTCOME_STARTED]
        assert started[-1].attempt == grant.request.attempt, "started must be in the spool before dpkg runs"

    def blow(self) -> None:
        """Change the weather."""
        world, host, draw = self.world, self.world.host, self.random.random
        world.server_up = draw() > 0.2
        world.spool_full = draw() < 0.05
        world.halted = draw() < 0.1
        world.permit_seconds = 12.0 if draw() < 0.1 else 0.2
        host.mirror_up = draw() > 0.2
        host.foreign_lock = "unattended-upgrade" if draw() < 0.15 else ""
        host.free_bytes = self.random.choice((0, 1_000_000)) if draw() < 0.1 else 10_000_000_000
        host.systemd_silent = False
        if draw() < 0.1:
            host.kill_program()
        if draw() < 0.05:
            host.power_cut()

    def calm(self) -> None:
        world, host = self.world, self.world.host
        self.on = False
        world.server_up, world.spool_full, world.halted, world.permit_seconds = True, False, False, 0.2
        host.mirror_up, host.foreign_lock, host.free_bytes = True, "", 10_000_000_000


def make_storm(seed: int) -> Storm:
    dice = random.Random(seed)  # noqa: S311 - histories must repeat
    web = {dice.choice(TRAITS)} if dice.random() < 0.5 else set()
    lib = {bad.SERVICE_FAILS} if dice.random() < 0.2 else set()
    world = make_world(bad.Deb("acme-extra", "1.0", requires=(("acme-web", "1.1"),)), seed=seed, web=web, lib=lib)
    storm = Storm(world, dice)
    world.hook = storm.hook
    world.host.reboots_ignored = dice.random() < 0.2
    if dice.random() < 0.1:
        world.host.archive.withdraw("acme-web", "1.0")
        world.host.archive.refresh()
    return storm


def send_orders(storm: Storm) -> None:
    """Draw an order, and perhaps a hold or a newer order after it."""
    dice, world = storm.random, storm.world
    changes = [("acme-web", "1.0", "1.1")]
    if dice.random() < 0.5:
        changes.append(("acme-lib", "1.0", "1.1"))
    if dice.random() < 0.3:
        changes.append(("acme-extra", "", "1.0"))
    order = world.order(
        *changes,
        soak_seconds=dice.choice((0, 0, 600)),
        reboot=REBOOT_ALWAYS if dice.random() < 0.2 else REBOOT_NEVER,
    )
    storm.orders.append(order)
    world.deliver(order)


@pytest.mark.parametrize("seed", range(SEED_COUNT))
def test_promises_hold_in_any_weather(seed: int) -> None:
    storm = make_storm(seed)
    world = storm.world
    send_orders(storm)
    for number in range(STORM_TICKS):
        if number == 5 and storm.random.random() < 0.2:
            hold = world.hold()
            storm.orders.append(hold)
            world.deliver(hold)
        storm.blow()
        world.tick()
        world.host.advance(storm.random.choice((0.3, 1, 5, 60, 300)))
    storm.calm()
    world.run(seconds=300)
    check_ends(storm)


def check_ends(storm: Storm) -> None:
    world = storm.world
    launches = Counter(path for path, _what in world.host.launches if path.endswith("/install"))
    for order in storm.orders:
        ends = [each for each in world.spool.values() if each.order_id == order.order_id and each.kind in FINAL]
        # LAW: each order has exactly one final outcome, whatever was killed and repeated.
        assert len(ends) == 1, [(each.kind, each.reason) for each in ends]
        end = ends[0]
        started = {each.attempt for each in world.spool.values() if each.kind == OUTCOME_STARTED}
        # LAW: what was never started is not launched; one attempt is launched at most once.
        assert launches[f"/var/lib/oakum-agent/orders/{order.order_id}/install"] <= len(started)
        assert order.order_id in world.trust.finished_order_ids, "a finished order could be carried out again"
        # LAW: a change whose program vanished is reported as interrupted, not guessed at; a way back that vanished may
        # have got where it should, which the versions prove.
        directory = f"/var/lib/oakum-agent/orders/{order.order_id}"
        if any(program.lost for path, program in world.host.programs.items() if path.startswith(directory)):
            lost_install = world.host.programs[f"{directory}/install"].lost
            assert end.kind == OUTCOME_INTERRUPTED or (end.kind == OUTCOME_ROLLED_BACK and not lost_install), end
        check_versions(storm, order, end.kind, [each.kind for each in world.spool.values()])
    # LAW: services that nothing harmed run; nothing of ours lies in apt's cache.
    assert world.host.services["ssh.service"].running


def check_versions(storm: Storm, order: WorkOrder, end: str, kinds: list[str]) -> None:
    """LAW: in the end the versions are exactly the old or exactly the new ones, or the outcome says otherwise."""
    host = storm.world.host
    found = [host.version(change.name) for change in order.packages]
    states = {host.package(change.name).state for change in order.packages if host.package(change.name)}  # type: ignore[union-attr]
    old = [change.from_version for change in order.packages]
    new = [change.to_version for change in order.packages]
    if end in (OUTCOME_REFUSED, OUTCOME_FAILED, OUTCOME_ROLLED_BACK):
        assert found == old, (end, found)
        assert states <= {"installed"}
    elif end == OUTCOME_SOAKED:
        assert found == new
        assert states == {"installed"}
        assert OUTCOME_APPLIED in kinds
        traits = host.package("acme-web").deb.traits  # type: ignore[union-attr]
        assert not traits & HARMFUL, f"a harmful version was let through: {traits}"
    if end == OUTCOME_ROLLED_BACK:
        assert host.services["acme-web.service"].running
        assert host.services["acme-web.service"].is_listening(host)
