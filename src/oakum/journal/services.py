"""The verbs of the journal: append, seal, add a checkpoint.

``append`` runs inside the caller's transaction, so an entry stands if and only if what it tells of stands.  It gives
no position: one leased sealer does, to committed entries only, so positions are dense and nothing committed late is
lost.  Nothing here updates or deletes a sealed entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction

from oakum.journal.format import GENESIS_HASH, Head, chain_of, payload_digest
from oakum.journal.models import Checkpoint, Entry

# A write transaction stays short: on SQLite it holds up every halt.
SEAL_COUNT_MAX = 500
SUBJECT_LENGTH_MAX = 200
ACTOR_LENGTH_MAX = 200


def append(
    *,
    organisation_id: UUID | None,
    kind: str,
    actor: str,
    subject: str,
    payload: Mapping[str, object],
    now: datetime,
) -> UUID:
    """Add one entry, unsealed, in the caller's transaction, and return its id.

    ``payload`` holds text, whole numbers, booleans, None, lists and objects only.
    """
    assert transaction.get_connection().in_atomic_block, "a journal entry belongs to its decision's transaction"
    entry = Entry(
        id=uuid4(),
        chain=chain_of(organisation_id),
        organisation_id=organisation_id,
        kind=kind,
        actor=actor[:ACTOR_LENGTH_MAX],
        subject=subject[:SUBJECT_LENGTH_MAX],
        at=now,
        payload=dict(payload),
        payload_digest=payload_digest(payload),
    )
    entry.save(force_insert=True)
    return entry.id


def seal(*, now: datetime, limit: int = SEAL_COUNT_MAX) -> int:
    """Give committed entries their position and hash, at most ``limit``, and return how many were sealed.

    One sealer runs at a time (its lease); should two, the unique position makes the second one's transaction fail.
    """
    del now  # Sealing dates nothing: an entry's instant is its decision's.
    with transaction.atomic():
        waiting = list(Entry.objects.select_for_update().filter(position=None).order_by("sequence")[:limit])
        heads: dict[str, tuple[int, str]] = {}
        for entry in waiting:
            position, previous = heads.get(entry.chain) or _head_of(entry.chain)
            entry.position, entry.previous_hash = position + 1, previous
            entry.hash = head_of_entry(entry).hash()
            heads[entry.chain] = (entry.position, entry.hash)
        Entry.objects.bulk_update(waiting, ["position", "previous_hash", "hash"], batch_size=100)
    return len(waiting)


def _head_of(chain: str) -> tuple[int, str]:
    newest = Entry.objects.filter(chain=chain).exclude(position=None).order_by("-position").first()
    if newest is None:
        return 0, GENESIS_HASH
    assert newest.position is not None
    return newest.position, newest.hash


def head_of_entry(entry: Entry) -> Head:
    """Return what the hash of a positioned entry covers."""
    assert entry.position is not None
    return Head(
        chain=entry.chain,
        position=entry.position,
        previous_hash=entry.previous_hash,
        id=entry.id,
        kind=entry.kind,
        actor=entry.actor,
        subject=entry.subject,
        at=entry.at,
        payload_digest=entry.payload_digest,
    )


def add_checkpoint(*, chain: str, position: int, hash_: str, key_id: str, signature: str, now: datetime) -> None:
    """Store the order signer's signature over a chain's head; a second one for the same position changes nothing."""
    Checkpoint.objects.get_or_create(
        chain=chain,
        position=position,
        defaults={"hash": hash_, "at": now, "key_id": key_id, "signature": signature},
    )
