"""What can be in an order's way on the simulated host, and the calm after it."""

from __future__ import annotations

from tests.agent_actor.simulated import Killed
from tests.agent_actor.world import World, with_trust

WEB = ("acme-web", "1.0", "1.1")

LIB = ("acme-lib", "1.0", "1.1")


def versions(world: World) -> tuple[str, str]:
    return world.host.version("acme-web"), world.host.version("acme-lib")


def no_way_back(world: World) -> None:
    world.host.archive.withdraw("acme-web", "1.0")
    world.host.archive.refresh()


def short_id(value: object) -> str:
    """Name a case; a function by its name, because its address differs between the processes of one run."""
    return str(getattr(value, "__name__", value))[:25]


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


def calm(world: World) -> None:
    with_trust(world, clock_skew_seconds=0)
    world.host.foreign_lock, world.host.mirror_up, world.host.free_bytes = "", True, 10_000_000_000
    world.server_up, world.halted, world.permit_seconds, world.host.root = True, False, 0.1, True
    world.host.archive.offered.add(("acme-web", "1.1"))


def kill_at(world: World, name: str) -> None:
    """Have the agent killed when it comes to ``name``, once."""

    def hook(at: str) -> None:
        if at == name:
            world.hook = lambda _name: None
            raise Killed

    world.hook = hook
