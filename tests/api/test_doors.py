"""Who may do what: every route against no token, every role, and another organisation."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from oakum.api.root import api
from oakum.catalogue.models import Update
from oakum.fleet.models import EnrolmentToken, Host
from oakum.policy.services import set_freeze, set_window
from oakum.rollout.requests import PendingSecurity, RolloutRequest
from oakum.rollout.services import plan_rollout
from tests.api.calling import Caller, caller_of
from tests.intel.feeds import osv_record
from tests.web.rows import World

pytestmark = pytest.mark.django_db
ROLES = ("viewer", "operator", "approver", "administrator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: the least role that may call it, a body that it takes, and whether it names a row."""

    role: str
    body: dict[str, object] = field(default_factory=dict)
    names_a_row: bool = False


WINDOW: dict[str, object] = {
    "name": "nights",
    "starts_local": "2027-01-02T02:00:00",
    "rrule": "FREQ=DAILY",
    "duration_seconds": 3600,
}
FREEZE: dict[str, object] = {"name": "rest", "starts_at": "2099-01-01T00:00:00Z", "ends_at": "2099-01-02T00:00:00Z"}
ADVISORY: dict[str, object] = {"content_base64": base64.b64encode(json.dumps(osv_record()).encode()).decode()}
ROUTES = {
    "GET /me": Route(role="viewer"),
    "GET /hosts": Route(role="viewer"),
    "GET /hosts/{ref}": Route(role="viewer", names_a_row=True),
    "GET /hosts/{ref}/packages": Route(role="viewer", names_a_row=True),
    "GET /hosts/{ref}/changes": Route(role="viewer", names_a_row=True),
    "GET /hosts/{ref}/sbom": Route(role="viewer", names_a_row=True),
    "PATCH /hosts/{ref}": Route(role="operator", body={"criticality": "high"}, names_a_row=True),
    "POST /hosts/{ref}/release": Route(role="administrator", names_a_row=True),
    "POST /hosts/{ref}/retire": Route(role="administrator", names_a_row=True),
    "POST /what-if/advisory": Route(role="viewer", body=ADVISORY),
    "GET /hosts/groups": Route(role="viewer"),
    "POST /hosts/groups": Route(role="operator", body={"name": "dmz"}),
    "PATCH /hosts/groups/{name}": Route(role="operator", body={"criticality": "high"}, names_a_row=True),
    "POST /hosts/groups/{name}/hosts": Route(role="operator", body={"add": []}, names_a_row=True),
    "DELETE /hosts/groups/{name}": Route(role="operator", names_a_row=True),
    "GET /hosts/enrolment-tokens": Route(role="operator"),
    "POST /hosts/enrolment-tokens": Route(role="operator"),
    "DELETE /hosts/enrolment-tokens/{token_id}": Route(role="operator", names_a_row=True),
    "GET /findings": Route(role="viewer"),
    "GET /findings/vulnerabilities": Route(role="viewer"),
    "GET /findings/vulnerabilities/{cve}": Route(role="viewer"),
    "GET /findings/overview": Route(role="viewer"),
    "GET /findings/export": Route(role="viewer"),
    "GET /findings/compliance": Route(role="viewer"),
    "GET /findings/compliance/export": Route(role="viewer"),
    "GET /patches": Route(role="viewer"),
    "GET /patches/export": Route(role="viewer"),
    "GET /patches/{update_id}": Route(role="viewer", names_a_row=True),
    "GET /policy/settings": Route(role="viewer"),
    "PATCH /policy/settings": Route(role="administrator", body={"wave_count_max": 7}),
    "GET /policy/windows": Route(role="viewer"),
    "POST /policy/windows": Route(role="operator", body=WINDOW),
    "DELETE /policy/windows/{name}": Route(role="operator", names_a_row=True),
    "GET /policy/freezes": Route(role="viewer"),
    "POST /policy/freezes": Route(role="operator", body=FREEZE),
    "DELETE /policy/freezes/{freeze_id}": Route(role="operator", names_a_row=True),
    "GET /hosts/{ref}/rollouts": Route(role="viewer", names_a_row=True),
    "POST /rollouts": Route(role="operator", body={"patches": ["openssl"], "hosts": "all"}),
    "GET /rollouts": Route(role="viewer"),
    "GET /rollouts/waiting": Route(role="viewer"),
    "GET /rollouts/{ref}": Route(role="viewer", names_a_row=True),
    "GET /rollouts/{ref}/hosts": Route(role="viewer", names_a_row=True),
    "GET /rollouts/{ref}/plans": Route(role="viewer", names_a_row=True),
    "POST /rollouts/{ref}/approve": Route(role="approver", names_a_row=True),
    "POST /rollouts/{ref}/reject": Route(role="approver", names_a_row=True),
    "POST /rollouts/{ref}/start": Route(role="operator", names_a_row=True),
    "POST /rollouts/{ref}/pause": Route(role="operator", names_a_row=True),
    "POST /rollouts/{ref}/resume": Route(role="operator", names_a_row=True),
    "POST /rollouts/{ref}/halt": Route(role="operator", names_a_row=True),
    "POST /rollouts/{ref}/cancel": Route(role="operator", names_a_row=True),
    "GET /journal": Route(role="viewer"),
    "GET /journal/export": Route(role="viewer"),
}
Fill = Callable[[str], str]


