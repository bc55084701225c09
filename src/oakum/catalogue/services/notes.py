"""Take in the release notes that a host has read for us.

Only the host that was asked is heard, only about what it was asked, and what somebody told before stands: a second
host cannot rewrite it.  CVE ids are found here, never taken from the host's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from oakum.catalogue.models import NotesState, ReleaseNote, Update
from oakum.catalogue.services.asking import record_failure
from oakum.core.changelog import cves_fixed, sort_cves
from oakum.core.streams import scheme_of_stream
from oakum.core.text import clean_text
from oakum.core.versions import InvalidVersion, order_key
from oakum.journal.services import append
from oakum.protocol.messages import NOTES_ENTRY_COUNT_MAX, NOTES_TEXT_BYTES_MAX, ChangelogEntry, NotesUpload

_CUT = " […]"
_JOURNALLED_CVE_COUNT_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NotesStored:
    """How many entries were new, and why none were where that needs saying."""

    stored_count: int
    reason: str = ""


def record_notes(*, organisation_id: UUID, host_id: UUID, upload: NotesUpload, now: datetime) -> NotesStored:
    """Store the changelog entries that a host read for an update that it was asked about.

    Entries whose version is none, or is newer than the update itself, are left out.  Texts are cut at
    NOTES_TEXT_BYTES_MAX, the number of entries at NOTES_ENTRY_COUNT_MAX.  A host that could not read them, or found
    none, is a failed attempt: another host is asked, and after NOTES_ATTEMPT_MAX the notes are ABSENT with its reason.
    An upload that nobody asked for, or that comes too late, changes nothing and says so.
    """
    with transaction.atomic():
        update = (
            Update.objects.select_for_update()
            .filter(
                organisation_id=organisation_id,
                source_name=upload.source_name,
                source_version=upload.source_version,
                notes_host_id=host_id,
                notes_state=NotesState.ASKED,
            )
            .first()
        )
        if update is None:
            return NotesStored(stored_count=0, reason="This host was not asked for these notes, or another was since.")
        notes = tuple(_notes(update, host_id, upload.entries[:NOTES_ENTRY_COUNT_MAX], now))
        problem = upload.problem or ("" if notes else "The changelog has no entry between the versions asked for.")
        if problem:
            record_failure(update, problem)
            return NotesStored(stored_count=0, reason=problem)
        return _store(update, notes, now)


def _notes(update: Update, host_id: UUID, entries: tuple[ChangelogEntry, ...], now: datetime) -> Iterator[ReleaseNote]:
    scheme = scheme_of_stream(update.stream)
    seen: set[str] = set()
    for entry in entries:
        try:
            key = order_key(scheme, entry.version)
        except InvalidVersion:
            continue
        if entry.version in seen or key > bytes(update.source_order_key):
            continue
        seen.add(entry.version)
        text = _cut(clean_text(entry.text, length_max=NOTES_TEXT_BYTES_MAX))
        yield ReleaseNote(
            organisation_id=update.organisation_id,
            stream=update.stream,
            source_name=update.source_name,
            version=entry.version,
            order_key=key,
            distribution=clean_text(entry.distribution, length_max=120),
            urgency=clean_text(entry.urgency, length_max=20),
            dated=clean_text(entry.date, length_max=60),
            text=text,
            cves=list(cves_fixed(text)),
            told_by_host_id=host_id,
            told_at=now,
        )


def _cut(text: str) -> str:
    raw = text.encode("utf-8")
    if len(raw) <= NOTES_TEXT_BYTES_MAX:
        return text
    return raw[:NOTES_TEXT_BYTES_MAX].decode("utf-8", "ignore") + _CUT


def _store(update: Update, notes: tuple[ReleaseNote, ...], now: datetime) -> NotesStored:
    known = set(
        ReleaseNote.objects.filter(
            organisation_id=update.organisation_id,
            stream=update.stream,
            source_name=update.source_name,
            version__in=[note.version for note in notes],
        ).values_list("version", flat=True)
    )
    new = [note for note in notes if note.version not in known]
    ReleaseNote.objects.bulk_create(new, ignore_conflicts=True)
    update.notes_state, update.notes_at, update.notes_problem = NotesState.KNOWN, now, ""
    update.save(update_fields=["notes_state", "notes_at", "notes_problem"])
    cves = sort_cves(cve for note in notes for cve in note.cves)
    append(
        organisation_id=update.organisation_id,
        kind="catalogue.notes_told",
        actor=f"host:{update.notes_host_id}",
        subject=f"update:{update.source_name} {update.source_version}",
        payload={
            "stream": update.stream,
            "source_name": update.source_name,
            "source_version": update.source_version,
            "entry_count": len(notes),
            "new_entry_count": len(new),
            "cve_count": len(cves),
            "cves": list(cves[:_JOURNALLED_CVE_COUNT_MAX]),
        },
        now=now,
    )
    return NotesStored(stored_count=len(new))
