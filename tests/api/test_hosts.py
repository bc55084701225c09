"""Hosts by the API: lists, one host, what people say of it."""

from __future__ import annotations

import uuid

import pytest

from oakum.fleet.models import Host, HostState
from oakum.journal.models import Entry
from tests.api.calling import Caller
from tests.web.rows import OLD_OPENSSL, World, add_host

pytestmark = pytest.mark.django_db


def test_hosts_are_listed_by_name_with_their_context(viewer: Caller) -> None:
    page = viewer.get("/hosts").ok()
    assert [row["hostname"] for row in page["rows"]] == ["db01", "web01"]
    assert (page["total_count"], page["limit"], page["offset"]) == (2, 50, 0)
    web01 = page["rows"][1]
    assert web01["groups"] == ["web"]
    assert web01["presence"] == "seen"
    assert web01["package_count"] == 4
    assert web01["offer_count"] == 3
    assert web01["context"]["criticality_source"] == "default"


def test_a_host_that_cannot_tell_has_no_counts_rather_than_none_pending(world: World, viewer: Caller) -> None:
    add_host(world, "mute01", status="unknown")
    (row,) = viewer.get("/hosts", state="unknown").ok()["rows"]
    assert row["hostname"] == "mute01"
    assert row["package_count"] is None
    assert row["offer_count"] is None
    assert row["packages_reason"]


def test_search_group_and_state_narrow(viewer: Caller) -> None:
    assert [row["hostname"] for row in viewer.get("/hosts", search="WEB").ok()["rows"]] == ["web01"]
    assert [row["hostname"] for row in viewer.get("/hosts", group="web").ok()["rows"]] == ["web01"]
    assert viewer.get("/hosts", state="retired").ok()["total_count"] == 0


def test_a_group_that_does_not_exist_is_a_fault_and_no_empty_list(viewer: Caller) -> None:
    for path in ("/hosts", "/findings", "/patches", "/findings/export"):
        assert "no group named 'wbe'" in viewer.get(path, group="wbe").refused(404, "group_unknown")


@pytest.mark.parametrize(("limit", "offset", "names"), [(1, 0, ["db01"]), (1, 1, ["web01"]), (500, 2, [])])
def test_pages(viewer: Caller, limit: int, offset: int, names: list[str]) -> None:
    page = viewer.get("/hosts", limit=limit, offset=offset).ok()
    assert [row["hostname"] for row in page["rows"]] == names
    assert page["total_count"] == 2


def test_one_host_by_name_and_by_id_is_the_same(viewer: Caller, web01: Host) -> None:
    by_name, by_id = viewer.get("/hosts/web01").ok(), viewer.get(f"/hosts/{web01.id}").ok()
    for found in (by_name, by_id):
        assert found["id"] == str(web01.id)
        assert found["hostname"] == "web01"
        assert found["host"]["facts"]["kernel_running"] == "6.1.0-13-amd64"
        assert found["host"]["own"] == {"reachability": "", "environment": "", "criticality": "", "name": ""}
    kinds = {each["name"]: each["kind"] for each in by_name["updates"]}
    assert kinds == {"libssl3": "security", "openssl": "security", "tzdata": "bugfix"}
    (finding,) = by_name["findings"]["rows"]
    assert finding["package"] == "openssl"
    assert finding["deadline"]["pack_id"] == "cisa-bod-26-04"
    assert by_name["findings"]["summary"]["open"] == 1


def test_names_that_two_hosts_share_are_told_apart_by_id(world: World, viewer: Caller) -> None:
    twin = add_host(world, "twin", reports=False)
    other = add_host(world, "twin2", reports=False)
    Host.objects.filter(id=other.id).update(hostname="twin")
    words = viewer.get("/hosts/twin").refused(409, "host_name_ambiguous")
    assert str(twin.id) in words
    assert viewer.get(f"/hosts/{twin.id}").ok()["id"] == str(twin.id)


def test_unknown_hosts(viewer: Caller) -> None:
    assert "oakum host list" in viewer.get("/hosts/web99").refused(404, "host_unknown")
    viewer.get(f"/hosts/{uuid.uuid4()}").refused(404, "host_unknown")
    viewer.get("/findings", host="web99").refused(404, "host_unknown")
    viewer.get("/findings", host=str(uuid.uuid4())).refused(404, "host_unknown")


def test_packages_and_changes_of_a_host(viewer: Caller) -> None:
    page = viewer.get("/hosts/web01/packages", search="ssl", limit=1).ok()
    assert page["total_count"] == 2
    assert page["rows"][0]["name"] == "libssl3"
    assert page["rows"][0]["version"] == OLD_OPENSSL
    (first,) = viewer.get("/hosts/web01/changes").ok()
    assert "bash 5.2.15-2+b7" in first["added"]
    assert first["removed"] == []


def test_what_people_say_of_a_host_is_kept_journalled_and_taken_back(operator: Caller, web01: Host) -> None:
    assert operator.patch("/hosts/web01", {"reachability": "public", "criticality": "high"}).ok() == {"done": True}
    context = operator.get("/hosts/web01").ok()["host"]["row"]["context"]
    assert (context["reachability"], context["reachability_source"]) == ("public", "host")
    assert context["environment_source"] == "default"
    operator.patch("/hosts/web01", {"reachability": ""}).ok()
    assert operator.get("/hosts/web01").ok()["host"]["row"]["context"]["reachability_source"] == "default"
    entry = Entry.objects.filter(kind="fleet.host_set", subject=f"host:{web01.id}").latest("sequence")
    assert entry.actor == "person:otto"


def test_a_slip_of_the_keyboard_is_refused_and_changes_nothing(operator: Caller, web01: Host) -> None:
    assert "reachabilty" in operator.patch("/hosts/web01", {"reachabilty": "public"}).refused(422, "request_invalid")
    assert "reachability" in operator.patch("/hosts/web01", {"reachability": "pubic"}).refused(422, "request_invalid")
    web01.refresh_from_db()
    assert web01.reachability == ""


def test_release_and_retire(administrator: Caller, web01: Host) -> None:
    assert "not in quarantine" in administrator.post("/hosts/web01/release").refused(409, "host_not_quarantined")
    Host.objects.filter(id=web01.id).update(state=HostState.QUARANTINED, state_reason="cloned")
    administrator.post("/hosts/web01/release").ok()
    web01.refresh_from_db()
    assert web01.state == HostState.ACTIVE
    administrator.post("/hosts/web01/retire").ok()
    web01.refresh_from_db()
    assert web01.state == HostState.RETIRED
    assert administrator.get("/hosts").ok()["total_count"] == 1
    administrator.get("/hosts/web01").refused(404, "host_unknown")  # its name may belong to another host by now
    assert administrator.get(f"/hosts/{web01.id}").ok()["host"]["row"]["state"] == "retired"
