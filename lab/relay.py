"""Carry TCP connections from this machine's loopback into a lab's namespace.

So that a browser or a test outside the lab can reach a server in it.  Nothing is carried the other way.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from lab import network

CHUNK_BYTES = 1 << 16
CONNECT_SECONDS_MAX = 10.0
BACKLOG = 64


class Relay:
    """One listening port on 127.0.0.1; ends with ``close``."""

    def __init__(self, *, namespace: str, address: str, port: int, local_port: int) -> None:
        """Listen at once; ``local_port`` 0 takes any free one."""
        self._namespace = namespace
        self._target = (address, port)
        self._listener = socket.create_server(("127.0.0.1", local_port), backlog=BACKLOG)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name=f"relay-{self.port}").start()

    def close(self) -> None:
        """Take no further connection; those that are open end with their server."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # The listener was closed.
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        inner = network.socket_inside(self._namespace)
        with client, inner:
            inner.settimeout(CONNECT_SECONDS_MAX)
            try:
                inner.connect(self._target)
            except OSError:
                return  # The client sees its connection closed, as from any server that is not there.
            inner.settimeout(None)
            back = threading.Thread(target=_copy, args=(inner, client), daemon=True)
            back.start()
            _copy(client, inner)
            back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
