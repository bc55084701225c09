"""A host that is not there: dpkg, apt, systemd, files and time, as far as the actor can tell, with faults to order.

``SimulatedSystem`` has the interface ``oakum.agent.actor.system.System`` and passes the same contracts as the real one
(``contract``).  Time stands still unless somebody sleeps or ``SimulatedHost.advance`` is called; launched programs make
their way as it passes, whether or not an agent lives.  What apt prints is ``simulated_apt``'s.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from oakum.agent.actor.system import (
    CHILD_ABSENT,
    CHILD_ENDED,
    CHILD_LOST,
    CHILD_RUNNING,
    Child,
    Completed,
    Listener,
    LockHolder,
    Room,
)
from oakum.agent.errors import HostError
from oakum.protocol.inventory import NO, YES, FactsSection, StaleService
from tests.agent_actor.simulated_packages import Archive, Installed, Service

ARCHIVES = "/var/cache/apt/archives"
LISTS = "/var/lib/apt/lists"
BEGINNING = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SIGTERM_STATUS = 143
ANY = "0.0.0.0"  # noqa: S104 - told, never bound


class Killed(BaseException):
    """The agent's process is gone: nothing of ours may catch this."""


@dataclass
class Program:
    """A launched program: what it still has to do (seconds each, then the act), and how it ended."""

    argv: tuple[str, ...]
    started_at: float
    steps: list[tuple[float, Callable[[], int | None]]]
    next_at: float = 0.0
    code: int | None = None
    lost: bool = False
    hangs: bool = False

    @property
    def running(self) -> bool:
        return self.code is None and not self.lost


@dataclass
class SimulatedHost:
    """All that is true of the host."""

    archive: Archive
    seed: int = 0
    clock: float = 1_000.0
    boot_number: int = 1
    booted_at: float = 900.0
    packages: dict[tuple[str, str], Installed] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)
    launches: list[tuple[str, str]] = field(default_factory=list)  # (directory/name, first words of argv)
    mirror_up: bool = True
    foreign_lock: str = ""
    free_bytes: int = 10_000_000_000
    root: bool = True
    reboot_required: bool = False
    kernel_running: str = "6.1.0-1-amd64"
    rebooting: bool = False
    reboots_ignored: bool = False
    systemd_silent: bool = False

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - histories must repeat

    @property
    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self.clock)

    @property
    def boot_id(self) -> str:
        return f"boot-{self.boot_number}"

    def advance(self, seconds: float) -> None:
        """Let time pass; programs do what is due, in order."""
        until = self.clock + seconds
        while True:
            due = [p for p in self.programs.values() if p.running and not p.hangs and p.next_at <= until]
            if not due:
                break
            program = min(due, key=lambda each: each.next_at)
            self.clock = max(self.clock, program.next_at)
            self._step(program)
        self.clock = until

    def _step(self, program: Program) -> None:
        if not program.steps:
            program.code = 0
            return
        _seconds, act = program.steps.pop(0)
        program.code = act()
        if program.steps:
            program.next_at = self.clock + program.steps[0][0]

    def running_program(self) -> Program | None:
        return next((program for program in self.programs.values() if program.running), None)

    def kill_program(self, code: int = 137) -> None:
        """Kill the package manager where it stands; its wrapper lives to say so."""
        program = self.running_program()
        if program is not None:
            program.code = code

    def power_cut(self) -> None:
        """End everything at once and boot again."""
        for program in self.programs.values():
            if program.running:
                program.lost = True
        self.boot()

    def boot(self) -> None:
        self.rebooting = False
        self.reboot_required = False
        self.boot_number += 1
        self.clock += 20
        self.booted_at = self.clock
        for service in self.services.values():
            service.boot(self)

    def end_reboot(self) -> None:
        """Complete a reboot that was asked for."""
        if self.rebooting:
            self.power_cut()

    def package(self, name: str) -> Installed | None:
        return next((each for (found, _arch), each in sorted(self.packages.items()) if found == name), None)

    def version(self, name: str) -> str:
        found = self.package(name)
        return "" if found is None else found.version

    def lock(self, path: str) -> LockHolder | None:
        if path.startswith("/var/lib/dpkg/"):
            if self.running_program() is not None:
                return LockHolder(4711, "apt-get install")
            if self.foreign_lock:
                return LockHolder(1234, self.foreign_lock)
        return None


