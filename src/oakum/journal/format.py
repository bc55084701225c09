"""What a journal entry's hash and a checkpoint's signature cover: the documented format (docs/journal.md).

Pure.  It neither stores nor signs; ``services`` seals with it, ``verify`` checks with it, the order signer signs it.

An entry's hash is SHA-256 over the canonical JSON of its head: chain, position, previous hash, id, kind, actor,
subject, instant, and the SHA-256 of its payload's canonical JSON.  The payload stands outside the head, so it can be
erased without breaking the chain.  A checkpoint is a DSSE signature over the canonical JSON of chain, position, hash
and instant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.protocol.codec import canonical_json
from oakum.protocol.dsse import pre_authentication_encoding
from oakum.protocol.trust import render_instant

FORMAT_VERSION = 1
CHAIN_INSTALLATION = "installation"
GENESIS_HASH = "0" * 64
CHECKPOINT_PAYLOAD_TYPE = "application/vnd.oakum.checkpoint.v1+json"


def chain_of(organisation_id: UUID | None) -> str:
    """Return the chain an organisation's entries stand in; None is the installation's own."""
    return CHAIN_INSTALLATION if organisation_id is None else str(organisation_id)


def payload_digest(payload: Mapping[str, object]) -> str:
    """Return the SHA-256, in hex, of the payload's canonical JSON.  TypeError for what has no place in JSON."""
    return hashlib.sha256(canonical_json(payload)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """All of an entry that its hash covers."""

    chain: str
    position: int
    previous_hash: str
    id: UUID
    kind: str
    actor: str
    subject: str
    at: datetime
    payload_digest: str

    def as_plain(self) -> dict[str, object]:
        """Return the head as the JSON object that is hashed."""
        return {
            "chain": self.chain,
            "position": self.position,
            "previous_hash": self.previous_hash,
            "id": str(self.id),
            "kind": self.kind,
            "actor": self.actor,
            "subject": self.subject,
            "at": render_instant(self.at),
            "payload_digest": self.payload_digest,
        }

    def hash(self) -> str:
        """Return the entry's hash in hex."""
        return hashlib.sha256(canonical_json(self.as_plain())).hexdigest()


def checkpoint_text(*, chain: str, position: int, hash_: str, at: datetime) -> bytes:
    """Return the bytes that a checkpoint's signature covers (DSSE pre-authentication encoding)."""
    plain = {"chain": chain, "position": position, "hash": hash_, "at": render_instant(at)}
    return pre_authentication_encoding(CHECKPOINT_PAYLOAD_TYPE, canonical_json(plain))
