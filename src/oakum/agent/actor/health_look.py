"""Take one look at a host's health: what systemd says of every unit it knows, and which sockets listen.

It compares nothing (``health``) and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Dict, Iterator, List, Optional, Tuple

from oakum.agent.actor.health_state import (
    MANAGER_ABSENT,
    MANAGER_ANSWERS,
    MANAGER_SILENT,
    HealthState,
    Unit,
)
from oakum.agent.actor.system import System
from oakum.protocol.trust import render_instant

SYSTEMCTL_SECONDS_MAX = 60.0
UNIT_COUNT_MAX = 5_000
FILE_BYTES_MAX = 4_096

SYSTEMD_RUN_DIR = "/run/systemd"
BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
UPTIME_FILE = "/proc/uptime"
PORT_RANGE_FILE = "/proc/sys/net/ipv4/ip_local_port_range"
EPHEMERAL_PORTS = (32768, 60999)  # the kernel's own default

PROPERTIES = (
    "Id",
    "ActiveState",
    "SubState",
    "Result",
    "UnitFileState",
    "NRestarts",
    "InvocationID",
    "ActiveEnterTimestampMonotonic",
    "TriggeredBy",
    "Type",
    "RemainAfterExit",
    "Transient",
)
SHOW = ("systemctl", "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "*")


def look_at_health(system: System, now: datetime) -> HealthState:
    """Return the host's state as it is now; a manager that does not answer is part of the answer, not a fault."""
    manager, units = MANAGER_ABSENT, ()  # type: Tuple[str, Tuple[Unit, ...]]
    if "system" in system.list_names(SYSTEMD_RUN_DIR):
        shown = system.run(SHOW, timeout_seconds=SYSTEMCTL_SECONDS_MAX)
        answered = shown.code == 0 and bool(shown.out.strip())
        manager = MANAGER_ANSWERS if answered else MANAGER_SILENT
        units = parse_units(shown.out, _uptime_seconds(system)) if answered else ()
    first, last = _ephemeral_ports(system)
    return HealthState(
        taken_at=render_instant(now.replace(microsecond=0)),
        boot_id=read_boot_id(system),
        manager=manager,
        units=units,
        listeners=system.listeners(),
        ephemeral_min=first,
        ephemeral_max=last,
    )


def read_boot_id(system: System) -> str:
    """Return the id of this boot, "" when the kernel does not say."""
    return _read_text(system, BOOT_ID_FILE).strip()


def parse_units(text: str, uptime_seconds: float) -> Tuple[Unit, ...]:
    """Parse what ``systemctl show`` prints of many units: blocks of ``Name=value``, sorted by unit here."""
    units: Dict[str, Unit] = {}
    for fields in _blocks(text):
        name = fields.get("Id", "")
        if name and len(units) < UNIT_COUNT_MAX:
            units[name] = _unit(name, fields, uptime_seconds)
    return tuple(units[name] for name in sorted(units))


def _unit(name: str, fields: Dict[str, str], uptime_seconds: float) -> Unit:
    active = fields.get("ActiveState", "")
    entered = _number(fields.get("ActiveEnterTimestampMonotonic", ""))
    is_active = active in ("active", "reloading")
    return Unit(
        name=name,
        active=active,
        sub=fields.get("SubState", ""),
        result=fields.get("Result", ""),
        enablement=fields.get("UnitFileState", ""),
        restarts=_number(fields.get("NRestarts", "")),
        invocation=fields.get("InvocationID", ""),
        active_seconds=max(0, int(uptime_seconds - entered / 1_000_000)) if is_active else 0,
        triggers=tuple(fields.get("TriggeredBy", "").split()),
        # One that stays active after it has run (RemainAfterExit) is missed when it is not.
        oneshot=fields.get("Type") == "oneshot" and fields.get("RemainAfterExit") != "yes",
        transient=fields.get("Transient") == "yes",
    )


def _blocks(text: str) -> Iterator[Dict[str, str]]:
    fields: Dict[str, str] = {}
    lines: List[str] = [*text.splitlines(), ""]
    for line in lines:
        name, sign, value = line.partition("=")
        if sign:
            fields[name] = value
        elif not line.strip() and fields:
            yield fields
            fields = {}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _uptime_seconds(system: System) -> float:
    words = _read_text(system, UPTIME_FILE).split()
    return float(words[0]) if words else 0.0


def _ephemeral_ports(system: System) -> Tuple[int, int]:
    words = _read_text(system, PORT_RANGE_FILE).split()
    numbers = [int(word) for word in words if word.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == len(EPHEMERAL_PORTS) else EPHEMERAL_PORTS


def _read_text(system: System, path: str) -> str:
    content: Optional[bytes] = system.read(path, FILE_BYTES_MAX)
    return "" if content is None else content.decode("utf-8", "replace")
