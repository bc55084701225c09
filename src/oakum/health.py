"""Can this server serve?  The answer behind ``GET /health``.

It looks at the database and at the signs of life that signer and loops leave there; it judges no host and no rollout.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.utils import Error as DatabaseError

from oakum import __version__
from oakum.identity.models import Installation
from oakum.journal.queries import loop_runs

SIGNER_SILENT_AFTER = timedelta(seconds=60)
LOOP_SILENT_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """``can_serve`` is about pages, API and check-ins; a missing signer or loop is told, not fatal."""

    can_serve: bool
    database: str
    signer: str
    loops: str

    def as_plain(self) -> dict[str, object]:
        """Return the JSON object that /health answers."""
        return {
            "status": "ok" if self.can_serve else "unavailable",
            "version": __version__,
            "database": self.database,
            "signer": self.signer,
            "loops": self.loops,
        }


@sync_to_async
def read_health() -> Health:
    """Look, and never raise."""
    now = datetime.now(tz=UTC)
    try:
        row = Installation.objects.filter(id=1).first()
        silent = [
            run.name
            for run in loop_runs()
            if run.name != "retain" and (run.succeeded_at is None or now - run.succeeded_at > LOOP_SILENT_AFTER)
        ]
    except DatabaseError as error:
        return Health(
            can_serve=False, database=f"unavailable: {type(error).__name__}", signer="unknown", loops="unknown"
        )
    finally:
        connection.close()
    seen = row.signer_seen_at if row else None
    return Health(
        can_serve=True,
        database=connection.vendor,
        signer="running" if seen and now - seen < SIGNER_SILENT_AFTER else "silent",
        loops="running" if not silent else "silent: " + ", ".join(sorted(silent)),
    )
