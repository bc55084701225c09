"""Send a body, get a body: connections, TLS, limits of size and time, retries.  It does not read the bodies.

TLS knows the server in one of two ways: by the SHA-256 of its certificate, pinned at enrolment (then no authority is
asked), or by the system's authorities.  Redirects are never followed and proxies never asked, so nothing stands in
between unseen.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import hmac
import http.client
import random
import socket
import threading
import time
from dataclasses import dataclass
from typing import Callable

from oakum.agent.broker.address import ServerAddress, is_loopback
from oakum.agent.broker.replies import explain_refusal
from oakum.agent.broker.tls import open_tls
from oakum.agent.errors import AgentError, RefusedError, ServerAnswerError, ServerUnavailable
from oakum.protocol.messages import REPLY_BYTES_MAX

CONNECT_SECONDS_MAX = 10.0
REPLY_SECONDS_MAX = 60.0
# From the first byte of the request to the last of the reply; an inventory report of 8 MB takes a minute at 1 Mbit/s.
EXCHANGE_SECONDS_MAX = 180.0
TRY_COUNT_MAX = 3
# Doubled at each try, and spread by half so that a fleet does not come back all at once.
PAUSE_SECONDS = 1.0
PAUSE_SPREAD = 0.5
READ_BYTES = 64 * 1024
GZIP_FROM_BYTES = 1024
GZIP_LEVEL = 6

STATUS_OK = 200
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Exchange:
    """A reply's body, and when its request began and ended on the monotonic clock."""

    body: bytes
    began_at: float
    ended_at: float


