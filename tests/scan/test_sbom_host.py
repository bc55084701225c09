"""A host's bill of materials: by the API and from its page, valid, whole and only one's own organisation's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.test import Client

from oakum.fleet.models import Host
from oakum.fleet.queries import installed
from oakum.scan.sbom.checking import check_sbom
from oakum.scan.sbom.reading import read_sbom
from tests.api.calling import Caller, caller_of, make_other_world
from tests.web.rows import World, add_host, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    world = make_world()
    add_host(world, "web01", group="web")
    return world


@pytest.fixture
def viewer(world: World) -> Caller:
    return caller_of(world.organisation, world.people["viewer"])


def test_it_is_valid_and_holds_what_the_host_has(tmp_path: Path, world: World, viewer: Caller) -> None:
    answer = viewer.get("/hosts/web01/sbom")
    assert answer.headers["Content-Type"] == "application/vnd.cyclonedx+json; version=1.6"
    (tmp_path / "host.json").write_text(answer.ok())
    assert check_sbom(str(tmp_path / "host.json")).problems == ()
    host = Host.objects.get(organisation=world.organisation)
    wanted = installed(organisation_id=world.organisation.id, host_id=host.id)
    read = read_sbom(str(tmp_path / "host.json"))
    assert [(each.stream, each.name, each.version, each.architecture) for each in read.packages] == [
        (each.stream, each.name, each.version, each.architecture) for each in wanted.packages
    ]
    assert read.unassessed == ()
    assert len(read.packages) == 4
    assert read.distribution.stream == "debian:12"
    assert json.loads(answer.body)["metadata"]["component"]["name"] == "web01"


def test_an_unknown_inventory_is_refused_and_no_empty_document(world: World, viewer: Caller) -> None:
    add_host(world, "blind01", status="unknown")
    assert "What is installed on blind01 is not known" in viewer.get("/hosts/blind01/sbom").refused(
        409, "packages_unknown"
    )


def test_another_organisations_host_is_none(world: World, viewer: Caller) -> None:
    make_other_world(world.now)
    viewer.get("/hosts/foreign01/sbom").refused(404, "host_unknown")


def test_the_hosts_page_links_to_a_file_to_keep(world: World) -> None:
    client = Client()
    client.force_login(world.people["viewer"])
    host = Host.objects.get(organisation=world.organisation)
    address = f"/hosts/{host.id}/sbom"
    assert address in client.get(f"/hosts/{host.id}").content.decode()
    kept = client.get(address)
    assert kept.headers["Content-Disposition"] == f'attachment; filename="host-{host.id}.cdx.json"'
    assert json.loads(b"".join(kept.streaming_content))["specVersion"] == "1.6"  # type: ignore[attr-defined]


def test_a_page_that_cannot_tell_sends_back_with_the_reason(world: World) -> None:
    add_host(world, "blind01", status="unknown")
    client = Client()
    client.force_login(world.people["viewer"])
    host = Host.objects.get(organisation=world.organisation, hostname="blind01")
    assert f"/hosts/{host.id}/sbom" not in client.get(f"/hosts/{host.id}").content.decode()
    told = client.get(f"/hosts/{host.id}/sbom", follow=True).content.decode()
    assert "What is installed on blind01 is not known" in told
