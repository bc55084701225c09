"""The signer's life: its key, its registration, and a loop until it is told to end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, close_old_connections, transaction

from oakum.core.errors import StoreError
from oakum.identity.models import Installation
from oakum.journal.services import append
from oakum.rollout.signer.checkpoints import checkpoint_step
from oakum.rollout.signer.key import SigningKey, key_path, load_key, make_key
from oakum.rollout.signer.signing import Signer

POLL = timedelta(seconds=0.5)
SEEN_EVERY = timedelta(seconds=10)
CHECKPOINT_EVERY = timedelta(seconds=5)

log = logging.getLogger("oakum.signer")
Clock = Callable[[], datetime]


def open_key(data_dir: Path, *, now: datetime) -> SigningKey:
    """Return the installation's key, making and registering it on the very first start.

    Raises:
        StoreError: the database knows another key, or the file that belongs to it is gone.
    """
    path = key_path(data_dir)
    registered = _registered(now)
    if registered and not path.exists():
        raise _differs(path, "there is no key file")
    key = load_key(path) if path.exists() else make_key(path)
    _register(key, path, now)
    return key


def _registered(now: datetime) -> str:
    row, _ = Installation.objects.get_or_create(id=1, defaults={"created_at": now})
    return row.signer_key


def _register(key: SigningKey, path: Path, now: datetime) -> None:
    text = key.public.hex()
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(id=1)
        if row.signer_key == text:
            return
        if row.signer_key:
            raise _differs(path, "the key file is another one")
        row.signer_key = text
        row.save(update_fields=["signer_key"])
        append(
            organisation_id=None,
            kind="rollout.signer_registered",
            actor="signer",
            subject="installation:signer",
            payload={"public_key": text},
            now=now,
        )
    log.info("signer_registered key=%s", text)


def _differs(path: Path, what: str) -> StoreError:
    return StoreError(
        code="signer_key_differs",
        sentence=f"This database belongs to another signing key: {what} ({path}).",
        next_step=(
            "Restore the key file from the backup that belongs to this database. Hosts have pinned its key when they "
            "enrolled and refuse the orders of any other; if it is lost for good, set up a new database and enrol anew."
        ),
    )


@dataclass(slots=True)
class _Rhythm:
    """When something is due again."""

    every: timedelta
    due_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        if self.due_at is not None and now < self.due_at:
            return False
        self.due_at = now + self.every
        return True


def run(key: SigningKey, *, stop: threading.Event, clock: Clock) -> None:
    """Sign until ``stop`` is set.  A database that is away is waited for."""
    signer, seen, checkpoints = Signer(key), _Rhythm(SEEN_EVERY), _Rhythm(CHECKPOINT_EVERY)
    while not stop.is_set():
        try:
            signer.step(now=clock())
            if checkpoints.is_due(clock()):
                checkpoint_step(key, now=clock())
            if seen.is_due(clock()):
                Installation.objects.filter(id=1).update(signer_seen_at=clock())
        except DatabaseError as error:
            log.warning("signer_step_failed error=%r", error)
        finally:
            close_old_connections()
        stop.wait(POLL.total_seconds())
    log.info("signer_ended")
