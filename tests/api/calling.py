"""Calling the API as a person: a token, a method, a path, and the JSON that comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from oakum.identity.models import Organisation, Person, Role
from oakum.identity.services import create_token
from tests.factories import make_organisation, make_person
from tests.web.rows import World, add_host


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and what came with it."""

    status: int
    body: Any
    headers: dict[str, str]

    def ok(self) -> Any:
        assert self.status == 200, (self.status, self.body)
        return self.body

    def refused(self, status: int, code: str) -> str:
        """Check that this is a fault of that status and code, and return its words."""
        assert self.status == status, (self.status, self.body)
        assert set(self.body) == {"code", "sentence", "next_step"}, self.body
        assert self.body["code"] == code, self.body
        assert self.body["sentence"].endswith("."), self.body
        return f"{self.body['sentence']} {self.body['next_step']}"


class Caller:
    """A person with a token; without one, nobody."""

    def __init__(self, token: str = "") -> None:
        self._client = Client(raise_request_exception=True)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> Answer:
        text = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        found: Any = self._client.generic(
            method,
            f"/api/v1{path}",
            text,
            content_type="application/json",
            headers=self._headers,
            query_params=query,
        )
        content = b"".join(found.streaming_content) if getattr(found, "streaming", False) else found.content
        is_json = found.headers.get("Content-Type", "").partition(";")[0] == "application/json"
        return Answer(
            status=found.status_code,
            body=json.loads(content) if is_json else content.decode(),
            headers=dict(found.headers.items()),
        )

    def get(self, path: str, **query: object) -> Answer:
        return self.call("GET", path, query=query)

    def post(self, path: str, body: object = None) -> Answer:
        return self.call("POST", path, {} if body is None else body)

    def patch(self, path: str, body: object) -> Answer:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        return self.call("DELETE", path)


def caller_of(organisation: Organisation, person: Person) -> Caller:
    _, text = create_token(organisation_id=organisation.id, person_id=person.id, name="test", now=datetime.now(tz=UTC))
    return Caller(text)


def make_other_world(now: datetime) -> World:
    """Make another organisation with one host and an administrator."""
    other = make_organisation(now=now, name="Other")
    person = make_person(other, now=now, name="olga", role=Role.ADMINISTRATOR)
    world = World(organisation=other, people={"administrator": person}, now=now)
    add_host(world, "foreign01", group="foreign")
    return world
