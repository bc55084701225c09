"""Store what authors say by VEX, and take back what a feed of theirs says.

A statement's row is what makes it one: the same said twice, or written again by an import that goes on, is one row.
What it does to findings is decided elsewhere (``core.vex``).
"""

from __future__ import annotations

import json
from dataclasses import astuple
from hashlib import sha256
from typing import Any

from oakum.intel.importers.values import VexRecord
from oakum.intel.services import rows


def vex_row(record: VexRecord) -> tuple[Any, ...]:
    """Return a statement's row, without feed and generation, in the order of ``rows.VEX_STATEMENTS``."""
    said = json.dumps(astuple(record), default=str)
    return (
        sha256(said.encode()).hexdigest(),
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
        rows.instant(record.said_at),
    )
