"""Rollouts: asked for, approved by somebody else, started, halted at once, and shown as they move."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from oakum.catalogue.models import Update
from oakum.fleet.models import Host
from oakum.identity.models import Role
from oakum.identity.services import set_approvals_required
from oakum.policy.models import Window
from oakum.rollout.models import Order, Rollout
from tests.rollout.world import World as Motion
from tests.web.conftest import SignIn
from tests.web.pages import read, words_of
from tests.web.rows import EXPLOITED_CVE, NEW_OPENSSL, World, add_host, import_advisories

FORM = {
    "name": "",
    "what": "security",
    "patches": "",
    "sources": "",
    "cve": "",
    "where": "all",
    "group": "",
    "hosts": "",
    "rings": "1",
    "soak_hours": "",
    "when": "any",
    "window": "",
    "now_minutes": "",
    "failure_percent_max": "",
    "failure_count_max": "",
    "wave_count_max": "",
    "reboot": "never",
}
LIST_QUERY_COUNT_MAX = 20


@pytest.fixture
def fleet(world: World) -> list[Host]:
    return [add_host(world, f"web{number:02}.example.test") for number in range(3)]


@pytest.fixture
def motion(world: World, fleet: list[Host]) -> Motion:
    """The moves of people, hosts and processes, by the rollout room's own tests."""
    return Motion(
        now=world.now,
        organisation=world.organisation,
        ann=world.people["operator"],
        bea=world.people["approver"],
        hosts=fleet,
    )


def ask(client: Client, **changes: str) -> str:
    """Ask for a rollout and return the path of its page."""
    answer = client.post("/rollouts/plan", FORM | changes)
    assert answer.status_code == 302, words_of(answer.content.decode())
    return str(answer["Location"])


def say(client: Client, rollout_id: UUID, verb: str, **form: str) -> str:
    """Say a word and return the words of the page that follows."""
    answer = client.post(f"/rollouts/{rollout_id}/{verb}", form, follow=True)
    return words_of(answer.content.decode())


@pytest.mark.usefixtures("fleet")
def test_a_rollout_is_asked_for_and_its_page_says_what_would_happen(world: World, signed_in: SignIn) -> None:
    add_host(world, "kiosk.example.test", mode="report_only")
    client = signed_in("operator")
    assert "No rollout yet" in read(client, "/rollouts")
    path = ask(client)
    page = read(client, path)
    assert "Nothing moves yet" in page
    assert "It waits for approval: 0 of 1" in page
    assert "You asked for it, so somebody else must answer: who asks never approves." in page
    assert f"openssl {NEW_OPENSSL} debian:12 amd64" in page
    assert "Ring 0 1 host" in page
    assert "kiosk.example.test all of it" in page
    assert "report-only" in page.lower()
    assert not Order.objects.exists()
    assert "Rollout 1: all pending security updates awaiting approval" in read(client, "/rollouts")


@pytest.mark.usefixtures("fleet")
def test_who_asks_never_approves_even_by_hand(world: World, signed_in: SignIn) -> None:
    approver = signed_in("approver")
    ask(approver)
    rollout = Rollout.objects.get()
    assert "Approve" not in read(approver, "/rollouts/1").partition("It waits for approval")[2][:200]
    refused = say(approver, rollout.id, "approve")
    assert "Who asked for a rollout never approves it" in refused
    rollout.refresh_from_db()
    assert rollout.state == "awaiting_approval"
    assert "You approved it. It can be started." in say(signed_in("administrator"), rollout.id, "approve")
    assert world.organisation.approvals_required == 1


@pytest.mark.usefixtures("fleet")
def test_an_operator_cannot_approve_and_is_told_why(signed_in: SignIn) -> None:
    ask(signed_in("approver"))
    client = signed_in("operator")
    assert "An approver must answer; you are operator." in read(client, "/rollouts/1")
    assert "takes the role approver; yours is operator" in say(client, Rollout.objects.get().id, "approve")


@pytest.mark.usefixtures("fleet")
def test_a_rejected_rollout_never_runs(signed_in: SignIn) -> None:
    ask(signed_in("operator"))
    rollout_id = Rollout.objects.get().id
    page = say(signed_in("approver"), rollout_id, "reject", reason="not before the sale")
    assert "You rejected it." in page
    assert "not before the sale" in page
    assert "cannot be told to start" in say(signed_in("operator"), rollout_id, "start")


