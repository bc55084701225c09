"""The literal SQL of a check-in: read the hosts of a batch, write them back.

The one hot path of the fleet.  Through the ORM a batch costs three times as much, nearly all of it in conversions of
values that an unchanged host does not need.  Both statements run on SQLite and PostgreSQL alike; values come and go as
the database's own (SQLite: text for UUIDs and instants).  What a check-in means is decided in ``services.check_in``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from oakum.fleet.nonce import NonceState

ORGANISATION_COUNT = 1_000  # whose ids are kept parsed

_COLUMNS = (
    "id",
    "organisation_id",
    "state",
    "state_reason",
    "hostname",
    "nonce",
    "nonce_previous",
    "nonce_previous_spent",
    "attempt_last",
    "clock_skew_seconds",
    "boot_id",
    "agent_version",
    "policy_mode",
    "active_orders",
    "packages_hash",
    "packages_status",
    "offers_hash",
    "facts_hash",
    "lists_updated_at",
    "stale_journalled_at",
)

# In the order of ids, so that two processes with batches of the same hosts wait for each other instead of deadlocking.
READ_SQL = "SELECT " + ", ".join(_COLUMNS) + " FROM fleet_host WHERE id IN ({marks}) ORDER BY id{lock}"  # noqa: S608

WRITE_SQL = (
    "UPDATE fleet_host SET nonce = %s, nonce_previous = %s, nonce_previous_spent = %s, attempt_last = %s, "
    "last_seen_at = %s, clock_skew_seconds = %s, inventory_at = CASE WHEN %s THEN %s ELSE inventory_at END "
    "WHERE id = %s"
)


@dataclass(slots=True, kw_only=True)
class Contact:
    """A host's row while its check-in is judged.  ``key`` is the id as the database gave it.

    Not frozen: the same host may be in a batch twice, and the second check-in meets what the first one left.
    """

    key: Any
    host_id: UUID
    organisation_id: UUID
    state: str
    state_reason: str
    hostname: str
    nonces: NonceState
    clock_skew_seconds: int
    boot_id: str
    agent_version: str
    policy_mode: str
    active_orders: str  # as JSON text
    packages_hash: str
    packages_known: bool
    offers_hash: str
    facts_hash: str
    lists_updated_at: datetime | None
    stale: bool
    touched: bool = False  # the nonce, the instant and the skew are to be written
    confirmed: bool = False  # the packages are still those that are stored
    changes: dict[str, Any] = field(default_factory=dict)  # what else is to be written, by field


def read_contacts(host_ids: Iterable[UUID]) -> dict[UUID, Contact]:
    """Return the hosts among ``host_ids``, their rows locked until the transaction ends."""
    native = connection.features.has_native_uuid_field
    by_key: dict[Any, UUID] = {host_id if native else host_id.hex: host_id for host_id in host_ids}
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    sql = READ_SQL.format(marks=", ".join(["%s"] * len(by_key)), lock=lock)
    with connection.cursor() as cursor:
        cursor.execute(sql, list(by_key))
        rows = cursor.fetchall()
    return {by_key[row[0]]: _contact(by_key[row[0]], row) for row in rows}


def _contact(host_id: UUID, row: Sequence[Any]) -> Contact:
    return Contact(
        key=row[0],
        host_id=host_id,
        organisation_id=_uuid(row[1]),
        state=row[2],
        state_reason=row[3],
        hostname=row[4],
        nonces=NonceState(current=row[5], previous=row[6], previous_spent=bool(row[7]), attempt=row[8]),
        clock_skew_seconds=row[9],
        boot_id=row[10],
        agent_version=row[11],
        policy_mode=row[12],
        active_orders=row[13],
        packages_hash=row[14],
        packages_known=row[15] == "known",
        offers_hash=row[16],
        facts_hash=row[17],
        lists_updated_at=_instant(row[18]),
        stale=row[19] is not None,
    )


@lru_cache(maxsize=ORGANISATION_COUNT)
def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _instant(value: datetime | None) -> datetime | None:
    # SQLite gives UTC without an offset.
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def stored_instant(instant: datetime) -> Any:
    """Return ``instant`` as the database keeps it."""
    return connection.ops.adapt_datetimefield_value(instant)


def write_contacts(contacts: Iterable[Contact], *, seen_at: Any) -> None:
    """Write the touched ones back; ``seen_at`` is what ``stored_instant`` gave."""
    rows = [
        (
            contact.nonces.current,
            contact.nonces.previous,
            contact.nonces.previous_spent,
            contact.nonces.attempt,
            seen_at,
            contact.clock_skew_seconds,
            contact.confirmed,
            seen_at,
            contact.key,
        )
        for contact in contacts
        if contact.touched
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(WRITE_SQL, rows)
