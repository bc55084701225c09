"""Open a TLS connection.  Whether its certificate is the pinned one is compared by the caller (``transport``)."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class TlsConnection:
    """An open connection, and the certificate (DER) that the other side showed."""

    connection: http.client.HTTPConnection
    certificate: bytes


def open_tls(host: str, port: int, *, pinned: bool, timeout: float) -> TlsConnection:
    """Connect and shake hands; nothing is sent after that.  Raises OSError (ssl's errors are such).

    With a pin neither name nor authority is checked, because the certificate itself is compared; an expired or
    self-made certificate is then as good as another.  Without one the system's authorities and the name count.
    """
    # Loading the system's authorities costs up to 5 MB; a pinned certificate needs none of them.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if pinned else ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if pinned:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    connection.connect()
    assert isinstance(connection.sock, ssl.SSLSocket)
    return TlsConnection(connection=connection, certificate=connection.sock.getpeercert(binary_form=True) or b"")
