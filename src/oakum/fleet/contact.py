"""The literal SQL of a check-in: read the hosts of a batch, write them back.

The one hot path of the fleet.  Through the ORM a batch costs three times as much, nearly all of it in conversions of
values that an unchanged host does not need.  Values come and go as the database's own (SQLite: text for UUIDs and
instants).  What a check-in means is decided in ``services.check_in``.
"""

from __future__ import annotations

import json
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
    "order_generation",
    "seen_on",
)

_LIST = ", ".join(_COLUMNS)

# One value goes in and one comes out, whatever the number of hosts: Python's driver gives its lock away and queues for
# it again at each row it binds or fetches, which under load costs more than the rows.
READ_SQLITE = (
    f"SELECT json_group_array(json_array({_LIST})) FROM fleet_host "  # noqa: S608 - the columns are our own constants
    "WHERE id IN (SELECT value FROM json_each(%s))"
)
# In the order of ids, so that two processes with batches of the same hosts wait for each other instead of deadlocking.
READ_POSTGRESQL = f"SELECT {_LIST} FROM fleet_host WHERE id = ANY(%s) ORDER BY id FOR UPDATE"  # noqa: S608 - as above

WRITE_SQLITE = """
UPDATE fleet_host
   SET nonce = json_extract(told.value, '$[1]'), nonce_previous = json_extract(told.value, '$[2]'),
       nonce_previous_spent = json_extract(told.value, '$[3]'), attempt_last = json_extract(told.value, '$[4]'),
       clock_skew_seconds = json_extract(told.value, '$[5]'), last_seen_at = %s,
       inventory_at = CASE WHEN json_extract(told.value, '$[6]') THEN %s ELSE fleet_host.inventory_at END
  FROM json_each(%s) AS told
 WHERE fleet_host.id = json_extract(told.value, '$[0]')
"""
WRITE_POSTGRESQL = """
UPDATE fleet_host
   SET nonce = told.nonce, nonce_previous = told.previous, nonce_previous_spent = told.spent,
       attempt_last = told.attempt, clock_skew_seconds = told.skew, last_seen_at = %s,
       inventory_at = CASE WHEN told.confirmed THEN %s ELSE fleet_host.inventory_at END
  FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::boolean[], %s::text[], %s::integer[], %s::boolean[])
       AS told (id, nonce, previous, spent, attempt, skew, confirmed)
 WHERE fleet_host.id = told.id
"""


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
    order_generation: int
    seen_on: str  # as ISO 8601 writes it
    touched: bool = False  # the nonce, the instant and the skew are to be written
    confirmed: bool = False  # the packages are still those that are stored
    changes: dict[str, Any] = field(default_factory=dict)  # what else is to be written, by field


def read_contacts(host_ids: Iterable[UUID]) -> dict[UUID, Contact]:
    """Return the hosts among ``host_ids``, their rows locked until the transaction ends."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            wanted = list(host_ids)
            cursor.execute(READ_POSTGRESQL, [wanted])
            return {row[0]: _contact(row[0], row) for row in cursor.fetchall()}
        by_key = {host_id.hex: host_id for host_id in host_ids}
        cursor.execute(READ_SQLITE, [json.dumps(list(by_key))])
        return {by_key[row[0]]: _contact(by_key[row[0]], row) for row in json.loads(cursor.fetchone()[0])}


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
        order_generation=row[20],
        seen_on=str(row[21]),
    )


@lru_cache(maxsize=ORGANISATION_COUNT)
def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _instant(value: datetime | str | None) -> datetime | None:
    # SQLite's is text, in UTC without an offset.
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value


def stored_instant(instant: datetime) -> Any:
    """Return ``instant`` as the database keeps it."""
    return connection.ops.adapt_datetimefield_value(instant)


def write_contacts(contacts: Iterable[Contact], *, seen_at: Any) -> None:
    """Write the touched ones back; ``seen_at`` is what ``stored_instant`` gave."""
    rows = [
        (
            contact.key,
            contact.nonces.current,
            contact.nonces.previous,
            contact.nonces.previous_spent,
            contact.nonces.attempt,
            contact.clock_skew_seconds,
            contact.confirmed,
        )
        for contact in contacts
        if contact.touched
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(WRITE_POSTGRESQL, [seen_at, seen_at, *map(list, zip(*rows, strict=True))])
        else:
            cursor.execute(WRITE_SQLITE, [seen_at, seen_at, json.dumps(rows)])
