"""Orders that may never be obeyed, on the simulated host: nothing is touched, and it is said once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oakum.protocol.codec import canonical_json
from oakum.protocol.dsse import seal
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, PackageChange
from oakum.protocol.trust import LocalPolicy
from tests.agent_actor.simulated_packages import Deb
from tests.agent_actor.weather import (
    LIB,
    WEB,
    no_way_back,
    short_id,
    versions,
)
from tests.agent_actor.world import KEY, PUBLIC_KEY, World, make_world, seal_order


def held(world: World) -> None:
    world.host.package("acme-web").held = True  # type: ignore[union-attr]


def half_configured(world: World) -> None:
    world.host.package("acme-lib").state = "half-configured"  # type: ignore[union-attr]


def needs_more(world: World) -> None:
    world.host.archive.everything["acme-web", "1.1"] = Deb("acme-web", "1.1", requires=(("acme-lib", "1.1"),))


def removes(world: World) -> None:
    world.host.archive.everything["acme-web", "1.1"] = Deb("acme-web", "1.1", removes=("acme-lib",))


def report_only(world: World) -> None:
    world.policy = LocalPolicy()


def other_packages(world: World) -> None:
    world.policy = dataclasses.replace(world.policy, packages_never=("acme-*",))


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
