"""Store what authors say by VEX, and take back what a feed of theirs says.

A statement's row is what makes it one: the same said twice, or written again by an import that goes on, is one row.
What it does to findings is decided elsewhere (``core.vex``).
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from django.db import transaction

from oakum.core.errors import OperatorError
from oakum.intel.importers.values import VexRecord
from oakum.intel.models import Feed
from oakum.intel.services import contents, rows
from oakum.intel.services.generations import discard
from oakum.journal.services import append

VEX: Final = "vex"  # the importer's kind


def vex_row(record: VexRecord) -> tuple[Any, ...]:
    """Return a statement's row, without feed and generation, in the order of ``rows.VEX_STATEMENTS``."""
    values = (
        record.document,
        record.author,
        record.vulnerability,
        json.dumps(record.aliases),
        record.stream,
        record.name,
        record.level,
        record.architecture,
        record.product,
        record.versions,
        record.status,
        record.justification,
        record.statement,
    )
    # As JSON, so that no two rows run together; the instant as it was told, not as a database writes it.
    said = json.dumps((*values, record.said_at.isoformat() if record.said_at else ""))
    return (sha256(said.encode()).hexdigest(), *values, rows.instant(record.said_at))


def withdraw_vex(*, feed_name: str, now: datetime) -> int:
    """Take back all that a feed of VEX statements says, and return how many statements that were.

    Readers see nothing of it at once; the findings that it changed are as before with the next assessment.  The feed's
    row stays, so that the numbers of its generations are never used twice.

    Raises:
        OperatorError: there is no such feed, or it is another kind of feed.
    """
    with transaction.atomic():
        feed = Feed.objects.select_for_update().filter(name=feed_name).first()
        if feed is None or feed.kind != VEX:
            what = f"The feed {feed_name!r} has the format {feed.kind!r}" if feed else f"There is no feed {feed_name!r}"
            raise OperatorError(
                code="feed_not_withdrawable",
                sentence=f"{what}; only VEX statements can be withdrawn.",
                next_step="`oakum feed list` shows the feeds; those of the format 'vex' can be withdrawn.",
            )
        count, number = feed.record_count, max(feed.generation, feed.generation_next)
        former_hash = feed.content_hash
        # Without the token an import that is under way stops before it switches.
        feed.generation, feed.generation_next, feed.import_token = 0, number, ""
        feed.record_count, feed.imported_at, feed.checked_at, feed.problem = 0, None, now, ""
        feed.content_hash, feed.content_name, feed.content_hash_next = "", "", ""
        feed.save()
        append(
            organisation_id=None,
            kind="intel.vex_withdrawn",
            actor="admin",
            subject=f"feed:{feed.name}",
            payload={"feed": feed.name, "record_count": count},
            now=now,
        )
    discard(feed.id, above=0, below=number + 1)
    contents.forget_unused(former_hash)
    return count
