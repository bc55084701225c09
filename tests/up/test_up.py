"""`oakum up` as a person meets it: real processes, on loopback, in a data directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.intel.feeds import osv_package, osv_record, write_zip

START_SECONDS_MAX = 60.0
ADVISORY_COUNT = 3_000
pytestmark = pytest.mark.xdist_group("up")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS_MAX) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"after {seconds} s still not: {what}")


class Up:
    """One `oakum up` and its data directory, which outlives it."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.data = directory / "data"
        self.log = directory / "log"
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("OAKUM_")},
            "OAKUM_DATA_DIR": str(self.data),
            "OAKUM_LISTEN": f"127.0.0.1:{self.port}",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "oakum.cli.main", *arguments]
        return subprocess.run(argv, env=self.environ, capture_output=True, text=True, check=False, timeout=60)

    def start(self, *arguments: str) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "oakum.cli.main", "up", *arguments], env=self.environ, stdout=log, stderr=log
            )
        wait_for(self.is_ready, f"ready; {self.log.read_text()[-2000:]}")

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        return self.log.read_text().count("Oakum is ready") > 0

    def get(self, path: str, token: str = "") -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, None

    def is_away(self) -> bool:
        try:
            self.get("/health")
        except OSError:
            return True
        return False

    def end(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(30)
        wait_for(self.is_away, "its children gone")
        self.process = None
        self.log.write_text("")
        return code


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up"))
    up.start()
    yield up
    if up.process is not None:
        up.end()


def test_the_first_start_prints_the_address_and_a_one_time_password(running: Up) -> None:
    text = running.log.read_text()
    assert f"http://127.0.0.1:{running.port}" in text
    assert re.search(r"Sign in as admin with the one-time password \S{20}", text)


def test_health_answers_json_and_names_its_parts(running: Up) -> None:
    health = wait_for(lambda: (told := running.get("/health"))[1]["loops"] == "running" and told, "loops running")
    assert health[0] == 200
    assert health[1]["status"] == "ok"
    assert (health[1]["database"], health[1]["signer"]) == ("sqlite", "running")


def test_the_signing_key_is_in_the_signers_directory_alone(running: Up) -> None:
    key = running.data / "signer" / "key"
    assert key.stat().st_mode & 0o077 == 0
    assert key.parent.stat().st_mode & 0o077 == 0


def test_this_machine_is_enrolled_and_its_pending_updates_are_known_or_unknown_with_a_reason(running: Up) -> None:
    token = running.command("admin", "token").stdout.strip()

    def reported() -> Any:
        hosts = running.get("/api/v1/hosts", token)[1]["rows"]
        return [host for host in hosts if host["packages_status"] == "known" or host["packages_reason"]] and hosts

    (host,) = wait_for(reported, "this machine's first report")
    found = running.get(f"/api/v1/hosts/{host['id']}", token)[1]
    assert found["host"]["row"]["policy_mode"] == "report_only"
    assert found["host"]["row"]["offers_status"] == "known" or found["host"]["row"]["offers_reason"]


def test_a_feed_is_imported_while_the_server_runs(running: Up, tmp_path: Path) -> None:
    """The loops write every second meanwhile: SQLite must make the import wait, never fail it."""
    records = [
        osv_record(f"DSA-{number}-1", osv_package("acme", fixed="1.0"), upstream=[f"CVE-2024-{number:05}"])
        for number in range(1, ADVISORY_COUNT + 1)
    ]
    result = running.command("feed", "import", str(write_zip(tmp_path / "all.zip", *records)))
    assert result.returncode == 0, result.stderr[-2000:]
    assert (
        f"{ADVISORY_COUNT:,}" in result.stdout + result.stderr or str(ADVISORY_COUNT) in result.stdout + result.stderr
    )


@pytest.mark.parametrize("path", ["/api/v1/rollouts", "/sign-in"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(running: Up, path: str) -> None:
    """100 MB to anybody's door: refused by its length, or cut off when no length was told."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as declared:
        declared.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n".encode())
        assert b" 413 " in declared.recv(200)
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as chunked:
        chunked.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"100000\r\n" + bytes(0x100000) + b"\r\n"
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                chunked.sendall(piece)
            chunked.recv(200)
    assert running.get("/health")[0] == 200


def test_a_second_instance_on_the_same_data_is_refused(running: Up) -> None:
    result = running.command("up")
    assert result.returncode == 2
    assert "Another Oakum" in result.stderr


def test_a_taken_port_is_one_clear_line_and_a_remedy(running: Up, tmp_path: Path) -> None:
    other = Up(tmp_path)
    other.environ["OAKUM_LISTEN"] = f"127.0.0.1:{running.port}"
    result = other.command("up")
    assert result.returncode == 2
    assert "Cannot listen" in result.stderr
    assert "Traceback" not in result.stderr


def test_killed_with_9_it_takes_its_children_along_and_goes_on_where_it_was(running: Up) -> None:
    assert running.process is not None
    wait_for((running.data / "agent" / "config" / "agent.json").exists, "the local agent enrolled")
    host_id = json.loads((running.data / "agent" / "config" / "agent.json").read_text())["host_id"]
    running.process.send_signal(signal.SIGKILL)
    running.process.wait()
    wait_for(running.is_away, "its children gone")
    running.log.write_text("")
    running.start()
    assert "one-time password" not in running.log.read_text().split("Sign in as before")[0]
    token = running.command("admin", "token").stdout.strip()
    assert [host["id"] for host in running.get("/api/v1/hosts", token)[1]["rows"]] == [host_id]


def test_ctrl_c_ends_it_cleanly_and_leaves_a_sound_database(running: Up) -> None:
    assert running.end(signal.SIGINT) == 0
    with sqlite3.connect(running.data / "oakum.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
