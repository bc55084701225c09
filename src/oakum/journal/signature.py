"""The Ed25519 check that ``verify`` is handed.  No Django, so that an auditor can verify a file without a server."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def signature_holds(public_key: bytes, signature: str, message: bytes) -> bool:
    """Check an Ed25519 signature in canonical base64: the primitive that ``verify`` is handed."""
    try:
        raw = base64.b64decode(signature, validate=True)
        if base64.b64encode(raw).decode() != signature:
            return False
        Ed25519PublicKey.from_public_bytes(public_key).verify(raw, message)
    except (InvalidSignature, ValueError):
        return False
    return True
