"""What the agent was told: by enrolment (agent.json, secret) and by the host's owner (policy.json).

It reads and checks; ``broker.enrol`` writes.  A policy that cannot be read never allows anything: the agent then goes
on as report-only, and says why.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from oakum.agent.errors import HostError
from oakum.agent.files import read_bounded
from oakum.protocol.codec import WireError, from_json
from oakum.protocol.orders import VERBS
from oakum.protocol.trust import MODE_APPLY, MODE_REPORT_ONLY, MODES, DailyWindow, LocalPolicy

CONFIG_DIR = "/etc/oakum"
STATE_DIR = "/var/lib/oakum-agent"

AGENT_FILE = "agent.json"
SECRET_FILE = "secret"  # noqa: S105 - a file's name
POLICY_FILE = "policy.json"
# Under the state directory; the actor's own.
ORDERS_DIR = "orders"

CHECK_IN_SECONDS_MIN = 5
CHECK_IN_SECONDS_MAX = 24 * 3600
REFRESH_LISTS_HOURS = 12
MINUTES_OF_DAY = 24 * 60
SECRET_LENGTH_MIN = 32
SERVER_KEY_BYTES = 32


@dataclass(frozen=True)
class AgentConfig:
    """agent.json: whom this host belongs to.  ``server_key`` is an Ed25519 public key in hex.

    ``certificate`` is the SHA-256, in hex, of the server's certificate (DER), or empty for the system's own
    authorities.
    """

    server: str
    host_id: str
    organisation_id: str
    server_key: str
    certificate: str
    check_in_seconds: int


@dataclass(frozen=True)
class PolicyFile:
    """policy.json: the fields of :class:`oakum.protocol.trust.LocalPolicy`, and how often lists are refreshed.

    ``refresh_lists_hours`` 0 means that the agent never refreshes the package lists.
    """

    mode: str = MODE_REPORT_ONLY
    verbs: tuple[str, ...] = VERBS
    packages: tuple[str, ...] = ("*",)
    packages_never: tuple[str, ...] = ()
    windows: tuple[DailyWindow, ...] = ()
    refresh_lists_hours: int = REFRESH_LISTS_HOURS


@dataclass(frozen=True)
class OwnerPolicy:
    """The policy in force, and the ``problem`` (empty if none) for which it is narrower than the owner may think."""

    local: LocalPolicy
    refresh_lists_hours: int
    problem: str


def is_enrolled(config_dir: Path) -> bool:
    """Say whether agent.json is there; enrolment writes it last."""
    return (config_dir / AGENT_FILE).exists()


def load_config(config_dir: Path) -> AgentConfig:
    """Return agent.json.

    Raises:
        HostError: not enrolled, or the file is damaged.
    """
    path = config_dir / AGENT_FILE
    content = read_bounded(path)
    if content is None:
        raise HostError(
            code="not_enrolled",
            sentence=f"This host is not enrolled: {path} does not exist.",
            next_step="Paste the server's installer line here, or run: oakum-agent enrol --help.",
        )
    try:
        config = from_json(content, AgentConfig)
        if len(bytes.fromhex(config.server_key)) != SERVER_KEY_BYTES:
            raise ValueError("server_key is not 32 bytes in hex")
    except (WireError, ValueError) as error:
        raise HostError(
            code="config_damaged",
            sentence=f"{path} cannot be understood: {error}.",
            next_step="Enrol again with --force.",
        ) from error
    return config


def load_secret(config_dir: Path) -> str:
    """Return the bearer secret.

    Raises:
        HostError: absent, malformed, or readable by others.
    """
    path = config_dir / SECRET_FILE
    content = read_bounded(path)
    if content is None:
        raise HostError(
            code="secret_missing", sentence=f"{path} does not exist.", next_step="Enrol again with --force."
        )
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise HostError(
            code="secret_exposed",
            sentence=f"{path} can be read by other users.",
            next_step=f"Enrol again with --force if it may have been read; else run: chmod 600 {path}.",
        )
    secret = content.decode("ascii", "replace").strip()
    if len(secret) < SECRET_LENGTH_MIN or not all(character.isalnum() or character in "-_" for character in secret):
        raise HostError(
            code="secret_damaged", sentence=f"{path} holds no secret.", next_step="Enrol again with --force."
        )
    return secret


def load_policy(config_dir: Path) -> OwnerPolicy:
    """Return the policy of the file; report-only, with a problem, when it is absent, wrong or open to others."""
    path = config_dir / POLICY_FILE
    try:
        content = read_bounded(path)
        if content is None:
            return _report_only(f"{path} does not exist.")
        status = path.stat()
    except (HostError, OSError) as error:
        return _report_only(str(error))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in (0, os.geteuid()):
        return _report_only(f"{path} can be changed by others than root: chown root and chmod 644 it.")
    try:
        stated = from_json(content, PolicyFile)
        check_policy(stated)
    except (WireError, ValueError) as error:
        return _report_only(f"{path} cannot be understood: {error}.")
    local = LocalPolicy(
        mode=stated.mode,
        verbs=stated.verbs,
        packages=stated.packages,
        packages_never=stated.packages_never,
        windows=stated.windows,
    )
    return OwnerPolicy(local=local, refresh_lists_hours=stated.refresh_lists_hours, problem="")


def check_policy(policy: PolicyFile) -> None:
    """Raise ValueError, naming the field, if a value of the policy makes no sense."""
    if policy.mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {policy.mode!r}")
    unknown = [verb for verb in policy.verbs if verb not in VERBS]
    if unknown:
        raise ValueError(f"verbs knows only {', '.join(VERBS)}, not {unknown[0]!r}")
    if policy.refresh_lists_hours < 0:
        raise ValueError("refresh_lists_hours cannot be negative")
    for window in policy.windows:
        if not (0 <= window.start_minute < MINUTES_OF_DAY and 0 <= window.end_minute <= MINUTES_OF_DAY):
            raise ValueError("a window's minutes go from 0 to 1440")
        if any(not 1 <= day <= 7 for day in window.days):  # noqa: PLR2004 - ISO weekdays
            raise ValueError("a window's days go from 1 (Monday) to 7")


def narrow_to_host(policy: OwnerPolicy, *, is_root: bool, writable: bool) -> OwnerPolicy:
    """Return the policy in force on this host as it is run: without root, or in a sandbox, nothing can be applied."""
    if policy.local.mode != MODE_APPLY or (is_root and writable):
        return policy
    why = (
        "the policy allows changes, but /usr is read-only for the agent; run the installer again with --mode apply."
        if is_root
        else "the policy allows changes, but the agent does not run as root."
    )
    return replace(policy, local=replace(policy.local, mode=MODE_REPORT_ONLY), problem=why)


def _report_only(problem: str) -> OwnerPolicy:
    return OwnerPolicy(local=LocalPolicy(), refresh_lists_hours=0, problem=problem)
