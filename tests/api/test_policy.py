"""Settings, windows and freezes by the API."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from oakum.journal.models import Entry
from tests.api.calling import Caller
from tests.web.rows import World

pytestmark = pytest.mark.django_db
WINDOW = {
    "name": "nights",
    "starts_local": "2026-11-28T02:00:00",
    "rrule": "FREQ=WEEKLY;BYDAY=SA",
    "timezone": "Europe/Berlin",
    "duration_seconds": 14_400,
}


def test_settings_are_read_by_all_and_changed_by_administrators(viewer: Caller, administrator: Caller) -> None:
    found = viewer.get("/policy/settings").ok()
    assert found["approvals_required"] == 1
    assert found["settings"]["deadline_pack"] == "cisa-bod-26-04"
    change = {"deadline_pack": "severity-simple", "ring_percents": [25, 100], "approvals_required": 2}
    after = administrator.patch("/policy/settings", change).ok()
    assert after["approvals_required"] == 2
    assert after["settings"]["deadline_pack"] == "severity-simple"
    assert after["settings"]["ring_percents"] == [25, 100]
    assert after["settings"]["soak_seconds"] == found["settings"]["soak_seconds"]
    assert {"policy.settings_set", "identity.approvals_required_set"} <= set(
        Entry.objects.values_list("kind", flat=True)
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"deadline_pack": "none"}, 409),
        ({"soak_seconds": 10**8}, 409),
        ({"soak_seconds": 10**30}, 422),
        ({"soak_seconds": -1}, 422),
        ({"ring_percents": [50, 10]}, 409),
        ({"approvals_required": 6}, 422),
        ({"soak": 3}, 422),
    ],
)
def test_settings_out_of_bounds_change_nothing(administrator: Caller, change: dict[str, object], status: int) -> None:
    before = administrator.get("/policy/settings").ok()
    found = administrator.patch("/policy/settings", change)
    assert found.status == status
    found.refused(status, "settings_invalid" if status == 409 else "request_invalid")
    assert administrator.get("/policy/settings").ok() == before


def test_a_window_is_made_listed_changed_and_deleted(operator: Caller) -> None:
    made = operator.post("/policy/windows", WINDOW).ok()
    assert made["next_span"]["starts_at"].endswith("T01:00:00Z")
    operator.post("/policy/windows", {**WINDOW, "name": "eu/north 2"}).ok()
    changed = operator.post("/policy/windows", {**WINDOW, "timezone": "UTC"}).ok()
    assert changed["id"] == made["id"]
    assert [each["name"] for each in operator.get("/policy/windows").ok()] == ["eu/north 2", "nights"]
    operator.delete(f"/policy/windows/{quote('eu/north 2', safe='')}").ok()
    operator.delete("/policy/windows/nights").ok()
    assert "oakum window list" in operator.delete("/policy/windows/nights").refused(404, "window_unknown")


@pytest.mark.parametrize(
    "change",
    [
        {"rrule": "FREQ=SOMETIMES"},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"starts_local": "soon"},
        {"starts_local": "2001-01-01T00:00:00", "rrule": ""},
        {"duration_seconds": 10**9},
        {"name": ""},
    ],
)
def test_windows_that_cannot_be_are_refused_with_a_next_step(operator: Caller, change: dict[str, object]) -> None:
    found = operator.post("/policy/windows", {**WINDOW, **change})
    assert found.status == 409
    assert found.body["next_step"]
    assert operator.get("/policy/windows").ok() == []


def test_a_freeze_is_declared_listed_and_ended(world: World, operator: Caller) -> None:
    starts_at, ends_at = world.now + timedelta(days=1), world.now + timedelta(days=2)
    body = {"name": "holidays", "starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat(), "reason": "rest"}
    made = operator.post("/policy/freezes", body).ok()
    operator.post("/policy/freezes", {**body, "name": "second"}).ok()
    assert [each["name"] for each in operator.get("/policy/freezes").ok()] == ["holidays", "second"]
    operator.delete(f"/policy/freezes/{made['id']}").ok()
    operator.delete(f"/policy/freezes/{made['id']}").refused(404, "freeze_unknown")
    backwards = {**body, "starts_at": body["ends_at"], "ends_at": body["starts_at"]}
    operator.post("/policy/freezes", backwards).refused(409, "freeze_invalid")
    naive = {**body, "starts_at": "2030-01-01T00:00:00", "ends_at": "2030-01-02T00:00:00"}
    operator.post("/policy/freezes", naive).refused(409, "freeze_invalid")
    operator.post("/policy/freezes", {**body, "ends_at": "tomorrow"}).refused(422, "request_invalid")
