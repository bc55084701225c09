"""A server on loopback that speaks just enough of the protocol to try the agent's side of it, over real sockets.

Not the product's gateway: it stores nothing and answers what the test tells it to.
"""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from oakum.protocol.codec import canonical_json, from_json
from oakum.protocol.messages import (
    PATH_CHECK_IN,
    PATH_ENROL,
    PATH_INVENTORY,
    PATH_NOTES,
    PATH_OUTCOMES,
    PATH_PERMIT,
    CheckIn,
    CheckInReply,
    EnrolReply,
    InventoryReply,
    InventoryUpload,
    NotesReply,
    OutcomesReply,
    OutcomesUpload,
    PermitReply,
    PermitRequest,
)
from oakum.protocol.trust import render_instant

SERVER_KEY = "ab" * 32
HOST_ID = "0d9c7a52-0c0b-4f4e-8f5e-1c2d3e4f5a6b"
ORGANISATION_ID = "7f1e2d3c-4b5a-4968-8776-655443322110"


@dataclass
class Seen:
    """One request: its path, headers and plain body."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, bytes]
Responder = Callable[[Seen], "Answer | None"]


@dataclass
class FakeServer:
    """Answers by ``responders`` first (None passes on), else as an ordinary server would."""

    need: tuple[str, ...] = ("packages", "offers", "facts")
    server_key: str = SERVER_KEY
    server_time: Callable[[], datetime] = lambda: datetime.now(UTC)
    responders: list[Responder] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    nonce_count: int = 0
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def bodies(self, path: str) -> list[bytes]:
        return [seen.body for seen in self.seen if seen.path == path]

    def check_ins(self) -> list[CheckIn]:
        return [from_json(body, CheckIn) for body in self.bodies(PATH_CHECK_IN)]

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        for responder in self.responders:
            answer = responder(seen)
            if answer is not None:
                return answer
        if seen.path in self.files:
            return 200, self.files[seen.path]
        reply = self._reply(seen)
        return (404, b"not here") if reply is None else (200, canonical_json(reply))

    def _reply(self, seen: Seen) -> object | None:
        self.nonce_count += 1
        nonce = f"nonce-{self.nonce_count}"
        if seen.path == PATH_ENROL:
            return EnrolReply(HOST_ID, ORGANISATION_ID, nonce, self.server_key, 300)
        if seen.path == PATH_CHECK_IN:
            return CheckInReply(nonce, render_instant(self.server_time()), self.need, (), (), 300)
        if seen.path == PATH_INVENTORY:
            upload = from_json(seen.body, InventoryUpload)
            present = [name for name in ("packages", "offers", "facts") if getattr(upload, name) is not None]
            return InventoryReply(tuple(present))
        if seen.path == PATH_OUTCOMES:
            outcomes = from_json(seen.body, OutcomesUpload).outcomes
            return OutcomesReply(tuple(outcome.outcome_id for outcome in outcomes))
        if seen.path == PATH_NOTES:
            return NotesReply(0)
        if seen.path == PATH_PERMIT:
            return PermitReply(
                False, "", from_json(seen.body, PermitRequest).order_hash, 0, "halted", "The rollout is halted."
            )
        return None


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Keep the tests' output clean."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)

        def do_GET(self) -> None:
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            try:
                status, content = server.answer(Seen(self.path, dict(self.headers.items()), body))
            except ConnectionAbortedError:  # A responder's way to hang up without an answer.
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status in {301, 302}:
                self.send_header("Location", "http://elsewhere.example.test/")
            self.end_headers()
            self.wfile.write(content)

    return Handler


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: an agent that hangs up at the sight of a certificate is what some tests are about."""


@contextmanager
def serving(server: FakeServer, *, context: ssl.SSLContext | None = None) -> Iterator[FakeServer]:
    """Serve on a free loopback port until the block ends."""
    listener = _Listener(("127.0.0.1", 0), _handler(server))
    if context is not None:
        listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        server.scheme = "https"
    server.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
