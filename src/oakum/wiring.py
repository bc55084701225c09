"""Puts the rooms together where floors keep them apart: the one module that knows who implements what.

It decides nothing and reads no table; the web process calls it once, at start.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from oakum import ports
from oakum.cli.up.preparation import certificate_pin
from oakum.config import read_config
from oakum.gateway.agent_file import agent_file
from oakum.gateway.app import Gateway
from oakum.gateway.installer import installer_line, render_installer
from oakum.identity.queries import signer_key
from oakum.web.readiness import Readiness


def build_gateway() -> Gateway:
    """Return the agents' door for this installation."""
    config = read_config()
    return Gateway(server_url=config.url, certificate=certificate_pin(config))


def build_readiness() -> Readiness:
    """Return what keeps the pages of large organisations ready."""
    return Readiness(clock=lambda: datetime.now(tz=UTC))


def wire_ports() -> None:
    """Hand the people's doors what belongs to the agents' door."""
    ports.installer_facts = _installer_facts
    ports.installer_line = _installer_line


def _installer_facts() -> ports.InstallerFacts:
    return ports.InstallerFacts(
        certificate=certificate_pin(read_config()), server_key=signer_key(), agent_sha256=agent_file().sha256
    )


def _installer_line(token: str, mode: str) -> str:
    url, facts = read_config().url, _installer_facts()
    installer = render_installer(url, facts.certificate, facts.server_key, facts.agent_sha256)
    return installer_line(url, hashlib.sha256(installer).hexdigest(), token, mode)
