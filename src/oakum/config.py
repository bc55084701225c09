"""What the environment says: where Oakum listens, keeps its data and finds its database.

It reads environment variables alone and touches no file; ``cli.up`` creates directories and files.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from oakum.core.errors import OperatorError

DEFAULT_LISTEN = "127.0.0.1:8800"
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
PORT_MAX = 65_535
# Pages of 4 KB that SQLite lets its write-ahead log grow to before it writes them back: 16 MB.
CHECKPOINT_PAGE_COUNT = 4_000
# Of a connection, at most.  A batch of check-ins writes the pages that it has just read: 3 MB, more than the usual 2.
CACHE_KB = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One installation's configuration, read once at the door.

    ``public_url`` is what people and agents type; empty means: derived from ``host`` and ``port``.
    """

    host: str
    port: int
    data_dir: Path
    database_url: str
    behind_proxy: bool
    public_url: str

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server, so that plain HTTP is allowed."""
        return self.host in LOOPBACK_HOSTS

    @property
    def uses_tls(self) -> bool:
        """Whether the server itself speaks TLS: everywhere but on loopback or behind a declared proxy."""
        return not self.is_loopback and not self.behind_proxy

    @property
    def url(self) -> str:
        """The address to open, without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        # Listening everywhere is no address to go to: this host's name is a guess, OAKUM_PUBLIC_URL is better.
        name = socket.gethostname() if self.host in EVERYWHERE else self.host
        host = f"[{name}]" if ":" in name else name
        return f"{'https' if self.uses_tls else 'http'}://{host}:{self.port}"


def read_config(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration from ``OAKUM_*`` variables.

    Raises:
        OperatorError: a variable cannot be understood; the message names it and shows a valid value.
    """
    data_dir = Path(environ.get("OAKUM_DATA_DIR") or _default_data_dir(environ)).expanduser().absolute()
    host, port = parse_listen(environ.get("OAKUM_LISTEN") or DEFAULT_LISTEN)
    database_url = environ.get("OAKUM_DATABASE_URL") or f"sqlite:///{data_dir / 'oakum.sqlite3'}"
    parse_database_url(database_url)
    return Config(
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=database_url,
        behind_proxy=environ.get("OAKUM_BEHIND_PROXY", "") in {"1", "true", "yes"},
        public_url=environ.get("OAKUM_PUBLIC_URL", ""),
    )


def _default_data_dir(environ: Mapping[str, str]) -> str:
    home = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME", "/root")) / ".local" / "share")
    return str(Path(home) / "oakum")


def parse_listen(text: str) -> tuple[str, int]:
    """Parse ``HOST:PORT`` (``[::1]:8800`` for IPv6).

    Raises:
        OperatorError: it is not of that form.
    """
    host, separator, port = text.rpartition(":")
    host = host.strip("[]")
    if not separator or not host or not port.isdecimal() or not 0 < int(port) <= PORT_MAX:
        raise OperatorError(
            code="listen_invalid",
            sentence=f"OAKUM_LISTEN is {text!r}, which is not HOST:PORT.",
            next_step=f"Set it like OAKUM_LISTEN={DEFAULT_LISTEN}.",
        )
    return host, int(port)


def parse_database_url(url: str) -> dict[str, object]:
    """Turn ``sqlite:///PATH`` or ``postgresql://USER:PASSWORD@HOST:PORT/NAME`` into Django's database settings.

    Raises:
        OperatorError: another scheme, or no database is named.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite" and parts.path not in {"", "/"}:
        return _sqlite(unquote(parts.path.removeprefix("/") if parts.path.startswith("//") else parts.path))
    if parts.scheme in {"postgresql", "postgres"} and parts.path.strip("/"):
        query = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.strip("/")),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(query.get("host", "")) or parts.hostname or "",
            "PORT": str(parts.port or ""),
            # A pool hands out connections that died with a restarted server unless they are checked first; a lock
            # that somebody holds must not hold the agents' door for ever.
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                "pool": {"min_size": 0, "max_size": 16, "timeout": 20},
                "options": "-c lock_timeout=10s",
            },
        }
    raise OperatorError(
        code="database_url_invalid",
        sentence=f"OAKUM_DATABASE_URL names no database Oakum knows ({parts.scheme or 'no'} scheme).",
        next_step="Use sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME.",
    )


def _sqlite(path: str) -> dict[str, object]:
    # IMMEDIATE: a transaction that reads first and writes later must not fail for having read (SQLITE_BUSY_SNAPSHOT).
    # The log is written back after 16 MB instead of 4: check-ins change the same pages again and again, and each time
    # it is written back the same page is copied once more.
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
                f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGE_COUNT};PRAGMA cache_size=-{CACHE_KB};"
            ),
        },
    }
