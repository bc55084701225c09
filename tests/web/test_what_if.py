"""An advisory tried out on a page: who would be reached and why, and nothing of it stays."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from oakum.findings.models import Finding
from oakum.findings.queries.what_if import FILE_BYTES_MAX
from oakum.findings.services import assess
from oakum.intel.models import Advisory, Feed
from tests.intel.feeds import osv_package, osv_record
from tests.web.conftest import SignIn
from tests.web.pages import read, words_of
from tests.web.rows import OLD_OPENSSL, World, add_host

FUTURE = "3.0.99-1"


def advisory(*packages: dict[str, object], ref: str = "DSA-7777-1") -> bytes:
    return json.dumps(osv_record(ref, *packages, summary="openssl: worse than ever")).encode()


def try_out(client: Client, content: bytes, *, name: str = "a.json", kind: str = "", status: int = 200) -> str:
    answer = client.post("/what-if", {"file": SimpleUploadedFile(name, content), "kind": kind})
    assert answer.status_code == status, answer.status_code
    return words_of(answer.content.decode())


def test_the_vulnerabilities_page_leads_there_and_a_viewer_may(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01", group="web")
    client = signed_in("viewer")
    assert 'href="/what-if"' in client.get("/vulnerabilities").content.decode()
    assert "Nothing is imported, changed or kept." in read(client, "/what-if")


def test_it_says_which_hosts_would_be_reached_and_why_and_keeps_nothing(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01", group="web")
    add_host(world, "db01", installed=(), offered=())
    assess(now=world.now)
    before = [model.objects.count() for model in (Advisory, Finding, Feed)]
    page = try_out(signed_in("viewer"), advisory(osv_package("openssl", FUTURE)), name="DSA-7777-1.json")
    assert "DSA-7777-1.json would reach 1 host. Nothing was imported." in page
    assert "DSA-7777-1 openssl: worse than ever" in page
    assert "by group: web 1" in page
    assert f"web01 openssl {OLD_OPENSSL} → {FUTURE}" in page
    assert "db01" not in page
    assert "Because" in page
    assert [model.objects.count() for model in (Advisory, Finding, Feed)] == before


def test_nobody_reached_is_said_beside_hosts_that_could_not_tell(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01")
    add_host(world, "blind", status="unknown")
    assess(now=world.now)
    page = try_out(signed_in("viewer"), advisory(osv_package("nginx", "1.0")))
    assert "a.json would reach no host that has reported." in page
    assert "1 host could not tell what is installed: their absence here proves nothing." in page


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (b"", "", "The file is empty."),
        (b"{", "", "Choose its format, if it is one of those in the list."),
        (b"\x00\xff" * 100, "", "Choose its format, if it is one of those in the list."),
        (b"x" * (FILE_BYTES_MAX + 1), "", "at most 700,000 can be tried out"),
        (b"{}", "nonsense", "Select a valid choice"),
        (b"[" * 100_000, "osv", "Fetch the file again, whole"),
        (b'{"id": 7}', "osv", "it has no id"),
    ],
    ids=["empty", "cut", "binary", "large", "kind", "deep", "odd"],
)
def test_what_cannot_be_read_is_refused_in_words_beside_the_field(
    world: World, signed_in: SignIn, content: bytes, kind: str, words: str
) -> None:
    del world
    page = try_out(signed_in("viewer"), content, kind=kind, status=422)
    assert words in page
    assert "Nothing was imported" not in page


def test_without_a_file_it_asks_for_one(world: World, signed_in: SignIn) -> None:
    del world
    answer = signed_in("viewer").post("/what-if", {})
    assert answer.status_code == 422
    assert "Choose a file." in answer.content.decode()


def test_hostile_words_stay_words_and_lists_are_bounded(world: World, signed_in: SignIn) -> None:
    add_host(world, "web01")
    assess(now=world.now)
    script = "<script>alert(1)</script>"
    record = osv_record(script, osv_package("openssl", FUTURE), summary=script, upstream=[script] * 50)
    file = SimpleUploadedFile("../../<b>x.json", json.dumps(record).encode())
    shown = signed_in("viewer").post("/what-if", {"file": file}).content.decode()
    assert "<script>alert" not in shown
    assert "<b>x" not in shown


def test_a_form_that_is_not_ours_is_refused(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.people["viewer"])
    file = SimpleUploadedFile("a.json", advisory(osv_package("openssl", FUTURE)))
    assert strict.post("/what-if", {"file": file}).status_code == 403
