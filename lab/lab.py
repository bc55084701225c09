"""Bring up, hold and take down one lab of real Debian hosts.

Decides the order in which the parts come and go.  It enrols no host in Oakum: a caller does, once it is up.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lab import commands, limits, teardown
from lab.cgroups import Cgroup
from lab.container import Container
from lab.errors import LabError
from lab.guardian import start_guardian
from lab.hosts import LabHost
from lab.mirror import machine_mirror
from lab.mirrorproxy import MirrorProxy
from lab.network import HOST_COUNT_MAX, NAMESPACES, SERVER_ADDRESS, Network
from lab.places import new_lab_id, places, record_owner
from lab.relay import Relay
from lab.repository import REPOSITORY_HOST, LocalRepository
from lab.requirements import check_requirements
from lab.roots import Progress, build_roots, prune, record_roots, releases_wanted
from lab.signals import terminate_as_exit

# Names as a small company would have them, so that pages and stories read like a fleet.
ROLES = ("web", "db", "app", "mail", "cache")
BOOT_THREADS_MAX = 16


def silent(_line: str) -> None:
    """Report progress to nobody."""


def host_names(count: int) -> tuple[str, ...]:
    """Return the hosts' names.

    >>> host_names(6)
    ('web01', 'db01', 'app01', 'mail01', 'cache01', 'web02')
    """
    return tuple(f"{ROLES[index % len(ROLES)]}{index // len(ROLES) + 1:02d}" for index in range(count))


class Lab:
    """A lab, as a context manager: up inside the block, gone after it, whatever happens.

    ``hosts`` are spread over ``releases`` in turn (default: ``LAB_RELEASES``, else two releases).
    A lab whose owner is killed is taken down by its guardian.
    """

    server_address = SERVER_ADDRESS

    def __init__(self, *, hosts: int = 10, releases: Sequence[str] | None = None, progress: Progress = silent) -> None:
        """Choose what comes up; nothing is made before ``open``."""
        if not 1 <= hosts <= HOST_COUNT_MAX:
            raise LabError(f"A lab cannot have {hosts} hosts.", remedy=f"ask for 1 to {HOST_COUNT_MAX} of them")
        self.id = new_lab_id()
        self.releases = tuple(releases) if releases is not None else releases_wanted()
        self.hosts: tuple[LabHost, ...] = ()
        self._host_count = hosts
        self._progress = progress
        self._places = places()
        self.directory = self._places.runs / self.id
        self._network = Network(lab_id=self.id)
        self._cgroup = Cgroup(path=self.id)
        self.proxy = MirrorProxy(directory=self.directory)
        self._repository: LocalRepository | None = None
        self._guardian: subprocess.Popen[bytes] | None = None
        self._relays: list[Relay] = []
        self._restore_signal: Callable[[], None] = lambda: None

    def __enter__(self) -> Self:
        """Open it."""
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def open(self) -> None:
        """Bring everything up; on any fault or interruption take it down again and raise."""
        missing = check_requirements()
        if missing:
            raise LabError("A lab cannot be built here: " + " ".join(missing), remedy="do what it asks for above")
        self._restore_signal = terminate_as_exit()
        try:
            teardown.cleanup_stale(self._places)
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take everything down; running this again changes nothing."""
        for relay in self._relays:
            relay.close()
        self._relays.clear()
        self.proxy.stop()
        try:
            teardown.tear_down(self._places, self.id)
            for host in self.hosts:
                host.await_off()
        finally:
            self._dismiss_guardian()
            self._restore_signal()
            self._restore_signal = lambda: None

    @property
    def repository(self) -> LocalRepository:
        """The lab's own package repository."""
        assert self._repository is not None, "the lab is not open"
        return self._repository

    @property
    def ssh_key(self) -> Path:
        """The private key that opens root on every host."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The hosts' keys, as OpenSSH reads them."""
        return self.directory / "ssh" / "known_hosts"

    def host(self, name: str) -> LabHost:
        """Return the host of that name."""
        return next(host for host in self.hosts if host.name == name)

    def run_in_namespace(
        self,
        argv: Sequence[str],
        *,
        timeout: float = commands.COMMAND_SECONDS_MAX,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - the word subprocess.run uses
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this machine in the lab's network and return what it said.

        ``env`` replaces the whole environment.  Raises ``CommandError`` as ``LabHost.run`` does.
        """
        data = None if input is None else input.encode()
        argv = self._entered(argv)
        done = commands.run(argv, timeout=timeout, check=check, data=data, env=env, cwd=cwd)
        return subprocess.CompletedProcess(argv, done.returncode, done.stdout.decode(), done.stderr.decode())

    def popen_in_namespace(self, argv: Sequence[str], **keywords: Any) -> subprocess.Popen[Any]:
        """Start a program of this machine in the lab's network; keywords as ``subprocess.Popen`` takes them.

        It can listen on ``server_address`` and on a loopback of the lab's own.  It ends with the lab.
        """
        return subprocess.Popen(self._entered(argv), **keywords)

    def publish(self, port: int, *, address: str = SERVER_ADDRESS, local_port: int = 0) -> int:
        """Carry 127.0.0.1 of this machine to a port inside the lab until it closes; return our port."""
        relay = Relay(namespace=self.id, address=address, port=port, local_port=local_port)
        self._relays.append(relay)
        return relay.port

    def _entered(self, argv: Sequence[str]) -> list[str]:
        group = self._cgroup.child("lab-server")
        group.create()
        return group.joined(self._network.entered(list(argv)))

    def _open(self) -> None:
        roots = build_roots(self._places, self.releases, progress=self._progress)
        self.directory.mkdir()
        record_owner(self.directory)
        record_roots(self.directory, roots)
        prune(self._places)
        self._guardian = start_guardian(self._places, self.id)
        self._cgroup.create()
        limits.raise_inotify_limit(self._places, self.id)
        architecture = commands.run(["dpkg", "--print-architecture"]).stdout.decode().strip()
        self._repository = LocalRepository(
            self.directory / "repository", releases=self.releases, architecture=architecture
        )
        self._network.up()
        self.proxy.start(
            mirror=machine_mirror(),
            cache=self._places.packages,
            address=SERVER_ADDRESS,
            namespace=self.id,
            local={REPOSITORY_HOST: self._repository.directory},
        )
        self._boot(roots)

    def _boot(self, roots: dict[str, Path]) -> None:
        """Make and boot all hosts at once, and wait for the last."""
        self.ssh_key.parent.mkdir()
        commands.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.id, "-f", str(self.ssh_key)])
        authorized_key = self.ssh_key.with_suffix(".pub").read_text()

        def make(item: tuple[int, str]) -> tuple[LabHost, str]:
            index, name = item
            release = self.releases[index % len(self.releases)]
            container = Container(
                name=name,
                directory=self.directory / "hosts" / name,
                base=roots[release],
                cgroup=self._cgroup.child(name),
                netns=NAMESPACES / self._network.host_namespace(name),
            )
            address = self._network.attach(name, index)
            container.prepare(authorized_key=authorized_key)
            key_kind, key, _ = container.ssh_host_key.read_text().split()
            host = LabHost(
                release=release,
                address=address,
                index=index,
                container=container,
                network=self._network,
                ssh=self.ssh_key.parent,
            )
            return host, f"{address} {key_kind} {key}\n"

        names = host_names(self._host_count)
        self._progress(f"booting {len(names)} hosts")
        with ThreadPoolExecutor(max_workers=BOOT_THREADS_MAX) as pool:
            made = list(pool.map(make, enumerate(names)))
            self.hosts = tuple(host for host, _ in made)
            self.known_hosts.write_text("".join(line for _, line in made))
            for host in self.hosts:
                host.power_on()
            states = list(pool.map(LabHost.wait_up, self.hosts))
        for host, state in zip(self.hosts, states, strict=True):
            if state != "running":
                self._progress(f"{host.name}: systemd says {state}")

    def _dismiss_guardian(self) -> None:
        if self._guardian is not None:
            guardian, self._guardian = self._guardian, None
            assert guardian.stdin is not None
            guardian.stdin.close()
            guardian.wait()
