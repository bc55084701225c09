"""The literal SQL of a report: read the host it is about, write what has come of it.

Through the ORM these few statements cost more than unpacking, decoding and looking up six hundred packages.  They run
on SQLite and PostgreSQL alike.  What a report means is decided in ``services.inventory``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from oakum.fleet.models import Host
from oakum.sql import stored_id

_COLUMNS = "organisation_id, state, state_reason, stream"
# The bitmap and the facts are large; only who changes the row needs them.
_COLUMNS_TO_CHANGE = f"{_COLUMNS}, hostname, package_set, facts"

READ_SQL = f"SELECT {_COLUMNS} FROM fleet_host WHERE id = %s"  # noqa: S608 - the columns are our own constants
READ_TO_CHANGE_SQL = f"SELECT {_COLUMNS_TO_CHANGE} FROM fleet_host WHERE id = %s"  # noqa: S608 - as above
CHANGE_SQL = "INSERT INTO fleet_hostchange (organisation_id, host_id, at, added, removed) VALUES (%s, %s, %s, %s, %s)"

_FIELDS = {field.name: field for field in Host._meta.concrete_fields}  # noqa: SLF001 - Django's own name for it


@dataclass(frozen=True, slots=True)
class Speaker:
    """What of a host's row a report is judged by.  ``facts`` is JSON text; the last three are empty unless locked."""

    id: UUID
    organisation_id: UUID
    state: str
    state_reason: str
    stream: str
    hostname: str = ""
    package_set: bytes | memoryview = b""
    facts: str = ""

    def plain_facts(self) -> Any:
        """Return the stored facts as dicts and lists; falsy if the host has not told any."""
        return json.loads(self.facts) if self.facts else None


def read_speaker(host_id: UUID, *, to_change: bool = False) -> Speaker | None:
    """Return the host, None if there is none; ``to_change`` locks its row until the transaction ends."""
    sql = READ_TO_CHANGE_SQL if to_change else READ_SQL
    if to_change and connection.features.has_select_for_update:
        sql += " FOR UPDATE"
    with connection.cursor() as cursor:
        cursor.execute(sql, [stored_id(host_id)])
        row: Sequence[Any] | None = cursor.fetchone()
    if row is None:
        return None
    organisation_id, state, state_reason, stream, *large = row
    return Speaker(
        host_id,
        organisation_id if isinstance(organisation_id, UUID) else UUID(organisation_id),
        state,
        state_reason,
        stream,
        *large,
    )


def write_host(host_id: UUID, fields: Mapping[str, Any]) -> None:
    """Write these fields of the host's row."""
    columns = ", ".join(f"{_FIELDS[name].column} = %s" for name in fields)
    values = [_FIELDS[name].get_db_prep_save(value, connection) for name, value in fields.items()]
    with connection.cursor() as cursor:
        # The columns are the model's own.
        cursor.execute(f"UPDATE fleet_host SET {columns} WHERE id = %s", [*values, stored_id(host_id)])  # noqa: S608


def write_change(host: Speaker, *, at: datetime, added: bytes, removed: bytes) -> None:
    """Append what the host's package set gained and lost."""
    instant = connection.ops.adapt_datetimefield_value(at)
    with connection.cursor() as cursor:
        cursor.execute(CHANGE_SQL, [stored_id(host.organisation_id), stored_id(host.id), instant, added, removed])
