"""A real server on loopback with a real database, and the shells of people who use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from oakum import ports
from oakum.identity.services import create_token
from tests.cli.running import Shell
from tests.web.rows import World, two_hosts

ShellOf = Callable[[str], Shell]


@pytest.fixture
def world(transactional_db: None) -> World:
    """Return two hosts with a vulnerable openssl, one of them in the group web."""
    del transactional_db
    return two_hosts()


@pytest.fixture
def shell_of(world: World, live_server: LiveServer, tmp_path: Path) -> ShellOf:
    """Return the shell of the person who has that role, logged in by variables."""

    def make(role: str) -> Shell:
        _, token = create_token(
            organisation_id=world.organisation.id, person_id=world.people[role].id, name="shell", now=world.now
        )
        return Shell(tmp_path, OAKUM_URL=live_server.url, OAKUM_TOKEN=token)

    return make


@pytest.fixture
def operator(shell_of: ShellOf) -> Shell:
    return shell_of("operator")


@pytest.fixture
def approver(shell_of: ShellOf) -> Shell:
    return shell_of("approver")


@pytest.fixture
def administrator(shell_of: ShellOf) -> Shell:
    return shell_of("administrator")


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the API an installer, as the wiring does at start."""
    facts = ports.InstallerFacts(certificate="c4" * 32, server_key="ab" * 32, agent_sha256="9f" * 32)
    monkeypatch.setattr(ports, "installer_facts", lambda: facts)
    monkeypatch.setattr(ports, "installer_line", lambda token, mode: f"python3 installer --token {token} --mode {mode}")
