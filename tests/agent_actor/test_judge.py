"""Verdicts on an order against the host, from values alone."""

from __future__ import annotations

from typing import Any

import pytest

from oakum.agent.actor import judge
from oakum.agent.actor.judge import Installed
from oakum.agent.actor.restart import NEVER_RESTARTED, plan_restarts
from oakum.agent.actor.system import LockHolder, Room
from oakum.agent.managers.apt.change_parse import Transaction
from oakum.agent.managers.apt.simulation import Step
from oakum.protocol.inventory import InstalledPackage, StaleService
from oakum.protocol.orders import PackageChange, WorkOrder
from tests.protocol.values import make_order


def order(*changes: tuple[str, str, str, str]) -> WorkOrder:
    return make_order(packages=tuple(PackageChange(*change) for change in changes))


def installed(*packages: tuple[str, str, str], state: str = "installed", held: bool = False) -> Installed:
    found = [
        InstalledPackage(name, version, architecture, name, version, held, state)
        for name, architecture, version in packages
    ]
    return Installed(found, "amd64")


SSL = ("openssl", "amd64", "1", "2")


@pytest.mark.parametrize(
    ("asked", "there", "found"),
    [("amd64", "amd64", "1"), ("amd64", "all", "1"), ("all", "amd64", "1"), ("i386", "amd64", ""), ("i386", "all", "")],
)
def test_all_and_the_hosts_own_architecture_are_one_place(asked: str, there: str, found: str) -> None:
    place = installed(("openssl", there, "1"))
    assert place.version(PackageChange("openssl", asked, "1", "2")) == found


def test_two_architectures_of_a_package_are_two_packages() -> None:
    place = installed(("libc6", "amd64", "1"), ("libc6", "i386", "2"))
    assert place.version(PackageChange("libc6", "i386", "2", "3")) == "2"
    assert place.version(PackageChange("libc6", "amd64", "1", "3")) == "1"


def test_already_there_means_wholly_installed() -> None:
    assert judge.is_already_there(order(SSL), installed(("openssl", "amd64", "2")))
    assert not judge.is_already_there(order(SSL), installed(("openssl", "amd64", "2"), state="half-configured"))
    assert not judge.is_already_there(order(SSL), installed(("openssl", "amd64", "1")))
    both = order(SSL, ("libssl3", "amd64", "1", "2"))
    assert not judge.is_already_there(both, installed(("openssl", "amd64", "2"), ("libssl3", "amd64", "1")))


def test_many_differences_are_named_and_counted() -> None:
    changes = [(f"p{number:02}", "amd64", "1", "2") for number in range(15)]
    verdict = judge.judge_found(order(*changes), installed())
    assert verdict is not None
    assert "p00 is not installed, the order expects 1" in verdict.sentence
    assert verdict.sentence.endswith("and 5 more.")


def transaction(*steps: tuple[str, str, str, str], removed: tuple[tuple[str, str], ...] = ()) -> Transaction:
    return Transaction(tuple(Step(*step) for step in steps), removed)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (transaction(SSL), ""),
        (transaction(SSL, ("libssl3", "amd64", "1", "2")), "apt would also install libssl3 2"),
        (transaction(), "apt would not install openssl 2"),
        (
            transaction(("openssl", "amd64", "1", "3")),
            "apt would also install openssl 3; apt would not install openssl 2",
        ),
        (transaction(("openssl", "i386", "1", "2")), "apt would also install openssl 2"),
        (transaction(("openssl", "amd64", "0", "2")), "apt would not install openssl 2"),
        (transaction(SSL, removed=(("nginx", "1"),)), "apt would remove nginx"),
    ],
)
def test_the_transaction_must_be_the_orders_to_the_letter(found: Transaction, words: str) -> None:
    verdict = judge.judge_transaction(order(SSL), found)
    assert (verdict is None) == (words == "")
    if verdict is not None:
        assert words in verdict.sentence


def needs(**changes: Any) -> dict[str, int]:
    values: dict[str, Any] = {
        "download_bytes": 10,
        "old_bytes": 5,
        "growth_bytes": 100,
        "archives": "/var/cache/apt/archives",
        "saved": "/var/lib/oakum-agent/orders",
    }
    return judge.needs_of(order(SSL), **{**values, **changes})


def test_room_is_asked_where_it_is_needed() -> None:
    assert needs() == {
        "/var/cache/apt/archives": 15,
        "/var/lib/oakum-agent/orders": 5,
        "/usr": 100 + judge.ROOT_MARGIN_BYTES,
        "/var/lib/dpkg": judge.VAR_MARGIN_BYTES,
    }
    assert needs(growth_bytes=-1_000)["/usr"] == judge.ROOT_MARGIN_BYTES
    kernel = order(("linux-image-6.1.0-9-amd64", "amd64", "", "6.1.9"))
    found = judge.needs_of(kernel, download_bytes=0, old_bytes=0, growth_bytes=0, archives="/a", saved="/b")
    assert found["/boot"] == judge.BOOT_KERNEL_BYTES


def test_needs_on_one_file_system_add_up() -> None:
    rooms = {"/a": Room(1, 100), "/b": Room(1, 100), "/c": Room(2, 10)}
    assert judge.judge_room({"/a": 50, "/b": 50, "/c": 10}, rooms) is None
    verdict = judge.judge_room({"/a": 50_000_000, "/b": 51_000_000, "/c": 10}, {**rooms, "/a": Room(1, 100_000_000)})
    assert verdict is not None
    assert verdict.reason == "disk_full"
    assert verdict.sentence.startswith("/a has 100 MB free, the change needs 101 MB.")


def test_a_lock_is_told_with_whoever_can_be_told() -> None:
    named = judge.judge_locks({"/l": LockHolder(7, "apt upgrade")})
    unnamed = judge.judge_locks({"/l": LockHolder(0, "")})
    assert named is not None
    assert named.sentence == "process 7 (apt upgrade) holds /l."
    assert unnamed is not None
    assert unnamed.sentence == "Another program holds /l."
    assert judge.judge_locks({}) is None


# Restarts.


def stale(*units: str) -> tuple[StaleService, ...]:
    return tuple(StaleService(unit, (), 1) for unit in units)


def test_services_are_restarted_and_systemd_executes_itself_anew() -> None:
    plan = plan_restarts(stale("ssh.service", "nginx.service", "init.scope"))
    assert (plan.units, plan.reexec, plan.left_alone) == (("nginx.service", "ssh.service"), True, ())


@pytest.mark.parametrize(
    "unit",
    ["dbus.service", "systemd-logind.service", "getty@tty1.service", "user@1000.service", "session-2.scope",
     "oakum-agent.service", "gdm3.service", "docker.service", "networking.service", "process:python3",
     "docker-0123.scope", "-.mount"],
)  # fmt: skip
def test_what_would_hurt_people_is_left_alone_and_the_reason_is_given(unit: str) -> None:
    plan = plan_restarts(stale(unit))
    assert plan.units == ()
    ((name, why),) = plan.left_alone
    assert name == unit
    assert why


def test_the_agents_own_unit_is_left_alone_whatever_its_name() -> None:
    plan = plan_restarts(stale("oakum.service", "nginx.service"), "oakum.service")
    assert plan.units == ("nginx.service",)
    assert plan.left_alone == (("oakum.service", "the agent itself runs in it"),)


def test_every_unit_that_is_never_restarted_has_its_reason() -> None:
    assert all(pattern and why for pattern, why in NEVER_RESTARTED)
    assert len({pattern for pattern, _why in NEVER_RESTARTED}) == len(NEVER_RESTARTED)
