"""The overview answers: what is overdue, what waits for me, what is moving, who is silent."""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import async_to_sync
from django.http import StreamingHttpResponse
from django.test import AsyncClient
from pytest_django import DjangoAssertNumQueries

from oakum.fleet.models import Host
from tests.web.conftest import SignIn
from tests.web.pages import read
from tests.web.rows import World, add_host, import_advisories, report

QUERY_COUNT_MAX = 60


def test_a_fresh_installation_says_the_next_step(signed_in: SignIn) -> None:
    page = read(signed_in("operator"), "/")
    assert "Welcome No host yet" in page
    assert "Add host" in page
    assert "An operator can add one." in read(signed_in("viewer"), "/")


def test_the_first_host_is_followed_from_enrolment_to_its_notes(world: World, signed_in: SignIn) -> None:
    client = signed_in("operator")
    host = add_host(world, "localhost", reports=False, age=timedelta(minutes=1))
    page = read(client, "/")
    assert "No host has told yet what is installed" in page
    assert "done localhost is enrolled under way Its first inventory The host has not reported yet." in page
    assert 'hx-trigger="every 4s"' in client.get("/").content.decode()
    report(world, host)
    page = read(client, "/")
    assert "done 4 packages are installed there done 2 updates are pending" in page
    assert "under way Their release notes 0 of 2 so far" in page
    assert "to do The publishers' advisories Run oakum feed sync on the server" in page
    fragment = client.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    Host.objects.update(enrolled_at=world.now - timedelta(hours=1))
    assert "First steps" not in read(client, "/")


def test_the_answer_stands_first_and_every_number_has_its_list(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    add_host(world, "web02.example.test")
    blind = add_host(world, "blind.example.test", status="unknown")
    silent = add_host(world, "silent.example.test")
    Host.objects.filter(id=silent.id).update(last_seen_at=world.now - timedelta(days=3))
    import_advisories(world)
    client = signed_in("viewer")
    page = read(client, "/")
    assert "3 findings are overdue on 3 hosts" in page
    assert "1 host could not tell what is installed. 1 host not heard of lately." in page
    assert f"{blind.hostname} The package manager's status file cannot be read." in page
    assert "4 hosts, 3 open findings on 3 of them, by the rules of CISA BOD 26-04." in page
    assert "3 overdue" in page
    markup = client.get("/").content.decode()
    for target in ("/findings?overdue=yes", "/findings?kev=yes", "/hosts?state=silent", "/compliance"):
        assert f'href="{target}"' in markup
        assert client.get(target).status_code == 200
    assert "hx-trigger" not in markup


def test_the_overview_is_small_and_costs_the_same_for_more_hosts(
    world: World, signed_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(25):
        add_host(world, f"web{number:02}.example.test", group=f"g{number}")
    import_advisories(world)
    client = signed_in("viewer")
    client.get("/")
    with django_assert_max_num_queries(QUERY_COUNT_MAX):
        page = client.get("/")
    assert len(page.content) < 50_000


def test_compliance_gives_each_host_a_verdict_with_its_reason(world: World, signed_in: SignIn) -> None:
    client = signed_in("viewer")
    assert "Nothing to judge yet" in read(client, "/compliance")
    add_host(world, "late.example.test", group="web")
    add_host(world, "clean.example.test", installed=(), offered=(), group="web")
    add_host(world, "blind.example.test", status="unknown")
    import_advisories(world)
    page = read(client, "/compliance")
    assert "1 of 3 hosts is in order by CISA BOD 26-04" in page
    assert "1 overdue; 1 unknown, which is never counted as in order" in page
    assert "late.example.test web overdue 1 finding is overdue, openssl since" in page
    assert "Its packages are not known" in page
    assert "1 in order, 1 overdue, 0 unknown" in client.get("/compliance").content.decode()
    only = read(client, "/compliance?verdict=unknown")
    assert "blind.example.test" in only
    assert "late.example.test" not in only
    assert "blind.example.test" not in read(client, "/compliance?group=web")


def test_exports_are_files_with_the_filtered_rows(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    add_host(world, "web02.example.test")
    import_advisories(world)
    client = signed_in("viewer")

    def fetch(path: str) -> str:
        answer = client.get(path)
        assert "attachment" in answer["Content-Disposition"]
        return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming response

    assert len(fetch("/findings.csv").strip().splitlines()) == 3
    assert len(fetch("/findings.csv?search=web01").strip().splitlines()) == 2
    assert '"web01.example.test"' in fetch("/findings.json?search=web01")
    assert len(fetch("/compliance.csv").strip().splitlines()) == 3
    assert '"compliance"' in fetch("/compliance.json")
    assert "openssl" in fetch("/compliance/patches.csv")
    assert '"openssl"' in fetch("/compliance/patches.json")


def test_exports_leave_piece_by_piece_under_asgi(world: World) -> None:
    """The server speaks ASGI, where a plain iterator would be read whole before its first byte is sent."""
    add_host(world, "web01.example.test")
    import_advisories(world)
    client = AsyncClient()
    async_to_sync(client.aforce_login)(world.people["viewer"])

    async def fetch(path: str) -> bytes:
        answer = await client.get(path)
        assert isinstance(answer, StreamingHttpResponse)
        assert answer.is_async
        return b"".join([piece async for piece in answer])

    assert len(async_to_sync(fetch)("/findings.csv").strip().splitlines()) == 2
    assert b'"journal"' in async_to_sync(fetch)("/journal.jsonl").splitlines()[0]
