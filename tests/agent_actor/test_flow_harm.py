"""Changes that do harm, on the simulated host: they are taken back, or a person is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.agent_actor import simulated_packages as bad
from tests.agent_actor.simulated_packages import Deb
from tests.agent_actor.weather import (
    LIB,
    WEB,
    calm,
    lock,
    no_way_back,
    versions,
)
from tests.agent_actor.world import STATE, World, make_world

HARM = (
    (bad.SERVICE_FAILS, "acme-web.service failed (exit-code) after the update"),
    (bad.SERVICE_FLAPS, "acme-web.service keeps restarting"),
    (bad.SERVICE_STOPS, "acme-web.service is no longer active"),
    (bad.PORT_GONE, "nothing listens on tcp 0.0.0.0:8081 any more (acme-web.service)"),
    (bad.POSTINST_FAILS, "dpkg: error processing package acme-web"),
    (bad.HANGS, "did not end in time"),
)


@pytest.mark.parametrize(("trait", "words"), HARM)
def test_a_version_that_harms_is_taken_back_and_the_unit_is_named(trait: str, words: str) -> None:
    world = make_world(web=(trait,))
    world.deliver(world.order(WEB, LIB))
    world.run()
    assert world.kinds() == ["started", "rolled_back"]
    outcome = world.outcome("rolled_back")
    assert words in outcome.sentence
    assert "the exact previous versions are back, and the host is as before" in outcome.sentence
    assert [p.found_version for p in outcome.packages] == ["1.0", "1.0"]
    assert versions(world) == ("1.0", "1.0")
    service = world.host.services["acme-web.service"]
    assert service.running
    assert service.is_listening(world.host)
    assert world.host.package("acme-lib").auto, "marks are as before, too"  # type: ignore[union-attr]


def test_a_library_that_breaks_the_service_that_uses_it_is_taken_back() -> None:
    world = make_world(lib=(bad.SERVICE_FAILS,))
    world.deliver(world.order(LIB))
    world.run()
    assert world.kinds() == ["started", "rolled_back"]
    assert world.host.services["acme-web.service"].running


def test_what_failed_before_does_not_count() -> None:
    world = make_world(web=(bad.SERVICE_FAILS,))
    service = world.host.services["acme-web.service"]
    service.ill, service.active, service.sub = True, "failed", "failed"
    world.deliver(world.order(WEB))
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]


def test_harm_that_shows_at_the_end_of_the_soak_is_taken_back_then() -> None:
    world = make_world()
    world.deliver(world.order(WEB, soak_seconds=3_600))
    world.tick()
    world.host.advance(61)
    world.tick()
    world.host.services["acme-web.service"].active = "failed"
    world.run()
    assert world.kinds() == ["started", "applied", "rolled_back"]


@pytest.mark.parametrize(("recovers", "end"), [(True, "soaked"), (False, "rolled_back")])
def test_other_harm_at_the_second_look_takes_a_third(recovers: bool, end: str) -> None:  # noqa: FBT001 - a table
    """Two passing troubles of two services are no harm; one that stays is, though the first look did not know it."""
    world = make_world()
    world.deliver(world.order(WEB))
    world.tick()
    web, ssh = world.host.services["acme-web.service"], world.host.services["ssh.service"]
    for first, second in (("failed", "active"), ("active", "failed")):
        web.active, ssh.active = first, second
        world.host.advance(61)
        world.tick()
        assert [each.phase for each in world.active()] == ["watching"]
    ssh.active = "active" if recovers else "failed"
    world.run()
    assert world.kinds()[-1] == end


def test_what_the_order_added_is_removed_and_nothing_else() -> None:
    world = make_world(Deb("acme-extra", "1.0"), web=(bad.SERVICE_FAILS,))
    world.deliver(world.order(WEB, ("acme-extra", "", "1.0")))
    world.run()
    assert world.kinds() == ["started", "rolled_back"]
    assert world.host.package("acme-extra") is None
    assert versions(world) == ("1.0", "1.0")


def test_a_rollback_needs_no_repository() -> None:
    world = make_world(web=(bad.SERVICE_FAILS,))
    world.deliver(world.order(WEB))
    world.tick()
    world.host.mirror_up = False
    no_way_back(world)
    world.run()
    assert world.kinds() == ["started", "rolled_back"]


def test_a_rollback_waits_for_the_lock() -> None:
    world = make_world(web=(bad.SERVICE_FAILS,))
    world.deliver(world.order(WEB))
    world.tick()
    lock(world)
    for _ in range(10):
        world.host.advance(120)
        world.tick()
    assert [each.phase for each in world.active()] == ["rolling_back"]
    calm(world)
    world.run()
    assert world.kinds() == ["started", "rolled_back"]


def start_harm(world: World) -> None:
    """Bring a harmful version to the point at which it is about to be taken back."""
    world.deliver(world.order(WEB))
    world.tick()
    world.host.advance(61)
    world.tick()


def damage_debs(world: World) -> None:
    for name in [name for name in world.host.files if "/old/" in name]:
        world.host.files[name] += b"!"


def move_on(world: World) -> None:
    deb = Deb("acme-web", "1.2", traits=frozenset({bad.SERVICE_FAILS}))
    world.host.archive.add(deb)
    world.host.packages["acme-web", "amd64"].deb = deb


def fall_silent(world: World) -> None:
    world.host.systemd_silent = True


def need_it(world: World) -> None:
    world.host.archive.everything["acme-web", "1.0"] = Deb("acme-web", "1.0", requires=(("acme-base", "1.0"),))


@pytest.mark.parametrize(
    ("arrange", "reason", "words"),
    [
        (damage_debs, "rollback_debs_missing", "the saved .deb of acme-web is gone or damaged"),
        (move_on, "state_differs", "somebody else changed it since: acme-web is 1.2"),
        (fall_silent, "health_still_worse", "systemd does not answer any more"),
        (need_it, "rollback_differs", "apt says: Unable to correct problems"),
    ],
)
def test_a_rollback_that_cannot_be_had_asks_for_a_person(
    arrange: Callable[[World], None], reason: str, words: str
) -> None:
    world = make_world(web=(bad.SERVICE_FAILS,))
    start_harm(world)
    arrange(world)
    world.run()
    assert world.kinds() == ["started", "rollback_failed"]
    outcome = world.outcome("rollback_failed")
    assert outcome.reason == reason
    assert words in outcome.sentence
    if reason != "health_still_worse":
        assert f"{STATE}/orders/order-1/old" in outcome.sentence


def test_a_kernel_that_runs_is_not_removed_under_the_host() -> None:
    kernel = Deb("linux-image-6.1.0-9-amd64", "6.1.9")
    world = make_world(kernel)
    world.deliver(world.order((kernel.name, "", kernel.version), reboot="always"))
    world.tick()
    world.host.kernel_running = "6.1.0-9-amd64"
    world.host.services["ssh.service"].ill = True
    world.run()
    assert world.outcome("rollback_failed").reason == "kernel_running"
    assert world.host.package(kernel.name) is not None


def test_health_that_worsens_without_our_doing_is_said_and_not_taken_back() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.run()
    again = world.order(WEB)
    world.deliver(again)
    world.tick()
    world.host.services["acme-web.service"].active = "failed"
    world.run()
    assert world.kinds(again.order_id) == ["failed"]
    assert world.outcome("failed").reason == "health_worse_unchanged"
    assert world.host.version("acme-web") == "1.1"
