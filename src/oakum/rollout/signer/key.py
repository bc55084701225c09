"""The signing key: made once, atomically, readable by the signer alone.

The file holds the 32 bytes of an Ed25519 private key and nothing else.  It is never overwritten: a host that has pinned
the public key would refuse every order of another one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oakum.core.errors import StoreError

KEY_BYTES = 32
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key, as what can be done with it."""

    public: bytes
    sign: Callable[[bytes], bytes]


def key_path(data_dir: Path) -> Path:
    """Return where the key is."""
    return data_dir / "signer" / "key"


def make_key(path: Path) -> SigningKey:
    """Make a key if there is none, and return the one that is there: two signers that start at once agree."""
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    _refuse_exposed(path.parent, DIRECTORY_MODE)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    raw = Ed25519PrivateKey.generate().private_bytes_raw()
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # unlike a rename, it fails where a key is
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    _sync_directory(path.parent)
    return load_key(path)


def load_key(path: Path) -> SigningKey:
    """Read the key.

    Raises:
        StoreError: it is readable by others (``key_exposed``), or is no key (``key_unreadable``).
    """
    _refuse_exposed(path.parent, DIRECTORY_MODE)
    _refuse_exposed(path, FILE_MODE)
    raw = path.read_bytes()
    if len(raw) != KEY_BYTES:
        raise StoreError(
            code="key_unreadable",
            sentence=f"{path} is not the order signer's key: it has {len(raw)} bytes instead of {KEY_BYTES}.",
            next_step="Restore it from the backup that belongs to this database.",
        )
    private = Ed25519PrivateKey.from_private_bytes(raw)
    return SigningKey(public=private.public_key().public_bytes_raw(), sign=private.sign)


def _refuse_exposed(path: Path, mode: int) -> None:
    found = path.stat()
    if stat.S_IMODE(found.st_mode) & ~mode or found.st_uid != os.geteuid():
        raise StoreError(
            code="key_exposed",
            sentence=f"{path} can be read by others, or belongs to another user than the order signer's.",
            next_step=f"Find out who could read it; then: chmod {mode:o} {path}, and chown it to the signer's user.",
        )


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
