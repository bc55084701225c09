"""Measure check-ins of unchanged hosts through the agents' gateway, on a SQLite database of its own.

Prints one JSON line per measurement.  ``per_core`` is check-ins per second of the server's own CPU time (all its
threads), so that a busy machine and the load generator do not count; ``per_second`` is by the clock.  The baseline is
what the gateway replaces: one request, one transaction, through the ORM, driven the same way.  ``ratio`` is what to
compare between machines.

    python -m bench.gateway [--hosts 10000] [--seconds 5] [--only in_process,loopback,inventory]

It asserts nothing: limits belong to whoever reads the lines.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gzip
import importlib.util
import itertools
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_REQUEST = b"POST /agent/v1/check-in HTTP/1.1\r\nHost: localhost\r\n%scontent-length: %d\r\n\r\n"
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

PACKAGE_COUNT = 600  # of a host
DISTINCT_VERSION_COUNT = 50_000  # in the fleet
OFFER_COUNT = 40  # of a host: it makes rows as fat as real ones
CONCURRENT_COUNT = 256
CONNECTION_COUNT = 64
START_TRY_COUNT_MAX = 100
REPORT_COUNT = 200  # different reports
OWN_COUNT = 5  # packages that make each of them different
UPLOAD_CONCURRENT_COUNT = 8
WARM_UP_SECONDS = 1.0
INSERT_COUNT = 1_000
SECRET = "a-secret-of-a-benchmark"  # noqa: S105 - protects nothing


@dataclass
class BenchHost:
    """What an agent keeps between two check-ins."""

    id: str
    nonce: str


@contextmanager
def database() -> Iterator[str]:
    """Set Django up on a new SQLite file in a new directory, and take both away again."""
    data_dir = tempfile.mkdtemp(prefix="oakum-bench-")
    os.environ["OAKUM_DATA_DIR"] = data_dir
    os.environ["DJANGO_SETTINGS_MODULE"] = "oakum.settings"
    os.environ.pop("OAKUM_DATABASE_URL", None)
    os.environ.pop("OAKUM_TEST_DATABASE_URL", None)
    try:
        import django  # noqa: PLC0415 - reads the settings, which read the directory above

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415

        call_command("migrate", verbosity=0, skip_checks=True)
        yield data_dir
    finally:
        shutil.rmtree(data_dir)


def make_fleet(count: int) -> list[BenchHost]:
    """Store ``count`` hosts as they are after their first report."""
    from oakum.fleet.models import Host  # noqa: PLC0415
    from oakum.fleet.services.enrolment import hash_secret  # noqa: PLC0415
    from oakum.fleet.sets import dump_set  # noqa: PLC0415
    from oakum.identity.models import Installation, Organisation  # noqa: PLC0415

    now = datetime.now(UTC)
    Installation.objects.create(id=1, created_at=now, signer_key="5e" * 32)
    organisation = Organisation.objects.create(name="Bench", created_at=now)
    rng = random.Random(1)
    offers = [{"id": each, "from": "1.0-1", "kept_back": "", "download_bytes": 1} for each in range(OFFER_COUNT)]
    known = {
        "organisation": organisation,
        "secret_hash": hash_secret(SECRET),
        "enrolled_at": now,
        "last_seen_at": now,
        "inventory_at": now,
        "stream": "debian:12",
        "packages_status": "known",
        "boot_id": "b" * 36,
        "agent_version": "0.1.0",
        "policy_mode": "report_only",
        "packages_hash": "0" * 64,
        "offers_hash": "1" * 64,
        "facts_hash": "2" * 64,
        "offers": offers,
        "facts": make_facts(),
    }
    hosts: list[BenchHost] = []
    for start in range(0, count, INSERT_COUNT):
        rows = [
            Host(
                ordinal=number,
                hostname=f"host{number:06}.example.test",
                nonce=secrets.token_hex(16),
                package_set=dump_set(rng.sample(range(DISTINCT_VERSION_COUNT), PACKAGE_COUNT)),
                **known,
            )
            for number in range(start, min(start + INSERT_COUNT, count))
        ]
        Host.objects.bulk_create(rows)
        hosts += [BenchHost(id=str(row.id), nonce=row.nonce) for row in rows]
    rng.shuffle(hosts)
    return hosts


def make_facts() -> dict[str, Any]:
    """Return the stored facts of a host with a few services."""
    from oakum.protocol.codec import to_plain  # noqa: PLC0415
    from oakum.protocol.inventory import FactsSection, StaleService  # noqa: PLC0415

    texts = {field.name: "a" for field in dataclasses.fields(FactsSection)}
    lists: dict[str, Any] = {"kernels": (), "reboot_required_packages": (), "addresses": ("192.0.2.1",) * 20}
    services = tuple(StaleService(f"unit-{each}.service", (f"package-{each}",), 2) for each in range(20))
    facts = FactsSection(**texts | lists | {"stale_services": services, "stale_status": "known"})  # type: ignore[arg-type]
    plain: dict[str, Any] = to_plain(facts)
    return plain


_CHECK_IN = {
    "protocol": 1,
    "boot_id": "b" * 36,
    "agent_version": "0.1.0",
    "policy_mode": "report_only",
    "packages_hash": "0" * 64,
    "offers_hash": "1" * 64,
    "facts_hash": "2" * 64,
    "lists_updated_at": "",
    "generation_max": 0,
    "active": [],
}


def check_in_body(host: BenchHost) -> bytes:
    """Return the body of the host's next check-in, without compression: it is a few hundred bytes."""
    sent_at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    own = {"nonce": host.nonce, "attempt": secrets.token_hex(16), "sent_at": sent_at}
    return json.dumps(_CHECK_IN | own).encode()


