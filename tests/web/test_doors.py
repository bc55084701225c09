"""The doors: who may do what, forms that only we can send, and what every answer carries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from oakum.identity.models import Role
from oakum.identity.queries import role_allows
from oakum.web.middleware import POLICY
from oakum.web.urls import urlpatterns
from tests.web.conftest import SignIn
from tests.web.pages import words_of
from tests.web.rows import World

# Who may do it, written out apart from the code: (name, method) -> the least role.
NEEDED = {
    ("overview", "GET"): Role.VIEWER,
    ("sign_out", "POST"): Role.VIEWER,
    ("password", "GET"): Role.VIEWER,
    ("password", "POST"): Role.VIEWER,
    ("account", "GET"): Role.VIEWER,
    ("account", "POST"): Role.VIEWER,
    ("theme", "POST"): Role.VIEWER,
    ("revoke_token", "POST"): Role.VIEWER,
    ("hosts", "GET"): Role.VIEWER,
    ("add_host", "GET"): Role.OPERATOR,
    ("add_host", "POST"): Role.OPERATOR,
    ("revoke_enrolment", "POST"): Role.OPERATOR,
    ("host", "GET"): Role.VIEWER,
    ("host_packages", "GET"): Role.VIEWER,
    ("host_changes", "GET"): Role.VIEWER,
    ("host_sbom", "GET"): Role.VIEWER,
    ("finding", "GET"): Role.VIEWER,
    ("set_host", "POST"): Role.OPERATOR,
    ("release_host", "POST"): Role.ADMINISTRATOR,
    ("retire_host", "POST"): Role.ADMINISTRATOR,
    ("groups", "GET"): Role.VIEWER,
    ("groups", "POST"): Role.OPERATOR,
    ("group", "GET"): Role.VIEWER,
    ("group", "POST"): Role.OPERATOR,
    ("add_hosts", "POST"): Role.OPERATOR,
    ("remove_hosts", "POST"): Role.OPERATOR,
    ("delete_group", "POST"): Role.OPERATOR,
    ("findings", "GET"): Role.VIEWER,
    ("findings_csv", "GET"): Role.VIEWER,
    ("findings_json", "GET"): Role.VIEWER,
    ("vulnerabilities", "GET"): Role.VIEWER,
    ("vulnerability", "GET"): Role.VIEWER,
    ("what_if", "GET"): Role.VIEWER,
    ("what_if", "POST"): Role.VIEWER,
    ("compliance", "GET"): Role.VIEWER,
    ("compliance_csv", "GET"): Role.VIEWER,
    ("compliance_json", "GET"): Role.VIEWER,
    ("patch_compliance_csv", "GET"): Role.VIEWER,
    ("patch_compliance_json", "GET"): Role.VIEWER,
    ("patches", "GET"): Role.VIEWER,
    ("patch", "GET"): Role.VIEWER,
    ("rollouts", "GET"): Role.VIEWER,
    ("plan_rollout", "GET"): Role.OPERATOR,
    ("plan_rollout", "POST"): Role.OPERATOR,
    ("plan_outlook", "POST"): Role.OPERATOR,
    ("rollout", "GET"): Role.VIEWER,
    ("rollout_hosts", "GET"): Role.VIEWER,
    ("act_on_rollout", "POST"): Role.OPERATOR,
    ("windows", "GET"): Role.VIEWER,
    ("window", "GET"): Role.VIEWER,
    ("set_window", "POST"): Role.OPERATOR,
    ("delete_window", "POST"): Role.OPERATOR,
    ("set_freeze", "POST"): Role.OPERATOR,
    ("delete_freeze", "POST"): Role.OPERATOR,
    ("journal", "GET"): Role.VIEWER,
    ("journal_export", "GET"): Role.VIEWER,
    ("system", "GET"): Role.VIEWER,
    ("people", "GET"): Role.VIEWER,
    ("people", "POST"): Role.ADMINISTRATOR,
    ("set_role", "POST"): Role.ADMINISTRATOR,
    ("settings", "GET"): Role.VIEWER,
    ("settings", "POST"): Role.ADMINISTRATOR,
}
ARGUMENTS: dict[str, Any] = {
    "group_id": 1,
    "patch_id": 1,
    "cve": "CVE-2026-11111",
    "package": "openssl",
    "ref": "1",
}


def patterns() -> Iterator[tuple[str, str]]:
    """Yield the name and an address of every page but the sign-in."""
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        assert pattern.name
        converters = pattern.pattern.converters
        arguments = {name: ARGUMENTS.get(name, uuid4()) for name in converters if name != "verb"}
        if "verb" in converters:
            arguments["verb"] = "start"
        if pattern.name != "sign_in":
            yield pattern.name, reverse(f"web:{pattern.name}", kwargs=arguments)


PAGES = tuple(patterns())


@pytest.mark.parametrize("role", list(Role))
def test_every_page_opens_for_its_roles_and_no_other(world: World, signed_in: SignIn, role: Role) -> None:
    del world
    client = signed_in(role.value)
    for name, path in PAGES:
        for method in ("GET", "POST"):
            if name == "password":  # signing out stood before it
                client = signed_in(role.value)
            status = getattr(client, method.lower())(path).status_code
            needed = NEEDED.get((name, method))
            if needed is None:
                assert status in {405, 403}, (name, method, status)
            elif role_allows(role, needed):
                assert status not in {403, 405, 500}, (name, method, status)
            else:
                assert status == 403, (name, method, status)


def test_a_page_that_needs_a_role_says_which_and_whom_to_ask(signed_in: SignIn) -> None:
    page = words_of(signed_in("viewer").get("/hosts/add").content.decode())
    assert "This needs the role operator; you are viewer. Ask an administrator of your organisation." in page


def test_nobody_without_a_session_gets_anything(world: World, client: Client) -> None:
    del world
    for _, path in PAGES:
        for method in (client.get, client.post):
            assert method(path)["Location"].startswith("/sign-in"), path


def test_a_form_that_is_not_ours_changes_nothing(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.people["administrator"])
    for name, path in PAGES:
        if (name, "POST") in NEEDED:
            answer = strict.post(path, {"name": "x"})
            assert answer.status_code == 403, path
            assert "This form has expired" in answer.content.decode()
    assert strict.get("/hosts").status_code == 200  # signing out was among them


def test_every_form_of_a_page_carries_its_token(world: World, signed_in: SignIn) -> None:
    del world
    client = signed_in("administrator")
    for name, path in PAGES:
        if NEEDED.get((name, "GET")) is None or name.endswith(("_csv", "_json", "_export")):
            continue
        markup = client.get(path).content.decode()
        assert markup.count('method="post"') == markup.count('name="csrfmiddlewaretoken"'), path


def test_every_answer_carries_the_policy_and_no_page_is_cached(world: World, signed_in: SignIn) -> None:
    del world
    for path in ("/hosts", "/nowhere", "/sign-in"):
        answer = signed_in("viewer").get(path)
        assert answer["Content-Security-Policy"] == POLICY
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Frame-Options"] == "DENY"
    assert "unsafe" not in POLICY


def test_no_page_holds_what_its_policy_forbids(world: World, signed_in: SignIn) -> None:
    del world
    client = signed_in("administrator")
    for name, path in PAGES:
        if (name, "GET") not in NEEDED or name.endswith(("_csv", "_json", "_export")):
            continue
        markup = client.get(path).content.decode()
        for forbidden in (" style=", "<style", " onclick=", " onchange=", "javascript:", "http-equiv", 'src="http'):
            assert forbidden not in markup, (path, forbidden)
        assert "<script>" not in markup


def test_an_address_that_is_none_is_told(signed_in: SignIn) -> None:
    answer = signed_in("viewer").get("/nowhere")
    assert answer.status_code == 404
    assert "There is no page at this address." in answer.content.decode()
