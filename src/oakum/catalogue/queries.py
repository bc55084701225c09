"""Reads of the catalogue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from oakum.catalogue.models import NotesState, ReleaseNote, Update
from oakum.core.versions import order_key, scheme_of_stream
from oakum.protocol.messages import NOTES_REQUEST_COUNT_MAX, NotesRequest

NOTE_COUNT_MAX = 500  # entries of one page
PENDING_COUNT_MAX = 1_000  # updates looked at in one election


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteView:
    """One changelog entry, as one host told it."""

    version: str
    distribution: str
    urgency: str
    dated: str
    text: str
    cves: tuple[str, ...]
    told_by_host_id: UUID
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNotes:
    """An update whose notes are wanted, or were asked for too long ago (``asked_at``)."""

    update_id: int
    organisation_id: UUID
    stream: str
    source_name: str
    source_version: str
    source_key: bytes
    attempt_count: int
    asked_host_id: UUID | None
    asked_at: datetime | None
    is_lapsed: bool


def notes_wanted(host_ids: Collection[UUID]) -> dict[UUID, tuple[NotesRequest, ...]]:
    """Return what each of these hosts is asked to read now, oldest ask first, at most NOTES_REQUEST_COUNT_MAX a host.

    It takes no organisation: the door has authenticated each host, and an update is asked only of hosts of its own.
    """
    asked = Update.objects.filter(notes_host_id__in=list(host_ids), notes_state=NotesState.ASKED)
    wanted: dict[UUID, list[NotesRequest]] = {}
    for host_id, *fields in asked.order_by("notes_asked_at", "id").values_list(
        "notes_host_id",
        "source_name",
        "source_version",
        "notes_package_name",
        "notes_package_version",
        "notes_architecture",
        "notes_since_version",
    ):
        own = wanted.setdefault(host_id, [])
        if len(own) < NOTES_REQUEST_COUNT_MAX:
            own.append(NotesRequest(*fields))
    return {host_id: tuple(own) for host_id, own in wanted.items()}


def notes_pending(*, organisation_id: UUID, now: datetime, timeout: timedelta) -> tuple[PendingNotes, ...]:
    """Return the updates for whose notes somebody must be asked now: security first, then the oldest."""
    lapsed = Q(notes_state=NotesState.ASKED, notes_asked_at__lte=now - timeout)
    rows = Update.objects.filter(Q(notes_state=NotesState.WANTED) | lapsed, organisation_id=organisation_id)
    # "security" is the last of the three words.
    return tuple(_pending(row) for row in rows.order_by("-kind", "first_seen_at", "id")[:PENDING_COUNT_MAX])


def _pending(row: Update) -> PendingNotes:
    return PendingNotes(
        update_id=row.id,
        organisation_id=row.organisation_id,
        stream=row.stream,
        source_name=row.source_name,
        source_version=row.source_version,
        source_key=bytes(row.source_order_key),
        attempt_count=row.notes_attempt_count,
        asked_host_id=row.notes_host_id,
        asked_at=row.notes_asked_at,
        is_lapsed=row.notes_state == NotesState.ASKED,
    )


def notes_between(
    *, organisation_id: UUID, stream: str, source_name: str, since_version: str, until_version: str
) -> tuple[NoteView, ...]:
    """Return what a change brings: the entries above ``since_version`` (empty: all) up to ``until_version``, newest first.

    Raises:
        InvalidVersion: one of the versions is none.
    """
    scheme = scheme_of_stream(stream)
    rows = ReleaseNote.objects.filter(
        organisation_id=organisation_id,
        stream=stream,
        source_name=source_name,
        order_key__lte=order_key(scheme, until_version),
    )
    if since_version:
        rows = rows.filter(order_key__gt=order_key(scheme, since_version))
    return tuple(_note(row) for row in rows.order_by("-order_key", "id")[:NOTE_COUNT_MAX])


def _note(row: ReleaseNote) -> NoteView:
    return NoteView(
        version=row.version,
        distribution=row.distribution,
        urgency=row.urgency,
        dated=row.dated,
        text=row.text,
        cves=tuple(row.cves),
        told_by_host_id=row.told_by_host_id,
        told_at=row.told_at,
    )