class Transport:
    """One server, one connection that is kept as long as it holds."""

    def __init__(
        self,
        address: ServerAddress,
        certificate: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``certificate`` is the pinned SHA-256 in hex, or empty; nothing is opened yet."""
        self.address = address
        self._certificate = certificate
        self._sleep = sleep
        self._monotonic = monotonic
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None

    def post(self, path: str, body: bytes, *, authorization: str = "", try_count_max: int = TRY_COUNT_MAX) -> Exchange:
        """Post ``body`` and return what came back.

        Raises:
            ServerUnavailable: no answer after ``try_count_max`` tries.
            ServerRefused: the server said no.
            RefusedError: the certificate is not the pinned one, or not trusted.
            ServerAnswerError: what answered is no Oakum server.
        """
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", "User-Agent": "oakum-agent"}
        if authorization:
            headers["Authorization"] = authorization
        if len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, GZIP_LEVEL, mtime=0)
            headers["Content-Encoding"] = "gzip"
        for number in range(1, try_count_max + 1):
            try:
                return self._post_once(self.address.path + path, body, headers)
            except ServerUnavailable:
                self.close()
                if number == try_count_max:
                    raise
                spread = 1 + random.uniform(-PAUSE_SPREAD, PAUSE_SPREAD)  # noqa: S311 - spreads load, keeps no secret
                self._sleep(PAUSE_SECONDS * 2 ** (number - 1) * spread)
        raise AssertionError("try_count_max is at least 1")

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post_once(self, path: str, body: bytes, headers: dict[str, str]) -> Exchange:
        # A socket's time limit starts anew with each byte; this one ends the exchange whatever drips in.
        watchdog = threading.Timer(EXCHANGE_SECONDS_MAX, self._cut_off)
        watchdog.start()
        try:
            began_at = self._monotonic()
            response = self._request(path, body, headers)
            content = _read(response)
            ended_at = self._monotonic()
        except (OSError, http.client.HTTPException) as error:
            raise self._explain_fault(error) from error
        finally:
            watchdog.cancel()
        if len(content) > REPLY_BYTES_MAX:
            self.close()
            raise self._answer_error(f"it sent more than {REPLY_BYTES_MAX} bytes")
        if response.status == STATUS_OK:
            return Exchange(body=content, began_at=began_at, ended_at=ended_at)
        raise self._explain_status(response, content)

    def _request(self, path: str, body: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send on the kept connection; when the server has closed it meanwhile, which is its right, on a new one."""
        kept = self._connection is not None and self._connection.sock is not None
        connection = self._connect()
        try:
            connection.request("POST", path, body=body, headers=headers)
            return connection.getresponse()
        except (ConnectionError, http.client.NotConnected):
            if not kept:
                raise
        self.close()
        connection = self._connect()
        connection.request("POST", path, body=body, headers=headers)
        return connection.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            self.close()
            connection = self._open()
            # Else it would open itself again after a close, and nobody would look at the certificate.
            connection.auto_open = 0
            self._connection = connection
        return self._connection

    def _open(self) -> http.client.HTTPConnection:
        host, port = self.address.host, self.address.port
        if self.address.scheme == "https":
            tls = open_tls(host, port, pinned=bool(self._certificate), timeout=CONNECT_SECONDS_MAX)
            connection = tls.connection
            self._check_certificate(tls.certificate, connection)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS_MAX)
            connection.connect()
            self._check_loopback(connection.sock)
        connection.sock.settimeout(REPLY_SECONDS_MAX)
        self._socket = connection.sock
        return connection

    def _cut_off(self) -> None:
        """End whatever the other thread waits for: it then reads the end of the stream."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # TLS's own shutdown would wait for an answer.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _check_certificate(self, shown: bytes, connection: http.client.HTTPConnection) -> None:
        if not self._certificate:
            return
        digest = hashlib.sha256(shown).hexdigest()
        if not hmac.compare_digest(digest, self._certificate):
            connection.close()
            raise RefusedError(
                code="certificate_other",
                sentence=(
                    f"{self.address.url} shows another certificate (SHA-256 {digest[:16]}...) than the one pinned at "
                    f"enrolment ({self._certificate[:16]}...). Nothing was sent to it."
                ),
                next_step=(
                    "If the server's certificate was renewed on purpose, put its SHA-256 into agent.json; "
                    "otherwise somebody stands in between: find out who."
                ),
            )

    def _check_loopback(self, connected: socket.socket) -> None:
        """Refuse plain HTTP to a name that leads away from this host."""
        peer = connected.getpeername()[0]
        if not is_loopback(peer):
            connected.close()
            raise RefusedError(
                code="server_plain",
                sentence=f"{self.address.url} leads to {peer}, and plain HTTP is allowed for loopback addresses only.",
                next_step="Use the server's https address.",
            )

    def _explain_fault(self, error: Exception) -> AgentError:
        if type(error).__name__ == "SSLCertVerificationError":
            return RefusedError(
                code="certificate_untrusted",
                sentence=f"The certificate of {self.address.url} is not trusted here: {error}.",
                next_step="Enrol with --certificate and the SHA-256 that the server shows, or install its authority.",
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ServerUnavailable(
            code="server_unreachable",
            sentence=f"{self.address.url} cannot be reached: {reason}.",
            next_step="Check that the server runs and that this host's network and name service lead to it.",
        )

    def _explain_status(self, response: http.client.HTTPResponse, content: bytes) -> AgentError:
        if response.status in REDIRECTS:
            return self._answer_error(f"it points to {response.getheader('Location', 'nowhere')[:200]!r}")
        refusal = explain_refusal(response.status, content, self.address.url)
        if response.status in PASSING:
            return ServerUnavailable(code=refusal.code, sentence=refusal.sentence, next_step=refusal.next_step)
        return refusal

    def _answer_error(self, why: str) -> ServerAnswerError:
        return ServerAnswerError(
            code="server_strange",
            sentence=f"What answers at {self.address.url} is not an Oakum server: {why}.",
            next_step="Check the address that this host was enrolled with, and any proxy before the server.",
        )


def _read(response: http.client.HTTPResponse) -> bytes:
    """Read until the end or a little past the limit, in pieces: older Pythons set aside all that a read may return."""
    content = bytearray()
    while len(content) <= REPLY_BYTES_MAX:
        piece = response.read(READ_BYTES)
        if not piece:
            break
        content += piece
    return bytes(content)
