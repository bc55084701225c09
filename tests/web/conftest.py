"""Fixtures of the pages' tests: a world, and a browser signed in as anyone of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from oakum import ports
from oakum.web.limits import sign_in_limits
from tests.web.rows import World, make_world

SignIn = Callable[[str], Client]


@pytest.fixture
def world(db: None) -> World:
    del db
    return make_world()


@pytest.fixture
def signed_in(world: World) -> SignIn:
    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(world.people[role])
        return client

    return sign_in


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Hash cheaply: a quarter of a second a sign-in adds up, and the hashing is Django's."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    sign_in_limits.__init__()  # type: ignore[misc]  # failures of one test must not limit the next
    yield
    sign_in_limits.__init__()  # type: ignore[misc]


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand the pages an installer, as the wiring does at start."""
    facts = ports.InstallerFacts(certificate="c4" * 32, server_key="ab" * 32, agent_sha256="9f" * 32)
    monkeypatch.setattr(ports, "installer_facts", lambda: facts)
    monkeypatch.setattr(ports, "installer_line", lambda token, mode: f"python3 installer --token {token} --mode {mode}")
