"""One host as a container: an overlay over a base root, and systemd booted in it by systemd-nspawn.

Decides how a host is started, found, entered and stopped.  It knows nothing of packages, and what a host is
asked to do is ``lab.hosts``.
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab import commands
from lab.cgroups import Cgroup
from lab.errors import LabError
from lab.network import SERVER_ADDRESS

# systemd-nspawn ends with this status when the container asked for a reboot and nobody keeps its unit.
REBOOT_STATUS = 133
CONSOLE_TAIL_CHARACTERS = 3000
SERVER_NAME = "oakum.example.test"
HOST_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "DEBIAN_FRONTEND": "noninteractive",
}

_LAUNCHER = """\
{join}
while :; do
  systemd-nspawn --quiet --settings=no --boot --register=no --keep-unit --network-namespace-path={netns} \\
    --hostname={name} --machine={name} --console=pipe --resolv-conf=off --timezone=off --link-journal=no \\
    --directory={root} </dev/null
  status=$?
  echo "lab: systemd-nspawn ended with status $status"
  [ $status = {reboot_status} ] || exit $status
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """The outside of one host."""

    name: str
    directory: Path
    base: Path
    cgroup: Cgroup
    netns: Path

    @property
    def root(self) -> Path:
        """Where the host's file system is mounted on this machine (without its tmpfs mounts)."""
        return self.directory / "root"

    @property
    def ssh_host_key(self) -> Path:
        """Return the public half of the key the host proves itself with."""
        return self.root / "etc/ssh/ssh_host_ed25519_key.pub"

    def prepare(self, *, authorized_key: str) -> None:
        """Mount the overlay and give the host an identity of its own."""
        upper, work = self.directory / "upper", self.directory / "work"
        for folder in (upper, work, self.root):
            folder.mkdir(parents=True)
        # volatile: the upper layer is thrown away, so nothing in it need ever be synced to the disk.
        layers = f"lowerdir={self.base},upperdir={upper},workdir={work},volatile"
        commands.run(["mount", "-t", "overlay", f"{self.name}.lab", "-o", layers, str(self.root)])
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n{SERVER_ADDRESS} {SERVER_NAME}\n")
        # A fresh id, never the word "uninitialized": that starts systemd-firstboot, which fails in here.
        (etc / "machine-id").write_text(f"{secrets.token_hex(16)}\n")
        key = str(self.ssh_host_key).removesuffix(".pub")
        commands.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", key])
        ssh = self.root / "root/.ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        (ssh / "authorized_keys").write_text(authorized_key)

    def start(self) -> subprocess.Popen[bytes]:
        """Boot it and return its launcher at once; the launcher ends when the host is off."""
        self.cgroup.create()
        script = _LAUNCHER.format(
            join=self.cgroup.join_script(),
            netns=self.netns,
            name=self.name,
            root=self.root,
            reboot_status=REBOOT_STATUS,
        )
        with (self.directory / "console.log").open("ab") as console:
            return subprocess.Popen(
                ["sh", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def leader(self) -> int | None:
        """Return the process that is process 1 of the host now; None while it is off or between boots."""
        for pid in self.cgroup.processes():
            with suppress(FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{pid}/status").read_text()
                ids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
                if len(ids) > 1 and ids[-1] == "1":
                    return pid
        return None

    def boot_id(self) -> str | None:
        """Return the id that is new with each boot, read from outside; None while there is no leader.

        Nobody may enter a host that is going down: systemd-shutdown waits ten seconds for a process in it
        whose parent, being outside, is the one told of its end.
        """
        with suppress(OSError):
            return Path(f"/proc/{self.leader()}/root/proc/sys/kernel/random/boot_id").read_text().strip()
        return None

    def execute(
        self,
        command: str | Sequence[str],
        *,
        timeout: float,
        check: bool,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command as root in all of the host's namespaces; a text goes through the host's shell.

        The command is in the host's cgroup as well, so it freezes and dies with the host.
        """
        leader = self.leader()
        if leader is None:
            raise LabError(f"{self.name} is not running.", remedy=f"see its console: {self.console()}")
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        settings = [f"{name}={value}" for name, value in {**HOST_ENVIRONMENT, **(env or {})}.items()]
        visitors = self.cgroup.child("lab-visitors")
        visitors.create()
        entered = ["nsenter", f"--target={leader}", "--all", "--root", "--wd=/", "--"]
        return commands.run(
            visitors.joined([*entered, "env", "-i", *settings, *argv]),
            timeout=timeout,
            data=data,
            check=check,
            label=f"{self.name}: {command if isinstance(command, str) else ' '.join(command)}",
        )

    def console(self) -> str:
        """Return the last words of the host's console."""
        try:
            text = (self.directory / "console.log").read_text(errors="replace")
        except FileNotFoundError:
            return "(never started)"
        return text[-CONSOLE_TAIL_CHARACTERS:]