def test_a_rollout_runs_and_a_halt_answers_who_was_let_go(motion: Motion, signed_in: SignIn) -> None:
    operator, approver = signed_in("operator"), signed_in("approver")
    ask(operator)
    rollout_id = Rollout.objects.get().id
    say(approver, rollout_id, "approve", reason="Looks good.")
    assert "Started." in say(operator, rollout_id, "start")
    motion.wait(timedelta(minutes=1))
    motion.tick()
    motion.tick()
    first = next(host for host in motion.hosts if motion.order_of(host))
    assert motion.ask(first).granted
    page = read(operator, "/rollouts/1")
    assert "Let go, and not heard of since" in page
    halted = say(operator, rollout_id, "halt", reason="the shop is down")
    assert f"1 host was let go before, and may be at work: {first.hostname}." in halted
    assert "the shop is down" in halted
    assert "An approver who did not ask for it can resume it." in halted
    again = say(operator, rollout_id, "halt")
    assert first.hostname in again
    assert "Resumed." in say(approver, rollout_id, "resume")


def test_halt_is_one_click_away_on_every_page_while_something_moves(motion: Motion, signed_in: SignIn) -> None:
    motion.begin()
    action = f'action="/rollouts/{Rollout.objects.get().id}/halt"'
    host = motion.hosts[0]
    for path in ("/", "/hosts", f"/hosts/{host.id}", "/rollouts", "/rollouts/1", "/journal", "/settings"):
        assert action in signed_in("operator").get(path).content.decode(), path
        assert action not in signed_in("viewer").get(path).content.decode(), path
    motion.say("halt", Rollout.objects.get().id)
    assert action not in signed_in("operator").get("/hosts").content.decode()


def test_what_moves_refreshes_itself_and_what_is_over_does_not(motion: Motion, signed_in: SignIn) -> None:
    rollout_id = motion.begin()
    client = signed_in("viewer")
    page = client.get("/rollouts/1").content.decode()
    assert f'hx-get="/rollouts/{rollout_id}?state=running"' in page
    headers = {"HX-Request": "true"}
    fragment = client.get(f"/rollouts/{rollout_id}?state=running", headers=headers)
    assert "<html" not in fragment.content.decode()
    assert 'id="live"' in fragment.content.decode()
    motion.say("halt", rollout_id)
    assert client.get(f"/rollouts/{rollout_id}?state=running", headers=headers)["HX-Refresh"] == "true"
    motion.say("cancel", rollout_id)
    assert "hx-trigger" not in client.get("/rollouts/1").content.decode()


def test_a_failure_is_shown_first_with_its_reason_and_the_rollout_halts(motion: Motion, signed_in: SignIn) -> None:
    motion.begin(failure_count_max=0, failure_percent_max=0)
    motion.tick()
    motion.tick()
    host = next(host for host in motion.hosts if motion.order_of(host))
    order = motion.order_of(host)
    motion.ask(host, order=order)
    motion.tell(host, "started", order=order)
    sentence = "nginx.service was active before and failed after."
    motion.tell(host, "rolled_back", order=order, sentence=sentence, health=("nginx.service: failed",))
    motion.tick()
    page = read(signed_in("viewer"), "/rollouts/1")
    assert "halted" in page
    assert f"Needs a look Host Ring State Why Since {host.hostname} 0 rolled back {sentence}" in page
    assert "nginx.service: failed" in page
    assert "1 came to harm" in read(signed_in("viewer"), "/rollouts")
    assert "rolled back" in read(signed_in("viewer"), f"/hosts/{host.id}")
    waiting = read(signed_in("approver"), "/")
    assert "Waits for you Rollout 1: all pending security updates Halted" in waiting


def test_a_finished_host_is_verified_on_every_page(motion: Motion, signed_in: SignIn) -> None:
    motion.begin()
    motion.tick()
    motion.tick()
    host = next(host for host in motion.hosts if motion.order_of(host))
    order = motion.order_of(host)
    motion.ask(host, order=order)
    motion.tell(host, "started", order=order)
    motion.tell(host, "applied", order=order)
    hosts_page = read(signed_in("viewer"), "/rollouts/1/hosts?state=applied")
    assert f"{host.hostname} 0 applied, soaking" in hosts_page
    assert "No host matches" in read(signed_in("viewer"), "/rollouts/1/hosts?state=verified")
    assert "No host matches" not in read(signed_in("viewer"), "/rollouts/1/hosts?ring=99")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"what": "sources"}, "Name at least one source package."),
        ({"what": "sources", "sources": "nothing-like-it"}, "No update of a source package named nothing-like-it"),
        ({"what": "cve", "cve": "CVE-1999-0001"}, "No pending update is known to cure CVE-1999-0001."),
        ({"what": "everything"}, "Select a valid choice"),
        ({"where": "group"}, "Choose a group."),
        ({"where": "named", "hosts": "nobody.example.test"}, "There is no host named nobody.example.test."),
        ({"where": "named", "hosts": "%"}, "There is no host named %."),
        ({"when": "window"}, "Choose a window."),
        ({"rings": "one"}, "Write whole numbers"),
        ({"rings": "0"}, "Sizes of rings are"),
        ({"soak_hours": "99999"}, "soak lies between"),
        ({"failure_percent_max": "101"}, "less than or equal to 100"),
        ({"reboot": "often"}, "Select a valid choice"),
    ],
)
@pytest.mark.usefixtures("fleet")
def test_a_wish_that_makes_no_sense_is_refused_and_nothing_is_stored(
    signed_in: SignIn, change: dict[str, str], words: str
) -> None:
    client = signed_in("operator")
    answer = client.post("/rollouts/plan", FORM | change)
    assert answer.status_code == 422
    assert words in words_of(answer.content.decode())
    assert not Rollout.objects.exists()
    outlook = client.post("/rollouts/plan/outlook", FORM | change)
    assert outlook.status_code == 200


