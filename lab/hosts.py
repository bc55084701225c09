"""What can be asked of, and done to, one host of the lab.

Commands run inside the host by entering its namespaces, which is quick and works while its network is cut;
``ssh`` goes the way an administrator would.  It does not start or remove hosts: ``lab.lab`` does.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import aptoutput, commands
from lab.container import Container
from lab.errors import LabError
from lab.network import Network

RUN_SECONDS_MAX = 120.0
BOOT_SECONDS_MAX = 60.0
SHUTDOWN_SECONDS_MAX = 60.0
APT_SECONDS_MAX = 300.0
POLL_SECONDS = 0.05


class LabHost:
    """A Debian host with systemd, sshd and pending security updates."""

    def __init__(
        self, *, release: str, address: str, index: int, container: Container, network: Network, ssh: Path
    ) -> None:
        """Describe a host whose container is made already."""
        self.name = container.name
        self.release = release
        self.address = address
        self._index = index
        self._container = container
        self._network = network
        self._ssh = ssh
        self._frozen = False
        self._launcher: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        """Name it where a test fails."""
        return f"<LabHost {self.name} {self.release} {self.address}>"

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = RUN_SECONDS_MAX,
        check: bool = True,
        input: str | None = None,  # noqa: A002 - the word subprocess.run uses
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run as root inside the host; a text is a shell command, a sequence is an argv.

        ``timeout`` in seconds.  Raises ``CommandError`` with the output on a non-zero exit while ``check``
        is set, and ``LabError`` when the host is off or frozen.
        """
        data = None if input is None else input.encode()
        done = self._execute(command, timeout=timeout, check=check, data=data, env=env)
        return subprocess.CompletedProcess(
            done.args,
            done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace"),
        )

    def ssh(
        self, command: str, *, timeout: float = RUN_SECONDS_MAX, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root over SSH, from the lab's server address."""
        argv = [*self.ssh_argv(), command]
        done = commands.run(argv, timeout=timeout, check=check, label=f"ssh {self.name} {command}")
        return subprocess.CompletedProcess(argv, done.returncode, done.stdout.decode(), done.stderr.decode())

    def ssh_argv(self) -> list[str]:
        """Return the command that opens an SSH session from outside the lab, strictly by known keys."""
        options = {
            "IdentityFile": str(self._ssh / "id_ed25519"),
            "UserKnownHostsFile": str(self._ssh / "known_hosts"),
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "LogLevel": "ERROR",
        }
        flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        return self._network.entered(["ssh", "-F", "none", *flags, f"root@{self.address}"])

    def read_file(self, path: str) -> str:
        """Return a text file of the host."""
        return self.run(["cat", path]).stdout

    def write_file(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file in the host, its folders included."""
        data = content.encode() if isinstance(content, str) else content
        quoted = shlex.quote(path)
        self._execute(
            f'mkdir -p "$(dirname {quoted})" && cat > {quoted} && chmod {mode:o} {quoted}',
            timeout=RUN_SECONDS_MAX,
            check=True,
            data=data,
        )

    def boot_id(self) -> str:
        """Return the id that is new with each boot; raises ``LabError`` while the host is off."""
        found = self._container.boot_id()
        if found is None:
            raise LabError(f"{self.name} is not running.", remedy="power_on() and wait_up() first")
        return found

    def wait_up(self, *, timeout: float = BOOT_SECONDS_MAX, other_than: str | None = None) -> str:
        """Wait until systemd has finished starting and sshd answers; return systemd's word for the state.

        That word is ``running``, or ``degraded`` when some other unit failed (``systemctl --failed`` in the
        host names it).  ``other_than`` is a boot id that does not count: that of before a reboot; give it
        wherever a reboot is under way, or the old boot may be taken for the new one.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            state = self._boot_state(other_than, timeout=deadline - time.monotonic())
            if state is not None:
                return state
            time.sleep(POLL_SECONDS)
        raise LabError(
            f"{self.name} did not come up within {timeout:.0f} s.",
            remedy=f"its console said:\n{self._container.console()}",
        )

    def reboot(self, *, timeout: float = BOOT_SECONDS_MAX) -> str:
        """Reboot in good order and wait until it is up again; return systemd's word for the state."""
        before = self.boot_id()
        self.run(["systemctl", "reboot"], check=False)
        return self.wait_up(timeout=timeout, other_than=before)

    def power_cut(self) -> None:
        """End everything in the host at once, as a pulled plug does; its disk stays as it is."""
        self._container.cgroup.kill()
        self._frozen = False
        self.await_off()
        # A cgroup remembers that it was killed, and the kernel then kills what a newer systemd starts into a
        # fresh cgroup below it.  The next boot gets a new tree.
        self._container.cgroup.remove()

    def power_on(self) -> None:
        """Boot the host, for the first time or after it went off; ``wait_up`` waits for it."""
        assert self._launcher is None, f"{self.name} is on"
        self._launcher = self._container.start()

    def await_off(self, *, timeout: float = SHUTDOWN_SECONDS_MAX) -> None:
        """Wait until the host is off; off already is fine."""
        if self._launcher is None:
            return
        try:
            self._launcher.wait(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            raise LabError(
                f"{self.name} did not go off within {timeout:.0f} s.",
                remedy=f"its console said:\n{self._container.console()}",
            ) from expired
        self._launcher = None

    def freeze(self) -> None:
        """Make the host hang: nothing in it runs until ``thaw``, and its connections stay open."""
        self._container.cgroup.freeze()
        self._frozen = True

    def thaw(self) -> None:
        """Let a frozen host go on."""
        self._container.cgroup.thaw()
        self._frozen = False

    def cut_network(self) -> None:
        """Pull the host's cable."""
        self._network.plug(self._index, plugged=False)

    def restore_network(self) -> None:
        """Put the cable back."""
        self._network.plug(self._index, plugged=True)

    def fill_disk(self, path: str = "/var/cache/apt/archives", *, free_bytes: int = 64 * 1024) -> None:
        """Put a file system of that size over a folder of the host, empty but too small for what comes."""
        options = f"size={free_bytes},mode=0755"
        self.run(["mkdir", "-p", path])
        self.run(["mount", "-t", "tmpfs", "-o", options, "full-disk", path])

    def empty_disk(self, path: str = "/var/cache/apt/archives") -> None:
        """Take that file system away again."""
        self.run(["umount", path])

    def installed_versions(self) -> dict[str, str]:
        """Return package -> version of all that is installed and configured, as dpkg has it."""
        form = "${db:Status-Abbrev} ${Package} ${Version}\\n"
        return aptoutput.parse_installed(self.run(["dpkg-query", "-W", "-f", form]).stdout)

    def dpkg_audit(self) -> str:
        """Return what dpkg finds wrong with its own state: nothing, on a sound host."""
        return self.run(["dpkg", "--audit"], check=False).stdout

    def dpkg_log(self) -> str:
        """Return all that dpkg ever did here since the host was made, oldest first."""
        return self.run("cat /var/log/dpkg.log.1 /var/log/dpkg.log 2>/dev/null || true").stdout

    def apt_update(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Fetch the indexes anew; any index that fails fails the call."""
        argv = ["apt-get", "-q", "--error-on=any", "update"]
        return self.run(argv, timeout=APT_SECONDS_MAX, check=check)

    def apt_install(self, *packages: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Install packages, each ``NAME`` or ``NAME=VERSION``; an older version is a downgrade."""
        options = ["-q", "-y", "--allow-downgrades", "--no-install-recommends"]
        options += ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
        return self.run(["apt-get", *options, "install", *packages], timeout=APT_SECONDS_MAX, check=check)

    def apt_pending_security(self) -> set[tuple[str, str]]:
        """Return (package, candidate version) of each upgrade that would come from a security archive."""
        return aptoutput.pending_security(self.run(["apt-get", "-s", "dist-upgrade"]).stdout)

    def _execute(
        self,
        command: str | Sequence[str],
        *,
        timeout: float,
        check: bool,
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        if self._frozen:
            raise LabError(f"{self.name} is frozen and runs nothing.", remedy="call thaw() first")
        return self._container.execute(command, timeout=timeout, check=check, data=data, env=env)

    def _boot_state(self, other_than: str | None, *, timeout: float) -> str | None:
        """Return systemd's word once the host is up in a boot that counts, else None."""
        if self._container.boot_id() in {None, other_than}:
            return None
        try:
            asked = ["systemctl", "is-system-running", "--wait"]
            state = self.run(asked, check=False, timeout=timeout).stdout.strip()
            if state == "degraded":
                self.run(["systemctl", "is-active", "--quiet", "ssh.service", "multi-user.target"])
        except LabError:
            return None  # It went away while we looked: between two boots, or not yet far enough.
        return state if state in {"running", "degraded"} else None
