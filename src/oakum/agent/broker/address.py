"""The server's address and the rule for it: TLS everywhere but on loopback.

Pure.  Who stands behind the address is checked when connecting (``transport``).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from oakum.agent.errors import MisuseError

SCHEMES = {"http": 80, "https": 443}
LOOPBACK_NAME = "localhost"
CERTIFICATE_HEX_LENGTH = 64


@dataclass(frozen=True)
class ServerAddress:
    """``scheme`` is http or https; ``path`` stands before every path of the protocol, without a slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        """Return the address as text."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_server(text: str) -> ServerAddress:
    """Parse a server's URL.

    Raises:
        MisuseError: it is no URL that an agent may use; plain HTTP is for loopback alone.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _misuse(text, str(error)) from error
    if parts.scheme not in SCHEMES or not host:
        raise _misuse(text, "it must look like https://oakum.example.test")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _misuse(text, "it must not hold a user, a password, a query or a fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise _misuse(text, "plain HTTP is allowed for loopback addresses only; use https")
    return ServerAddress(
        scheme=parts.scheme, host=host, port=port or SCHEMES[parts.scheme], path=parts.path.rstrip("/")
    )


def is_loopback(host: str) -> bool:
    """Say whether ``host`` is a loopback address or localhost.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("oakum.example.test")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == LOOPBACK_NAME


def parse_certificate(text: str) -> str:
    """Return a certificate's SHA-256 as plain lower-case hex; colons between the bytes are taken away.

    Raises:
        MisuseError: it is no SHA-256 in hex.
    """
    plain = text.strip().replace(":", "").lower()
    if plain and not re.fullmatch("[0-9a-f]{64}", plain):
        raise MisuseError(
            code="certificate_malformed",
            sentence="--certificate must be a SHA-256 in hex, 64 digits.",
            next_step="Copy it from the page that gave the enrolment token.",
        )
    return plain


def _misuse(text: str, why: str) -> MisuseError:
    return MisuseError(
        code="server_malformed",
        sentence=f"{text[:200]!r} is no address of an Oakum server: {why}.",
        next_step="Give the address that the server's pages are opened with.",
    )