def test_the_outlook_shows_what_would_be_carried_and_when(world: World, fleet: list[Host], signed_in: SignIn) -> None:
    import_advisories(world)
    client = signed_in("operator")
    window = {"name": "w", "starts": "2026-11-29T02:00", "timezone": "UTC", "repeat": "daily", "minutes": "60"}
    client.post("/windows/set", window)

    def outlook(**change: str) -> str:
        return words_of(client.post("/rollouts/plan/outlook", FORM | change).content.decode())

    assert f"1 update, curing 3 overdue findings: openssl {NEW_OPENSSL} on 3 hosts" in outlook()
    assert "tzdata 2025b-0+deb12u2 on 3 hosts" in outlook(what="sources", sources="tzdata openssl")
    assert "on 1 host" in outlook(where="named", hosts=fleet[0].hostname)
    assert "on 1 host" in outlook(what="cve", cve=EXPLOITED_CVE.lower(), where="named", hosts=str(fleet[0].id))
    assert "The window opens" in outlook(when="window", window=str(Window.objects.get().id))
    assert "Nothing: none of these hosts has any of it pending" in outlook(what="sources", sources="bash")
    assert not Rollout.objects.exists()


def test_other_pages_lead_to_a_form_that_is_filled_in(world: World, fleet: list[Host], signed_in: SignIn) -> None:
    client = signed_in("operator")
    update = Update.objects.get(source_name="openssl")
    page = client.get(f"/rollouts/plan?patch={update.id}&host={fleet[0].id}").content.decode()
    assert f"openssl {NEW_OPENSSL} for debian:12" in page
    assert fleet[0].hostname in page
    path = ask(
        client, what="chosen", patches=str(update.id), where="named", hosts=fleet[0].hostname, name="just this one"
    )
    assert "Rollout 1: just this one" in read(client, path)
    assert "CVE-2026-1" in client.get("/rollouts/plan?cve=CVE-2026-1").content.decode()
    assert client.get("/rollouts/plan?patch=99999").status_code == 404
    assert world.now


@pytest.mark.usefixtures("fleet")
def test_an_organisation_of_one_needs_no_approval_and_every_rollout_says_so(world: World, signed_in: SignIn) -> None:
    set_approvals_required(organisation_id=world.organisation.id, count=0, actor="person:adam", now=world.now)
    client = signed_in("operator")
    ask(client)
    page = read(client, "/rollouts/1")
    assert "approved, not started" in page
    assert "none needed in this organisation" in page


@pytest.mark.usefixtures("fleet")
def test_the_list_asks_the_database_no_more_for_more_rollouts(
    signed_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in("operator")
    for _ in range(8):
        ask(client)
    with django_assert_max_num_queries(LIST_QUERY_COUNT_MAX):
        page = client.get("/rollouts")
    assert len(page.content) < 50_000
    assert "No rollout" not in read(client, "/rollouts?show=waiting")
    assert "None Show all rollouts" in read(client, "/rollouts?show=live")


def test_a_rollout_of_another_organisation_is_not_there(motion: Motion, world: World, signed_in: SignIn) -> None:
    rollout_id = motion.begin()
    other = type(world.organisation).objects.create(name="Other", created_at=world.now)
    Rollout.objects.update(organisation=other)
    client = signed_in("administrator")
    for path in ("", "/hosts"):
        assert client.get(f"/rollouts/{rollout_id}{path}").status_code == 404
    for verb in ("approve", "start", "halt", "cancel"):
        assert client.post(f"/rollouts/{rollout_id}/{verb}").status_code == 404
    assert Rollout.objects.get().state == "running"


@pytest.mark.usefixtures("fleet")
def test_a_word_that_is_none_is_refused(signed_in: SignIn) -> None:
    ask(signed_in("operator"))
    answer = signed_in("operator").post(f"/rollouts/{Rollout.objects.get().id}/explode")
    assert answer.status_code == 409


def test_roles_and_verbs(motion: Motion, signed_in: SignIn) -> None:
    rollout_id = motion.plan()
    for role in Role:
        status = signed_in(role.value).post(f"/rollouts/{rollout_id}/pause").status_code
        assert status == (403 if role is Role.VIEWER else 302)
    motion.wait(timedelta(minutes=1))
