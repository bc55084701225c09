"""Store who is asked for the release notes of an update.

Whom to ask is decided by ``core.election`` from what ``findings`` knows of the fleet; here it is only kept.  Each verb
names the state that it starts from, so a decision made from a picture that is no longer true changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from oakum.catalogue.models import NotesState, Update
from oakum.core.election import NOTES_ATTEMPT_MAX
from oakum.core.text import clean_text

PROBLEM_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One host is asked to read an update's notes in one binary package, back to ``since_version`` (not included)."""

    update_id: int
    host_id: UUID
    package_name: str
    package_version: str
    architecture: str
    since_version: str


def ask_for_notes(*, organisation_id: UUID, asks: tuple[Ask, ...], now: datetime) -> int:
    """Store the asks and return how many still held: an update that has its notes by now is left alone."""
    count = 0
    for ask in asks:
        open_updates = Update.objects.filter(organisation_id=organisation_id, id=ask.update_id).exclude(
            notes_state__in=(NotesState.KNOWN, NotesState.ABSENT)
        )
        count += open_updates.update(
            notes_state=NotesState.ASKED,
            notes_host_id=ask.host_id,
            notes_asked_at=now,
            notes_package_name=ask.package_name,
            notes_package_version=ask.package_version,
            notes_architecture=ask.architecture,
            notes_since_version=ask.since_version,
        )
    return count


def give_up_asking(*, organisation_id: UUID, update_id: int, asked_at: datetime, problem: str) -> None:
    """Count an ask that nobody answered in time as a failed attempt.

    ``asked_at`` is the ask that lapsed: an answer, or a newer ask, has moved on and stays.
    """
    with transaction.atomic():
        update = (
            Update.objects.select_for_update()
            .filter(
                organisation_id=organisation_id, id=update_id, notes_state=NotesState.ASKED, notes_asked_at=asked_at
            )
            .first()
        )
        if update is not None:
            record_failure(update, problem)


def record_failure(update: Update, problem: str) -> None:
    """Count a failed attempt on a locked row; after NOTES_ATTEMPT_MAX of them the notes are ABSENT.

    Notes that were known before, and were only wanted from further back, stay KNOWN.
    """
    update.notes_attempt_count += 1
    if update.notes_attempt_count < NOTES_ATTEMPT_MAX:
        update.notes_state = NotesState.WANTED
    else:
        update.notes_state = NotesState.KNOWN if update.notes_at else NotesState.ABSENT
    update.notes_problem = clean_text(problem, length_max=PROBLEM_LENGTH_MAX)
    update.save(update_fields=["notes_state", "notes_attempt_count", "notes_problem"])


def stop_wanting(*, organisation_id: UUID, update_ids: tuple[int, ...], problem: str) -> int:
    """Give up notes that nobody can read any more; those that were known before stay known."""
    wanted = Update.objects.filter(organisation_id=organisation_id, id__in=update_ids, notes_state=NotesState.WANTED)
    known_count = wanted.filter(notes_at__isnull=False).update(notes_state=NotesState.KNOWN, notes_problem=problem)
    return known_count + wanted.update(notes_state=NotesState.ABSENT, notes_problem=problem)


def want_notes_again(*, organisation_id: UUID, update_ids: tuple[int, ...]) -> int:
    """Ask anew for notes that are known, because a host with an older version has come: they must reach further back.

    What is stored stays; entries told already keep their first word.
    """
    return Update.objects.filter(
        organisation_id=organisation_id, id__in=update_ids, notes_state=NotesState.KNOWN
    ).update(notes_state=NotesState.WANTED, notes_attempt_count=0)
