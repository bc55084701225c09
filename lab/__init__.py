"""The lab: a small fleet of real Debian hosts on one machine, for demonstrations and end-to-end tests.

A tool, no product: nothing under ``src`` imports it.  It needs root, and nothing it starts can reach a network.
It does not install or enrol Oakum; callers do that on the hosts it hands them.
"""

from __future__ import annotations

from lab.errors import CommandError, LabError
from lab.hosts import LabHost
from lab.lab import Lab
from lab.repository import Channel, LocalRepository
from lab.requirements import REQUIRED_COMMANDS, check_requirements

__all__ = [
    "REQUIRED_COMMANDS",
    "Channel",
    "CommandError",
    "Lab",
    "LabError",
    "LabHost",
    "LocalRepository",
    "check_requirements",
]
