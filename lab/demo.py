"""What `make lab` shows: a server in the lab, every host enrolled, and how to go on from there."""

from __future__ import annotations

import atexit
import sys

from lab.lab import Lab
from lab.server import OakumServer


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def after_boot(lab: Lab) -> None:
    """Start a server, enrol all hosts, and tell a person where to look."""
    server = OakumServer(lab)
    atexit.register(server.stop)
    _say("starting Oakum in the lab ...")
    server.start()
    server.add_person("bea", "approver")
    server.client().patch("/policy/settings", {"soak_seconds": 60})
    server.enrol_all(lab.hosts, progress=_say)
    password = server.command("admin", "reset-password", "admin").stdout.strip().rpartition(" ")[2]
    second = server.command("admin", "reset-password", "bea").stdout.strip().rpartition(" ")[2]
    certificate = server.data / "tls" / "certificate.pem"
    _say(
        f"\nOakum: {server.local_url} (a certificate of its own: accept it once)\n"
        f"  sign in as admin, one-time password {password}\n"
        f"  the second person, who approves: bea, one-time password {second}\n\n"
        "By command line:\n"
        f"  export OAKUM_URL={server.local_url} OAKUM_CERTIFICATE={certificate} OAKUM_TOKEN={server.token()}\n"
        "  .venv/bin/oakum host list\n"
        "  .venv/bin/oakum rollout plan --security --all --now 4h --soak 60s\n"
        f"  OAKUM_TOKEN={server.token('bea')} .venv/bin/oakum rollout approve 1\n"
        "  .venv/bin/oakum rollout start 1 && .venv/bin/oakum rollout status 1 --watch\n"
    )
