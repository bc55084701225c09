"""Groups and enrolment tokens by the API."""

from __future__ import annotations

import pytest

from oakum.fleet.models import EnrolmentToken
from tests.api.calling import Caller

pytestmark = pytest.mark.django_db


def test_a_group_is_made_changed_filled_and_deleted(operator: Caller) -> None:
    made = operator.post("/hosts/groups", {"name": "dmz", "reachability": "public"}).ok()
    assert (made["name"], made["reachability"], made["host_count"]) == ("dmz", "public", 0)
    assert operator.post("/hosts/groups/dmz/hosts", {"add": ["web01", "db01"]}).ok()["host_count"] == 2
    context = operator.get("/hosts/db01").ok()["host"]["row"]["context"]
    assert (context["reachability"], context["reachability_source"]) == ("public", "group dmz")
    assert operator.post("/hosts/groups/dmz/hosts", {"remove": ["db01"]}).ok()["host_count"] == 1
    assert operator.patch("/hosts/groups/dmz", {"name": "edge", "description": "outside"}).ok()["name"] == "edge"
    assert [each["name"] for each in operator.get("/hosts/groups").ok()] == ["edge", "web"]
    operator.delete("/hosts/groups/edge").ok()
    operator.delete("/hosts/groups/edge").refused(404, "group_unknown")


def test_names_with_blanks_and_slashes_are_names(operator: Caller) -> None:
    for name in ("web servers", "eu/west", "50 % done?", "Köln"):
        operator.post("/hosts/groups", {"name": name}).ok()
        from urllib.parse import quote

        path = f"/hosts/groups/{quote(name, safe='')}"
        assert operator.post(f"{path}/hosts", {"add": ["web01"]}).ok()["host_count"] == 1
        assert operator.patch(path, {"criticality": "high"}).ok()["name"] == name
        operator.delete(path).ok()


def test_setting_a_group_twice_changes_the_one_of_that_name(operator: Caller) -> None:
    operator.post("/hosts/groups", {"name": "dmz", "reachability": "public"}).ok()
    changed = operator.post("/hosts/groups", {"name": "  dmz ", "criticality": "high"}).ok()
    assert (changed["reachability"], changed["criticality"]) == ("public", "high")
    assert len(operator.get("/hosts/groups").ok()) == 2


def test_a_host_that_is_unknown_keeps_the_whole_change_back(operator: Caller) -> None:
    words = operator.post("/hosts/groups/web/hosts", {"add": ["db01", "db99"], "remove": ["web01"]})
    assert "db99" in words.refused(404, "host_unknown")
    assert [row["hostname"] for row in operator.get("/hosts", group="web").ok()["rows"]] == ["web01"]


def test_groups_that_cannot_be(operator: Caller) -> None:
    assert "needs a name" in operator.post("/hosts/groups", {}).refused(409, "group_name_missing")
    operator.post("/hosts/groups", {"name": "\x1b[31mred"}).refused(409, "group_name_invalid")
    operator.patch("/hosts/groups/nowhere", {"criticality": "high"}).refused(404, "group_unknown")
    operator.post("/hosts/groups", {"name": "dmz"}).ok()
    operator.patch("/hosts/groups/dmz", {"name": "web"}).refused(409, "group_name_taken")


@pytest.mark.usefixtures("installer")
def test_an_enrolment_token_is_shown_once_with_its_line(operator: Caller) -> None:
    body = {"note": "rack 7", "hours": 2, "uses": 5, "mode": "report_only", "group": "web"}
    made = operator.post("/hosts/enrolment-tokens", body).ok()
    assert made["token"].startswith("oakenrol_")
    assert made["token"] in made["line"]
    assert "report_only" in made["line"]
    assert made["server_key"] == "ab" * 32
    (listed,) = [each for each in operator.get("/hosts/enrolment-tokens").ok() if each["note"] == "rack 7"]
    assert (listed["id"], listed["group"], listed["use_count_max"], listed["created_by"], listed["usable"]) == (
        made["id"],
        "web",
        5,
        "otto",
        True,
    )
    assert "token" not in listed
    operator.delete(f"/hosts/enrolment-tokens/{made['id']}").ok()
    assert EnrolmentToken.objects.get(id=made["id"]).revoked_at is not None


@pytest.mark.usefixtures("installer")
@pytest.mark.parametrize(
    "body", [{"hours": 0}, {"hours": 10**12}, {"uses": 0}, {"uses": 10**9}, {"mode": "root"}, {"ours": 3}]
)
def test_tokens_out_of_bounds_are_refused(operator: Caller, body: dict[str, object]) -> None:
    assert next(iter(body)) in operator.post("/hosts/enrolment-tokens", body).refused(422, "request_invalid")


@pytest.mark.usefixtures("installer")
def test_a_token_for_an_unknown_group_is_refused(operator: Caller) -> None:
    operator.post("/hosts/enrolment-tokens", {"group": "nowhere"}).refused(404, "group_unknown")


def test_without_the_wiring_no_token_is_made(operator: Caller) -> None:
    before = EnrolmentToken.objects.count()
    assert "oakum up" in operator.post("/hosts/enrolment-tokens", {}).refused(503, "port_not_wired")
    assert EnrolmentToken.objects.count() == before
