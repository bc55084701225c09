"""The contracts of ``contract``, on the simulated host and on this machine; ``test_lab`` takes them to lab hosts."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from oakum.agent.actor.real import RealSystem
from tests.agent_actor.contract import ANYWHERE, PACKAGES, Place
from tests.agent_actor.simulated import SimulatedSystem
from tests.agent_actor.simulated_packages import SERVICE_FAILS, Deb
from tests.agent_actor.world import STATE, make_world

Check = Callable[[Place], None]


class SimulatedPlace(Place):
    """The simulated host, which waits by letting its own time pass."""

    architecture = "amd64"

    def __init__(self) -> None:
        self.world = make_world(Deb("acme-web", "1.2", traits=frozenset({SERVICE_FAILS})))
        super().__init__(SimulatedSystem(self.world.host), f"{STATE}/check")

    def sleep(self, seconds: float) -> None:
        self.world.host.advance(seconds)

    def now(self) -> datetime:
        return self.world.host.now

    @contextlib.contextmanager
    def locked(self, path: str) -> Iterator[int]:
        del path  # Its package manager has one lock for all.
        self.world.host.foreign_lock = "another"
        yield 1234
        self.world.host.foreign_lock = ""

    def kill(self, name: str) -> None:
        self.world.host.programs[f"{self.directory}/{name}"].lost = True


@pytest.mark.parametrize("check", [*ANYWHERE, *PACKAGES], ids=lambda check: check.__name__)
def test_the_simulated_host_keeps_the_contract(check: Check) -> None:
    check(SimulatedPlace())


@pytest.mark.parametrize("check", ANYWHERE, ids=lambda check: check.__name__)
def test_this_machine_keeps_the_contract(check: Check, tmp_path: Path) -> None:
    if not Path("/proc/self/stat").exists() or shutil.which("pkill") is None:
        pytest.skip("The agent's host is a Linux with procps.")
    check(Place(RealSystem(), str(tmp_path)))
