"""Enrols the machine that ``oakum up`` runs on: report-only, in the data directory, as the same user.

It installs nothing and changes nothing outside the data directory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from oakum.cli.up.preparation import certificate_pin
from oakum.config import Config
from oakum.core.errors import StoreError
from oakum.fleet import services
from oakum.fleet.models import Host, HostState
from oakum.identity.queries import signer_key

TOKEN_LIFE = timedelta(minutes=10)
ENROL_SECONDS_MAX = 60


def directories(data_dir: Path) -> tuple[Path, Path]:
    """Return the agent's configuration and state directories."""
    return data_dir / "agent" / "config", data_dir / "agent" / "state"


def arguments(data_dir: Path) -> tuple[str, ...]:
    """Return the options that tell the agent its directories."""
    config_dir, state_dir = directories(data_dir)
    return ("--config-dir", str(config_dir), "--state-dir", str(state_dir))


def is_enrolled(data_dir: Path) -> bool:
    """Say whether the agent's files name a host that this database still knows."""
    file = directories(data_dir)[0] / "agent.json"
    try:
        host_id = json.loads(file.read_text())["host_id"]
        return Host.objects.filter(id=UUID(host_id)).exclude(state=HostState.RETIRED).exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def enrol(config: Config, *, organisation_id: UUID, now: datetime) -> None:
    """Enrol this machine with a token of its own.

    Raises:
        StoreError: the agent could not enrol; its own words are in the sentence.
    """
    config_dir, state_dir = directories(config.data_dir)
    for path in (config_dir, state_dir):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    _, token = services.create_enrolment_token(
        organisation_id=organisation_id,
        note="this machine",
        valid_for=TOKEN_LIFE,
        use_count_max=1,
        is_local=True,
        actor="admin",
        now=now,
    )
    argv = [sys.executable, "-m", "oakum.agent", "enrol", "--server", config.url, "--token", token]
    argv += ["--server-key", signer_key(), "--certificate", certificate_pin(config), "--mode", "report_only"]
    argv += ["--force", *arguments(config.data_dir)]
    result = subprocess.run(
        argv, capture_output=True, text=True, timeout=ENROL_SECONDS_MAX, check=False, stdin=subprocess.DEVNULL
    )
    if result.returncode != 0:
        raise StoreError(
            code="local_agent_not_enrolled",
            sentence=f"This machine's agent could not enrol: {result.stderr.strip()[-500:]}",
            next_step="Oakum runs on without it; start again to try again.",
        )
