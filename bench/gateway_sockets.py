"""The gateway behind uvicorn on loopback, in a process of its own, and hosts that speak to it over sockets.

    python -m bench.gateway_sockets PORT gateway|constant

serves until it is told to stop.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from bench.gateway_fleet import BenchHost, check_in_body, headers_of, nonce_in

CONNECTION_COUNT = 64
START_TRY_COUNT_MAX = 100
WARM_UP_SECONDS = 1.0

_CONSTANT_BODY = b'{"nonce":"0000","server_time":"","need":[],"orders":[],"notes_wanted":[],"check_in_seconds":300}'
_REQUEST = b"POST /agent/v1/check-in HTTP/1.1\r\nHost: localhost\r\n%scontent-length: %d\r\n\r\n"


async def constant_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer everything with the same words: the ceiling that the HTTP server sets."""
    del scope
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(_CONSTANT_BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _CONSTANT_BODY})


def serve(port: int, what: str) -> None:
    """Serve the gateway alone, as `oakum web` would, or the constant answer, on loopback."""
    import django  # noqa: PLC0415
    import uvicorn  # noqa: PLC0415

    django.setup()
    with suppress(OSError):  # The first may not be ours to use.
        os.sched_setaffinity(0, {0})  # whoever asks is on the last (``bench.gateway.one_processor``)
    from oakum.collection import collect_rarely  # noqa: PLC0415
    from oakum.gateway.app import Gateway  # noqa: PLC0415

    collect_rarely()

    gateway = Gateway(server_url=f"http://127.0.0.1:{port}")
    application: Any = gateway if what == "gateway" else constant_application
    config = uvicorn.Config(application, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    uvicorn.Server(config).run()


@contextmanager
def served(what: str) -> Iterator[tuple[int, int]]:
    """Start ``serve`` in a process of its own and yield its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "bench.gateway_sockets", str(port), what])
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


def over_sockets(what: str, hosts: list[BenchHost], seconds: float) -> tuple[float, float]:
    """Return requests per second of time and of the server's CPU, through uvicorn and sockets."""
    with served(what) as (port, pid):
        asyncio.run(drive_sockets(port, hosts, WARM_UP_SECONDS))
        cpu, began_at = cpu_seconds(pid), time.perf_counter()
        count = asyncio.run(drive_sockets(port, hosts, seconds))
        return count / (time.perf_counter() - began_at), count / (cpu_seconds(pid) - cpu)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
