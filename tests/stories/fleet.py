"""What the stories share: a lab, a server, people, and an update that each story brings along."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

from lab import Lab, LabHost
from lab.server import OakumServer, wait_until

SETTLED = {"completed", "halted", "cancelled"}
HEALTH_DELAY_SECONDS = 8
SOAK_SECONDS = 5
BASE_PORT = 8200


class Fleet:
    """Hosts, server and two people: ann asks, bea approves."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.server = OakumServer(lab)
        self._ports = iter(range(BASE_PORT, BASE_PORT + 100))

    def set_up(self) -> None:
        self.server.start()
        self.server.add_person("ann", "operator")
        self.server.add_person("bea", "approver")

    def close(self) -> None:
        self.server.stop()

    def api(self, name: str = "ann") -> Any:
        return self.server.client(name)

    def enrolled(self) -> tuple[LabHost, ...]:
        """Return all hosts, enrolled: story a does it step by step, a story told alone does it here."""
        if self.server.reported_count() < len(self.lab.hosts):
            self.server.enrol_all(self.lab.hosts)
        return self.lab.hosts

    # Updates ------------------------------------------------------------------------------------------------------

    def bring_update(self, name: str, hosts: Sequence[LabHost], *, broken: bool = False) -> None:
        """Install version 1.0 of a lab package with a service on `hosts`, then publish 1.1 as a security update."""
        port = next(self._ports)
        repository = self.lab.repository
        repository.build(name, "1.0", service=True, port=port)
        for host in hosts:
            repository.install_source(host)
            host.apt_install(f"{name}=1.0")
        repository.build(name, "1.1", service=True, port=port, broken=broken, cves=("CVE-2026-90001",))
        for host in hosts:
            host.apt_update()
        wait_until(lambda: self.pending_hosts(name) >= len(hosts), f"{name} 1.1 seen as pending", seconds=120)

    def pending_hosts(self, source: str) -> int:
        found = [each for each in self.api().get("/patches", search=source)["rows"] if each["source_name"] == source]
        return sum(each["host_pending_count"] for each in found)

    # Rollouts -----------------------------------------------------------------------------------------------------

    def plan(self, patches: object, hosts: Sequence[LabHost], **changes: object) -> Any:
        body: dict[str, object] = {
            "patches": patches,
            "hosts": [host.name for host in hosts],
            "window": {"now_hours": 4},
            "health_delay_seconds": HEALTH_DELAY_SECONDS,
            "soak_seconds": SOAK_SECONDS,
            **changes,
        }
        return self.api().post("/rollouts", body)

    def begin(self, patches: object, hosts: Sequence[LabHost], **changes: object) -> int:
        number: int = self.plan(patches, hosts, **changes)["number"]
        self.api("bea").post(f"/rollouts/{number}/approve", {"comment": "seen"})
        self.api().post(f"/rollouts/{number}/start")
        return number

    def rollout(self, number: int) -> Any:
        return self.api().get(f"/rollouts/{number}")

    def states(self, number: int) -> dict[str, str]:
        rings = self.rollout(number)["rings"]
        return {host["hostname"]: host["state"] for ring in rings for host in ring["hosts"]}

    def set_order_generation(self, host: LabHost, generation: int) -> None:
        """Have the server's next order for a host come after `generation`: behind the server's back, on SQLite."""
        host_id = UUID(self.api().get(f"/hosts/{host.name}")["host"]["row"]["id"])
        with closing(sqlite3.connect(self.server.data / "oakum.sqlite3", timeout=30)) as database, database:
            database.execute("UPDATE fleet_host SET order_generation = ? WHERE id = ?", (generation, host_id.hex))

    def settle(self, number: int, *, seconds: float) -> Any:
        """Wait until the rollout has come to its end, one way or the other, and return it."""

        def settled() -> Any:
            found = self.rollout(number)
            return found if found["state"] in SETTLED else None

        try:
            return wait_until(settled, f"the end of rollout {number}", seconds=seconds)
        except Exception as error:
            raise AssertionError(json.dumps(self.rollout(number), indent=1)[:6000]) from error

    # The journal --------------------------------------------------------------------------------------------------

    def entries(self, kind: str) -> list[Any]:
        found: list[Any] = self.api().get("/journal", kind=kind, limit=200)["entries"]
        return found

    def verify_journal(self, directory: Path) -> None:
        """Export the journal and check it as an auditor would, with the signer's key noted on the server."""
        file = directory / "journal.jsonl"
        file.write_text("\n".join(self.api("admin").stream("/journal/export")))
        told = self.server.command("journal", "verify", str(file), "--json", check=False)
        verdict = json.loads(told.stdout)
        assert verdict["holds"], verdict
        assert verdict["signed_count"] > 0, verdict
        assert told.returncode == 0


def version_of(host: LabHost, package: str) -> str:
    """Ask the host itself, not Oakum."""
    return host.installed_versions().get(package, "")


def changes_of(host: LabHost, package: str) -> list[tuple[str, str]]:
    """Return what dpkg did to a package, old and new version, by the host's own log (a way back is one, too)."""
    lines = [line.split() for line in host.dpkg_log().splitlines() if f" upgrade {package}:" in line]
    return [(words[-2], words[-1]) for words in lines]