@pytest.fixture
def fill(world: World) -> Fill:
    """Put the names of our organisation's own rows into a path."""
    common: dict[str, Any] = {"organisation_id": world.organisation.id, "actor": "person:otto", "now": world.now}
    window = set_window(**common, name="noon-window", starts_local="2027-01-02T12:00:00", rrule="FREQ=DAILY",
                        timezone="UTC", duration_seconds=3600)  # fmt: skip
    freeze = set_freeze(**common, name="our-freeze", starts_at=world.now + timedelta(days=1),
                        ends_at=world.now + timedelta(days=2), reason="")  # fmt: skip
    values = {
        "ref": str(Host.objects.get(organisation=world.organisation, hostname="web01").id),
        "token_id": str(EnrolmentToken.objects.filter(organisation=world.organisation)[0].id),
        "cve": "CVE-2026-11111",
        "update_id": str(Update.objects.filter(organisation=world.organisation)[0].id),
        "freeze_id": str(freeze.id),
    }
    rollout = plan_rollout(
        organisation_id=world.organisation.id,
        person_id=world.people["administrator"].id,
        request=RolloutRequest(selection=PendingSecurity(), name="our-rollout"),
        now=world.now,
    )

    def filled(path: str) -> str:
        if path.startswith("/rollouts"):
            return path.format(ref=rollout)
        return path.format(**values, name=window.name if "windows" in path else "web")

    return filled


def test_every_route_is_in_the_table_above() -> None:
    paths = api.get_openapi_schema()["paths"]
    known = {
        f"{method.upper()} {path.removeprefix('/api/v1')}" for path, methods in paths.items() for method in methods
    }
    assert known == set(ROUTES)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what a call has changed: every route meets the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.usefixtures("installer")
def test_without_a_token_nothing_is_answered(fill: Fill) -> None:
    for name, route in ROUTES.items():
        method, path = name.split()
        Caller().call(method, fill(path), route.body).refused(401, "token_invalid")
        Caller("oak_guessed").call(method, fill(path), route.body).refused(401, "token_invalid")


@pytest.mark.usefixtures("installer")
def test_the_least_role_is_enough_and_a_lesser_one_is_not(fill: Fill, world: World) -> None:
    callers = {role: caller_of(world.organisation, world.people[role]) for role in ROLES}
    for name, route in ROUTES.items():
        method, path = name.split()
        least = ROLES.index(route.role)
        for role in ROLES[:least]:
            answer = callers[role].call(method, fill(path), route.body)
            assert answer.status == 403, (name, role, answer.body)
            assert answer.body["code"] in {"role_insufficient", "role_too_low"}, name
            assert answer.body["next_step"], name
        with undone():
            answer = callers[ROLES[least]].call(method, fill(path), route.body)
            # 409: the verb was reached, but this host is in no quarantine, this rollout does not run yet.
            assert answer.status in {200, 409}, (name, answer.body)


@pytest.mark.usefixtures("installer")
def test_another_organisations_rows_are_not_there(fill: Fill, stranger: Caller) -> None:
    for name in (name for name, route in ROUTES.items() if route.names_a_row):
        method, path = name.split()
        answer = stranger.call(method, fill(path), ROUTES[name].body)
        assert answer.status == 404, (name, answer.body)
        assert answer.body["code"].endswith("_unknown"), name


def test_another_organisations_lists_hold_none_of_our_names(fill: Fill, stranger: Caller) -> None:
    for name in (name for name, route in ROUTES.items() if name.startswith("GET") and not route.names_a_row):
        answer = stranger.get(fill(name.split()[1]))
        for ours in ("web01", "db01", "noon-window", "otto", "our-freeze", "our-rollout"):
            assert ours not in str(answer.ok()), name


def test_ids_that_exist_nowhere_are_not_there_either(administrator: Caller) -> None:
    for path in ("/hosts/{}", "/hosts/enrolment-tokens/{}", "/policy/freezes/{}"):
        method = "GET" if path == "/hosts/{}" else "DELETE"
        assert administrator.call(method, path.format(uuid.uuid4())).status == 404
