"""Measure check-ins of unchanged hosts and whole inventories through the agents' gateway, on a database of its own.

Prints one JSON line per measurement.  ``value`` is check-ins (inventories) per second of the server's own CPU time (all
its threads, which share one processor), so that a busy machine and the load generator do not count (in process, making
the requests does count); ``per_second`` is by the clock.  Each line names its baseline; ``ratio`` is what to compare
between machines.

    python -m bench.gateway [--hosts 1000,10000,100000] [--seconds 5] [--only in_process,loopback,inventory]

It asserts nothing: limits belong to whoever reads the lines.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gzip
import importlib.util
import json
import os
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bench.database import database, database_kind
from bench.gateway_fleet import (
    PACKAGE_COUNT,
    BenchHost,
    add_hosts,
    check_in_body,
    headers_of,
    make_report,
    nonce_in,
)
from bench.gateway_sockets import WARM_UP_SECONDS, over_sockets

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

CONCURRENT_COUNT = 256
REPORT_COUNT = 200  # different reports
UPLOAD_CONCURRENT_COUNT = 8
UPLOADING_COUNT = 5_000  # hosts


@contextmanager
def one_processor() -> Iterator[None]:
    """Keep this process, and the threads that it starts, on one processor.

    On two that are halves of one core each second of work would be counted twice.
    """
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(every)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


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


async def drive(
    application: Application, hosts: list[BenchHost], seconds: float, *, everybody_first: bool = False
) -> tuple[float, float]:
    """Let the hosts check in, CONCURRENT_COUNT at a time; return check-ins per second of time and of CPU.

    ``everybody_first``: a server has heard of each of its hosts before; once at its start, not at every check-in.
    """
    lanes = min(CONCURRENT_COUNT, len(hosts))
    count = 0
    ends_at = time.perf_counter() + WARM_UP_SECONDS

    async def once(number: int) -> None:
        for host in hosts[number::lanes]:
            await _one(application, host)

    async def lane(number: int) -> None:
        nonlocal count
        mine = hosts[number::lanes]
        while True:
            for host in mine:
                if time.perf_counter() >= ends_at:
                    return
                await _one(application, host)
                count += 1

    if everybody_first:
        await asyncio.gather(*(once(number) for number in range(lanes)))
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
        measured = await drive(application, hosts, seconds, everybody_first=True)
        await application.stop()
        return measured

    per_second, per_core = asyncio.run(gateway())
    plain_per_second, plain_per_core = asyncio.run(drive(plain_application(), hosts, seconds))
    yield {
        "name": "gateway.unchanged",
        "value": round(per_core),
        "unit": "check-ins/s/core",
        "hosts": len(hosts),
        "database": database_kind(),
        "per_second": round(per_second),
        "baseline": "one ORM transaction a request",
        "baseline_per_second": round(plain_per_second),
        "baseline_per_core": round(plain_per_core),
        "ratio": round(per_core / plain_per_core, 2),
    }


def measure_loopback(hosts: list[BenchHost], seconds: float) -> Iterator[dict[str, Any]]:
    """Measure what an agent meets.  The HTTP parser in use is told, because it decides."""
    per_second, per_core = over_sockets("gateway", hosts, seconds)
    constant_per_second, constant_per_core = over_sockets("constant", [dataclasses.replace(h) for h in hosts], seconds)
    yield {
        "name": "gateway.unchanged_loopback",
        "value": round(per_core),
        "unit": "check-ins/s/core",
        "hosts": len(hosts),
        "database": database_kind(),
        "per_second": round(per_second),
        "baseline": "uvicorn answering a constant",
        "baseline_per_second": round(constant_per_second),
        "baseline_per_core": round(constant_per_core),
        "ratio": round(per_core / constant_per_core, 2),
        "http": "httptools" if importlib.util.find_spec("httptools") else "h11",
        "loop": "uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
    }


def decodes_per_core(bodies: list[bytes], seconds: float) -> float:
    """Return how many reports per second of CPU can be unpacked, decoded and hashed by ``oakum.protocol`` alone."""
    from oakum.protocol.codec import from_json  # noqa: PLC0415
    from oakum.protocol.inventory import section_hash  # noqa: PLC0415
    from oakum.protocol.messages import InventoryUpload  # noqa: PLC0415

    count, cpu = 0, time.process_time()
    while time.process_time() - cpu < seconds:
        section_hash(from_json(gzip.decompress(random.choice(bodies)), InventoryUpload).packages)
        count += 1
    return count / (time.process_time() - cpu)


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
        # Who uploads has checked in before.
        uploading = random.sample(hosts, min(len(hosts), UPLOADING_COUNT))
        await asyncio.gather(*(_one(application, host) for host in uploading))
        count, began_at, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began_at < seconds:
            chosen = random.sample(uploading, UPLOAD_CONCURRENT_COUNT)
            await asyncio.gather(*(upload(application, each, random.choice(bodies)) for each in chosen))
            count += len(chosen)
        measured = count, time.perf_counter() - began_at, time.process_time() - cpu
        await application.stop()
        return measured

    count, took, cpu = asyncio.run(gateway())
    plain_per_core = decodes_per_core(bodies, seconds / 2)
    yield {
        "name": "gateway.full",
        "value": round(count / cpu),
        "unit": "inventories/s/core",
        "hosts": len(hosts),
        "database": database_kind(),
        "packages": PACKAGE_COUNT,
        "per_second": round(count / took),
        "baseline": "the protocol's own decoding and hashing, nothing stored",
        "baseline_per_core": round(plain_per_core),
        "ratio": round(count / cpu / plain_per_core, 2),
        "body_bytes": len(bodies[0]),
    }


MEASUREMENTS: dict[str, Callable[[list[BenchHost], float], Iterator[dict[str, Any]]]] = {
    "in_process": measure_in_process,
    "loopback": measure_loopback,
    "inventory": measure_inventory,
}


def main() -> None:
    """Run the measurements asked for; what a socket or a report costs does not depend on the fleet's size."""
    from oakum.collection import collect_rarely  # noqa: PLC0415 - as the web process does

    parser = argparse.ArgumentParser(description="Measure the agents' gateway.")
    parser.add_argument("--hosts", default="1000,10000,100000")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--only", default=",".join(MEASUREMENTS))
    arguments = parser.parse_args()
    counts = sorted(int(count) for count in arguments.hosts.split(","))
    wanted = arguments.only.split(",")
    collect_rarely()
    with database(), one_processor():
        hosts: list[BenchHost] = []
        for count in counts:
            hosts += add_hosts(len(hosts), count)
            if "in_process" in wanted:
                print_lines(measure_in_process(hosts, arguments.seconds))
        for name in wanted:
            if name != "in_process":
                print_lines(MEASUREMENTS[name](hosts, arguments.seconds))


def print_lines(lines: Iterator[dict[str, Any]]) -> None:
    """Print each as it comes."""
    for line in lines:
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
