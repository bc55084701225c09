"""Journal, people, tokens, windows, freezes, settings and the state of the installation."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from oakum.identity.models import Installation, Membership, Role
from oakum.identity.queries import person_by_token
from oakum.journal.lease import run_leased
from oakum.journal.services import seal
from oakum.policy.models import Freeze, Window
from oakum.policy.queries import settings_of
from oakum.web.views.journal import ENTRY_COUNT
from tests.web.conftest import SignIn
from tests.web.pages import read
from tests.web.rows import World, add_host

SETTINGS = {
    "deadline_pack": "severity-simple",
    "approvals_required": "2",
    "check_in_minutes": "10",
    "stale_hours": "12",
    "ring_zero_count_max": "3",
    "ring_percents": "20, 100",
    "soak_hours": "1.5",
    "failure_percent_max": "2",
    "wave_count_max": "50",
}
WINDOW = {
    "name": "Sunday night",
    "starts": "2026-11-29T02:00",
    "timezone": "Europe/Berlin",
    "repeat": "weekly",
    "own_rule": "",
    "minutes": "180",
}


def test_the_journal_tells_who_did_what_and_can_be_narrowed(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test", group="web")
    seal(now=world.now)
    client = signed_in("viewer")
    page = read(client, "/journal")
    assert "host enrolled fleet hostname" in page or "host enrolled fleet web01.example.test" in page
    assert "by the server's command line" in page
    assert "group members" not in read(client, f"/journal?subject=host:{host.id}")
    assert "No entry matches" in read(client, "/journal?room=rollout")


def test_the_journal_is_paged_from_newest_to_oldest(world: World, signed_in: SignIn) -> None:
    for number in range(30):
        add_host(world, f"web{number:02}.example.test", reports=False)
    seal(now=world.now)
    client = signed_in("viewer")
    seen, query = [], ""
    for _ in range(10):
        markup = client.get(f"/journal{query}").content.decode()
        assert len(markup) < 50_000
        seen += [int(each) for each in re.findall(r"Entry (\d+)", markup)]
        older = markup.partition('href="?before=')[2].partition('"')[0]
        if not older:
            break
        query = f"?before={older}"
    assert seen == list(range(len(seen), 0, -1))
    assert len(seen) > ENTRY_COUNT


def test_the_export_is_the_whole_chain(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    seal(now=world.now)
    answer = signed_in("viewer").get("/journal.jsonl")
    assert "attachment" in answer["Content-Disposition"]
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]  # type: ignore[attr-defined]
    assert lines[0]["journal"]["signer_key"] == "ab" * 32
    assert {"fleet.host_enrolled"} <= {line["entry"]["kind"] for line in lines if "entry" in line}


def test_a_person_is_added_with_a_password_that_is_shown_once(world: World, signed_in: SignIn) -> None:
    client = signed_in("administrator")
    page = client.post("/people", {"name": "nora", "role": "approver"}).content.decode()
    password = page.partition('id="password">')[2].partition("<")[0]
    assert password not in client.get("/people").content.decode()
    newcomer = Client()
    assert newcomer.post("/sign-in", {"name": "nora", "password": password})["Location"] == "/"
    assert newcomer.get("/")["Location"] == "/password"
    member = Membership.objects.get(person__name="nora")
    assert (member.organisation_id, member.role) == (world.organisation.id, Role.APPROVER)
    again = client.post("/people", {"name": "nora", "role": "viewer"})
    assert "is empty or taken" in again.content.decode()


def test_roles_are_set_but_the_last_administrator_stays(world: World, signed_in: SignIn) -> None:
    client = signed_in("administrator")
    client.post(f"/people/{world.people['viewer'].id}/role", {"role": "operator"})
    assert Membership.objects.get(person=world.people["viewer"]).role == Role.OPERATOR
    page = client.post(f"/people/{world.people['administrator'].id}/role", {"role": "viewer"}, follow=True)
    assert "The last administrator cannot lose that role." in page.content.decode()
    page = client.post(f"/people/{world.people['viewer'].id}/role", {"role": "king"}, follow=True)
    assert "That is no role." in page.content.decode()


def test_a_token_is_shown_once_works_and_is_revoked(world: World, signed_in: SignIn) -> None:
    client = signed_in("operator")
    page = client.post("/account", {"name": "laptop", "days": "30"}).content.decode()
    text = page.partition('id="token">')[2].partition("<")[0]
    speaker = person_by_token(text=text, now=world.now)
    assert speaker is not None
    assert speaker.person_name == "otto"
    shown = client.get("/account").content.decode()
    assert text not in shown
    revoke = shown.partition("/account/tokens/")[2].partition('"')[0]
    strange = signed_in("viewer").post(f"/account/tokens/{revoke}", follow=True)
    assert "You have no such token." in strange.content.decode()
    client.post(f"/account/tokens/{revoke}")
    assert person_by_token(text=text, now=world.now) is None
    assert client.post("/account", {"name": "long", "days": "9999"}).status_code == 422


def test_the_appearance_is_kept_in_this_browser(signed_in: SignIn) -> None:
    client = signed_in("viewer")
    assert "data-theme" not in client.get("/account").content.decode()
    client.post("/account/theme", {"theme": "dark"})
    assert 'data-theme="dark"' in client.get("/account").content.decode()
    client.cookies["oakum_theme"] = '"><script>'
    assert "data-theme" not in client.get("/account").content.decode()


def test_windows_are_made_shown_with_their_openings_and_deleted(world: World, signed_in: SignIn) -> None:
    del world
    client = signed_in("operator")
    assert "No window yet" in read(client, "/windows")
    client.post("/windows/set", WINDOW)
    row = Window.objects.get()
    assert row.rrule == "FREQ=WEEKLY"
    page = read(client, "/windows")
    assert "Sunday night every Sunday at 02:00 Europe/Berlin 3 h" in page
    now = datetime.now(tz=UTC)
    form = {
        "name": "year's end",
        "starts_at": f"{now:%Y-%m-%dT%H:%M}",
        "ends_at": f"{now + timedelta(days=20):%Y-%m-%dT%H:%M}",
        "reason": "sale",
    }
    client.post("/freezes/set", form)
    assert "year's end holds now" in read(client, "/windows")
    opening = read(client, f"/windows/{row.id}")
    assert "nothing: frozen" in opening
    assert "all of it" in opening
    client.post(f"/freezes/{Freeze.objects.get().id}/delete")
    client.post(f"/windows/{row.id}/delete")
    assert not Window.objects.exists()
    assert not Freeze.objects.exists()


@pytest.mark.parametrize(
    ("repeat", "own", "rule"),
    [
        ("", "", ""),
        ("daily", "", "FREQ=DAILY"),
        ("workdays", "", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"),
        ("monthly", "", "FREQ=MONTHLY;BYDAY=5SU"),
        ("own", "FREQ=MONTHLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYMONTHDAY=1"),
    ],
)
def test_the_repetition_in_words_becomes_a_rule(signed_in: SignIn, repeat: str, own: str, rule: str) -> None:
    signed_in("operator").post("/windows/set", WINDOW | {"repeat": repeat, "own_rule": own})
    assert Window.objects.get().rrule == rule


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"timezone": "Mars/Base"}, "is no zone of the IANA database"),
        ({"repeat": "own", "own_rule": "FREQ=SECONDLY"}, "has no FREQ that fits"),
        ({"repeat": "own", "own_rule": ""}, "Write the rule"),
        ({"starts": "tomorrow"}, "Write it like"),
        ({"minutes": "0"}, "greater than or equal to 1"),
        ({"repeat": "", "starts": "2020-01-01T02:00"}, "never opens again"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_with_its_reason(
    signed_in: SignIn, change: dict[str, str], words: str
) -> None:
    answer = signed_in("operator").post("/windows/set", WINDOW | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Window.objects.exists()


def test_a_freeze_that_ends_before_it_starts_is_refused(signed_in: SignIn) -> None:
    form = {"name": "x", "starts_at": "2027-01-02T00:00", "ends_at": "2027-01-01T00:00", "reason": ""}
    answer = signed_in("operator").post("/freezes/set", form)
    assert "A freeze ends after it starts." in answer.content.decode()


def test_settings_are_kept_and_shown_in_words(world: World, signed_in: SignIn) -> None:
    client = signed_in("administrator")
    assert client.post("/settings", SETTINGS)["Location"] == "/settings"
    found = settings_of(organisation_id=world.organisation.id)
    assert (found.soak_seconds, found.ring_percents, found.check_in_seconds) == (5_400, (20, 100), 600)
    assert "Deadlines by By severity" in read(client, "/settings")
    assert "A rollout needs 2 approvals." in read(signed_in("viewer"), "/settings")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ring_percents": "50, 20"}, "rising"),
        ({"ring_percents": "many"}, "whole numbers"),
        ({"approvals_required": "9"}, "less than or equal to 5"),
        ({"stale_hours": "0.1", "check_in_minutes": "60"}, "between"),
        ({"deadline_pack": "nobody"}, "Select a valid choice"),
    ],
)
def test_settings_out_of_bounds_are_refused(
    world: World, signed_in: SignIn, change: dict[str, str], words: str
) -> None:
    answer = signed_in("administrator").post("/settings", SETTINGS | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert settings_of(organisation_id=world.organisation.id).deadline_pack == "cisa-bod-26-04"


def test_the_system_page_tells_what_is_silent_or_failing(world: World, signed_in: SignIn) -> None:
    def clock() -> datetime:
        return datetime.now(tz=UTC)

    def broken(now: datetime) -> str:
        raise ValueError(f"broken at {now.year}")

    client = signed_in("viewer")
    assert "No loop has ever run" in read(client, "/system")
    run_leased("assess", lambda _: "new versions", holder="x", clock=clock)
    assert "Signer and loops work." in read(client, "/system")
    assert "No advisory feed has been imported" in read(client, "/system")
    run_leased("stale", broken, holder="x", clock=clock)
    page = read(client, "/system")
    assert "1 loop needs a look." in page
    assert "ValueError" not in page
    assert "ValueError" in read(signed_in("administrator"), "/system")
    Installation.objects.update(signer_seen_at=world.now - timedelta(hours=1))
    assert "The order signer is silent: no host gets a new order." in read(client, "/system")
