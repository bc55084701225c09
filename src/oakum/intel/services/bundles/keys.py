"""The keys of bundles: this server's own, made when it is first needed, and those that it trusts.

The own key signs feeds and nothing else; it is not the order signer's.  Whoever has it can tell trusting servers what
is vulnerable, never what to install.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import transaction

from oakum.core.errors import OperatorError, StoreError
from oakum.intel.models import TrustedBundleKey
from oakum.journal.services import append

KEY_BYTES: Final = 32
KEY_COUNT_MAX: Final = 50  # that one server trusts

_HEX_KEY: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleKey:
    """The server's own key, as what can be done with it."""

    public: bytes
    sign: Callable[[bytes], bytes]


def own_key() -> BundleKey:
    """Return this server's key, made if there is none: two that ask at once get the same.

    Raises:
        StoreError: it cannot be made or is no key.
    """
    path = _path()
    try:
        if not path.exists():
            _make(path)
        raw = path.read_bytes()
    except OSError as error:
        raise StoreError(
            code="bundle_key_unusable",
            sentence=f"{path} cannot be used: {error.strerror or error}.",
            next_step="Run the command as the user that the server runs as.",
        ) from error
    if len(raw) != KEY_BYTES:
        raise StoreError(
            code="bundle_key_unusable",
            sentence=f"{path} is no key: it has {len(raw)} bytes instead of {KEY_BYTES}.",
            next_step="Restore it from the backup, or remove it: other servers must then trust the new one.",
        )
    private = Ed25519PrivateKey.from_private_bytes(raw)
    return BundleKey(public=private.public_key().public_bytes_raw(), sign=private.sign)


def _path() -> Path:
    data_dir: Path = settings.CONFIG.data_dir
    return data_dir / "bundle" / "key"


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)  # unlike a rename, it fails where a key is
    except FileExistsError:
        pass
    finally:
        part.unlink()


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether a signature holds: the primitive that DSSE is handed."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def checked_key(text: str) -> str:
    """Return a public key in hex, as it is kept.

    Raises:
        OperatorError: it is none.
    """
    key = text.strip().lower()
    if not _HEX_KEY.match(key):
        raise OperatorError(
            code="bundle_key_invalid",
            sentence=f"{text[:80]!r} is no bundle key: 64 hexadecimal digits are expected.",
            next_step="On the server that made the bundle run `oakum feed bundle --show-key`.",
        )
    return key


def trusted_keys() -> tuple[TrustedBundleKey, ...]:
    """Return the keys that this server trusts, the oldest first."""
    return tuple(TrustedBundleKey.objects.order_by("trusted_at", "key")[:KEY_COUNT_MAX])


def trust_key(key: str, *, now: datetime) -> None:
    """Trust a key from now on; journalled.

    Raises:
        OperatorError: too many are trusted already.
    """
    with transaction.atomic():
        if TrustedBundleKey.objects.filter(key=key).exists():
            return
        if TrustedBundleKey.objects.count() >= KEY_COUNT_MAX:
            raise OperatorError(
                code="bundle_keys_too_many",
                sentence=f"This server trusts {KEY_COUNT_MAX} bundle keys already.",
                next_step="Take one away with `oakum feed keys --remove KEY`.",
            )
        TrustedBundleKey.objects.create(key=key, trusted_at=now)
        _journal("intel.bundle_key_trusted", key, now)


def distrust_key(text: str, *, now: datetime) -> None:
    """Trust a key no longer; journalled.

    Raises:
        OperatorError: it was not trusted.
    """
    key = checked_key(text)
    with transaction.atomic():
        if not TrustedBundleKey.objects.filter(key=key).delete()[0]:
            raise OperatorError(
                code="bundle_key_unknown",
                sentence=f"This server does not trust the key {key}.",
                next_step="`oakum feed keys` lists those that it trusts.",
            )
        _journal("intel.bundle_key_distrusted", key, now)


def _journal(kind: str, key: str, now: datetime) -> None:
    append(organisation_id=None, kind=kind, actor="admin", subject=f"key:{key}", payload={"key": key}, now=now)
