"""Drive the actor inside a lab host: bring the agent's source there, sign orders, tick, read what it reported."""

from __future__ import annotations

import io
import json
import tarfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib._vendor.ed25519 import ed25519

from lab import LabHost
from oakum.protocol.codec import to_plain
from oakum.protocol.dsse import Envelope, seal
from oakum.protocol.orders import ORDER_PAYLOAD_TYPE, VERB_APPLY, PackageChange, WorkOrder, order_payload
from oakum.protocol.trust import render_instant
from tests.agent_actor.driver import HOST_ID, ORGANISATION_ID

SOURCE = Path(__file__).parents[2] / "src"
TOP = "/opt/actor"
TICK_COUNT_MAX = 60


class ActorHost:
    """A lab host with the actor on it and a signing key that the host pins."""

    def __init__(self, host: LabHost) -> None:
        self.host = host
        self._key = Ed25519PrivateKey.generate()
        self._public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._generation = 0
        host.run(["mkdir", "-p", TOP])
        host.write_file(f"{TOP}/agent.tar", _bundle())
        host.run(f"cd {TOP} && tar xf agent.tar")
        host.write_file(f"{TOP}/key", self._public.hex())

    def order(self, *changes: tuple[str, str, str], **fields: Any) -> WorkOrder:
        """Make an order of (name, from, to); architecture by what the host's dpkg or lists say."""
        self._generation += 1
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "order_id": f"order-{self._generation}",
            "organisation_id": ORGANISATION_ID,
            "host_id": HOST_ID,
            "generation": self._generation,
            "verb": VERB_APPLY,
            "rollout_id": "r",
            "plan_number": 1,
            "plan_hash": "0" * 64,
            "issued_at": render_instant(now),
            "expires_at": render_instant(now + timedelta(hours=1)),
            "windows": (),
            "packages": tuple(PackageChange(name, self._architecture(name), old, new) for name, old, new in changes),
            "health_delay_seconds": 3,
        }
        return WorkOrder(**{**values, **fields})

    def _architecture(self, name: str) -> str:
        shown = self.host.run(f"apt-cache show {name} | sed -n 's/^Architecture: //p' | head -1")
        return shown.stdout.strip()

    def deliver(self, *orders: WorkOrder) -> None:
        envelopes = [to_plain(self.seal(order)) for order in orders]
        self.host.write_file(f"{TOP}/orders.json", json.dumps(envelopes))

    def seal(self, order: WorkOrder) -> Envelope:
        return seal(ORDER_PAYLOAD_TYPE, order_payload(order), public_key=self._public, sign=self._key.sign)

    def permit(self, answer: str) -> None:
        self.host.write_file(f"{TOP}/permit", answer)

    def tick(self) -> dict[str, Any]:
        """Run one tick to its end."""
        done = self.host.run(f"cd {TOP} && python3 driver.py {TOP} 2>>{TOP}/log", timeout=600, check=False)
        assert done.returncode == 0, self.log()
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def start_tick(self) -> None:
        """Start a tick in a service of its own, as a timer would, and do not wait for it."""
        self.host.run(
            f"systemd-run --quiet --collect --unit=oakum-agent-test --working-directory={TOP} "
            f"sh -c 'exec python3 driver.py {TOP} 2>>{TOP}/log'"
        )

    def until_done(self) -> dict[str, Any]:
        """Tick as often as the actor asks for until no order is active; return the last answer."""
        for _ in range(TICK_COUNT_MAX):
            answer = self.tick()
            if not answer.get("active") and "locked" not in answer:
                return answer
            time.sleep(min(max(answer.get("due_in") or 0.5, 0.1), 5))
        raise AssertionError(f"never done: {answer}")

    def log(self) -> str:
        return self.host.run(f"cat {TOP}/log").stdout


def kinds(answer: dict[str, Any]) -> list[str]:
    """The kinds of the outcomes reported so far, in order."""
    return [outcome["kind"] for outcome in answer["outcomes"]]


def _bundle() -> bytes:
    """The agent's source, the driver, and the verifier as the zipapp packs it."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(SOURCE / "oakum/__init__.py", "oakum/__init__.py")
        for room in ("agent", "protocol"):
            archive.add(SOURCE / "oakum" / room, f"oakum/{room}", filter=_no_cache)
        for name in ("driver.py", "contract.py"):
            archive.add(Path(__file__).with_name(name), name)
        archive.add(Path(str(ed25519.__file__)), "oakum_ed25519.py")
    return stream.getvalue()


def _no_cache(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member
