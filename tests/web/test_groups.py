"""Groups: make, fill, change, delete; what a group says holds for its hosts."""

from __future__ import annotations

from oakum.fleet.models import Group
from tests.web.conftest import SignIn
from tests.web.pages import read
from tests.web.rows import World, add_host

CONTEXT = {"reachability": "public", "environment": "", "criticality": "high"}


def test_a_group_is_made_filled_and_holds_for_its_hosts(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    client = signed_in("operator")
    assert "No groups yet" in read(client, "/groups")
    made = client.post("/groups", {"name": "web", "description": "the front", **CONTEXT})
    path = made["Location"]
    assert "No host is in it yet." in read(client, path)
    client.post(f"{path}/add", {"host": [str(host.id)]})
    assert "1 host. the front" in read(client, path)
    assert "public by group web" in read(client, f"/hosts/{host.id}")
    client.post(f"{path}/remove", {"host": [str(host.id)]})
    assert "internal by default" in read(client, f"/hosts/{host.id}")


def test_a_taken_or_empty_name_is_refused_beside_the_field(world: World, signed_in: SignIn) -> None:
    del world
    client = signed_in("operator")
    client.post("/groups", {"name": "web", **CONTEXT})
    other = client.post("/groups", {"name": "db", **CONTEXT})["Location"]
    empty = client.post("/groups", {"name": "  ", **CONTEXT})
    taken = client.post(other, {"name": "web", **CONTEXT})
    assert (empty.status_code, taken.status_code) == (422, 422)
    assert "There is a group named &#x27;web&#x27; already." in taken.content.decode()


def test_any_printable_name_works_everywhere(world: World, signed_in: SignIn) -> None:
    name = "a/b ?x=1#<i>&é"
    host = add_host(world, "web01.example.test", group=name)
    client = signed_in("operator")
    group = Group.objects.get()
    assert name in read(client, "/groups")
    assert "web01.example.test" in read(client, f"/groups/{group.id}")
    page = client.get(f"/groups/{group.id}").content.decode()
    assert "/findings?group=a%2Fb%20%3Fx%3D1%23%3Ci%3E%26%C3%A9" in page
    assert name in read(client, f"/hosts/{host.id}")


def test_choosing_nobody_or_nonsense_is_told(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test", group="web")
    client = signed_in("operator")
    path = f"/groups/{Group.objects.get().id}"
    for form, words in (({}, "No host was chosen."), ({"host": ["nonsense"]}, "That is no host.")):
        assert words in client.post(f"{path}/add", form, follow=True).content.decode()


def test_deleting_a_group_keeps_its_hosts(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test", group="web")
    client = signed_in("operator")
    client.post(f"/groups/{Group.objects.get().id}/delete")
    assert "No groups yet" in read(client, "/groups")
    assert "web01.example.test" in read(client, "/hosts")


def test_a_group_that_is_not_there_is_told(signed_in: SignIn) -> None:
    assert "There is no such group." in read(signed_in("operator"), "/groups/99", status=404)
