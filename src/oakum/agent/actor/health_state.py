"""One look at a host's health: its units and its listening sockets, as values that are kept beside an order.

Shapes only: ``health_look`` takes looks, ``health`` compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from oakum.agent.actor.system import Listener

MANAGER_ANSWERS = "answers"
MANAGER_SILENT = "silent"  # systemd runs the host and does not answer
MANAGER_ABSENT = "absent"  # the host is not run by systemd


@dataclass(frozen=True)
class Unit:
    """One unit as ``systemctl show`` tells of it; words are systemd's own.

    ``restarts`` counts starts by systemd itself since the last by a person or package; ``invocation`` changes with
    each start; ``active_seconds`` is how long it has been active, 0 when it is not.
    """

    name: str
    active: str
    sub: str = ""
    result: str = ""
    enablement: str = ""
    restarts: int = 0
    invocation: str = ""
    active_seconds: int = 0
    triggers: Tuple[str, ...] = ()
    oneshot: bool = False
    transient: bool = False


@dataclass(frozen=True)
class HealthState:
    """One look at a host.  The ephemeral ports go from ``ephemeral_min`` to ``ephemeral_max``, inclusive."""

    taken_at: str
    boot_id: str
    manager: str
    units: Tuple[Unit, ...]
    listeners: Tuple[Listener, ...]
    ephemeral_min: int = 32768
    ephemeral_max: int = 60999
