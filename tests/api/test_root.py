"""The API as a whole: its document, its bounds, and how it words what goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.db.utils import OperationalError
from django.test import Client

from oakum.api import me
from oakum.api.root import api
from tests.api.calling import Caller

pytestmark = pytest.mark.django_db
PARAMETERS = [
    (path.removeprefix("/api/v1"), parameter)
    for path, methods in api.get_openapi_schema(path_prefix="/api/v1/")["paths"].items()
    for parameter in methods.get("get", {}).get("parameters", [])
]
NASTY = ("a\x00b", "x" * 5_000, "%_'; --\\", "\u202e\ud7ff\U0001f680", "../../..", "-1")


def test_the_document_is_there_for_everybody_and_is_a_valid_one() -> None:
    found = Client().get("/api/v1/openapi.json")
    assert found.status_code == 200
    document = found.json()
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Oakum"
    operations = [(path, name, each) for path, methods in document["paths"].items() for name, each in methods.items()]
    ids = [each["operationId"] for _, _, each in operations]
    assert len(set(ids)) == len(ids)
    for path, _, each in operations:
        declared = {one["name"] for one in each.get("parameters", []) if one["in"] == "path"}
        assert declared == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
        assert each["description"], path
        assert each["security"] == [{"TokenAuth": []}]
        assert each["responses"]["default"]["content"]["application/json"]["schema"]["$ref"].endswith("/Fault")
    for ref in refs(document):
        assert resolves(document, ref), ref
    assert document["components"]["securitySchemes"]["TokenAuth"] == {"type": "http", "scheme": "bearer"}


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from refs(each)


def resolves(document: dict[str, Any], ref: str) -> bool:
    found: Any = document
    for part in ref.removeprefix("#/").split("/"):
        if part not in found:
            return False
        found = found[part]
    return True


def test_no_text_in_any_parameter_is_a_fault_of_the_server(viewer: Caller) -> None:
    for path, parameter in PARAMETERS:
        for text in NASTY:
            value, query = "x", {parameter["name"]: text}
            if parameter["in"] == "path":
                value, query = quote(text, safe=""), {}
            answer = viewer.get(re.sub(r"{\w+}", value, path), **query)
            expected = {422} if "\x00" in text else {200, 404, 409, 422}  # PostgreSQL takes no zero byte
            assert answer.status in expected, (path, parameter["name"], text, answer.body)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": -1}, {"limit": 501}, {"limit": "all"}, {"offset": -1}, {"offset": 10**30}]
)
def test_pages_have_bounds_that_are_told(query: dict[str, object], viewer: Caller) -> None:
    for path in ("/hosts", "/findings", "/patches", "/findings/vulnerabilities"):
        assert next(iter(query)) in viewer.get(path, **query).refused(422, "request_invalid")
    viewer.get("/journal", limit=0).refused(422, "request_invalid")
    viewer.get("/journal", before=10**30).refused(422, "request_invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": 3}',
    ],
)
def test_bodies_that_are_none_are_refused_and_never_a_fault_of_the_server(body: bytes, operator: Caller) -> None:
    answer = operator.call("POST", "/hosts/groups", body)
    assert answer.status in {400, 409, 422}, answer.body
    assert set(answer.body) == {"code", "sentence", "next_step"}


def test_a_body_that_is_too_large_is_refused(operator: Caller) -> None:
    body = json.dumps({"name": "x", "description": "y" * 2_000_000}).encode()
    operator.call("POST", "/hosts/groups", body).refused(413, "request_unreadable")


def test_addresses_and_methods_that_do_not_exist(viewer: Caller) -> None:
    assert "openapi.json" in viewer.get("/nothing/here").refused(404, "route_unknown")
    assert viewer.call("PUT", "/hosts").status == 405


def test_a_database_that_is_away_is_told_as_such(viewer: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OperationalError("could not connect to server: secret.internal.example.test")

    monkeypatch.setattr(me, "session_of", fail)
    assert "secret.internal" not in viewer.get("/me").refused(503, "database_unavailable")


def test_what_nobody_has_foreseen_is_logged_and_answered_without_detail(
    viewer: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(me, "session_of", fail)
    assert "hunter2" not in viewer.get("/me").refused(500, "server_fault")
    assert "api_fault method=GET path=/api/v1/me" in caplog.text


def test_a_signed_in_page_is_no_key_to_the_api(world: Any) -> None:
    """A cookie that the browser sends by itself must never carry out a verb: so the API needs no CSRF token."""
    client = Client()
    client.force_login(world.people["administrator"])
    assert client.post("/api/v1/hosts/web01/retire").status_code == 401