def headers_of(host: BenchHost) -> list[tuple[bytes, bytes]]:
    """Return the headers that an agent sends."""
    return [
        (b"authorization", f"Oakum {host.id}.{SECRET}".encode()),
        (b"content-type", b"application/json"),
    ]


def nonce_in(body: bytes) -> str:
    """Return the nonce of a reply; it stands first, and nothing else need be parsed."""
    marker = b'"nonce":"'
    start = body.index(marker) + len(marker)
    return body[start : body.index(b'"', start)].decode()


async def _one(application: Application, host: BenchHost) -> None:
    body = check_in_body(host)
    told: dict[str, Any] = {}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        told.update(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/agent/v1/check-in",
        "headers": headers_of(host),
        "client": ("192.0.2.1", 1),
    }
    await application(scope, receive, send)
    assert told["status"] == 200, told["body"]  # noqa: PLR2004
    host.nonce = nonce_in(told["body"])


async def drive(application: Application, hosts: list[BenchHost], seconds: float) -> tuple[float, float]:
    """Let the hosts check in, CONCURRENT_COUNT at a time; return check-ins per second of time and of CPU."""
    lanes = min(CONCURRENT_COUNT, len(hosts))
    count = 0
    ends_at = time.perf_counter() + WARM_UP_SECONDS

    async def lane(number: int) -> None:
        nonlocal count
        mine = hosts[number::lanes]
        while True:
            for host in mine:
                if time.perf_counter() >= ends_at:
                    return
                await _one(application, host)
                count += 1

    await asyncio.gather(*(lane(number) for number in range(lanes)))
    count, began_at, cpu = 0, time.perf_counter(), time.process_time()
    ends_at = began_at + seconds
    await asyncio.gather(*(lane(number) for number in range(lanes)))
    return count / (time.perf_counter() - began_at), count / (time.process_time() - cpu)


def plain_application() -> Application:
    """Return the baseline: decode, one transaction through the ORM, reply; one request at a time in one thread."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from django.db import transaction  # noqa: PLC0415

    from oakum.fleet.models import Host  # noqa: PLC0415
    from oakum.fleet.services.enrolment import hash_secret  # noqa: PLC0415

    def check_in(header: str, body: bytes) -> bytes:
        value = json.loads(body)
        host_id, _, secret = header.removeprefix("Oakum ").partition(".")
        with transaction.atomic():
            host = Host.objects.select_for_update().get(id=host_id)
            assert host.secret_hash == hash_secret(secret)
            assert host.nonce == value["nonce"]
            host.nonce_previous, host.nonce = host.nonce, secrets.token_hex(16)
            host.attempt_last = value["attempt"]
            host.last_seen_at = host.inventory_at = datetime.now(UTC)
            host.save(update_fields=["nonce", "nonce_previous", "attempt_last", "last_seen_at", "inventory_at"])
        return json.dumps({"nonce": host.nonce, "need": []}, separators=(",", ":")).encode()

    pool = ThreadPoolExecutor(max_workers=1)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        header = dict(scope["headers"])[b"authorization"].decode()
        body = await asyncio.get_running_loop().run_in_executor(pool, check_in, header, message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return application


def measure_in_process(hosts: list[BenchHost], seconds: float) -> Iterator[dict[str, Any]]:
    """Measure without sockets: what our own code costs."""
    from oakum.gateway.app import Gateway  # noqa: PLC0415

    async def gateway() -> tuple[float, float]:
        application = Gateway(server_url="http://127.0.0.1:8800")
        measured = await drive(application, hosts, seconds)
        await application.stop()
        return measured

    per_second, per_core = asyncio.run(gateway())
    plain_per_second, plain_per_core = asyncio.run(drive(plain_application(), hosts, seconds))
    yield {
        "name": "gateway.unchanged",
        "hosts": len(hosts),
        "per_second": round(per_second),
        "per_core": round(per_core),
        "baseline": "one ORM transaction a request",
        "baseline_per_second": round(plain_per_second),
        "baseline_per_core": round(plain_per_core),
        "ratio": round(per_core / plain_per_core, 2),
    }


def serve(port: int) -> None:
    """Serve the gateway alone, as `oakum web` would, on loopback."""
    import django  # noqa: PLC0415
    import uvicorn  # noqa: PLC0415

    django.setup()
    from oakum.gateway.app import Gateway  # noqa: PLC0415

    application = Gateway(server_url=f"http://127.0.0.1:{port}")
    config = uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    uvicorn.Server(config).run()


@contextmanager
def served() -> Iterator[tuple[int, int]]:
    """Start ``serve`` in a process of its own and yield its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.gateway", "--serve", str(port)])
    try:
        for _ in range(START_TRY_COUNT_MAX):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, all threads together (proc(5): fields 14 and 15 of stat)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:  # noqa: PTH123
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def drive_sockets(port: int, hosts: list[BenchHost], seconds: float) -> int:
    """Let the hosts check in over CONNECTION_COUNT kept connections and return how many did."""
    ends_at = time.perf_counter() + seconds
    count = 0

    async def lane(number: int) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        mine = hosts[number::CONNECTION_COUNT]
        for host in itertools.cycle(mine):
            if time.perf_counter() >= ends_at:
                break
            body = check_in_body(host)
            lines = b"".join(b"%s: %s\r\n" % each for each in headers_of(host))
            writer.write(_REQUEST % (lines, len(body)) + body)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            host.nonce = nonce_in(await reader.readexactly(length))
            count += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(lane(number) for number in range(CONNECTION_COUNT)))
    return count


