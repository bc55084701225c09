"""What the ORM does not say well on both databases.

It knows no table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.expressions import RawSQL


def among(ids: Iterable[UUID]) -> RawSQL:
    """Return ``ids`` for an ``__in`` filter as one parameter.

    Hundreds of parameters cost more, in conversions and in a text that is never twice the same, than the rows found.
    """
    if connection.vendor == "postgresql":
        return RawSQL("SELECT unnest(%s::uuid[])", [list(ids)])
    return RawSQL("SELECT value FROM json_each(%s)", [json.dumps([each.hex for each in ids])])


def one_of(values: Sequence[int] | Sequence[str]) -> tuple[str, Any]:
    """Return the condition of literal SQL that a column is one of ``values``, and its one parameter."""
    if connection.vendor == "postgresql":
        return "= ANY(%s)", list(values)
    return "IN (SELECT value FROM json_each(%s))", json.dumps(list(values))


def stored_id(value: UUID) -> Any:
    """Return ``value`` as the database keeps it."""
    return value if connection.features.has_native_uuid_field else value.hex
