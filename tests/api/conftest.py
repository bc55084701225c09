"""Fixtures of the API's tests: a fleet, another organisation's fleet, and callers of every role."""

from __future__ import annotations

import pytest

from oakum import ports
from oakum.fleet.models import Host
from tests.api.calling import Caller, caller_of, make_other_world
from tests.web.rows import World, two_hosts


@pytest.fixture
def world(db: None) -> World:
    """Return two hosts with a vulnerable openssl, one of them in the group web."""
    del db
    return two_hosts()


@pytest.fixture
def other(world: World) -> World:
    return make_other_world(world.now)


@pytest.fixture
def viewer(world: World) -> Caller:
    return caller_of(world.organisation, world.people["viewer"])


@pytest.fixture
def operator(world: World) -> Caller:
    return caller_of(world.organisation, world.people["operator"])


@pytest.fixture
def approver(world: World) -> Caller:
    return caller_of(world.organisation, world.people["approver"])


@pytest.fixture
def administrator(world: World) -> Caller:
    return caller_of(world.organisation, world.people["administrator"])


@pytest.fixture
def stranger(other: World) -> Caller:
    """Return an administrator, but of another organisation."""
    return caller_of(other.organisation, other.people["administrator"])


@pytest.fixture
def web01(world: World) -> Host:
    return Host.objects.get(organisation=world.organisation, hostname="web01")


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the API an installer, as the wiring does at start."""
    facts = ports.InstallerFacts(certificate="c4" * 32, server_key="ab" * 32, agent_sha256="9f" * 32)
    monkeypatch.setattr(ports, "installer_facts", lambda: facts)
    monkeypatch.setattr(ports, "installer_line", lambda token, mode: f"python3 installer --token {token} --mode {mode}")
