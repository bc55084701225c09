"""DSSE envelopes (secure-systems-lab/dsse v1.0.2) with Ed25519 signatures.

It neither signs nor verifies: the caller hands in the primitive (``cryptography`` on the server, the packed pure-Python
verifier on a host), so that this module stays with the standard library.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Callable, Optional, Tuple

Verify = Callable[[bytes, bytes, bytes], bool]  # (public key, signature, message) -> holds?
Sign = Callable[[bytes], bytes]

SIGNATURE_COUNT_MAX = 8
PAYLOAD_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class Signature:
    """A signature in base64 and the id of the key that is said to have made it."""

    keyid: str
    sig: str


@dataclass(frozen=True)
class Envelope:
    """The DSSE JSON object; field names are the format's own."""

    payloadType: str  # noqa: N815 - the format's own field name
    payload: str
    signatures: Tuple[Signature, ...]


def key_id(public_key: bytes) -> str:
    """Return the id of an Ed25519 public key: SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(public_key).hexdigest()


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return PAE(type, payload): the bytes that a DSSE signature covers."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, *, public_key: bytes, sign: Sign) -> Envelope:
    """Return an envelope around ``payload``, signed once."""
    signature = sign(pre_authentication_encoding(payload_type, payload))
    return Envelope(
        payloadType=payload_type,
        payload=base64.b64encode(payload).decode("ascii"),
        signatures=(Signature(keyid=key_id(public_key), sig=base64.b64encode(signature).decode("ascii")),),
    )


def open_envelope(envelope: Envelope, payload_type: str, *, public_key: bytes, verify: Verify) -> Optional[bytes]:
    """Return the payload if ``public_key`` signed it as ``payload_type``, else None.

    A host has one pinned key; signatures by other keys are neither needed nor harmful.
    """
    if envelope.payloadType != payload_type or len(envelope.signatures) > SIGNATURE_COUNT_MAX:
        return None
    try:
        payload = base64.b64decode(envelope.payload, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(payload) > PAYLOAD_BYTES_MAX:
        return None
    message = pre_authentication_encoding(payload_type, payload)
    wanted = key_id(public_key)
    for signature in envelope.signatures:
        if signature.keyid != wanted:
            continue
        try:
            raw = base64.b64decode(signature.sig, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(raw) == 64 and verify(public_key, raw, message):  # noqa: PLR2004 - an Ed25519 signature is 64 bytes
            return payload
    return None
