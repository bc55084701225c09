"""Findings, vulnerabilities and patches: what is open, by when, why, and what cures it."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from oakum.catalogue.models import Update
from oakum.catalogue.queries import notes_wanted
from oakum.catalogue.services import record_notes
from oakum.findings.services import assess, elect_note_readers
from oakum.protocol.messages import ChangelogEntry, NotesUpload
from tests.web.conftest import SignIn
from tests.web.pages import read
from tests.web.rows import CVE, EXPLOITED_CVE, NEW_OPENSSL, OFFERED, OLD_OPENSSL, World, add_host, import_advisories

LIST_QUERY_COUNT_MAX = 32


def test_findings_are_listed_with_deadline_reason_and_remedy(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    import_advisories(world)
    page = read(signed_in("viewer"), "/findings")
    assert "1 open finding, soonest deadline first, by the rules of CISA BOD 26-04." in page
    assert f"web01.example.test openssl {OLD_OPENSSL} → {NEW_OPENSSL}" in page
    assert "days overdue Known to be exploited" in page
    assert f"exploited {CVE} {EXPLOITED_CVE} needs patch" in page
    assert "Advisories imported just now." in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("overdue=yes", 1),
        ("overdue=no", 0),
        ("kev=yes", 1),
        ("kev=no", 0),
        ("severity=critical", 0),
        ("severity=nonsense", 1),
        ("remedy=missing", 1),
        ("remedy=pending_reboot", 0),
        (f"cve={CVE}", 1),
        ("cve=CVE-1999-0001", 0),
        ("search=web01", 1),
        ("search=apache", 0),
        ("group=none", 0),
        ("host=nonsense", 1),
    ],
)
def test_findings_can_be_narrowed(world: World, signed_in: SignIn, query: str, count: int) -> None:
    add_host(world, "web01.example.test")
    import_advisories(world)
    page = read(signed_in("viewer"), f"/findings?{query}")
    assert f"{count} open finding" in page
    assert ("No finding matches" in page) == (count == 0)


def test_silence_is_no_proof(world: World, signed_in: SignIn) -> None:
    add_host(world, "blind.example.test", status="unknown")
    page = read(signed_in("viewer"), "/findings")
    assert "1 host could not tell what is installed: their absence here proves nothing." in page
    assert "1 host has not told what is installed. See why" in page
    assert "offer is unknown. See why" in read(signed_in("viewer"), "/patches")
    add_host(world, "web01.example.test")
    page = read(signed_in("viewer"), "/findings")
    assert "No advisory feed has been imported yet, so that says little" in page


def test_a_fresh_installation_says_what_comes_first(world: World, signed_in: SignIn) -> None:
    del world
    client = signed_in("operator")
    assert "Findings appear as soon as a host has reported. Add host" in read(client, "/findings")
    assert "They appear as soon as a host has reported. Add host" in read(client, "/patches")
    assert "Nothing open" in read(client, "/vulnerabilities")


def test_the_lists_ask_the_database_no_more_for_more_hosts(
    world: World, signed_in: SignIn, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in("viewer")
    for number in range(40):
        add_host(world, f"web{number:02}.example.test")
    import_advisories(world)
    for path in ("/findings", "/vulnerabilities", "/patches"):
        with django_assert_max_num_queries(LIST_QUERY_COUNT_MAX):
            page = client.get(path)
        assert len(page.content) < 50_000, path
    assert "1 to 30 of 40" in read(client, "/findings")
    assert "31 to 40 of 40" in read(client, "/findings?from=30")


def test_a_vulnerability_shows_ratings_advisories_and_hosts(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    import_advisories(world)
    client = signed_in("viewer")
    listed = read(client, "/vulnerabilities")
    assert "2 vulnerabilities open on some host" in listed
    assert listed.index(EXPLOITED_CVE) < listed.index(CVE)
    page = read(client, f"/vulnerabilities/{EXPLOITED_CVE}")
    assert "Open on 1 host. known exploited" in page
    assert "yes, listed by CISA" in page
    assert "DSA-9999-1" in page
    assert "web01.example.test openssl" in page


def test_a_vulnerability_that_nobody_knows_is_not_called_absent(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    page = read(signed_in("viewer"), "/vulnerabilities/CVE-1999-0001")
    assert "That is no proof that no host has it." in page


def test_patches_tell_kind_cure_and_hosts(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01.example.test")
    import_advisories(world)
    client = signed_in("operator")
    page = read(client, "/patches")
    assert "2 updates that some host has yet to install" in page
    assert f"openssl {NEW_OPENSSL} for debian:12 security" in page
    assert "tzdata 2025b-0+deb12u2 for debian:12 bug fix no deadline" in page
    assert "tzdata" not in read(client, "/patches?kind=security")
    assert "No patch matches" in read(client, "/patches?kind=feature")
    update = Update.objects.get(source_name="openssl")
    one = read(client, f"/patches/{update.id}")
    assert f"{EXPLOITED_CVE} exploited" in one
    assert f"web01.example.test needs patch {OLD_OPENSSL}" in one
    assert "Plan a rollout" in one
    assert "Plan a rollout" not in read(signed_in("viewer"), f"/patches/{update.id}")


def test_release_notes_are_shown_with_who_told_them(world: World, signed_in: SignIn) -> None:
    host = add_host(world, "web01.example.test", offered=OFFERED[:2])
    elect_note_readers(now=world.now)
    ((asked,),) = [notes_wanted([host.id])[host.id]]
    entry = ChangelogEntry(
        NEW_OPENSSL, "bookworm-security", "high", "Mon, 03 Nov 2025 20:11:04 +0100", f"  * Fix {CVE}."
    )
    upload = NotesUpload(1, asked.source_name, asked.source_version, "", (entry,))
    record_notes(organisation_id=world.organisation.id, host_id=host.id, upload=upload, now=world.now)
    assess(now=world.now)
    page = read(signed_in("viewer"), f"/patches/{Update.objects.get().id}")
    assert "Told by web01.example.test" in page
    assert f"* Fix {CVE}." in page


def test_a_patch_that_is_not_there_is_told(signed_in: SignIn) -> None:
    assert "There is no such patch." in read(signed_in("viewer"), "/patches/12345", status=404)
