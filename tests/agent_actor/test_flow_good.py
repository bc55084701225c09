"""Orders that go well on the simulated host, and what surrounds them: soak, reboot, holds, newer orders, repeats."""

from __future__ import annotations

from datetime import timedelta

import pytest

from oakum.agent.actor.store import DONE_COUNT_MAX
from oakum.protocol.orders import REBOOT_ALWAYS, REBOOT_IF_REQUIRED, REBOOT_NEVER, OrderWindow
from oakum.protocol.trust import render_instant
from tests.agent_actor.simulated_packages import SERVICE_FAILS, STUMBLES, Deb
from tests.agent_actor.world import STATE, World, make_world, saved_debs

WEB = ("acme-web", "1.0", "1.1")
LIB = ("acme-lib", "1.0", "1.1")


def install_count(world: World) -> int:
    return sum(1 for path, _what in world.host.launches if path.endswith("/install"))


def test_an_order_is_carried_out_and_reported_step_by_step() -> None:
    world = make_world()
    world.deliver(world.order(WEB, LIB))
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]
    assert (world.host.version("acme-web"), world.host.version("acme-lib")) == ("1.1", "1.1")
    applied = world.outcome("applied")
    assert [(p.name, p.from_version, p.to_version, p.found_version) for p in applied.packages] == [
        ("acme-web", "1.0", "1.1", "1.1"),
        ("acme-lib", "1.0", "1.1", "1.1"),
    ]
    assert len({each.attempt for each in world.spool.values()}) == 1
    assert "Setting up acme-web (1.1)" in world.outcome("soaked").log


def test_a_service_that_runs_an_old_library_is_restarted() -> None:
    world = make_world()
    world.deliver(world.order(LIB))
    world.run()
    service = world.host.services["acme-web.service"]
    assert (service.starts, service.stale) == (2, set())
    assert "Restarted: acme-web.service." in world.outcome("applied").sentence


def test_marks_stay_as_they_were_and_an_added_package_is_marked_as_needed_by_others() -> None:
    world = make_world(Deb("acme-extra", "1.0"))
    world.deliver(world.order(WEB, LIB, ("acme-extra", "", "1.0")))
    world.run()
    marks = {name: world.host.package(name).auto for name in ("acme-web", "acme-lib", "acme-extra")}  # type: ignore[union-attr]
    assert marks == {"acme-web": False, "acme-lib": True, "acme-extra": True}


def test_nothing_of_ours_stays_in_apts_cache_and_what_was_there_does() -> None:
    world = make_world()
    cached = "/var/cache/apt/archives/acme-web_1.0_amd64.deb"
    world.host.files[cached] = world.host.archive.everything["acme-web", "1.0"].content
    world.deliver(world.order(WEB, LIB))
    world.run()
    assert saved_debs(world) == ["acme-web_1.0_amd64.deb"]


def test_the_health_check_comes_after_the_delay_and_the_soak_ends_when_it_should() -> None:
    world = make_world()
    world.deliver(world.order(WEB, soak_seconds=3_600, health_delay_seconds=60))
    began = world.now
    done = world.tick()
    assert done is not None
    assert done.inventory_changed
    assert done.next_due_at is not None
    assert timedelta(seconds=60) <= done.next_due_at - began < timedelta(seconds=90)
    assert [each.phase for each in world.active()] == ["watching"]
    world.host.advance((done.next_due_at - world.now).total_seconds())
    done = world.tick()
    assert done is not None
    assert world.kinds() == ["started", "applied"]
    assert [each.phase for each in world.active()] == ["soaking"]
    assert done.next_due_at is not None
    assert abs((done.next_due_at - world.now).total_seconds() - 3_600) < 5
    world.host.advance(1_800)
    world.tick()
    assert world.kinds() == ["started", "applied"]
    world.host.advance(1_801)
    world.tick()
    assert world.kinds() == ["started", "applied", "soaked"]


def test_a_clock_that_was_set_back_does_not_hold_the_check_up_for_years() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.host.clock += 10 * 365 * 86_400
    world.delivered = []
    world.deliver(world.order(WEB))
    world.tick()
    assert [each.phase for each in world.active()] == ["watching"]
    world.host.clock -= 10 * 365 * 86_400
    world.tick()
    assert "applied" in world.kinds()


def test_an_order_delivered_again_and_again_is_carried_out_once() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.run()
    outcomes = dict(world.spool)
    for _ in range(5):
        world.host.advance(600)
        world.tick()
    assert world.spool == outcomes
    assert install_count(world) == 1


