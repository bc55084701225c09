"""Rollouts by the API, from the wish to the halt, with the rooms' own verbs for what hosts do in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from oakum.fleet.models import Host
from oakum.fleet.services import add_to_group, retire_host, set_group
from oakum.identity.services import set_approvals_required
from oakum.journal.models import Entry
from tests.api.calling import Caller
from tests.api.rolling import ask_permit, step, tell
from tests.web.rows import CVE, NEW_OPENSSL, World, add_host

pytestmark = pytest.mark.django_db
NO_ID = "3f9c0a52-0000-4000-8000-000000000000"
WISH: dict[str, object] = {
    "patches": ["openssl"],
    "hosts": ["db01", "web01"],
    "rings": [["db01"], ["web01"]],
    "window": {"now_hours": 4},
    "soak_seconds": 60,
    "health_delay_seconds": 8,
}


def utc_now() -> datetime:
    return datetime.now(tz=UTC)


def begin(operator: Caller, approver: Caller, **changes: object) -> int:
    number: int = operator.post("/rollouts", {**WISH, **changes}).ok()["number"]
    approver.post(f"/rollouts/{number}/approve", {"comment": "seen"}).ok()
    operator.post(f"/rollouts/{number}/start").ok()
    return number


def host_in(found: Any, name: str) -> Any:
    (host,) = [host for ring in found["rings"] for host in ring["hosts"] if host["hostname"] == name]
    return host


def test_a_plan_pins_versions_and_says_what_it_waits_for(operator: Caller) -> None:
    found = operator.post("/rollouts", {**WISH, "name": "openssl now"}).ok()
    assert (found["number"], found["name"], found["state"]) == (1, "openssl now", "awaiting_approval")
    assert found["report"].startswith("Waits for approval: 0 of 1 given.")
    assert [[host["hostname"] for host in ring["hosts"]] for ring in found["rings"]] == [["db01"], ["web01"]]
    assert found["rings"][0]["counts"] == {"waiting": 1}
    assert {"stream": "debian:12", "architecture": "amd64", "package": "openssl", "version": NEW_OPENSSL} in found[
        "pins"
    ]
    assert found["pin_count"] == 2
    assert found["soak_seconds"] == 60
    assert found["health_delay_seconds"] == 8
    assert found["limits"]["failure_percent_max"] == 5
    assert found["requested_by"] == "otto"
    assert found["verbs"] == ["approve", "reject", "cancel"]
    assert len(found["windows"]) == 1
    for ref in ("1", found["id"]):
        assert operator.get(f"/rollouts/{ref}").ok() == operator.get("/rollouts/1").ok()


@pytest.mark.parametrize(
    ("change", "hosts", "packages"),
    [
        ({"patches": "security", "hosts": "all"}, {"db01", "web01"}, {"openssl", "libssl3"}),
        ({"patches": ["openssl", "tzdata"]}, {"db01", "web01"}, {"openssl", "libssl3", "tzdata"}),
        ({"patches": {"cve": CVE.lower()}, "hosts": {"group": "web"}}, {"web01"}, {"openssl", "libssl3"}),
        ({"rings": {"sizes": [1, 7]}}, {"db01", "web01"}, {"openssl", "libssl3"}),
        ({"rings": [["web01"]], "hosts": None}, {"web01"}, {"openssl", "libssl3"}),
        ({"window": None}, {"db01", "web01"}, {"openssl", "libssl3"}),
    ],
)
def test_every_form_of_a_wish(operator: Caller, change: dict[str, object], hosts: set[str], packages: set[str]) -> None:
    wish = {**WISH, "rings": None, **change}
    found = operator.post("/rollouts", wish).ok()
    assert {host["hostname"] for ring in found["rings"] for host in ring["hosts"]} == hosts
    assert {pin["package"] for pin in found["pins"]} == packages


def test_patches_and_hosts_by_id(operator: Caller, web01: Host) -> None:
    patch_id = operator.get("/patches", search="tzdata").ok()["rows"][0]["id"]
    found = operator.post("/rollouts", {"patches": [patch_id], "hosts": [str(web01.id)]}).ok()
    assert [pin["package"] for pin in found["pins"]] == ["tzdata"]
    assert found["window_text"] == "At any time"


def test_a_stored_window_by_name(operator: Caller) -> None:
    window = {"name": "nights", "starts_local": "2026-11-28T02:00:00", "rrule": "FREQ=DAILY", "duration_seconds": 3600}
    operator.post("/policy/windows", window).ok()
    found = operator.post("/rollouts", {**WISH, "window": {"name": "nights"}}).ok()
    assert len(found["windows"]) > 1
    assert "nights" in found["window_text"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"patches": []}, 409, "no_update"),
        ({"patches": ["nothing-of-that-name"]}, 404, "patch_unknown"),
        ({"patches": [10**15]}, 404, "patch_unknown"),
        ({"patches": ["openssl", 1]}, 409, "patches_mixed"),
        ({"patches": "everything"}, 422, "request_invalid"),
        ({"patches": {"cve": "CVE-2026-11111", "extra": 1}}, 422, "request_invalid"),
        ({"hosts": ["web99"], "rings": None}, 404, "host_unknown"),
        ({"hosts": [NO_ID], "rings": None}, 404, "host_unknown"),
        ({"hosts": {"group": "nowhere"}, "rings": None}, 404, "group_unknown"),
        ({"hosts": None, "rings": None}, 409, "hosts_missing"),
        ({"hosts": [], "rings": None}, 409, "nothing_to_do"),
        ({"rings": [["db01"], ["db01"]]}, 409, "rings_invalid"),
        ({"rings": []}, 422, "request_invalid"),
        ({"rings": {"sizes": [0]}}, 409, "rings_invalid"),
        ({"rings": {"sizes": []}}, 422, "request_invalid"),
        ({"window": {"name": "nowhere"}}, 404, "window_unknown"),
        ({"window": {}}, 422, "request_invalid"),
        ({"window": {"name": "x", "now_hours": 1}}, 422, "request_invalid"),
        ({"window": {"now_hours": 1e300}}, 422, "request_invalid"),
        ({"soak_seconds": 10**9}, 409, "soak_invalid"),
        ({"soak_seconds": -1}, 422, "request_invalid"),
        ({"reboot": "sometimes"}, 422, "request_invalid"),
        ({"failure_percent_max": 101}, 409, "failure_percent_max_invalid"),
        ({"haste": True}, 422, "request_invalid"),
    ],
)
def test_wishes_that_cannot_be_make_no_rollout(
    operator: Caller, change: dict[str, object], status: int, code: str
) -> None:
    operator.post("/rollouts", {**WISH, **change}).refused(status, code)
    assert operator.get("/rollouts").ok()["total_count"] == 0


def test_hosts_that_are_left_out_are_named_with_the_reason(world: World, operator: Caller) -> None:
    add_host(world, "mute01", status="unknown")
    add_host(world, "look01", mode="report_only")
    found = operator.post("/rollouts", {"patches": "security", "hosts": "all"}).ok()
    left_out = {each["hostname"]: each for each in found["left_out"]}
    assert set(left_out) == {"mute01", "look01"}
    assert found["left_out_count"] == 2
    assert all(each["reason"] and each["sentence"].endswith(".") for each in left_out.values())


def test_who_asked_never_approves_and_an_operator_cannot(approver: Caller, operator: Caller) -> None:
    number = approver.post("/rollouts", WISH).ok()["number"]
    approver.post(f"/rollouts/{number}/approve", {}).refused(403, "own_request")
    assert "approver" in operator.post(f"/rollouts/{number}/approve", {}).refused(403, "role_too_low")
    assert operator.get(f"/rollouts/{number}").ok()["state"] == "awaiting_approval"


def test_approval_start_pause_resume_and_cancel(operator: Caller, approver: Caller) -> None:
    number = operator.post("/rollouts", WISH).ok()["number"]
    operator.post(f"/rollouts/{number}/start").refused(409, "state_forbids")
    approved = approver.post(f"/rollouts/{number}/approve", {"comment": "looks right"}).ok()
    assert approved["state"] == "approved"
    (approval,) = operator.get(f"/rollouts/{number}").ok()["approvals"]
    assert (approval["person_name"], approval["comment"], approval["counts"]) == ("anna", "looks right", True)
    assert operator.post(f"/rollouts/{number}/start").ok()["state"] == "running"
    paused = operator.post(f"/rollouts/{number}/pause", {"reason": "lunch"}).ok()
    assert paused["state"] == "paused"
    assert "lunch" in paused["report"]
    assert operator.post(f"/rollouts/{number}/resume").ok()["state"] == "running"
    cancelled = operator.post(f"/rollouts/{number}/cancel", {"reason": "enough"}).ok()
    assert cancelled["rollout"]["state"] == "cancelled"
    assert cancelled["holders"] == []
    words = operator.post(f"/rollouts/{number}/start").refused(409, "state_forbids")
    assert "cancelled" in words


def test_a_rejection_ends_it(operator: Caller, approver: Caller) -> None:
    number = operator.post("/rollouts", WISH).ok()["number"]
    found = approver.post(f"/rollouts/{number}/reject", {"comment": "not on a Friday"}).ok()
    assert found["state"] == "cancelled"
    assert "not on a Friday" in found["report"]


def test_verbs_need_no_body_because_a_halt_at_night_is_typed_by_hand(operator: Caller, approver: Caller) -> None:
    number = operator.post("/rollouts", WISH).ok()["number"]
    for caller, verb in (
        (approver, "approve"),
        (operator, "start"),
        (operator, "pause"),
        (operator, "resume"),
        (operator, "halt"),
        (approver, "resume"),
        (operator, "cancel"),
    ):
        caller.call("POST", f"/rollouts/{number}/{verb}", b"").ok()


def test_a_halt_answers_who_holds_a_permit_and_nobody_starts_after(operator: Caller, approver: Caller) -> None:
    number = begin(operator, approver, rings=[["db01", "web01"]])
    step(utc_now())
    found = operator.get(f"/rollouts/{number}").ok()
    assert host_in(found, "db01")["state"] == "released"
    assert ask_permit(number, "db01", utc_now()).granted
    answer = operator.post(f"/rollouts/{number}/halt", {"reason": "smoke"}).ok()
    assert answer["rollout"]["state"] == "halted"
    assert [each["hostname"] for each in answer["holders"]] == ["db01"]
    assert set(answer["holders"][0]) == {"host_id", "hostname", "order_id", "permitted_at"}
    refused = ask_permit(number, "web01", utc_now())
    assert (refused.granted, refused.reason) == (False, "rollout_halted")
    again = operator.post(f"/rollouts/{number}/halt").ok()
    assert [each["hostname"] for each in again["holders"]] == ["db01"]
    assert [each["hostname"] for each in operator.get(f"/rollouts/{number}").ok()["holders"]] == ["db01"]
    assert Entry.objects.filter(kind="rollout.halted").count() == 1


def test_after_a_halt_only_an_approver_resumes(operator: Caller, approver: Caller) -> None:
    number = begin(operator, approver)
    operator.post(f"/rollouts/{number}/halt", {"reason": "smoke"}).ok()
    operator.post(f"/rollouts/{number}/resume").refused(403, "role_too_low")
    assert approver.post(f"/rollouts/{number}/resume", {"retry_failed": True}).ok()["state"] == "running"


def test_a_host_that_was_taken_back_shows_why_and_halts_the_rest(operator: Caller, approver: Caller) -> None:
    number = begin(operator, approver)
    step(utc_now())
    assert ask_permit(number, "db01", utc_now()).granted
    tell(number, "db01", "started", utc_now())
    health = ("unit openssl.service is failed, was active",)
    tell(number, "db01", "rolled_back", utc_now(), reason="health_worse", sentence="It was worse.", health=health)
    step(utc_now())
    found = operator.get(f"/rollouts/{number}").ok()
    assert found["state"] == "halted"
    assert "rolled back" in found["report"]
    db01 = host_in(found, "db01")
    assert (db01["state"], db01["reason"], db01["sentence"]) == ("rolled_back", "health_worse", "It was worse.")
    assert db01["health"] == list(health)
    assert host_in(found, "web01")["state"] == "waiting"
    assert found["rings"][0]["counts"] == {"rolled_back": 1}
    page = operator.get(f"/rollouts/{number}/hosts", state="rolled_back").ok()
    assert [row["hostname"] for row in page["rows"]] == ["db01"]
    assert operator.get(f"/rollouts/{number}/hosts", ring=1).ok()["rows"][0]["hostname"] == "web01"
    assert operator.get(f"/rollouts/{number}/plans").ok()[0]["number"] >= 1
    (of_host,) = operator.get("/hosts/db01/rollouts").ok()
    assert (of_host["number"], of_host["host_state"]) == (number, "rolled_back")


def test_lists_and_what_waits_for_whom(viewer: Caller, operator: Caller, approver: Caller) -> None:
    first = operator.post("/rollouts", WISH).ok()["number"]
    second = operator.post("/rollouts", {**WISH, "patches": ["tzdata"]}).ok()["number"]
    page = viewer.get("/rollouts").ok()
    assert [row["number"] for row in page["rows"]] == [second, first]
    assert viewer.get("/rollouts", state="running").ok()["total_count"] == 0
    assert viewer.get("/rollouts/waiting").ok() == []
    waiting = approver.get("/rollouts/waiting").ok()
    assert [(each["number"], each["verb"]) for each in waiting] == [(first, "approve"), (second, "approve")]
    overview = approver.get("/findings/overview").ok()
    assert [each["number"] for each in overview["waiting"]] == [first, second]
    assert (overview["moving"], overview["moving_count"]) == ([], 0)
    approver.post(f"/rollouts/{first}/approve").ok()
    operator.post(f"/rollouts/{first}/start").ok()
    assert [each["number"] for each in approver.get("/findings/overview").ok()["moving"]] == [first]


def test_an_organisation_of_one_approves_itself_and_every_rollout_says_so(world: World, operator: Caller) -> None:
    set_approvals_required(organisation_id=world.organisation.id, count=0, actor="admin", now=world.now)
    found = operator.post("/rollouts", WISH).ok()
    assert found["state"] == "approved"
    assert "approvals_required to 0" in found["report"]
    assert operator.post(f"/rollouts/{found['number']}/start").ok()["state"] == "running"


@pytest.mark.parametrize("ref", ["99", "0", "-1", "x", "1" * 30, NO_ID])
def test_rollouts_that_do_not_exist(operator: Caller, ref: str) -> None:
    operator.get(f"/rollouts/{ref}").refused(404, "rollout_unknown")
    operator.post(f"/rollouts/{ref}/halt").refused(404, "rollout_unknown")


def test_planning_names_many_hosts_in_few_queries(
    world: World, operator: Caller, django_assert_max_num_queries: Any
) -> None:
    names = [f"h{index}" for index in range(30)]
    for name in names:
        add_host(world, name, reports=False)
    wish = {"patches": ["openssl"], "hosts": [*names, "web01"]}
    with django_assert_max_num_queries(60):
        found = operator.post("/rollouts", wish).ok()
    assert found["left_out_count"] == 30


def test_a_retired_host_is_not_meant_by_its_name(world: World, operator: Caller, web01: Host) -> None:
    set_group(organisation_id=world.organisation.id, name="g", actor="admin", now=world.now)
    add_to_group(organisation_id=world.organisation.id, name="g", host_ids=[web01.id], actor="admin", now=world.now)
    retire_host(organisation_id=world.organisation.id, host_id=web01.id, actor="admin", now=world.now)
    operator.post("/rollouts", {**WISH, "rings": None, "hosts": ["web01"]}).refused(404, "host_unknown")
    operator.post("/rollouts", {**WISH, "rings": None, "hosts": {"group": "g"}}).refused(409, "nothing_to_do")


def test_the_window_that_was_asked_for_is_the_one_that_is_approved(operator: Caller) -> None:
    found = operator.post("/rollouts", {**WISH, "window": {"now_hours": 0.5}}).ok()
    (span,) = found["windows"]
    length = datetime.fromisoformat(span["ends_at"]) - datetime.fromisoformat(span["starts_at"])
    assert length == timedelta(minutes=30)
