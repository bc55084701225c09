"""Release notes: only who was asked is heard, and the first word stands."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from oakum.catalogue.models import NotesState, ReleaseNote, Update
from oakum.catalogue.queries import notes_between, notes_pending, notes_wanted
from oakum.catalogue.services import (
    Ask,
    NotesStored,
    ask_for_notes,
    give_up_asking,
    record_notes,
    stop_wanting,
    want_notes_again,
)
from oakum.core.election import ELECTION_TIMEOUT, NOTES_ATTEMPT_MAX
from oakum.core.versions import order_key
from oakum.identity.models import Organisation
from oakum.journal.models import Entry
from oakum.protocol.messages import (
    NOTES_ENTRY_COUNT_MAX,
    NOTES_REQUEST_COUNT_MAX,
    NOTES_TEXT_BYTES_MAX,
    ChangelogEntry,
    NotesRequest,
    NotesUpload,
)
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def make_update(
    organisation: Organisation, now: datetime, *, source: str = "openssl", version: str = "3.0-3"
) -> Update:
    return Update.objects.create(
        organisation=organisation,
        stream="debian:12",
        source_name=source,
        source_version=version,
        source_order_key=order_key("deb.1", version),
        kind="security",
        first_seen_at=now,
        told_by_host_id=ONE,
    )


def ask(update: Update, now: datetime, host: uuid.UUID = ONE) -> int:
    one = Ask(
        update_id=update.id,
        host_id=host,
        package_name="libssl3",
        package_version="3.0-3",
        architecture="amd64",
        since_version="3.0-1",
    )
    return ask_for_notes(organisation_id=update.organisation_id, asks=(one,), now=now)


def entry(version: str = "3.0-3", text: str = "* Fix CVE-2024-0001", **more: str) -> ChangelogEntry:
    fields = {"distribution": "bookworm-security", "urgency": "high", "date": "Sun, 22 Nov 2026 12:00:00 +0000"} | more
    return ChangelogEntry(version=version, text=text, **fields)


def tell(
    update: Update, *entries: ChangelogEntry, now: datetime, host: uuid.UUID = ONE, problem: str = ""
) -> NotesStored:
    upload = NotesUpload(
        protocol=1,
        source_name=update.source_name,
        source_version=update.source_version,
        problem=problem,
        entries=entries,
    )
    return record_notes(organisation_id=update.organisation_id, host_id=host, upload=upload, now=now)


def test_an_asked_host_is_told_what_to_read(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    assert notes_wanted([ONE, OTHER]) == {}
    ask(update, now)
    assert notes_wanted([ONE, OTHER]) == {
        ONE: (
            NotesRequest(
                source_name="openssl",
                source_version="3.0-3",
                package_name="libssl3",
                package_version="3.0-3",
                architecture="amd64",
                since_version="3.0-1",
            ),
        )
    }


def test_no_host_is_told_of_more_than_the_wire_allows(organisation: Organisation, now: datetime) -> None:
    for number in range(NOTES_REQUEST_COUNT_MAX + 3):
        ask(make_update(organisation, now, source=f"source-{number}"), now + timedelta(seconds=number))
    (told,) = notes_wanted([ONE]).values()
    assert [each.source_name for each in told] == [f"source-{number}" for number in range(NOTES_REQUEST_COUNT_MAX)]


def test_notes_are_stored_with_their_cves_and_journalled(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    text = "* Fix CVE-2024-0002 and CVE-2024-0001\n  * Not affected by CVE-2023-9999"
    stored = tell(update, entry(text=text), entry("3.0-2", "* Nothing"), now=now)
    update.refresh_from_db()
    assert stored == NotesStored(stored_count=2)
    assert (update.notes_state, update.notes_at, update.notes_problem) == (NotesState.KNOWN, now, "")
    note = ReleaseNote.objects.get(version="3.0-3")
    assert note.cves == ["CVE-2024-0001", "CVE-2024-0002"]
    assert (note.text, note.told_by_host_id, note.told_at) == (text, ONE, now)
    journalled = Entry.objects.get(kind="catalogue.notes_told")
    assert journalled.actor == f"host:{ONE}"
    assert journalled.payload is not None
    assert journalled.payload["cves"] == ["CVE-2024-0001", "CVE-2024-0002"]
    assert notes_wanted([ONE]) == {}


def test_the_first_word_stands(organisation: Organisation, now: datetime) -> None:
    first, second = make_update(organisation, now), make_update(organisation, now, version="3.0-4")
    ask(first, now)
    tell(first, entry("3.0-3", "true words"), now=now)
    ask(second, now, OTHER)
    stored = tell(second, entry("3.0-4", "new"), entry("3.0-3", "other words"), now=now, host=OTHER)
    assert stored.stored_count == 1
    assert ReleaseNote.objects.get(version="3.0-3").text == "true words"
    assert ReleaseNote.objects.get(version="3.0-3").told_by_host_id == ONE


def test_a_host_that_was_not_asked_is_not_heard(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    assert "was not asked" in tell(update, entry(), now=now).reason
    ask(update, now, OTHER)
    assert "was not asked" in tell(update, entry(), now=now, host=ONE).reason
    assert ReleaseNote.objects.count() == 0
    tell(update, entry(), now=now, host=OTHER)
    assert "was not asked" in tell(update, entry(text="again"), now=now, host=OTHER).reason


def test_another_organisations_host_is_not_heard(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    other = make_organisation(now=now, name="Other")
    upload = NotesUpload(protocol=1, source_name="openssl", source_version="3.0-3", problem="", entries=(entry(),))
    stored = record_notes(organisation_id=other.id, host_id=ONE, upload=upload, now=now)
    assert "was not asked" in stored.reason


def test_a_failed_reading_is_tried_by_others_and_ends_absent_with_the_reason(
    organisation: Organisation, now: datetime
) -> None:
    update = make_update(organisation, now)
    for number in range(1, NOTES_ATTEMPT_MAX + 1):
        ask(update, now)
        tell(update, now=now, problem=f"The archive answered 404 ({number}).")
        update.refresh_from_db()
        expected = NotesState.ABSENT if number == NOTES_ATTEMPT_MAX else NotesState.WANTED
        assert (update.notes_state, update.notes_attempt_count) == (expected, number)
    assert update.notes_problem == f"The archive answered 404 ({NOTES_ATTEMPT_MAX})."
    assert ask(update, now) == 0
    assert notes_wanted([ONE]) == {}


def test_notes_without_an_entry_are_a_failed_reading(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    # One newer than the update itself, one that is no version.
    tell(update, entry("9.9-1"), entry("not a version"), now=now)
    update.refresh_from_db()
    assert update.notes_state == NotesState.WANTED
    assert update.notes_problem == "The changelog has no entry between the versions asked for."


def test_a_timed_out_ask_counts_once_and_only_if_it_still_stands(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    late = now + ELECTION_TIMEOUT
    (pending,) = notes_pending(organisation_id=organisation.id, now=late, timeout=ELECTION_TIMEOUT)
    assert (pending.is_lapsed, pending.asked_host_id, pending.asked_at) == (True, ONE, now)
    for _ in range(2):
        give_up_asking(organisation_id=organisation.id, update_id=update.id, asked_at=now, problem="too late")
    update.refresh_from_db()
    assert (update.notes_state, update.notes_attempt_count) == (NotesState.WANTED, 1)
    ask(update, late, OTHER)
    give_up_asking(organisation_id=organisation.id, update_id=update.id, asked_at=now, problem="too late")
    update.refresh_from_db()
    assert (update.notes_state, update.notes_host_id) == (NotesState.ASKED, OTHER)


def test_an_unanswered_ask_is_not_pending_before_its_time(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    soon = now + ELECTION_TIMEOUT - timedelta(seconds=1)
    assert notes_pending(organisation_id=organisation.id, now=soon, timeout=ELECTION_TIMEOUT) == ()


def test_security_updates_are_read_first(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, now, source="a")
    Update.objects.filter(source_name="a").update(kind="bugfix")
    make_update(organisation, now - timedelta(days=3), source="b")
    pending = notes_pending(organisation_id=organisation.id, now=now, timeout=ELECTION_TIMEOUT)
    assert [each.source_name for each in pending] == ["b", "a"]


def test_notes_wanted_from_further_back_stay_known_if_nobody_can_read_them(
    organisation: Organisation, now: datetime
) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    tell(update, entry(), now=now)
    assert want_notes_again(organisation_id=organisation.id, update_ids=(update.id,)) == 1
    for _ in range(NOTES_ATTEMPT_MAX):
        ask(update, now)
        tell(update, now=now, problem="gone")
    update.refresh_from_db()
    assert (update.notes_state, update.notes_problem) == (NotesState.KNOWN, "gone")


def test_what_nobody_can_read_any_more_is_given_up(organisation: Organisation, now: datetime) -> None:
    never, known = make_update(organisation, now, source="a"), make_update(organisation, now, source="b")
    ask(known, now)
    tell(known, entry(), now=now)
    want_notes_again(organisation_id=organisation.id, update_ids=(known.id,))
    assert stop_wanting(organisation_id=organisation.id, update_ids=(never.id, known.id), problem="old") == 2
    assert Update.objects.get(source_name="a").notes_state == NotesState.ABSENT
    assert Update.objects.get(source_name="b").notes_state == NotesState.KNOWN


def test_texts_and_counts_are_bounded_and_fit_to_keep(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now, version="9-1")
    ask(update, now)
    long = entry("9-1", "é" * NOTES_TEXT_BYTES_MAX, distribution="d" * 500, urgency="u\x00" * 50, date="x" * 500)
    many = [entry(f"1-{number}") for number in range(1, NOTES_ENTRY_COUNT_MAX + 50)]
    stored = tell(update, long, *many, now=now)
    assert stored.stored_count == NOTES_ENTRY_COUNT_MAX
    note = ReleaseNote.objects.get(version="9-1")
    assert len(note.text.encode()) <= NOTES_TEXT_BYTES_MAX + 10
    assert note.text.endswith("[…]")
    assert (len(note.distribution), len(note.urgency), len(note.dated)) == (120, 20, 60)
    assert "\x00" not in note.urgency


def test_what_a_change_brings_is_shown_newest_first(organisation: Organisation, now: datetime) -> None:
    update = make_update(organisation, now)
    ask(update, now)
    tell(update, *(entry(version) for version in ("3.0-1", "3.0-3", "3.0-2")), now=now)

    def between(since: str, until: str) -> list[str]:
        views = notes_between(
            organisation_id=organisation.id,
            stream="debian:12",
            source_name="openssl",
            since_version=since,
            until_version=until,
        )
        return [view.version for view in views]

    assert between("3.0-1", "3.0-3") == ["3.0-3", "3.0-2"]
    assert between("", "3.0-2") == ["3.0-2", "3.0-1"]
