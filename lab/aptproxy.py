"""The lab's caching apt proxy: a process of its own that can lose its mirror on demand.

It listens inside the lab's namespace and fetches from the machine's, and only what ``lab.aptroutes``
allows.  It does not check signatures: apt in the hosts does, and every byte passes unchanged.
"""

from __future__ import annotations

import filecmp
import json
import os
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from lab import network
from lab.aptroutes import FetchThrough, Refuse, ServeFile, route

FRESH_SECONDS = 1800.0
FETCH_SECONDS_MAX = 100.0
IDLE_SECONDS_MAX = 300.0
CHUNK_BYTES = 1 << 18
LISTEN_BACKLOG = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """What the process is told when it starts."""

    namespace: str | None
    address: str
    port: int
    cache: str
    offline_flag: str
    upstreams: dict[str, str]
    local: dict[str, str]

    def to_json(self) -> str:
        """Return the text the process reads."""
        return json.dumps({name: getattr(self, name) for name in self.__slots__})


class _NoForeignRedirect(urllib.request.HTTPRedirectHandler):
    """Follow a mirror's redirect only to a host that may be asked anyway."""

    def __init__(self, allowed: frozenset[str]) -> None:
        self.allowed = allowed

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).netloc not in self.allowed:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class AptProxyServer(ThreadingHTTPServer):
    """The listening proxy and what its requests share."""

    daemon_threads = True
    request_queue_size = LISTEN_BACKLOG

    def __init__(self, settings: ProxySettings) -> None:
        """Listen at once, in the namespace the settings name."""
        super().__init__((settings.address, settings.port), AptProxyHandler, bind_and_activate=False)
        if settings.namespace is not None:
            self.socket.close()
            self.socket = network.socket_inside(settings.namespace)
        self.settings = settings
        self.local = {host: Path(folder) for host, folder in settings.local.items()}
        self.opener = urllib.request.build_opener(_NoForeignRedirect(frozenset(settings.upstreams)))
        self._guard = threading.Lock()
        self._path_locks: dict[Path, threading.Lock] = {}
        self._fetched_at: dict[Path, float] = {}
        self.server_bind()
        self.server_activate()

    def server_bind(self) -> None:
        """Bind without the name look-up of the base class: there is no resolver in here."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.settings.address, self.server_address[1]

    def is_offline(self) -> bool:
        """Say whether the lab has taken the mirror away: by a file, so that it holds from the next request on."""
        return Path(self.settings.offline_flag).exists()

    def fill(self, wanted: FetchThrough) -> None:
        """See that the wanted file lies in the cache; two who want the same wait for one fetch.

        Raises ``urllib.error.URLError`` where the mirror does not give it.
        """
        with self._guard:
            lock = self._path_locks.setdefault(wanted.path, threading.Lock())
        with lock:
            fetched_at = self._fetched_at.get(wanted.path)
            fresh = fetched_at is not None and time.monotonic() - fetched_at < FRESH_SECONDS
            if wanted.path.exists() and (wanted.immutable or fresh):
                return
            self._fetch(wanted)
            self._fetched_at[wanted.path] = time.monotonic()

    def _fetch(self, wanted: FetchThrough) -> None:
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
        # Other labs share the cache, so the partial file carries this process's name.
        partial = wanted.path.with_name(f".{wanted.path.name}.{os.getpid()}.part")
        try:
            with self.opener.open(wanted.url, timeout=FETCH_SECONDS_MAX) as answer, partial.open("wb") as out:
                while chunk := answer.read(CHUNK_BYTES):
                    out.write(chunk)
            modified = answer.headers.get("Last-Modified")
            if modified is not None:
                stamp = parsedate_to_datetime(modified).timestamp()
                os.utime(partial, (stamp, stamp))
            # Where a mirror dates nothing, an unchanged file keeps its date, so that apt is told "not modified".
            if not (modified is None and wanted.path.exists() and filecmp.cmp(partial, wanted.path, shallow=False)):
                partial.replace(wanted.path)
        finally:
            partial.unlink(missing_ok=True)


class AptProxyHandler(BaseHTTPRequestHandler):
    """One connection of one apt."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS_MAX
    server: AptProxyServer

    def do_GET(self) -> None:
        """Answer as ``lab.aptroutes`` decides."""
        if self.server.is_offline():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "the lab has taken its mirror offline")
            return
        settings = self.server.settings
        decided = route(self.path, upstreams=settings.upstreams, local=self.server.local, cache=Path(settings.cache))
        if isinstance(decided, Refuse):
            self._refuse(decided.status, decided.sentence)
        elif isinstance(decided, ServeFile):
            # No Last-Modified here: apt would compare whole seconds, and a story publishes twice within one.
            self._send(decided.path, dated=False)
        else:
            self._pass_through(decided)

    def _pass_through(self, wanted: FetchThrough) -> None:
        try:
            self.server.fill(wanted)
        except urllib.error.HTTPError as error:
            self._refuse(HTTPStatus(error.code), "the mirror said so")
        except (urllib.error.URLError, OSError) as error:
            self._refuse(HTTPStatus.BAD_GATEWAY, f"the mirror cannot be reached ({type(error).__name__})")
        else:
            self._send(wanted.path, dated=True)

    def _send(self, path: Path, *, dated: bool) -> None:
        try:
            content = path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            self._refuse(HTTPStatus.NOT_FOUND, "no such file in this archive")
            return
        with content:
            status = os.fstat(content.fileno())
            modified = formatdate(status.st_mtime, usegmt=True)
            if dated and self.headers.get("If-Modified-Since") == modified:
                self.send_response(HTTPStatus.NOT_MODIFIED)
                self.end_headers()
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(status.st_size))
            if dated:
                self.send_header("Last-Modified", modified)
            self.end_headers()
            while chunk := content.read(CHUNK_BYTES):
                self.wfile.write(chunk)

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        body = f"{sentence}\n".encode("ascii", "replace")
        self.send_response(status, f"{status.phrase} ({sentence})")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _end_with_parent() -> None:
    """Leave as soon as the lab that holds the other end of our standard input is gone."""
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until the parent closes our standard input; say the port on one line when ready."""
    server = AptProxyServer(ProxySettings(**json.loads(sys.argv[1])))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
