"""Packages, repositories and services of the simulated host, with the ways in which a version can be bad."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.agent_actor.simulated import SimulatedHost

# Ways in which a version can be bad.
POSTINST_FAILS = "postinst_fails"  # dpkg cannot configure it
SERVICE_FAILS = "service_fails"  # its service does not start
SERVICE_FLAPS = "service_flaps"  # its service ends and is started again, every few seconds
SERVICE_STOPS = "service_stops"  # its service is inactive afterwards, without an error
PORT_GONE = "port_gone"  # its service runs and does not listen
SLOW_PORT = "slow_port"  # its service listens only after a while: no harm
STUMBLES = "stumbles"  # its service is restarted once by systemd and then holds: no harm
HANGS = "hangs"  # its maintainer script never ends

FLAP_SECONDS = 4.0
SLOW_SECONDS = 6.0


def version_key(text: str) -> tuple[int, ...]:
    """Order the simulated versions: numbers and dots alone."""
    return tuple(int(part) for part in text.split("."))


@dataclass(frozen=True)
class Deb:
    """One package version.  ``requires`` are (name, at least this version); ``removes`` what apt would take away."""

    name: str
    version: str
    architecture: str = "amd64"
    size: int = 1_000
    requires: tuple[tuple[str, str], ...] = ()
    removes: tuple[str, ...] = ()
    traits: frozenset[str] = frozenset()

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version}_{self.architecture}.deb"

    @property
    def content(self) -> bytes:
        return f"deb {self.name} {self.version} {self.architecture}".encode().ljust(self.size, b".")


@dataclass
class Archive:
    """The repositories: what they have, what the host's lists say that they have, and all that ever was."""

    everything: dict[tuple[str, str], Deb] = field(default_factory=dict)
    offered: set[tuple[str, str]] = field(default_factory=set)
    listed: set[tuple[str, str]] = field(default_factory=set)

    def add(self, *debs: Deb, listed: bool = True) -> None:
        for deb in debs:
            self.everything[deb.name, deb.version] = deb
            self.offered.add((deb.name, deb.version))
            if listed:
                self.listed.add((deb.name, deb.version))

    def withdraw(self, name: str, version: str) -> None:
        self.offered.discard((name, version))

    def refresh(self) -> None:
        self.listed = set(self.offered)

    def newest(self, name: str) -> Deb | None:
        found = [self.everything[key] for key in self.listed if key[0] == name]
        return max(found, key=lambda deb: version_key(deb.version), default=None)


@dataclass
class Installed:
    """A package on the host, by dpkg's words."""

    deb: Deb
    state: str = "installed"
    held: bool = False
    auto: bool = False

    @property
    def version(self) -> str:
        return self.deb.version


@dataclass
class Service:
    """A unit: it runs the code of ``package`` and of its ``libraries``, as they were when it was started."""

    name: str
    package: str
    port: int = 0
    libraries: tuple[str, ...] = ()
    enablement: str = "enabled"
    active: str = "active"
    sub: str = "running"
    traits: frozenset[str] = frozenset()
    started_at: float = 0.0
    starts: int = 1
    stale: set[str] = field(default_factory=set)
    ill: bool = False  # fails whatever the version: it did before, too

    @property
    def running(self) -> bool:
        return self.active == "active"

    def start(self, host: SimulatedHost) -> bool:
        """Start with the code that is installed now; say whether systemd is content."""
        self.traits = frozenset().union(
            *(found.deb.traits for name in (self.package, *self.libraries) if (found := host.package(name)))
        )
        self.stale.clear()
        self.starts += 1
        self.started_at = host.clock
        if self.ill or SERVICE_FAILS in self.traits:
            self.active, self.sub = "failed", "failed"
        elif SERVICE_STOPS in self.traits:
            self.active, self.sub = "inactive", "dead"
        else:
            self.active, self.sub = "active", "running"
        return self.active == "active"

    def boot(self, host: SimulatedHost) -> None:
        if self.enablement == "enabled":
            self.start(host)
        else:
            self.active, self.sub = "inactive", "dead"

    def restarts(self, host: SimulatedHost) -> int:
        """How often systemd itself started it again."""
        if SERVICE_FLAPS in self.traits and self.active == "active":
            return int((host.clock - self.started_at) / FLAP_SECONDS)
        if STUMBLES in self.traits and host.clock - self.started_at > 1:
            return 1
        return 0

    def active_since(self, host: SimulatedHost) -> float:
        count = self.restarts(host)
        return self.started_at + count * (FLAP_SECONDS if SERVICE_FLAPS in self.traits else 1.0)

    def is_listening(self, host: SimulatedHost) -> bool:
        if not self.running or PORT_GONE in self.traits:
            return False
        return SLOW_PORT not in self.traits or host.clock - self.started_at > SLOW_SECONDS
