"""Updates as hosts are offered them: first word, merged origins, raised and never lowered, journalled once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from oakum.catalogue.models import NotesState, Update
from oakum.catalogue.services import SeenUpdates, see_updates
from oakum.catalogue.services.updates import ORIGIN_COUNT_MAX
from oakum.identity.models import Organisation
from oakum.journal.models import Entry
from oakum.protocol.inventory import Offer, Origin
from tests.factories import make_organisation

pytestmark = pytest.mark.django_db

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
STABLE = Origin(origin="Debian", label="Debian", suite="oldstable", codename="bookworm", component="main")
SECURE = replace(STABLE, label="Debian-Security", suite="oldstable-security", codename="bookworm-security")


def offer(name: str = "libssl3", *origins: Origin, source: str = "openssl", version: str = "3.0-2") -> Offer:
    return Offer(
        name=name,
        architecture="amd64",
        installed_version="3.0-1",
        candidate_version=version,
        source_name=source,
        source_version=version,
        origins=origins or (STABLE,),
    )


@pytest.fixture
def organisation(now: datetime) -> Organisation:
    return make_organisation(now=now)


def see(organisation: Organisation, host: uuid.UUID, *offers: Offer, now: datetime) -> SeenUpdates:
    return see_updates(organisation_id=organisation.id, host_id=host, stream="debian:12", offers=offers, now=now)


def kinds() -> list[tuple[str, str]]:
    return list(Entry.objects.order_by("sequence", "at").values_list("kind", "subject"))


def test_binaries_of_one_source_are_one_update(organisation: Organisation, now: datetime) -> None:
    seen = see(organisation, ONE, offer("libssl3"), offer("openssl"), now=now)
    update = Update.objects.get()
    assert seen.new == (("openssl", "3.0-2"),)
    assert (update.source_name, update.source_version, update.kind) == ("openssl", "3.0-2", "bugfix")
    assert (update.told_by_host_id, update.first_seen_at, update.notes_state) == (ONE, now, NotesState.WANTED)
    assert kinds() == [("catalogue.update_seen", "update:openssl 3.0-2")]


def test_the_same_offers_again_change_nothing(organisation: Organisation, now: datetime) -> None:
    see(organisation, ONE, offer(), now=now)
    before = Update.objects.values().get()
    later = see(organisation, OTHER, offer(), now=now + timedelta(hours=1))
    assert later.new == ()
    assert Update.objects.values().get() == before
    assert len(kinds()) == 1


def test_a_later_host_raises_to_security_and_never_lowers(organisation: Organisation, now: datetime) -> None:
    see(organisation, ONE, offer(), now=now)
    see(organisation, OTHER, offer("libssl3", SECURE), now=now)
    see(organisation, ONE, offer(), now=now)
    update = Update.objects.get()
    assert update.kind == "security"
    assert [origin["label"] for origin in update.origins] == ["Debian", "Debian-Security"]
    assert [kind for kind, _ in kinds()] == ["catalogue.update_seen", "catalogue.update_raised"]


def test_an_offer_that_goes_away_takes_nothing_with_it(organisation: Organisation, now: datetime) -> None:
    see(organisation, ONE, offer("libssl3", SECURE), now=now)
    see(organisation, ONE, now=now + timedelta(days=1))
    assert Update.objects.get().kind == "security"


def test_another_organisation_has_its_own_row(organisation: Organisation, now: datetime) -> None:
    other = make_organisation(now=now, name="Other")
    see(organisation, ONE, offer(), now=now)
    see(other, OTHER, offer("libssl3", SECURE), now=now)
    assert Update.objects.get(organisation=organisation).kind == "bugfix"
    assert Update.objects.get(organisation=other).kind == "security"


def test_many_offers_are_taken_in_chunks(organisation: Organisation, now: datetime) -> None:
    offers = [offer(f"p{number}", source=f"s{number}") for number in range(750)]
    assert len(see(organisation, ONE, *offers, now=now).new) == 750
    assert see(organisation, ONE, *offers, now=now).new == ()
    assert len(kinds()) == 750


def test_what_is_no_version_is_refused_by_name(organisation: Organisation, now: datetime) -> None:
    seen = see(organisation, ONE, offer(version="1:"), offer(source="fine"), offer(source="x\x00"), now=now)
    assert seen.new == (("fine", "3.0-2"),)
    assert "nothing follows the colon" in seen.refused[("openssl", "1:")]
    assert "not printable" in seen.refused[("x\x00", "3.0-2")]


def test_origins_are_bounded(organisation: Organisation, now: datetime) -> None:
    for number in range(ORIGIN_COUNT_MAX + 5):
        see(organisation, ONE, offer("libssl3", replace(STABLE, suite=f"suite-{number}")), now=now)
    assert len(Update.objects.get().origins) == ORIGIN_COUNT_MAX