def test_a_finished_order_that_the_actor_forgot_is_refused_as_repeated() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.run()
    for name in [name for name in world.host.files if name.startswith(STATE)]:
        del world.host.files[name]
    world.tick()
    assert world.outcome("refused").reason == "replayed"
    assert install_count(world) == 1


def test_versions_that_are_there_already_are_watched_and_nothing_is_done() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.run()
    again = world.order(WEB)
    world.deliver(again)
    world.run()
    assert world.kinds(again.order_id) == ["applied", "soaked"]
    assert install_count(world) == 1
    assert len(world.asked) == 1
    (applied,) = [o for o in world.spool.values() if o.order_id == again.order_id and o.kind == "applied"]
    assert applied.reason == "already_there"
    assert "this order changed nothing" in applied.sentence


# Reboots.


@pytest.mark.parametrize(
    ("policy", "required", "boots"),
    [
        (REBOOT_NEVER, True, 1),
        (REBOOT_IF_REQUIRED, False, 1),
        (REBOOT_IF_REQUIRED, True, 2),
        (REBOOT_ALWAYS, False, 2),
    ],
)
def test_the_host_is_rebooted_when_the_order_says_so(policy: str, required: bool, boots: int) -> None:  # noqa: FBT001
    world = make_world()
    world.host.reboot_required = required
    world.deliver(world.order(WEB, reboot=policy))
    world.run()
    assert world.host.boot_number == boots
    assert world.kinds() == ["started", "applied", "soaked"]


def test_after_a_reboot_health_is_looked_at_again_and_a_service_that_does_not_come_up_is_harm() -> None:
    world = make_world(lib=(SERVICE_FAILS,))
    world.host.services["acme-web.service"].libraries = ("acme-lib",)
    world.deliver(world.order(LIB, reboot=REBOOT_ALWAYS))
    # The restart itself goes well here; what is bad shows at boot alone.
    world.host.archive.everything["acme-lib", "1.1"] = Deb("acme-lib", "1.1")
    world.tick()
    world.host.package("acme-lib").deb = Deb("acme-lib", "1.1", traits=frozenset({SERVICE_FAILS}))  # type: ignore[union-attr]
    world.run()
    assert world.host.boot_number == 2
    assert world.kinds() == ["started", "rolled_back"]
    assert world.host.version("acme-lib") == "1.0"


def test_a_reboot_that_does_not_come_is_noted_and_asked_for_once() -> None:
    world = make_world()
    world.host.reboots_ignored = True
    world.deliver(world.order(WEB, reboot=REBOOT_ALWAYS))
    world.run()
    assert world.host.boot_number == 1
    assert world.kinds() == ["started", "applied", "soaked"]
    assert "was told to reboot and did not" in world.outcome("applied").sentence


def test_a_reboot_by_somebody_else_during_the_soak_gives_services_time() -> None:
    world = make_world()
    world.deliver(world.order(WEB, soak_seconds=600))
    world.tick()
    world.host.advance(61)
    world.tick()
    assert [each.phase for each in world.active()] == ["soaking"]
    world.host.advance(601)
    world.host.power_cut()
    world.host.services["acme-web.service"].active = "activating"
    world.tick()
    world.host.services["acme-web.service"].start(world.host)
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]


# Windows, holds, newer orders.


def test_an_order_waits_for_its_window_and_says_when_it_opens() -> None:
    world = make_world()
    opens = world.now + timedelta(hours=2)
    window = OrderWindow(render_instant(opens), render_instant(opens + timedelta(hours=1)))
    world.deliver(world.order(WEB, windows=(window,)))
    done = world.tick()
    assert done is not None
    assert done.next_due_at == opens
    assert [(each.phase, each.detail) for each in world.active()] == [
        ("waiting", "The order's maintenance window is not open.")
    ]
    world.run(seconds=7_200)
    assert world.kinds() == ["deferred", "started", "applied", "soaked"]


def test_a_hold_abandons_an_order_that_waits() -> None:
    world = make_world()
    world.server_up = False
    waiting = world.order(WEB)
    world.deliver(waiting)
    world.tick()
    world.server_up = True
    world.deliver(world.hold())
    world.run()
    assert world.kinds() == ["deferred", "refused", "held"]
    assert world.outcome("refused").reason == "generation_superseded"
    assert world.host.version("acme-web") == "1.0"
    assert install_count(world) == 0


