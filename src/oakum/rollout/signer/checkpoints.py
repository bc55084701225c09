"""Sign the heads of the journal's chains, so that what stands before them cannot be rewritten unseen.

Before it signs it verifies what has come since its last checkpoint: a chain that does not hold gets no signature, and
the log says where it breaks.  It seals nothing (``journal.services``).
"""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from oakum.identity.models import Organisation
from oakum.journal.format import CHAIN_INSTALLATION, GENESIS_HASH, chain_of, checkpoint_text, payload_digest
from oakum.journal.models import Checkpoint, Entry
from oakum.journal.services import add_checkpoint, head_of_entry
from oakum.journal.signature import signature_holds
from oakum.protocol.dsse import key_id
from oakum.rollout.signer.key import SigningKey

ENTRY_COUNT = 200  # a checkpoint after so many entries,
CHECKPOINT_AGE = timedelta(seconds=30)  # or after so long, if there is anything new
VERIFY_COUNT_MAX = 2_000  # entries verified in one step of one chain; the next step goes on

log = logging.getLogger("oakum.signer")


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain is signed."""

    position: int
    hash: str
    at: datetime | None


def checkpoint_step(key: SigningKey, *, now: datetime) -> int:
    """Sign every chain whose head has moved far or long enough, and return how many were signed."""
    organisations = Organisation.objects.order_by("created_at").values_list("id", flat=True)
    chains = [CHAIN_INSTALLATION, *(chain_of(organisation_id) for organisation_id in organisations)]
    return sum(_sign_chain(chain, key, now) for chain in chains)


def _sign_chain(chain: str, key: SigningKey, now: datetime) -> bool:
    newest = Entry.objects.filter(chain=chain).exclude(position=None).order_by("-position").first()
    head = _signed_head(chain, key)
    if newest is None or newest.position is None or head is None or newest.position <= head.position:
        return False
    is_due = head.at is None or now - head.at >= CHECKPOINT_AGE
    if newest.position - head.position < ENTRY_COUNT and not is_due:
        return False
    last = _verified(chain, head)
    if last is None or last.position is None:
        return False
    text = checkpoint_text(chain=chain, position=last.position, hash_=last.hash, at=now)
    add_checkpoint(
        chain=chain,
        position=last.position,
        hash_=last.hash,
        key_id=key_id(key.public),
        signature=base64.b64encode(key.sign(text)).decode(),
        now=now,
    )
    return True


def _signed_head(chain: str, key: SigningKey) -> Head | None:
    """Return the newest checkpoint that is truly ours, or the beginning; None if the newest one is not."""
    mark = Checkpoint.objects.filter(chain=chain).order_by("-position").first()
    if mark is None:
        return Head(position=0, hash=GENESIS_HASH, at=None)
    text = checkpoint_text(chain=chain, position=mark.position, hash_=mark.hash, at=mark.at)
    if not signature_holds(key.public, mark.signature, text):
        log.error("checkpoint_forged chain=%s position=%d", chain, mark.position)
        return None
    return Head(position=mark.position, hash=mark.hash, at=mark.at)


def _verified(chain: str, head: Head) -> Entry | None:
    """Return the last entry of the chain behind ``head``, at most VERIFY_COUNT_MAX further; None if it breaks."""
    previous, position, last = head.hash, head.position, None
    rows = Entry.objects.filter(chain=chain, position__gt=head.position).order_by("position")
    for entry in rows[:VERIFY_COUNT_MAX]:
        told = payload_digest(entry.payload) if entry.payload is not None else entry.payload_digest
        follows = entry.position == position + 1 and entry.previous_hash == previous
        if not follows or entry.hash != head_of_entry(entry).hash() or told != entry.payload_digest:
            log.error("chain_broken chain=%s position=%s", chain, entry.position)
            return None
        previous, position, last = entry.hash, position + 1, entry
    return last
