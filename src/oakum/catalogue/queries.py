"""Reads of the catalogue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q

from oakum.catalogue.models import NotesState, ReleaseNote, Update, UpdateKind
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import order_key
from oakum.protocol.messages import NOTES_REQUEST_COUNT_MAX, NotesRequest
from oakum.sql import among

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
    first_seen_at: datetime
    attempt_count: int
    asked_host_id: UUID | None
    asked_at: datetime | None
    is_lapsed: bool


def notes_wanted(host_ids: Collection[UUID]) -> dict[UUID, tuple[NotesRequest, ...]]:
    """Return what each of these hosts is asked to read now, oldest ask first, at most NOTES_REQUEST_COUNT_MAX a host.

    It takes no organisation: the door has authenticated each host, and an update is asked only of hosts of its own.
    """
    asked = Update.objects.filter(notes_state=NotesState.ASKED)
    if not asked.exists():  # Most of the time nobody is asked: not worth naming hundreds of hosts.
        return {}
    asked = asked.filter(notes_host_id__in=among(host_ids))
    wanted: dict[UUID, list[NotesRequest]] = {}
    for update in asked.order_by("notes_asked_at", "id"):
        assert update.notes_host_id is not None
        own = wanted.setdefault(update.notes_host_id, [])
        if len(own) < NOTES_REQUEST_COUNT_MAX:
            own.append(_request(update))
    return {host_id: tuple(own) for host_id, own in wanted.items()}


def _request(update: Update) -> NotesRequest:
    return NotesRequest(
        source_name=update.source_name,
        source_version=update.source_version,
        package_name=update.notes_package_name,
        package_version=update.notes_package_version,
        architecture=update.notes_architecture,
        since_version=update.notes_since_version,
    )


def notes_pending(*, organisation_id: UUID, now: datetime, timeout: timedelta) -> tuple[PendingNotes, ...]:
    """Return the updates for whose notes somebody must be asked now: security first, then the newest."""
    lapsed = Q(notes_state=NotesState.ASKED, notes_asked_at__lte=now - timeout)
    rows = Update.objects.filter(Q(notes_state=NotesState.WANTED) | lapsed, organisation_id=organisation_id)
    # "security" is the last of the three words.
    return tuple(_pending(row) for row in rows.order_by("-kind", "-first_seen_at", "id")[:PENDING_COUNT_MAX])


def _pending(row: Update) -> PendingNotes:
    return PendingNotes(
        update_id=row.id,
        organisation_id=row.organisation_id,
        stream=row.stream,
        source_name=row.source_name,
        source_version=row.source_version,
        source_key=bytes(row.source_order_key),
        first_seen_at=row.first_seen_at,
        attempt_count=row.notes_attempt_count,
        asked_host_id=row.notes_host_id,
        asked_at=row.notes_asked_at,
        is_lapsed=row.notes_state == NotesState.ASKED,
    )


def notes_between(
    *, organisation_id: UUID, stream: str, source_name: str, since_version: str, until_version: str
) -> tuple[NoteView, ...]:
    """Return what a change brings: the entries above ``since_version`` (empty: all) up to ``until_version``.

    Newest first.

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


def security_marks() -> dict[UUID, str]:
    """Return, for each organisation that was told of security updates, a text that changes when they or notes do.

    For loops over the whole installation: updates and notes are never removed, and a kind is only ever raised.
    """
    updates = Update.objects.filter(kind=UpdateKind.SECURITY).values("organisation_id")
    notes = ReleaseNote.objects.values("organisation_id")
    told = {row["organisation_id"]: f"{row['count']}" for row in updates.annotate(count=Count("id")).order_by()}
    read = {row["organisation_id"]: f"{row['count']}" for row in notes.annotate(count=Count("id")).order_by()}
    return {organisation_id: f"{mark}:{read.get(organisation_id, 0)}" for organisation_id, mark in told.items()}


def organisations_waiting_for_notes(*, now: datetime, timeout: timedelta) -> tuple[UUID, ...]:
    """Return the organisations in which somebody must be asked for notes now."""
    lapsed = Q(notes_state=NotesState.ASKED, notes_asked_at__lte=now - timeout)
    rows = Update.objects.filter(Q(notes_state=NotesState.WANTED) | lapsed)
    return tuple(rows.order_by().values_list("organisation_id", flat=True).distinct())


def asked_counts(*, organisation_id: UUID) -> dict[UUID, int]:
    """Return how many notes each host is asked for and has not answered."""
    asked = Update.objects.filter(organisation_id=organisation_id, notes_state=NotesState.ASKED)
    counts = asked.values_list("notes_host_id").annotate(count=Count("id")).order_by()
    return {host_id: count for host_id, count in counts if host_id is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNotes:
    """An update whose notes are known, back to ``since_version`` (empty: all)."""

    update_id: int
    stream: str
    source_name: str
    source_key: bytes
    since_version: str


def notes_known(*, organisation_id: UUID) -> tuple[KnownNotes, ...]:
    """Return the updates whose notes are known but do not reach back to the beginning, the newest first."""
    rows = Update.objects.filter(organisation_id=organisation_id, notes_state=NotesState.KNOWN)
    return tuple(
        KnownNotes(
            update_id=row.id,
            stream=row.stream,
            source_name=row.source_name,
            source_key=bytes(row.source_order_key),
            since_version=row.notes_since_version,
        )
        for row in rows.exclude(notes_since_version="").order_by("-first_seen_at", "-id")[:PENDING_COUNT_MAX]
    )
