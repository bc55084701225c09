"""Deadline policy packs, as data that ships with the program: read, checked, never changed at run time.

It applies no rule (``core.priority``) and does not know which pack an organisation has chosen (``policy``).
"""

from __future__ import annotations

import csv
import functools
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any

from oakum.core.errors import NotFoundError
from oakum.core.packs.values import (
    RATED,
    Clock,
    Default,
    Pack,
    Severity,
    SeverityPack,
    TablePack,
    TableRow,
)

__all__ = ["PACK_IDS", "Clock", "Pack", "Severity", "SeverityPack", "TablePack", "TableRow", "load_pack"]

PACK_IDS = ("cisa-bod-26-04", "severity-simple")


@functools.cache
def load_pack(pack_id: str) -> Pack:
    """Return the pack of this id.

    Raises:
        NotFoundError: there is no such pack (``pack_unknown``).
    """
    if pack_id not in PACK_IDS:
        raise NotFoundError(
            code="pack_unknown",
            sentence=f"There is no deadline pack {pack_id!r}.",
            next_step=f"Choose one of: {', '.join(PACK_IDS)}.",
        )
    folder = files("oakum.core.packs")
    body = json.loads((folder / f"{pack_id}.json").read_text("utf-8"))
    if body["kind"] == "table":
        return _table_pack(body, csv.DictReader((folder / body["table"]).read_text("utf-8").splitlines()))
    return _severity_pack(body)


def _table_pack(body: Mapping[str, Any], rows: Iterable[Mapping[str, str]]) -> TablePack:
    return TablePack(
        **_head(body),
        rows=tuple(_table_row(row) for row in rows),
        default_automatable=Default(**body["default_automatable"]),
        default_technical_impact=Default(**body["default_technical_impact"]),
    )


def _table_row(row: Mapping[str, str]) -> TableRow:
    return TableRow(
        kev=row["kev"],
        publicly_exposed=row["publicly_exposed"],
        automatable=row["automatable"],
        technical_impact=row["technical_impact"],
        within=timedelta(days=int(row["days"])) if row["days"] else None,
        forensic_triage=row["forensic_triage"] == "yes",
    )


def _severity_pack(body: Mapping[str, Any]) -> SeverityPack:
    unknown = {
        origin: Default(value=entry["severity"], reason=entry["reason"]) for origin, entry in body["unknown_as"].items()
    }
    return SeverityPack(
        **_head(body),
        within=tuple((severity, timedelta(days=body["days"][severity])) for severity in RATED),
        kev_within=timedelta(days=body["kev_days"]),
        unknown_from_security=unknown["security"],
        unknown_from_other=unknown["other"],
    )


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    text = {name: body[name] for name in ("id", "version", "title", "summary", "source")}
    return {**text, "clock": Clock(body["clock"])}