def measure_loopback(hosts: list[BenchHost], seconds: float) -> Iterator[dict[str, Any]]:
    """Measure through uvicorn and sockets: what an agent meets.  The parser in use is told, because it decides."""
    with served() as (port, pid):
        asyncio.run(drive_sockets(port, hosts, WARM_UP_SECONDS))
        cpu, began_at = cpu_seconds(pid), time.perf_counter()
        count = asyncio.run(drive_sockets(port, hosts, seconds))
        took, cpu = time.perf_counter() - began_at, cpu_seconds(pid) - cpu
    yield {
        "name": "gateway.unchanged_loopback",
        "hosts": len(hosts),
        "per_second": round(count / took),
        "per_core": round(count / cpu),
        "http": "httptools" if importlib.util.find_spec("httptools") else "h11",
        "loop": "uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
    }


def make_report(number: int) -> bytes:
    """Return the gzipped body of a host's whole first packages section: 600 packages, 5 of them its own."""
    packages = [
        {
            "name": f"package-{each}" if each >= OWN_COUNT else f"own-{number}-{each}",
            "version": f"1.{each}.0-1+deb12u{each % 7}",
            "architecture": "amd64",
            "source_name": f"source-{each // 2}",
            "source_version": f"1.{each}.0-1+deb12u{each % 7}",
        }
        for each in range(PACKAGE_COUNT)
    ]
    section = {"manager": "apt", "status": "known", "reason": "", "packages": packages}
    body = {"protocol": 1, "observed_at": "2026-11-22T12:00:00Z", "packages": section}
    return gzip.compress(json.dumps(body).encode(), 6)


def measure_inventory(hosts: list[BenchHost], seconds: float) -> Iterator[dict[str, Any]]:
    """Measure whole package sections of hosts whose set changes by a few versions, in process."""
    from oakum.gateway.app import Gateway  # noqa: PLC0415

    bodies = [make_report(number) for number in range(REPORT_COUNT)]

    async def upload(application: Application, host: BenchHost, body: bytes) -> None:
        told: dict[str, Any] = {}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            told.update(message)

        headers = [*headers_of(host), (b"content-encoding", b"gzip")]
        scope = {"type": "http", "method": "POST", "path": "/agent/v1/inventory", "headers": headers}
        await application(scope, receive, send)
        assert told["status"] == 200, told["body"]  # noqa: PLR2004

    async def gateway() -> tuple[int, float, float]:
        application = Gateway(server_url="http://127.0.0.1:8800")
        for host, body in zip(hosts, bodies, strict=False):
            await upload(application, host, body)  # every version is known afterwards, as in a fleet
        count, began_at, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began_at < seconds:
            chosen = random.sample(hosts, UPLOAD_CONCURRENT_COUNT)
            await asyncio.gather(*(upload(application, each, random.choice(bodies)) for each in chosen))
            count += len(chosen)
        measured = count, time.perf_counter() - began_at, time.process_time() - cpu
        await application.stop()
        return measured

    count, took, cpu = asyncio.run(gateway())
    yield {
        "name": "gateway.inventory",
        "packages": PACKAGE_COUNT,
        "per_second": round(count / took),
        "per_core": round(count / cpu),
        "body_bytes": len(bodies[0]),
    }


MEASUREMENTS: dict[str, Callable[[list[BenchHost], float], Iterator[dict[str, Any]]]] = {
    "in_process": measure_in_process,
    "loopback": measure_loopback,
    "inventory": measure_inventory,
}


def main() -> None:
    """Run the measurements asked for."""
    parser = argparse.ArgumentParser(description="Measure the agents' gateway.")
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", default=",".join(MEASUREMENTS))
    parser.add_argument("--serve", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    with database():
        hosts = make_fleet(arguments.hosts)
        for name in arguments.only.split(","):
            for line in MEASUREMENTS[name](hosts, arguments.seconds):
                print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
