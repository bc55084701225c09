"""What must exist before anything starts: directory, lock, session key, certificate, tables, first person.

Each step is safe to repeat, so a start after a crash, or after kill -9 in the middle of the first start, goes on.
It starts no process.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import secrets
import socket
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import IO

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from oakum.config import Config
from oakum.core.errors import OperatorError, StoreError

# Long, because agents pin the certificate: renewing it is a decision, not a date.
CERTIFICATE_LIFE = timedelta(days=3650)


def make_data_dir(path: Path) -> None:
    """Create the data directory for this user alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StoreError(
            code="data_dir_unusable",
            sentence=f"The data directory {path} cannot be written: {error.strerror}.",
            next_step="Free some room, mend its rights, or set OAKUM_DATA_DIR to another directory.",
        ) from error


def lock_data_dir(path: Path) -> IO[str]:
    """Take the data directory's lock for as long as the returned file is open.

    Raises:
        OperatorError: another instance has it.
    """
    file = (path / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read(20).strip() or "unknown"
        file.close()
        raise OperatorError(
            code="data_dir_locked",
            sentence=f"Another Oakum (process {holder}) uses the data directory {path}.",
            next_step="Stop it first, or set OAKUM_DATA_DIR and OAKUM_LISTEN to run a second one.",
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def check_port(config: Config) -> None:
    """Bind the address once.

    Raises:
        OperatorError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise OperatorError(
                code="address_unusable",
                sentence=f"Cannot listen on {config.host}:{config.port}: {error.strerror}.",
                next_step=f"Choose another port, like OAKUM_LISTEN={config.host}:{config.port + 1}.",
            ) from error


def write_secret(path: Path, content: bytes) -> None:
    """Write a file for this user alone, whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def make_session_key(data_dir: Path) -> None:
    """Make the key that signs people's sessions, once."""
    if not (data_dir / "session.key").exists():
        write_secret(data_dir / "session.key", secrets.token_urlsafe(48).encode())


def make_certificate(config: Config, *, now: datetime) -> None:
    """Make a self-signed certificate, once, where the server speaks TLS itself; put your own in its place at will."""
    directory = config.data_dir / "tls"
    if not config.uses_tls or (directory / "certificate.pem").exists():
        return
    directory.mkdir(mode=0o700, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Oakum on {socket.gethostname()}"[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + CERTIFICATE_LIFE)
        .add_extension(x509.SubjectAlternativeName(_alternative_names(config.host)), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_secret(
        directory / "key.pem",
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    write_secret(directory / "certificate.pem", certificate.public_bytes(serialization.Encoding.PEM))


def _alternative_names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(socket.gethostname()), x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        names.append(x509.DNSName(host))
    return names


def certificate_pin(config: Config) -> str:
    """Return the SHA-256, in hex, of the server's own certificate (DER), or nothing where it speaks no TLS."""
    if not config.uses_tls:
        return ""
    pem = (config.data_dir / "tls" / "certificate.pem").read_bytes()
    return sha256(x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)).hexdigest()
