"""Become a host of an organisation: make a secret, show a token, compare the server's key, write the files.

Nothing is written before the server's key is found to be the one that a person pinned on the command line.  agent.json
is written last: a host is enrolled when it is there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from oakum import __version__
from oakum.agent import config as configuration
from oakum.agent.broker.address import parse_certificate, parse_server
from oakum.agent.broker.check_in import clamp_interval
from oakum.agent.broker.client import Broker
from oakum.agent.broker.replies import printable
from oakum.agent.broker.transport import Transport
from oakum.agent.config import AgentConfig, PolicyFile
from oakum.agent.errors import HostError, MisuseError, RefusedError
from oakum.agent.files import MODE_PRIVATE, MODE_PUBLIC, make_directory, move_aside, remove_durably, write_atomically
from oakum.agent.observer.system import read_machine_id_hash
from oakum.agent.spool import SPOOL_DIR
from oakum.agent.state import STATE_FILE, StateStore
from oakum.protocol.codec import WireError, canonical_json, from_json, to_plain
from oakum.protocol.messages import PROTOCOL_VERSION, EnrolReply, EnrolRequest

SECRET_BYTES = 32
ID_LENGTH_MAX = 100
MODE_CONFIG_DIRECTORY = 0o755
# Where a former enrolment's state is kept, once: nothing that says what was done to the host is thrown away.
FORMER_DIR = "before-enrolment"
FORMER_ITEMS = (STATE_FILE, SPOOL_DIR, configuration.ORDERS_DIR)


@dataclass(frozen=True)
class Enrolment:
    """What the command line says: ``mode`` empty leaves the policy as it is (report_only where there is none)."""

    server: str
    token: str
    server_key: str
    certificate: str
    mode: str
    force: bool


def enrol(wish: Enrolment, *, config_dir: Path, state_dir: Path) -> AgentConfig:
    """Enrol this host and return its new configuration.  The caller holds the lock.

    Raises:
        MisuseError: already enrolled (and no ``force``), or an argument makes no sense.
        RefusedError: the server's key or certificate is not the pinned one; no file was written.
        AgentError: the server cannot be reached or refuses the token; no file was written.
    """
    address, certificate, pinned = parse_server(wish.server), parse_certificate(wish.certificate), _parse_key(wish)
    if configuration.is_enrolled(config_dir) and not wish.force:
        raise MisuseError(
            code="already_enrolled",
            sentence=f"This host is enrolled already ({config_dir / configuration.AGENT_FILE}).",
            next_step="Nothing to do; to enrol it anew as another host, use --force.",
        )
    policy = _choose_policy(config_dir, wish.mode)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    request = EnrolRequest(
        protocol=PROTOCOL_VERSION,
        token=wish.token,
        secret_hash=hashlib.sha256(secret.encode("ascii")).hexdigest(),
        hostname=os.uname().nodename,
        machine_id_hash=read_machine_id_hash(),
        policy_mode=policy.mode,
        agent_version=__version__,
    )
    broker = Broker(Transport(address, certificate))
    try:
        reply = broker.enrol(request)
    finally:
        broker.close()
    _check_reply(reply, pinned)
    config = AgentConfig(
        server=address.url,
        host_id=reply.host_id,
        organisation_id=reply.organisation_id,
        server_key=pinned,
        certificate=certificate,
        check_in_seconds=clamp_interval(reply.check_in_seconds),
    )
    _write_files(config, policy, secret, reply.nonce, config_dir=config_dir, state_dir=state_dir)
    return config


def _parse_key(wish: Enrolment) -> str:
    key = wish.server_key.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise MisuseError(
            code="server_key_malformed",
            sentence="--server-key must be an Ed25519 public key in hex, 64 digits.",
            next_step="Copy it from the page that gave the enrolment token.",
        )
    return key


def _check_reply(reply: EnrolReply, pinned: str) -> None:
    if not hmac.compare_digest(reply.server_key.lower().encode(), pinned.encode()):
        raise RefusedError(
            code="server_key_other",
            sentence=(
                f"The server signs its orders with another key ({printable(reply.server_key)[:16]}...) than the one "
                f"given with --server-key ({pinned[:16]}...). This host did not enrol, and no file was written."
            ),
            next_step=(
                "Compare --server-key with the page that gave the token, opened over a connection that you trust; "
                "then remove the half-made host on the server."
            ),
        )
    for text in (reply.host_id, reply.organisation_id):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,%d}" % ID_LENGTH_MAX, text):
            raise RefusedError(
                code="identity_malformed",
                sentence="The server gave this host an identity that is no id.",
                next_step="Update agent and server to the same version.",
            )


def _choose_policy(config_dir: Path, mode: str) -> PolicyFile:
    """Return the policy to write: the owner's own, with its mode replaced only if one was asked for."""
    path = config_dir / configuration.POLICY_FILE
    policy = PolicyFile()
    if path.exists():
        try:
            policy = from_json(path.read_bytes(), PolicyFile)
        except (WireError, OSError) as error:
            raise HostError(
                code="policy_damaged",
                sentence=f"{path} cannot be understood: {error}.",
                next_step="Correct it, or move it away and enrol again.",
            ) from error
    return dataclasses.replace(policy, mode=mode) if mode else policy


def write_policy(config_dir: Path, mode: str) -> PolicyFile:
    """Set the policy's mode, leaving the rest of it as it is, and return it."""
    policy = _choose_policy(config_dir, mode)
    write_atomically(config_dir / configuration.POLICY_FILE, _render_policy(policy), MODE_PUBLIC)
    return policy


def _render_policy(policy: PolicyFile) -> bytes:
    """People edit this file, so a field stands on a line."""
    return json.dumps(to_plain(policy), indent=2, sort_keys=True).encode("utf-8") + b"\n"


def _write_files(
    config: AgentConfig, policy: PolicyFile, secret: str, nonce: str, *, config_dir: Path, state_dir: Path
) -> None:
    make_directory(config_dir, MODE_CONFIG_DIRECTORY)
    make_directory(state_dir)
    agent_file = config_dir / configuration.AGENT_FILE
    remove_durably(agent_file)
    for name in FORMER_ITEMS:
        move_aside(state_dir / name, state_dir / FORMER_DIR / name)
    StateStore(state_dir).change(nonce=nonce, check_in_seconds=config.check_in_seconds)
    write_atomically(config_dir / configuration.SECRET_FILE, secret.encode("ascii") + b"\n", MODE_PRIVATE)
    write_atomically(config_dir / configuration.POLICY_FILE, _render_policy(policy), MODE_PUBLIC)
    write_atomically(agent_file, canonical_json(config) + b"\n", MODE_PUBLIC)
