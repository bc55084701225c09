"""The journal and the holder of a token, by the API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import AsyncClient

from oakum import __version__
from oakum.fleet.models import Host
from oakum.fleet.services import set_host
from oakum.identity.models import ApiToken
from oakum.identity.services import create_token, revoke_token
from oakum.journal.services import seal
from oakum.journal.signature import signature_holds
from oakum.journal.verify import verify
from tests.api.calling import Caller
from tests.web.rows import World

pytestmark = pytest.mark.django_db


def test_the_token_says_who_speaks(viewer: Caller) -> None:
    assert viewer.get("/me").ok() == {
        "person": "vera",
        "organisation": "Main",
        "role": "viewer",
        "version": __version__,
    }


def test_tokens_that_are_no_good_are_refused_alike(world: World) -> None:
    person, organisation_id = world.people["viewer"], world.organisation.id
    row, revoked = create_token(organisation_id=organisation_id, person_id=person.id, name="", now=world.now)
    revoke_token(organisation_id=organisation_id, token_id=row.id, actor="admin", now=world.now)
    row, expired = create_token(organisation_id=organisation_id, person_id=person.id, name="", now=world.now)
    ApiToken.objects.filter(id=row.id).update(expires_at=world.now - timedelta(seconds=1))
    answers = [Caller(token).get("/me") for token in ("", "oak_wrong", "wrong", "\x00", "oak_\u00e9", revoked, expired)]
    for answer in answers:
        assert "oakum login" in answer.refused(401, "token_invalid")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    person.is_active = False
    person.save()
    _, fresh = create_token(organisation_id=organisation_id, person_id=person.id, name="", now=world.now)
    Caller(fresh).get("/me").refused(401, "token_invalid")


def test_entries_come_newest_first_and_page_by_position(viewer: Caller, world: World) -> None:
    seal(now=world.now)
    first = viewer.get("/journal", limit=2).ok()
    assert len(first["entries"]) == 2
    second = viewer.get("/journal", limit=2, before=first["before_position"]).ok()
    positions = [entry["position"] for entry in first["entries"] + second["entries"]]
    assert positions == sorted(positions, reverse=True)
    assert len(set(positions)) == 4
    kinds = {entry["kind"] for entry in viewer.get("/journal", kind="fleet", limit=200).ok()["entries"]}
    assert "fleet.host_enrolled" in kinds
    assert all(kind.startswith("fleet.") for kind in kinds)


def test_an_export_holds_whatever_a_host_calls_itself(viewer: Caller, world: World, web01: Host) -> None:
    Host.objects.filter(id=web01.id).update(hostname="a\u2028b\x85c\rd\ne")
    set_host(
        organisation_id=world.organisation.id, host_id=web01.id, actor="person:otto", now=world.now, criticality="high"
    )
    seal(now=world.now)
    text = viewer.get("/journal/export").ok()
    verdict = verify(text.split("\n"), public_key=None, verify_signature=signature_holds)
    assert verdict.holds, verdict
    assert verdict.entry_count > 5
    assert json.loads(text.split("\n")[0])["journal"]["signer_key"] == "ab" * 32


def test_the_installations_own_chain_is_for_administrators(viewer: Caller, administrator: Caller) -> None:
    viewer.get("/journal/export", installation="true").refused(403, "role_insufficient")
    assert json.loads(administrator.get("/journal/export", installation="true").ok().splitlines()[0])["journal"]


def test_under_asgi_an_export_is_sent_in_pieces(world: World) -> None:
    from asgiref.sync import async_to_sync

    seal(now=world.now)
    _, token = create_token(
        organisation_id=world.organisation.id, person_id=world.people["viewer"].id, name="", now=world.now
    )

    async def fetch() -> bytes:
        found: Any = await AsyncClient().get("/api/v1/journal/export", headers={"Authorization": f"Bearer {token}"})
        assert found.is_async
        return b"".join([piece async for piece in found.streaming_content])

    assert b'"journal"' in async_to_sync(fetch)()
