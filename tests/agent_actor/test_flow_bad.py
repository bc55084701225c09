"""Orders that may not be obeyed, cannot be now, or do harm, on the simulated host."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oakum.agent.actor.engine import FAULT_COUNT_MAX
from oakum.agent.actor.installing import NOT_BEGUN_COUNT_MAX
from oakum.protocol.codec import canonical_json
from oakum.protocol.dsse import seal
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, PackageChange, WorkOrder
from oakum.protocol.trust import LocalPolicy, render_instant
from tests.agent_actor import simulated_packages as bad
from tests.agent_actor.simulated_packages import Deb
from tests.agent_actor.world import KEY, PUBLIC_KEY, STATE, World, make_world, seal_order, with_trust

WEB = ("acme-web", "1.0", "1.1")
LIB = ("acme-lib", "1.0", "1.1")


def versions(world: World) -> tuple[str, str]:
    return world.host.version("acme-web"), world.host.version("acme-lib")


# Refused: final, nothing touched, said once.


def held(world: World) -> None:
    world.host.package("acme-web").held = True  # type: ignore[union-attr]


def half_configured(world: World) -> None:
    world.host.package("acme-lib").state = "half-configured"  # type: ignore[union-attr]


def needs_more(world: World) -> None:
    world.host.archive.everything["acme-web", "1.1"] = Deb("acme-web", "1.1", requires=(("acme-lib", "1.1"),))


def removes(world: World) -> None:
    world.host.archive.everything["acme-web", "1.1"] = Deb("acme-web", "1.1", removes=("acme-lib",))


def no_way_back(world: World) -> None:
    world.host.archive.withdraw("acme-web", "1.0")
    world.host.archive.refresh()


def report_only(world: World) -> None:
    world.policy = LocalPolicy()


def other_packages(world: World) -> None:
    world.policy = dataclasses.replace(world.policy, packages_never=("acme-*",))


def short_id(value: object) -> str:
    """Name a case; a function by its name, because its address differs between the processes of one run."""
    return str(getattr(value, "__name__", value))[:25]


REFUSALS: tuple[tuple[str, Callable[[World], None], tuple[tuple[str, str, str], ...], str], ...] = (
    ("state_differs", lambda _w: None, (("acme-web", "0.9", "1.1"),), "acme-web is 1.0, the order expects 0.9"),
    ("state_differs", lambda _w: None, (("acme-web", "", "1.1"),), "acme-web is 1.0, the order expects it absent"),
    ("state_differs", lambda _w: None, (("acme-new", "1.0", "1.1"),), "acme-new is not installed"),
    ("package_held", held, (WEB,), "holds acme-web"),
    ("dpkg_unclean", half_configured, (WEB,), "dpkg --configure -a"),
    ("transaction_differs", needs_more, (WEB,), "apt would also install acme-lib 1.1"),
    ("transaction_differs", removes, (WEB,), "apt would remove acme-lib"),
    ("rollback_impossible", no_way_back, (WEB,), "acme-web:amd64=1.0"),
    ("policy_report_only", report_only, (WEB,), "report-only"),
    ("policy_package", other_packages, (WEB,), "Package: acme-web"),
)


@pytest.mark.parametrize(("reason", "arrange", "changes", "words"), REFUSALS, ids=short_id)
def test_what_is_refused_touches_nothing_and_is_said_once(
    reason: str, arrange: Callable[[World], None], changes: tuple[tuple[str, str, str], ...], words: str
) -> None:
    world = make_world()
    arrange(world)
    world.deliver(world.order(*changes))
    for _ in range(4):
        world.tick()
        world.host.advance(600)
    (outcome,) = world.spool.values()
    assert (outcome.kind, outcome.reason) == ("refused", reason)
    assert words in outcome.sentence
    assert versions(world) == ("1.0", "1.0")
    assert world.host.launches == []
    assert world.asked == []
    assert world.active() == ()


def test_an_older_version_over_a_newer_one_is_refused() -> None:
    """A stolen server could else bring a hole back that was closed."""
    world = make_world(Deb("acme-web", "0.9"))
    world.deliver(world.order(("acme-web", "1.0", "0.9")))
    world.run()
    assert world.outcome("refused").reason == "downgrade_refused"


@pytest.mark.parametrize(
    "fields",
    [
        {"order_id": "../../etc"},
        {"order_id": ""},
        {"packages": (PackageChange("-oDir::Etc=/tmp/x", "amd64", "1.0", "1.1"),)},
        {"packages": (PackageChange("acme-web", "amd64", "1.0", "1.1 --force"),)},
        {"packages": (PackageChange("acme-web", "amd64;reboot", "1.0", "1.1"),)},
        {"packages": (PackageChange("acme-web", "amd64", "1.1", "1.1"),)},
        {"packages": (PackageChange("acme-web", "amd64", "1.0", ""),)},
        {"reboot": "now"},
        {"health_delay_seconds": -1},
        {"soak_seconds": 10**9},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_words_that_no_honest_order_has_are_refused_though_signed(fields: dict[str, Any]) -> None:
    world = make_world()
    world.deliver(world.order(WEB, **fields))
    world.run()
    assert world.outcome("refused").reason == "order_malformed"
    assert world.host.launches == []


def test_an_order_of_another_key_is_refused_and_named_by_what_it_claims() -> None:
    world = make_world()
    world.delivered = [seal_order(world.order(WEB), Ed25519PrivateKey.generate())]
    world.run()
    world.tick()
    (outcome,) = world.spool.values()
    assert (outcome.kind, outcome.reason, outcome.order_id) == ("refused", "signature_invalid", "order-1")
    assert world.trust.generation_max == 0, "what is not authentic must not void what is"


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b"\xff", canonical_json({"order_id": 7, "generation": "x"})])
def test_a_signed_payload_that_is_no_order_is_refused(payload: bytes) -> None:
    world = make_world()
    world.delivered = [seal(ORDER_PAYLOAD_TYPE, payload, public_key=PUBLIC_KEY, sign=KEY.sign)]
    world.run()
    assert world.outcome("refused").reason == "order_malformed"


def test_an_order_that_borrows_the_id_of_one_at_work_is_refused_and_that_one_goes_on() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    world.tick()
    world.deliver(world.order(LIB, order_id="order-1"))
    world.run()
    assert sorted(world.kinds()) == ["applied", "refused", "soaked", "started"]
    assert world.outcome("refused").reason == "replayed"
    assert versions(world) == ("1.1", "1.0")


def test_an_order_of_another_host_does_not_raise_the_generation() -> None:
    world = make_world()
    world.deliver(world.order(WEB, host_id="h-2", generation=99))
    world.run()
    assert world.outcome("refused").reason == "other_host"
    assert world.trust.generation_max == 0


# Deferred: said once for each reason, and carried out when the obstacle is gone.


def set_clock_wrong(world: World) -> None:
    with_trust(world, clock_skew_seconds=900)


def lock(world: World) -> None:
    world.host.foreign_lock = "/usr/bin/unattended-upgrade"


def withhold(world: World) -> None:
    world.host.archive.withdraw("acme-web", "1.1")
    world.host.archive.refresh()


def take_mirror_away(world: World) -> None:
    world.host.mirror_up = False


def take_mirror_away_with_old_lists(world: World) -> None:
    withhold(world)
    world.host.mirror_up = False


def fill_disk(world: World) -> None:
    world.host.free_bytes = 2_000_000


def take_server_away(world: World) -> None:
    world.server_up = False


def halt(world: World) -> None:
    world.halted = True


def answer_late(world: World) -> None:
    world.permit_seconds = 11


def drop_root(world: World) -> None:
    world.host.root = False


DEFERRALS: tuple[tuple[str, Callable[[World], None], str], ...] = (
    ("clock_wrong", set_clock_wrong, "900 s"),
    ("apt_locked", lock, "process 1234 (/usr/bin/unattended-upgrade) holds /var/lib/dpkg/lock"),
    ("version_unavailable", withhold, "Version '1.1' for 'acme-web' was not found"),
    ("mirror_unavailable", take_mirror_away, "Could not connect to mirror.example.test"),
    ("mirror_unavailable", take_mirror_away_with_old_lists, "Could not connect"),
    ("disk_full", fill_disk, "has 2 MB free, the change needs"),
    ("server_unavailable", take_server_away, "The server does not answer."),
    ("rollout_halted", halt, "It was halted."),
    ("permit_lapsed", answer_late, "lapsed"),
    ("not_root", drop_root, "does not run as root"),
)


def calm(world: World) -> None:
    with_trust(world, clock_skew_seconds=0)
    world.host.foreign_lock, world.host.mirror_up, world.host.free_bytes = "", True, 10_000_000_000
    world.server_up, world.halted, world.permit_seconds, world.host.root = True, False, 0.1, True
    world.host.archive.offered.add(("acme-web", "1.1"))


@pytest.mark.parametrize(("reason", "arrange", "words"), DEFERRALS, ids=short_id)
def test_a_passing_obstacle_is_said_once_and_the_order_goes_on_when_it_is_gone(
    reason: str, arrange: Callable[[World], None], words: str
) -> None:
    world = make_world()
    arrange(world)
    world.deliver(world.order(WEB))
    for _ in range(3):
        world.tick()
        world.host.advance(300)
    (outcome,) = world.spool.values()
    assert (outcome.kind, outcome.reason) == ("deferred", reason)
    assert words in outcome.sentence
    assert versions(world) == ("1.0", "1.0")
    assert world.host.launches == []
    assert [each.phase for each in world.active()] == ["waiting"]
    assert words in world.active()[0].detail
    calm(world)
    world.run()
    assert world.kinds() == ["deferred", "started", "applied", "soaked"]


def test_lists_are_not_fetched_at_every_tick_for_a_version_that_is_not_there() -> None:
    world = make_world()
    withhold(world)
    world.deliver(world.order(WEB))
    fetches = []
    refresh = world.host.archive.refresh

    def counted() -> None:
        fetches.append(world.now)
        refresh()

    world.host.archive.refresh = counted  # type: ignore[method-assign]
    for _ in range(60):
        world.tick()
        world.host.advance(120)
    assert 2 <= len(fetches) <= 5
    assert world.kinds() == ["deferred"]


def test_each_question_for_a_permit_is_a_new_attempt() -> None:
    world = make_world()
    world.halted = True
    world.deliver(world.order(WEB))
    for _ in range(4):
        world.tick()
    assert len({request.attempt for request in world.asked}) == 4


def test_a_permit_for_another_order_is_not_used() -> None:
    world = make_world()
    context = world.context()

    def confused(request: Any) -> Any:
        return dataclasses.replace(context.ask_permit(request), order_hash="0" * 64)

    world.deliver(world.order(WEB))
    from oakum.agent.actor.engine import work

    work(dataclasses.replace(context, ask_permit=confused), world.delivered, world.system())
    assert world.outcome("deferred").reason == "permit_mismatch"
    assert world.host.launches == []


def test_without_room_in_the_spool_nothing_begins() -> None:
    world = make_world()
    world.spool_full = True
    world.deliver(world.order(WEB))
    world.tick()
    assert world.host.launches == []
    assert world.spool == {}
    world.spool_full = False
    world.run()
    assert world.kinds() == ["deferred", "started", "applied", "soaked"]
    assert world.outcome("deferred").reason == "spool_full"


def test_an_order_that_expires_while_it_waits_is_refused() -> None:
    world = make_world()
    world.server_up = False
    expires = render_instant(world.now + timedelta(minutes=10))
    world.deliver(world.order(WEB, expires_at=expires))
    world.tick()
    world.host.advance(601)
    world.tick()
    assert [each.reason for each in world.spool.values()] == ["server_unavailable", "expired"]


def test_apt_that_finds_the_lock_taken_in_the_last_instant_is_tried_again_and_then_given_up() -> None:
    world = make_world()
    ask = world.context().ask_permit

    def take_lock(request: Any) -> Any:
        world.host.foreign_lock = "apt-daily"
        return ask(request)

    from oakum.agent.actor.engine import work

    world.deliver(world.order(WEB))
    for _ in range(NOT_BEGUN_COUNT_MAX + 1):
        world.host.foreign_lock = ""
        work(dataclasses.replace(world.context(), ask_permit=take_lock), world.delivered, world.system())
        world.host.advance(60)
    assert world.kinds().count("started") == NOT_BEGUN_COUNT_MAX + 1
    assert world.outcome("failed").reason == "install_failed"
    assert "Could not get lock" in world.outcome("failed").sentence
    assert versions(world) == ("1.0", "1.0")


def test_a_download_that_vanished_before_the_change_fails_it_without_harm() -> None:
    world = make_world()
    ask = world.context().ask_permit

    def clean(request: Any) -> Any:
        for name in [name for name in world.host.files if name.startswith("/var/cache/apt/archives/")]:
            del world.host.files[name]
        return ask(request)

    from oakum.agent.actor.engine import work

    world.deliver(world.order(WEB))
    work(dataclasses.replace(world.context(), ask_permit=clean), world.delivered, world.system())
    assert world.kinds() == ["started", "failed"]
    assert versions(world) == ("1.0", "1.0")


# Harm: taken back.

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


# Interrupted: looked at, never repeated.


def kill_at(world: World, name: str) -> None:
    """Have the agent killed when it comes to ``name``, once."""
    from tests.agent_actor.simulated import Killed

    def hook(at: str) -> None:
        if at == name:
            world.hook = lambda _name: None
            raise Killed

    world.hook = hook


def test_a_power_cut_in_the_middle_is_reported_and_nothing_is_repeated() -> None:
    world = make_world()
    world.deliver(world.order(WEB, LIB))
    kill_at(world, "sleep")
    world.tick()
    world.host.advance(1.5)
    world.host.power_cut()
    world.run()
    assert world.kinds() == ["started", "interrupted"]
    assert "dpkg is in the middle of" in world.outcome("interrupted").sentence
    assert len(world.host.launches) == 1


def test_an_agent_killed_while_apt_works_is_succeeded_by_one_that_goes_on() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    kill_at(world, "sleep")
    world.tick()
    assert [each.phase for each in world.active()] == ["installing"]
    world.run()
    assert world.kinds() == ["started", "applied", "soaked"]
    assert len(world.host.launches) == 1


def test_an_agent_killed_before_apt_was_launched_does_not_launch_it_later() -> None:
    world = make_world()
    world.deliver(world.order(WEB))
    kill_at(world, "launch")
    world.tick()
    world.run()
    assert world.kinds() == ["started", "interrupted"]
    assert "every package is in its previous version" in world.outcome("interrupted").sentence
    assert world.host.launches == []


def test_apt_killed_in_the_middle_is_taken_back() -> None:
    world = make_world()
    world.deliver(world.order(WEB, LIB))
    kill_at(world, "sleep")
    world.tick()
    world.host.advance(1.5)
    world.host.kill_program()
    world.run()
    assert world.kinds() == ["started", "rolled_back"]
    assert versions(world) == ("1.0", "1.0")


# Faults of our own.


def test_a_fault_that_stays_ends_the_order_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    order: WorkOrder = world.order(WEB)
    world.deliver(order)
    world.tick()
    del world.host.files[f"{STATE}/orders/{order.order_id}/before.json"]
    for _ in range(FAULT_COUNT_MAX + 1):
        world.host.advance(100)
        world.tick()
    assert world.kinds() == ["started", "interrupted"]
    assert world.outcome("interrupted").reason == "agent_fault"
    newer = world.order(LIB)
    world.deliver(newer)
    world.run()
    assert world.kinds(newer.order_id) == ["started", "applied", "soaked"]


def test_an_order_whose_file_is_damaged_is_left_out_and_the_others_go_on() -> None:
    world = make_world()
    world.server_up = False
    world.deliver(world.order(WEB))
    world.tick()
    world.host.files[f"{STATE}/orders/order-1/record.json"] = b"{"
    world.server_up = True
    world.deliver(world.order(LIB))
    world.run()
    assert world.kinds("order-2") == ["started", "applied", "soaked"]
    assert any("order_unreadable" in event for event in world.events)
