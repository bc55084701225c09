"""Host ordinals: small numbers for bitmaps, never reused, from blocks that belong to one organisation.

It gives numbers out and never takes one back.
"""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from oakum.core.errors import StoreError
from oakum.fleet.models import Host, OrdinalBlock

# One roaring container: a block's hosts share the upper bits of their ordinals, so organisations never share one.
BLOCK_ORDINAL_COUNT = 65_536
BLOCK_TRY_COUNT_MAX = 5


def next_ordinal(organisation_id: UUID) -> int:
    """Return an ordinal that no host has had; must be called inside a transaction."""
    block = OrdinalBlock.objects.select_for_update().filter(organisation_id=organisation_id).order_by("-start").first()
    if block is None or block.used_count >= BLOCK_ORDINAL_COUNT:
        block = _new_block(organisation_id)
    ordinal = block.start + block.used_count
    OrdinalBlock.objects.filter(id=block.id).update(used_count=block.used_count + 1)
    return ordinal


def _new_block(organisation_id: UUID) -> OrdinalBlock:
    for _ in range(BLOCK_TRY_COUNT_MAX):
        try:
            with transaction.atomic():
                return OrdinalBlock.objects.create(organisation_id=organisation_id, start=_next_start())
        except IntegrityError:
            continue  # Another organisation took this start at the same instant.
    raise StoreError(
        code="ordinals_busy",
        sentence="No block of host ordinals could be taken: others were always faster.",
        next_step="Try again.",
    )


def _next_start() -> int:
    newest_start = OrdinalBlock.objects.aggregate(Max("start"))["start__max"]
    highest = Host.objects.aggregate(Max("ordinal"))["ordinal__max"]
    after_blocks = 0 if newest_start is None else newest_start + BLOCK_ORDINAL_COUNT
    # Hosts always lie in blocks; a restored or imported database may not know it.
    after_hosts = 0 if highest is None else (highest // BLOCK_ORDINAL_COUNT + 1) * BLOCK_ORDINAL_COUNT
    return max(after_blocks, after_hosts)
