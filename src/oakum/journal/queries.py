"""Reads of the journal: a page for people, an export for auditors.  By position, never by insertion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.journal.format import FORMAT_VERSION, chain_of
from oakum.journal.models import Checkpoint, Entry, LoopRun
from oakum.journal.services import head_of_entry
from oakum.protocol.trust import render_instant

PAGE_COUNT_MAX = 200
EXPORT_CHUNK_COUNT = 500
UNSEALED_COUNT_MAX = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One entry as people see it; ``position`` is None while it waits for the sealer."""

    id: UUID
    position: int | None
    kind: str
    actor: str
    subject: str
    at: datetime
    payload: dict[str, object]
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Newest first.  ``before_position`` asks for the next page; None when this is the last."""

    entries: tuple[EntryView, ...]
    before_position: int | None
    sealed_count: int
    unsealed_count: int
    signed_position: int


def entries(
    *,
    organisation_id: UUID | None,
    kind: str = "",
    subject: str = "",
    before_position: int | None = None,
    limit: int = 50,
) -> JournalPage:
    """Return a page of an organisation's chain, newest first, with the unsealed ones on the first page.

    ``kind`` may be a room (``rollout``) or a whole kind (``rollout.halted``); ``subject`` is exact.
    """
    chain = chain_of(organisation_id)
    limit = min(limit, PAGE_COUNT_MAX)
    rows = Entry.objects.filter(chain=chain)
    if kind:
        rows = rows.filter(kind=kind) if "." in kind else rows.filter(kind__startswith=f"{kind}.")
    if subject:
        rows = rows.filter(subject=subject)
    unsealed = Entry.objects.filter(chain=chain, position=None).count()
    first = [] if before_position else list(rows.filter(position=None).order_by("-sequence")[:limit])
    sealed = rows.exclude(position=None)
    if before_position:
        sealed = sealed.filter(position__lt=before_position)
    found = first + list(sealed.order_by("-position")[: limit - len(first) + 1])
    page, more = found[:limit], len(found) > limit
    newest = Checkpoint.objects.filter(chain=chain).order_by("-position").first()
    return JournalPage(
        entries=tuple(_view(row) for row in page),
        before_position=page[-1].position if more else None,
        sealed_count=_head_position(chain),
        unsealed_count=unsealed,
        signed_position=newest.position if newest else 0,
    )


def _head_position(chain: str) -> int:
    newest = Entry.objects.filter(chain=chain).exclude(position=None).order_by("-position").first()
    return newest.position or 0 if newest else 0


def _view(row: Entry) -> EntryView:
    return EntryView(
        id=row.id,
        position=row.position,
        kind=row.kind,
        actor=row.actor,
        subject=row.subject,
        at=row.at,
        payload=row.payload or {},
        hash=row.hash,
    )


def export_lines(*, organisation_id: UUID | None, signer_key: str) -> Iterator[str]:
    """Yield a whole chain as JSON lines: header, entries with checkpoints behind them, then what is unsealed.

    ``signer_key`` is the signer's public key in hex, written into the header for convenience, not as proof.
    """
    chain = chain_of(organisation_id)
    yield _line({"journal": {"format": FORMAT_VERSION, "chain": chain, "signer_key": signer_key}})
    position = 0
    while True:
        rows = list(Entry.objects.filter(chain=chain, position__gt=position).order_by("position")[:EXPORT_CHUNK_COUNT])
        if not rows:
            break
        last = rows[-1].position
        assert last is not None
        marks = {
            mark.position: mark
            for mark in Checkpoint.objects.filter(chain=chain, position__gt=position, position__lte=last)
        }
        for row in rows:
            yield _line({"entry": {**head_of_entry(row).as_plain(), "hash": row.hash, "payload": row.payload}})
            if row.position in marks:
                yield _line({"checkpoint": _checkpoint(marks[row.position])})
        position = last
    for row in Entry.objects.filter(chain=chain, position=None).order_by("sequence")[:UNSEALED_COUNT_MAX]:
        yield _line({"unsealed": {"id": str(row.id), "kind": row.kind, "at": render_instant(row.at)}})


def _checkpoint(mark: Checkpoint) -> dict[str, object]:
    return {
        "position": mark.position,
        "hash": mark.hash,
        "at": render_instant(mark.at),
        "key_id": mark.key_id,
        "signature": mark.signature,
    }


def _line(value: dict[str, object]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopView:
    """How a loop is: when it last ran and succeeded, what it waits for, and its last problem."""

    name: str
    ran_at: datetime | None
    succeeded_at: datetime | None
    waits_for: str
    problem: str


def loop_runs() -> tuple[LoopView, ...]:
    """Return every loop that ever ran here, by name."""
    return tuple(
        LoopView(
            name=row.name,
            ran_at=row.ran_at,
            succeeded_at=row.succeeded_at,
            waits_for=row.waits_for,
            problem=row.problem,
        )
        for row in LoopRun.objects.order_by("name")
    )
