"""Run apt's and dpkg's own programs, with one environment and one way to word their complaints.

Only reading goes through here: no lock is taken, nothing is installed.
"""

from __future__ import annotations

import os
from typing import Sequence

from oakum.agent.command import CommandResult, run_command

# Resolving a full upgrade takes 1.5 s on a small host and 20 s on a slow one with many repositories.
APT_TIMEOUT_SECONDS = 180.0
COMPLAINT_LENGTH_MAX = 400

# What an administrator may have set for apt in the unit's environment; everything else is left behind.
PASSED_ON = ("APT_CONFIG", "http_proxy", "https_proxy", "ftp_proxy", "no_proxy")


class AptProblem(Exception):  # noqa: N818 - becomes the reason of an unknown section, not a fault of the agent
    """An apt program failed, or printed what cannot be understood; the text is one sentence for people."""


def run_apt(
    argv: Sequence[str], *, timeout_seconds: float = APT_TIMEOUT_SECONDS, directory: str | None = None
) -> CommandResult:
    """Run one of apt's or dpkg's programs and return what it said."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return run_command(argv, timeout_seconds=timeout_seconds, environment=environment, directory=directory)


def read_apt(argv: Sequence[str], *, timeout_seconds: float = APT_TIMEOUT_SECONDS) -> str:
    """Return what the program printed.

    Raises:
        AptProblem: it failed; the sentence carries its first own line of complaint.
    """
    result = run_apt(argv, timeout_seconds=timeout_seconds)
    if result.problem:
        raise AptProblem(result.problem)
    if result.status != 0:
        raise AptProblem(f"{argv[0]} failed: {first_complaint(result)}")
    return result.text


def first_complaint(result: CommandResult) -> str:
    """Return the first ``E:`` line, else the first line of standard error, else the exit status."""
    lines = [line.strip() for line in result.error_text.splitlines() if line.strip()]
    errors = [line[2:].strip() for line in lines if line.startswith("E:")]
    complaint = (errors or lines or [f"exit status {result.status}"])[0]
    return complaint[:COMPLAINT_LENGTH_MAX]


def is_older(version: str, than: str) -> bool:
    """Say whether ``version`` sorts before ``than``, by dpkg's own order."""
    return run_apt(("dpkg", "--compare-versions", version, "lt", than)).status == 0