def test_a_hold_leaves_an_order_that_began_alone() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.tick()
    world.deliver(world.hold())
    world.run()
    assert world.kinds() == ["started", "held", "applied", "soaked"]


def test_a_hold_is_heeded_by_a_host_that_is_report_only() -> None:
    from oakum.protocol.trust import LocalPolicy

    world = make_world()
    world.policy = LocalPolicy()
    world.deliver(world.hold())
    world.run()
    assert world.kinds() == ["held"]
    assert world.trust.generation_max == 1


def test_a_newer_order_voids_one_that_waits() -> None:
    world = make_world(Deb("acme-web", "1.2"))
    world.halted = True
    older = world.order(WEB)
    world.deliver(older)
    world.tick()
    world.halted = False
    newer = world.order(("acme-web", "1.0", "1.2"))
    world.deliver(newer)
    world.run()
    assert world.kinds(older.order_id) == ["deferred", "refused"]
    assert world.kinds(newer.order_id) == ["started", "applied", "soaked"]
    assert world.host.version("acme-web") == "1.2"


def test_a_newer_order_waits_while_an_older_one_is_watched() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.tick()
    newer = world.order(LIB)
    world.deliver(newer)
    world.tick()
    assert [each.reason for each in world.spool.values() if each.order_id == newer.order_id] == ["other_order_active"]
    world.run()
    assert world.kinds(newer.order_id) == ["deferred", "started", "applied", "soaked"]


def test_a_newer_order_ends_an_older_ones_soak_by_a_last_look() -> None:
    world = make_world()
    older = world.order(WEB, soak_seconds=86_400)
    world.deliver(older)
    world.tick()
    world.host.advance(61)
    world.tick()
    newer = world.order(LIB)
    world.deliver(newer)
    world.run()
    assert world.kinds(older.order_id) == ["started", "applied", "soaked"]
    (soaked,) = [o for o in world.spool.values() if o.order_id == older.order_id and o.kind == "soaked"]
    assert soaked.reason == "soak_cut_short"
    assert newer.order_id in soaked.sentence
    assert world.kinds(newer.order_id) == ["started", "applied", "soaked"]


def test_an_older_order_found_harmful_then_is_taken_back_before_the_newer_begins() -> None:
    world = make_world()
    older = world.order(WEB, soak_seconds=86_400)
    world.deliver(older)
    world.tick()
    world.host.advance(61)
    world.tick()
    world.host.services["acme-web.service"].active = "failed"
    newer = world.order(LIB)
    world.deliver(newer)
    world.run()
    assert world.kinds(older.order_id) == ["started", "applied", "rolled_back"]
    assert world.kinds(newer.order_id)[-3:] == ["started", "applied", "soaked"]
    assert (world.host.version("acme-web"), world.host.version("acme-lib")) == ("1.0", "1.1")


# What is kept.


def test_what_an_order_brought_is_the_way_back_for_the_next_though_no_repository_has_it() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.run()
    world.host.archive.add(Deb("acme-web", "1.2", traits=frozenset({SERVICE_FAILS})))
    world.host.archive.withdraw("acme-web", "1.1")
    world.host.archive.refresh()
    world.deliver(world.order(("acme-web", "1.1", "1.2")))
    world.run()
    assert world.kinds()[-2:] == ["started", "rolled_back"]
    assert world.host.version("acme-web") == "1.1"


def test_only_the_last_finished_orders_stay_on_disk() -> None:
    world = make_world()
    world.server_up = False
    for _ in range(DONE_COUNT_MAX + 5):
        world.deliver(world.order(WEB))
        world.tick()
    kept = {name.split("/")[5] for name in world.host.files if name.startswith(f"{STATE}/orders/order-")}
    assert len(kept) <= DONE_COUNT_MAX + 2
    assert world.kinds().count("refused") == DONE_COUNT_MAX + 4


def test_what_a_crash_left_of_no_order_goes_and_the_order_is_taken_in_anew() -> None:
    world = make_world()
    world.host.files[f"{STATE}/orders/order-1/envelope.json"] = b"{}"
    world.host.files[f"{STATE}/orders/order-9/old/acme-web_1.0_amd64.deb"] = b"deb"
    world.deliver(world.order(WEB))
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]
    assert not [name for name in world.host.files if "/order-9/" in name]


def test_a_service_that_stumbles_once_is_no_harm() -> None:
    world = make_world(web=(STUMBLES,))
    world.deliver(world.order(WEB))
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]
