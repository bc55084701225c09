"""Advisories from hosts' notes: the organisation's own, only ever added to, the same whatever the order of words."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest

from oakum.catalogue.models import ReleaseNote, Update
from oakum.core.versions import order_key
from oakum.identity.models import Organisation
from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange, Feed
from oakum.intel.queries import current_ranges, feeds, names_in_host_notes
from oakum.intel.services import HOST_FEED, record_host_advisories
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def make_update(
    organisation: Organisation, version: str, now: datetime, *, kind: str = "security", stream: str = "debian:12",
    source: str = "openssl",
) -> None:  # fmt: skip
    Update.objects.create(
        organisation=organisation,
        stream=stream,
        source_name=source,
        source_version=version,
        source_order_key=order_key("deb.1", version),
        kind=kind,
        first_seen_at=now,
        told_by_host_id=uuid.UUID(int=1),
    )


def make_note(
    organisation: Organisation, version: str, now: datetime, *cves: str, stream: str = "debian:12", text: str = "words"
) -> None:
    ReleaseNote.objects.create(
        organisation=organisation,
        stream=stream,
        source_name="openssl",
        version=version,
        order_key=order_key("deb.1", version),
        dated="Sun, 22 Nov 2026 12:00:00 +0000",
        text=text,
        cves=list(cves),
        told_by_host_id=uuid.UUID(int=1),
        told_at=now,
    )


def record(organisation: Organisation, now: datetime) -> int:
    return record_host_advisories(organisation_id=organisation.id, now=now)


def told(organisation: Organisation) -> dict[str, list[str]]:
    return {row.ref: row.cves for row in Advisory.objects.filter(organisation=organisation).order_by("ref")}


def test_a_security_update_is_an_advisory_of_the_organisation(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, "3.0-2", now)
    assert record(organisation, now) == 1
    advisory = Advisory.objects.get()
    assert (advisory.feed.name, advisory.organisation_id, advisory.generation) == (HOST_FEED, organisation.id, 1)
    (found,) = current_ranges(stream="debian:12", names=["openssl"])
    assert (found.organisation_id, found.low, found.high) == (organisation.id, b"", order_key("deb.1", "3.0-2"))
    assert (found.ref, found.fixed_version, found.state) == ("openssl 3.0-2", "3.0-2", "affected")
    assert (feeds()[0].name, feeds()[0].record_count, feeds()[0].imported_at) == (HOST_FEED, 1, None)


def test_bugfix_updates_are_no_advisories(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, "3.0-2", now, kind="bugfix")
    make_note(organisation, "3.0-2", now, "CVE-2024-0001")
    assert record(organisation, now) == 0
    assert Feed.objects.count() == 0


def test_running_it_again_changes_nothing(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, "3.0-3", now)
    make_note(organisation, "3.0-3", now, "CVE-2024-0001", text="")
    make_note(organisation, "3.0-2", now, "CVE-2024-0002")
    assert record(organisation, now) == 2
    before = list(Advisory.objects.order_by("id").values())
    assert record(organisation, now + timedelta(days=1)) == 0
    assert list(Advisory.objects.order_by("id").values()) == before
    assert (AffectedRange.objects.count(), AdvisoryCve.objects.count()) == (2, 2)


def test_notes_that_come_later_complete_what_stands(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, "3.0-3", now)
    record(organisation, now)
    make_note(organisation, "3.0-3", now, "CVE-2024-0001", text="What it fixes.")
    make_note(organisation, "3.0-2", now, "CVE-2024-0002")
    later = now + timedelta(hours=1)
    assert record(organisation, later) == 2
    assert told(organisation) == {"openssl 3.0-2": ["CVE-2024-0002"], "openssl 3.0-3": ["CVE-2024-0001"]}
    completed = Advisory.objects.get(ref="openssl 3.0-3")
    assert (completed.details, completed.published_at, completed.modified_at) == ("What it fixes.", now, later)
    assert AffectedRange.objects.filter(advisory=completed).count() == 1
    assert names_in_host_notes(stream="debian:12", since=later) == {"openssl"}
    assert names_in_host_notes(stream="debian:11", since=None) == frozenset()


def test_a_second_stream_adds_a_range_to_the_same_advisory(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, "3.0-3", now)
    record(organisation, now)
    make_update(organisation, "3.0-3", now, stream="debian:11")
    assert record(organisation, now) == 1
    assert Advisory.objects.count() == 1
    assert list(AffectedRange.objects.order_by("stream").values_list("stream", flat=True)) == ["debian:11", "debian:12"]


def test_nothing_that_is_told_later_takes_anything_back(organisation: Organisation, now: datetime) -> None:
    make_update(organisation, "3.0-3", now)
    make_note(organisation, "3.0-3", now, "CVE-2024-0001")
    record(organisation, now)
    ReleaseNote.objects.all().delete()
    Update.objects.all().delete()
    assert record(organisation, now) == 0
    assert told(organisation) == {"openssl 3.0-3": ["CVE-2024-0001"]}


def test_each_organisation_has_its_own(organisation: Organisation, now: datetime) -> None:
    other = make_organisation(now=now, name="Other")
    for each in (organisation, other):
        make_update(each, "3.0-3", now)
        record(each, now)
    make_note(other, "3.0-3", now, "CVE-2024-0001")
    record(other, now)
    assert told(organisation) == {"openssl 3.0-3": []}
    assert told(other) == {"openssl 3.0-3": ["CVE-2024-0001"]}


def test_many_are_stored_in_short_transactions(organisation: Organisation, now: datetime) -> None:
    for number in range(130):
        make_update(organisation, "1-1", now, source=f"source-{number}")
    assert record(organisation, now) == 130
    assert record(organisation, now) == 0
