"""Signing in and out, the one-time password, and how often somebody may guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from oakum.identity.models import Membership, Person, Role
from oakum.identity.services import create_person
from oakum.journal.models import Entry
from oakum.web.limits import (
    FAILURE_COUNT_MAX_ADDRESS,
    FAILURE_COUNT_MAX_NAME,
    KEY_COUNT_MAX,
    SPAN,
    SignInLimits,
    address_of,
)
from tests.web.conftest import SignIn
from tests.web.rows import PASSWORD, World

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def newcomer(world: World) -> tuple[Person, str]:
    return create_person(
        organisation_id=world.organisation.id, name="nora", role=Role.OPERATOR, actor="person:adam", now=world.now
    )


def test_a_stranger_is_sent_to_the_sign_in_and_on_to_where_they_wanted(client: Client, world: World) -> None:
    person = world.people["viewer"]
    person.set_password(PASSWORD)
    person.save()
    asked = client.get("/hosts?state=silent")
    assert asked.status_code == 302
    assert asked["Location"] == "/sign-in?next=%2Fhosts%3Fstate%3Dsilent"
    sent = client.post("/sign-in", {"name": "vera", "password": PASSWORD, "next": "/hosts?state=silent"})
    assert sent["Location"] == "/hosts?state=silent"
    assert Entry.objects.filter(kind="identity.signed_in", actor="person:vera").count() == 1


def test_a_fragment_that_lost_its_session_moves_the_whole_page(client: Client, world: World) -> None:
    del world
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/hosts"}
    answer = client.get("/hosts", headers=headers)
    assert answer["HX-Redirect"] == "/sign-in?next=http%3A%2F%2Ftestserver%2Fhosts"


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example.test/", "//elsewhere.example.test", "javascript:alert(1)"]
)
def test_signing_in_never_leads_elsewhere(client: Client, newcomer: tuple[Person, str], target: str) -> None:
    _, password = newcomer
    sent = client.post("/sign-in", {"name": "nora", "password": password, "next": target})
    assert sent["Location"] == "/"


def test_a_one_time_password_opens_nothing_but_its_change(client: Client, newcomer: tuple[Person, str]) -> None:
    _, password = newcomer
    client.post("/sign-in", {"name": "nora", "password": password})
    assert client.get("/hosts")["Location"] == "/password"
    assert client.post("/groups", {"name": "x"})["Location"] == "/password"
    page = client.get("/password").content.decode()
    assert "one-time password" in page
    assert 'href="/hosts"' not in page
    form = {"current": password, "new": "three unrelated words", "again": "three unrelated words"}
    assert client.post("/password", form)["Location"] == "/"
    assert client.get("/hosts").status_code == 200
    assert not Person.objects.get(name="nora").password_change_required


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"current": "wrong", "new": "three unrelated words", "again": "three unrelated words"}, "not your current"),
        ({"current": "", "new": "three unrelated words", "again": "three unrelated words"}, "required"),
        ({"current": None, "new": "short", "again": "short"}, "too short"),
        ({"current": None, "new": "three unrelated words", "again": "three other words"}, "differ"),
        ({"current": None, "new": None, "again": None}, "in use"),
    ],
)
def test_a_password_that_cannot_be_taken_says_why_beside_its_field(
    client: Client, newcomer: tuple[Person, str], form: dict[str, str | None], words: str
) -> None:
    _, password = newcomer
    client.post("/sign-in", {"name": "nora", "password": password})
    sent = client.post("/password", {key: password if value is None else value for key, value in form.items()})
    assert sent.status_code == 422
    page = sent.content.decode()
    assert words in page
    assert 'aria-invalid="true"' in page
    assert Person.objects.get(name="nora").password_change_required


def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(client: Client, newcomer: tuple[Person, str]) -> None:
    del newcomer
    answers = [
        client.post("/sign-in", {"name": name, "password": "guess"}).content.decode() for name in ("nora", "nobody")
    ]
    assert all("Name or password is wrong" in answer for answer in answers)


def test_guessing_is_stopped_and_the_right_password_waits_too(client: Client, newcomer: tuple[Person, str]) -> None:
    _, password = newcomer
    for _ in range(FAILURE_COUNT_MAX_NAME):
        assert client.post("/sign-in", {"name": "nora", "password": "guess"}).status_code == 422
    stopped = client.post("/sign-in", {"name": "nora", "password": password})
    assert stopped.status_code == 429
    assert "Too many failed attempts" in stopped.content.decode()
    assert 0 < int(stopped["Retry-After"]) <= SPAN.total_seconds()
    elsewhere = client.post("/sign-in", {"name": "nora", "password": password}, REMOTE_ADDR="192.0.2.9")
    assert elsewhere.status_code == 302


def test_signing_out_ends_the_session_and_is_no_link(signed_in: SignIn) -> None:
    client = signed_in("viewer")
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out")["Location"] == "/sign-in"
    assert client.get("/hosts").status_code == 302


def test_who_loses_the_last_role_is_out_at_once(signed_in: SignIn, world: World) -> None:
    client = signed_in("operator")
    Membership.objects.filter(person=world.people["operator"]).delete()
    assert client.get("/hosts")["Location"].startswith("/sign-in")


def test_changing_the_password_keeps_this_session_and_ends_the_others(
    client: Client, newcomer: tuple[Person, str]
) -> None:
    _, password = newcomer
    other = Client()
    for browser in (client, other):
        browser.post("/sign-in", {"name": "nora", "password": password})
    client.post("/password", {"current": password, "new": "three unrelated words", "again": "three unrelated words"})
    assert client.get("/hosts").status_code == 200
    assert other.get("/hosts").status_code == 302


def test_failures_lapse_and_are_counted_per_address() -> None:
    limits = SignInLimits()
    for minute in range(FAILURE_COUNT_MAX_NAME):
        limits.record_failure(name="ann", address="192.0.2.1", now=NOON + timedelta(minutes=minute))
    last = NOON + timedelta(minutes=FAILURE_COUNT_MAX_NAME)
    assert limits.wait(name="ANN", address="192.0.2.1", now=last) == NOON + SPAN - last
    assert not limits.wait(name="ann", address="192.0.2.2", now=last)
    assert not limits.wait(name="bea", address="192.0.2.1", now=last)
    assert not limits.wait(name="ann", address="192.0.2.1", now=NOON + SPAN)


def test_one_address_cannot_try_many_names() -> None:
    limits = SignInLimits()
    for number in range(FAILURE_COUNT_MAX_ADDRESS):
        limits.record_failure(name=f"name{number}", address="2001:db8::1", now=NOON)
    assert limits.wait(name="ann", address="2001:db8::ffff", now=NOON) == SPAN
    assert not limits.wait(name="ann", address="2001:db8:0:1::1", now=NOON)


def test_the_count_of_failures_is_bounded() -> None:
    limits = SignInLimits()
    for number in range(KEY_COUNT_MAX):
        limits.record_failure(name="x", address=f"10.{number >> 16}.{(number >> 8) & 255}.{number & 255}", now=NOON)
    assert len(limits._failed_at) == KEY_COUNT_MAX


def test_an_address_that_is_none_is_still_counted() -> None:
    assert address_of("nonsense" * 100) == ("nonsense" * 100)[:64]
