"""Adding a host: a token, the line to paste, and by hand."""

from __future__ import annotations

import pytest

from oakum.fleet.models import EnrolmentToken
from oakum.fleet.services.enrolment import hash_secret
from tests.web.conftest import SignIn
from tests.web.pages import read
from tests.web.rows import World

FORM = {"mode": "apply", "group": "", "life": "day", "use_count_max": "5", "note": "new ones"}


@pytest.mark.usefixtures("installer")
def test_the_line_is_shown_once_and_its_token_works(world: World, signed_in: SignIn) -> None:
    del world
    client = signed_in("operator")
    page = client.post("/hosts/add", FORM).content.decode()
    text = page.partition("--token ")[2].partition(" ")[0]
    assert EnrolmentToken.objects.get().token_hash == hash_secret(text)
    assert f"python3 installer --token {text} --mode apply" in page
    assert "By hand, step by step" in page
    assert text not in client.get("/hosts/add").content.decode()


@pytest.mark.usefixtures("installer")
def test_the_mode_is_the_owners_choice(signed_in: SignIn) -> None:
    page = signed_in("operator").post("/hosts/add", FORM | {"mode": "report_only"}).content.decode()
    assert "--mode report_only" in page
    assert "nothing is ever changed there" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "root"}, "Select a valid choice"),
        ({"use_count_max": "0"}, "greater than or equal to 1"),
        ({"group": "none such"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_told_beside_its_field(signed_in: SignIn, change: dict[str, str], words: str) -> None:
    answer = signed_in("operator").post("/hosts/add", FORM | change)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not EnrolmentToken.objects.exists()


@pytest.mark.usefixtures("installer")
def test_a_token_is_revoked_at_once(signed_in: SignIn) -> None:
    client = signed_in("operator")
    client.post("/hosts/add", FORM)
    client.post(f"/hosts/add/{EnrolmentToken.objects.get().id}/revoke")
    assert "new ones just now by otto \u2013 0 of 5 revoked" in read(client, "/hosts/add")


def test_without_the_wiring_the_page_says_who_must_act(signed_in: SignIn) -> None:
    answer = signed_in("operator").post("/hosts/add", FORM)
    assert answer.status_code == 503
    assert "port_not_wired" in answer.content.decode()


def test_a_server_that_only_this_machine_reaches_says_how_to_open_it(signed_in: SignIn) -> None:
    assert "Only this machine can reach the server" in read(signed_in("operator"), "/hosts/add")
