"""Speak to the gateway in process, as an ASGI server would, and count what it reads."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from oakum.gateway.app import Gateway
from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.messages import PATH_CHECK_IN, PATH_INVENTORY, CheckInReply, ErrorReply
from tests.fleet.reports import SpeakingHost

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
T = TypeVar("T")


@dataclass
class Reply:
    """What came back."""

    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""

    def error(self) -> ErrorReply:
        """Return the refusal; every refusal is one."""
        assert self.headers[b"content-type"] == b"application/json"
        error = from_json(self.body, ErrorReply)
        assert error.sentence
        return error


@dataclass
class Sender:
    """A request's body, chunk by chunk; ``read_count`` is how many bytes the gateway took."""

    chunks: Iterator[bytes]
    read_count: int = 0
    gone: bool = False  # hangs up instead of ending

    async def receive(self) -> dict[str, Any]:
        chunk = next(self.chunks, None)
        if chunk is None:
            if self.gone:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": b"", "more_body": False}
        self.read_count += len(chunk)
        return {"type": "http.request", "body": chunk, "more_body": True}


def headers_of(host: SpeakingHost, *extra: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [
        (b"authorization", f"Oakum {host.id}.{host.secret}".encode()),
        (b"content-type", b"application/json"),
        *extra,
    ]


class Door:
    """A gateway and an event loop of its own."""

    def __init__(self) -> None:
        self.now = NOW
        self.loop = asyncio.new_event_loop()
        self.gateway = Gateway(server_url="http://127.0.0.1:8800", clock=lambda: self.now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self.gateway.stop())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def ask(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]], sender: Sender, client: str = "192.0.2.1"
    ) -> Reply:
        reply = Reply()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                reply.status, reply.headers = message["status"], dict(message["headers"])
            else:
                reply.body += message["body"]

        scope = {"type": "http", "method": method, "path": path, "headers": list(headers), "client": (client, 4711)}
        await self.gateway(scope, sender.receive, send)
        return reply

    def request(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b"", client: str = "c"
    ) -> Reply:
        return self.run(self.ask(method, path, headers, Sender(iter([body])), client))

    def post(self, path: str, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Reply:
        return self.request("POST", path, headers, body)

    def enrol(self, body: bytes, client: str = "192.0.2.1") -> Reply:
        headers = [(b"content-type", b"application/json")]
        return self.request("POST", "/agent/v1/enrol", headers, body, client)

    def check_in(self, host: SpeakingHost, *, reply_arrives: bool = True, **changes: Any) -> Reply:
        """Have the host check in; ``changes`` are put into the body as they are."""
        plain = json.loads(canonical_json(host.check_in_value(self.now))) | changes
        reply = self.post(PATH_CHECK_IN, json.dumps(plain).encode(), headers_of(host))
        if reply.status == 200 and reply_arrives:
            host.heard(self.reply_of(reply).nonce)
        return reply

    @staticmethod
    def reply_of(reply: Reply) -> CheckInReply:
        assert reply.status == 200, reply.body
        return from_json(reply.body, CheckInReply)

    def upload(self, host: SpeakingHost, *sections: str) -> Reply:
        body = gzip.compress(canonical_json(host.upload_value(self.now, *sections)))
        return self.post(PATH_INVENTORY, body, headers_of(host, (b"content-encoding", b"gzip")))
