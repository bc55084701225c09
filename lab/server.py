"""An Oakum server inside a lab, and the enrolment of the lab's hosts: what a person does by hand, by program.

It starts the real `oakum up` in the lab's network, on the address the hosts reach, and speaks to it by its REST API
as named people.  It asserts nothing: the stories do, inside the hosts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.hosts import LabHost
from lab.lab import Lab
from oakum.cli.client import Client

PORT = 8800
START_SECONDS_MAX = 90.0
POLL_SECONDS = 0.2
CHECK_IN_SECONDS = 5  # hosts of a lab are near, few and impatient
ENROL_THREADS_MAX = 4


def wait_until(condition: Callable[[], Any], what: str, *, seconds: float) -> Any:
    """Return the condition's first true value.

    Raises:
        LabError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise LabError(f"After {seconds:.0f} s still waiting for: {what}.", remedy="read the server's log")
        time.sleep(POLL_SECONDS)


class OakumServer:
    """`oakum up` in the lab's network; its data directory outlives kills and restarts."""

    def __init__(self, lab: Lab, *, database_url: str = "") -> None:
        """Choose a data directory; nothing is started before ``start``."""
        self.lab = lab
        self.directory = Path(tempfile.mkdtemp(prefix="oakum-lab-server-"))
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        self.local_port = 0
        self._process: subprocess.Popen[Any] | None = None
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OAKUM_")},
            "OAKUM_DATA_DIR": str(self.data),
            "OAKUM_LISTEN": f"{lab.server_address}:{PORT}",
            **({"OAKUM_DATABASE_URL": database_url} if database_url else {}),
        }
        self._tokens: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The address that hosts use."""
        return f"https://{self.lab.server_address}:{PORT}"

    @property
    def local_url(self) -> str:
        """The address of the same server from outside the lab's network."""
        return f"https://127.0.0.1:{self.local_port}"

    def start(self) -> None:
        """Start and wait until it serves."""
        with self.log.open("ab") as log:
            self._process = self.lab.popen_in_namespace(
                [sys.executable, "-m", "oakum.cli.main", "up", "--no-local-agent"],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if not self.local_port:
            self.local_port = self.lab.publish(PORT)
        wait_until(self._is_ready, "the server", seconds=START_SECONDS_MAX)

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise LabError(f"`oakum up` ended:\n{self.log_tail()}", remedy="mend what its last lines name")
        return "Oakum is ready" in self.log.read_text()

    def log_tail(self, length: int = 4000) -> str:
        """Return the last lines the server wrote."""
        return self.log.read_text(errors="replace")[-length:]

    def kill(self) -> None:
        """End it as a power cut would: kill -9, its children go with it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        (self.directory / f"log.{time.time_ns()}").write_bytes(self.log.read_bytes())
        self.log.write_bytes(b"")

    def stop(self) -> None:
        """End it as Ctrl-C would, and forget its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run an `oakum` command on the server itself."""
        argv = [sys.executable, "-m", "oakum.cli.main", *arguments]
        return subprocess.run(argv, env=self._environ, capture_output=True, text=True, check=check, timeout=120)

    def add_person(self, name: str, role: str) -> None:
        """Add a person."""
        self.command("admin", "add-person", name, "--role", role)

    def token(self, name: str = "admin") -> str:
        """Return a personal token of that person."""
        if name not in self._tokens:
            self._tokens[name] = json.loads(self.command("admin", "token", name, "--json").stdout)["token"]
        return self._tokens[name]

    def client(self, name: str = "admin") -> Client:
        """Return the API as that person uses it."""
        certificate = str(self.data / "tls" / "certificate.pem")
        return Client(url=self.local_url, token=self.token(name), certificate=certificate)

    def installer_line(self, *, mode: str = "apply") -> str:
        """Return the line that a person pastes on a new host."""
        body: dict[str, object] = {"mode": mode, "hours": 24, "uses": 200, "note": "lab"}
        line: str = self.client().post("/hosts/enrolment-tokens", body)["line"]
        return line

    def enrol(self, host: LabHost, line: str) -> None:
        """Paste the installer's line on a host."""
        host.run(f"{line} --interval {CHECK_IN_SECONDS}", timeout=180)

    def enrol_all(self, hosts: tuple[LabHost, ...], *, progress: Callable[[str], None] = lambda _: None) -> None:
        """Enrol hosts, a few at a time, and wait until each has reported."""
        line = self.installer_line()
        with ThreadPoolExecutor(ENROL_THREADS_MAX) as pool:
            for host, _ in zip(hosts, pool.map(lambda each: self.enrol(each, line), hosts), strict=True):
                progress(f"enrolled {host.name}")
        wait_until(lambda: self.reported_count() >= len(hosts), "every host's report", seconds=180)

    def reported_count(self) -> int:
        """Return how many hosts have told packages and offers."""
        hosts = self.client().get("/hosts", limit=200)["rows"]
        known = [each for each in hosts if each["packages_status"] == "known" and each["offers_status"] == "known"]
        return len(known)