class SimulatedSystem:
    """The interface; ``hook`` is called with a name before and after each call and may raise Killed."""

    def __init__(self, host: SimulatedHost, hook: Callable[[str], None] = lambda _name: None) -> None:
        from tests.agent_actor.simulated_apt import Commands

        self.host = host
        self._hook = hook
        self._commands = Commands(host)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,  # noqa: ARG002 - nothing is slow here
        environment: Mapping[str, str] | None = None,  # noqa: ARG002 - nobody reads it
    ) -> Completed:
        self._hook("run " + argv[0])
        self.host.advance(0.2)
        completed = self._commands.run(tuple(argv))
        self._hook("ran " + argv[0])
        return completed

    def launch(self, directory: str, name: str, argv: Sequence[str], *, environment: Mapping[str, str]) -> None:  # noqa: ARG002
        self._hook("launch")
        path = f"{directory}/{name}"
        steps = self._commands.steps(tuple(argv), f"{path}.log")
        program = Program(tuple(argv), self.host.clock, steps)
        program.next_at = self.host.clock + steps[0][0]
        self.host.programs[path] = program
        self.host.launches.append((path, " ".join(argv[:2])))
        self.host.files[f"{path}.child"] = b"{}"
        self._hook("launched")

    def child(self, directory: str, name: str) -> Child:
        self._hook("child")
        program = self.host.programs.get(f"{directory}/{name}")
        if program is None:
            return Child(CHILD_ABSENT)
        if program.lost:
            return Child(CHILD_LOST)
        if program.code is not None:
            return Child(CHILD_ENDED, code=program.code)
        return Child(CHILD_RUNNING, age_seconds=int(self.host.clock - program.started_at))

    def end_child(self, directory: str, name: str) -> None:
        self._hook("end_child")
        program = self.host.programs.get(f"{directory}/{name}")
        if program is not None and program.running:
            program.code = SIGTERM_STATUS

    def read(self, path: str, bytes_max: int) -> bytes | None:
        self._hook("read")
        pseudo = self._pseudo(path)
        content = self.host.files.get(path) if pseudo is None else pseudo
        return None if content is None else content[-bytes_max:]

    def _pseudo(self, path: str) -> bytes | None:
        texts = {
            "/proc/sys/kernel/random/boot_id": self.host.boot_id,
            "/proc/uptime": f"{self.host.clock - self.host.booted_at:.2f} 1.0",
            "/proc/sys/net/ipv4/ip_local_port_range": "32768\t60999",
        }
        return texts[path].encode() + b"\n" if path in texts else None

    def write(self, path: str, content: bytes) -> None:
        self._hook("write")
        if self.host.free_bytes < len(content):
            raise HostError(code="file_unwritable", sentence="No space left on device.", next_step="Make room.")
        self.host.files[path] = bytes(content)
        self._hook("written")

    def make_directory(self, path: str) -> None:
        self._hook("make_directory " + path)

    def copy(self, source: str, target: str) -> None:
        self._hook("copy")
        if source not in self.host.files:
            raise HostError(code="file_fault", sentence=f"Cannot copy {source}.", next_step="")
        self.host.files[target] = self.host.files[source]

    def remove(self, path: str) -> None:
        self._hook("remove")
        for name in [each for each in self.host.files if each == path or each.startswith(path + "/")]:
            del self.host.files[name]
        for name in [each for each in self.host.programs if each.startswith(path + "/")]:
            del self.host.programs[name]

    def list_names(self, path: str) -> tuple[str, ...]:
        self._hook("list")
        if path == "/run/systemd":
            return ("private", "system")
        prefix = path.rstrip("/") + "/"
        return tuple(sorted({name[len(prefix) :].split("/")[0] for name in self.host.files if name.startswith(prefix)}))

    def size(self, path: str) -> int:
        return len(self.host.files[path]) if path in self.host.files else -1

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self.host.files[path]).hexdigest() if path in self.host.files else ""

    def room(self, path: str) -> Room:  # noqa: ARG002 - one file system
        return Room(device=1, free_bytes=self.host.free_bytes)

    def lock_holder(self, path: str) -> LockHolder | None:
        self._hook("lock")
        return self.host.lock(path)

    def listeners(self) -> tuple[Listener, ...]:
        self._hook("listeners")
        found = [
            Listener("tcp", ANY, service.port, service.name)
            for service in self.host.services.values()
            if service.port and service.is_listening(self.host)
        ]
        return tuple(sorted(found, key=lambda each: each.port))

    def facts(self) -> FactsSection:
        self._hook("facts")
        stale = tuple(
            StaleService(service.name, tuple(sorted(service.stale)), 1)
            for service in sorted(self.host.services.values(), key=lambda each: each.name)
            if service.stale and service.running
        )
        return FactsSection(
            hostname="web01", machine_id_hash="0" * 64, os_id="debian", os_version_id="12", os_codename="bookworm",
            os_name="Debian GNU/Linux 12 (bookworm)", architecture="amd64", kernel_running=self.host.kernel_running,
            kernels=(), boot_id=self.host.boot_id, reboot_required=YES if self.host.reboot_required else NO,
            reboot_required_packages=(), stale_status="known", stale_services=stale, addresses=(),
            virtualisation="none", policy_mode="apply", agent_version="0.1.0", python_version="3.11.2",
        )  # fmt: skip

    def random_id(self) -> str:
        self._hook("random")
        return f"attempt-{self.host.random.getrandbits(64):016x}"

    def is_root(self) -> bool:
        return self.host.root
