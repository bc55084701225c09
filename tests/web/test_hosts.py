"""Hosts: the list, one host, its packages, what people say of it, and its way out of the fleet."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from oakum.fleet.models import Host
from oakum.journal.models import Entry
from tests.web.conftest import SignIn
from tests.web.pages import read
from tests.web.rows import CVE, NEW_OPENSSL, OLD_OPENSSL, World, add_host, import_advisories, report

# One page costs the same whatever the number of its rows: the frame's own questions, then a fixed few.
LIST_QUERY_COUNT_MAX = 32


def test_an_empty_fleet_says_the_next_step(signed_in: SignIn) -> None:
    assert "No host yet Make a token and paste one line on the host. Add host" in read(signed_in("operator"), "/hosts")
    assert "An operator can add one" in read(signed_in("viewer"), "/hosts")


def test_the_list_tells_what_is_open_and_what_is_unknown(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test", group="web")
    add_host(world, "blind.example.test", status="unknown")
    add_host(world, "new.example.test", reports=False)
    silent = add_host(world, "silent.example.test")
    Host.objects.filter(id=silent.id).update(last_seen_at=world.now - timedelta(days=3))
    import_advisories(world)
    page = read(signed_in("viewer"), "/hosts")
    assert "4 hosts: 2 heard of lately, 1 silent, 1 never heard of, 2 with unknown packages" in page
    assert "The package manager's status file cannot be read." in page
    assert "waiting for its first report" in page
    assert "web01.example.test Debian GNU/Linux 12 (bookworm) 1 1 3" in page


@pytest.mark.parametrize(
    ("query", "found", "missing"),
    [
        ("search=WEB01", "web01.example.test", "db01.example.test"),
        ("group=web", "web01.example.test", "db01.example.test"),
        ("state=silent", "db01.example.test", "web01.example.test"),
        ("search=nothing-like-it", "No host matches", "web01.example.test"),
        ("state=garbage", "web01.example.test", "No host matches"),
        ("from=99999999999999999999", "web01.example.test", "No host matches"),
    ],
)
def test_the_list_can_be_narrowed(world: World, signed_in: SignIn, query: str, found: str, missing: str) -> None:
    add_host(world, "web01.example.test", group="web")
    other = add_host(world, "db01.example.test")
    Host.objects.filter(id=other.id).update(last_seen_at=world.now - timedelta(days=3))
    page = read(signed_in("viewer"), f"/hosts?{query}")
    assert found in page
    assert missing not in page


def test_the_list_asks_the_database_no_more_for_more_hosts(
    world: World, signed_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in("viewer")
    for number in range(12):
        add_host(world, f"web{number:02}.example.test", group=f"group {number}")
    import_advisories(world)
    client.get("/hosts")
    with django_assert_max_num_queries(LIST_QUERY_COUNT_MAX):
        page = client.get("/hosts")
    assert len(page.content) < 50_000


def test_a_list_of_hosts_that_have_not_reported_refreshes_itself(world: World, signed_in: SignIn) -> None:
    client = signed_in("viewer")
    host = add_host(world, "new.example.test", reports=False)
    assert 'hx-trigger="every 3s"' in client.get("/hosts").content.decode()
    fragment = client.get("/hosts", headers={"HX-Request": "true"}).content.decode()
    assert fragment.lstrip().startswith("<section")
    assert "<html" not in fragment
    report(world, host)
    assert "hx-trigger" not in client.get("/hosts").content.decode()


def test_a_host_tells_what_must_be_done_and_why(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    import_advisories(world)
    page = read(signed_in("viewer"), f"/hosts/{host.id}")
    assert "1 overdue 1 open findings 1 known exploited" in page
    assert f"openssl {OLD_OPENSSL} → {NEW_OPENSSL}" in page
    assert "Known to be exploited" in page
    assert "Security 1 openssl" in page
    assert "Bug fixes 1 tzdata" in page
    assert "internal by default" in page


def test_a_finding_shows_its_rule_its_inputs_and_its_evidence(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    import_advisories(world)
    page = read(signed_in("viewer"), f"/hosts/{host.id}/findings/openssl")
    assert "DSA-9999-1" in page
    assert "openssl: several flaws" in page
    assert f"openssl {OLD_OPENSSL} is older than {NEW_OPENSSL}" in page
    assert CVE in page
    assert "cisa-bod-26-04" in page
    assert "reachability internal, by default" in page


def test_a_finding_that_is_gone_says_so(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    page = read(signed_in("viewer"), f"/hosts/{host.id}/findings/openssl", status=404)
    assert "Nothing is open for openssl on this host any more, or never was." in page


def test_a_host_whose_packages_are_unknown_is_never_called_clean(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "blind.example.test", status="unknown")
    page = read(signed_in("viewer"), f"/hosts/{host.id}")
    assert "What is installed here is unknown The package manager's status file cannot be read." in page
    assert "No advisory applies" not in page
    assert "Nothing pending" not in page
    assert "? open findings" in page


def test_installed_packages_can_be_searched(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    client = signed_in("viewer")
    assert "bash" in read(client, f"/hosts/{host.id}/packages")
    found = read(client, f"/hosts/{host.id}/packages?search=ssl")
    assert "libssl3" in found
    assert "bash" not in found
    assert "No package here has apache in its name." in read(client, f"/hosts/{host.id}/packages?search=apache")


def test_changes_are_told_with_their_time(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    page = read(signed_in("viewer"), f"/hosts/{host.id}/changes")
    assert f"Came: bash 5.2.15-2+b7, libssl3 {OLD_OPENSSL}, openssl {OLD_OPENSSL}" in page


def test_what_people_say_moves_the_deadline(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    client = signed_in("operator")
    answer = client.post(
        f"/hosts/{host.id}/context", {"reachability": "public", "environment": "", "criticality": ""}, follow=True
    )
    assert "Kept. Its deadlines follow at once." in answer.content.decode()
    assert "public by host" in read(client, f"/hosts/{host.id}")
    assert Entry.objects.filter(kind="fleet.host_set", actor="person:otto").exists()
    refused = client.post(f"/hosts/{host.id}/context", {"reachability": "mars"}, follow=True)
    assert "none of the answers" in refused.content.decode()


def test_a_quarantined_host_says_why_and_an_administrator_releases_it(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    Host.objects.filter(id=host.id).update(state="quarantined", state_reason="Two hosts use this identity.")
    assert "An administrator can release it." in read(signed_in("operator"), f"/hosts/{host.id}")
    client = signed_in("administrator")
    assert "Two hosts use this identity." in read(client, f"/hosts/{host.id}")
    client.post(f"/hosts/{host.id}/release")
    host.refresh_from_db()
    assert host.state == "active"
    again = client.post(f"/hosts/{host.id}/release", follow=True)
    assert "is not in quarantine" in again.content.decode()


def test_a_retired_host_leaves_every_number(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    import_advisories(world)
    client = signed_in("administrator")
    client.post(f"/hosts/{host.id}/retire", {"reason": "sold"})
    assert "0 hosts" in read(client, "/hosts")
    assert "0 open findings" in read(client, "/findings")
    assert "sold" in read(client, f"/hosts/{host.id}")
    assert "web01.example.test retired" in read(client, "/hosts?state=retired")


def test_a_host_of_another_organisation_is_not_there(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test")
    Host.objects.filter(id=host.id).update(organisation=_other_organisation(world))
    client = signed_in("administrator")
    for path in ("", "/packages", "/changes", "/findings/openssl"):
        assert client.get(f"/hosts/{host.id}{path}").status_code == 404, path
    for verb in ("context", "release", "retire"):
        client.post(f"/hosts/{host.id}/{verb}", {"reachability": "public"})
    host.refresh_from_db()
    assert (host.state, host.reachability) == ("active", "")


def _other_organisation(world: World) -> object:
    return type(world.organisation).objects.create(name="Other", created_at=world.now)
