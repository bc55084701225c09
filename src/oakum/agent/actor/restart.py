"""Restart the services that still run old code after a change, less those that must not be restarted under people.

What runs old code is the observer's finding.  ``plan_restarts`` is pure; the units it leaves alone stay in the
inventory as pending restart, and are named in the outcome with the reason.  It does not look whether a service came
back well (``watching`` does).
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Sequence, Tuple

from oakum.agent.actor.tools import Tools
from oakum.agent.observer.processes import parse_unit
from oakum.protocol.inventory import StaleService

RESTART_SECONDS_MAX = 180.0
REEXEC_SECONDS_MAX = 90.0
NAMED_COUNT_MAX = 20

MANAGER = "init.scope"
OWN_CGROUP = "/proc/self/cgroup"
CGROUP_BYTES_MAX = 16 * 1024

OURSELVES = "the agent itself runs in it"
_SESSIONS = "people's sessions would end"
_NETWORK = "the host could lose its network"
_GUESTS = "guests or containers would stop"
_CLUSTER = "the cluster would see this host fail"
_STORAGE = "mounted storage could go away"

# (pattern, why it is left alone).
NEVER_RESTARTED: Tuple[Tuple[str, str], ...] = (
    ("oakum-*", OURSELVES),
    ("dbus.service", "everything connected to the bus would lose it; it takes a reboot"),
    ("dbus-broker.service", "everything connected to the bus would lose it; it takes a reboot"),
    ("systemd-logind.service", _SESSIONS),
    ("getty@*", _SESSIONS),
    ("serial-getty@*", _SESSIONS),
    ("console-getty.service", _SESSIONS),
    ("container-getty@*", _SESSIONS),
    ("user@*", _SESSIONS),
    ("display-manager.service", _SESSIONS),
    ("gdm*.service", _SESSIONS),
    ("lightdm.service", _SESSIONS),
    ("sddm.service", _SESSIONS),
    ("xdm.service", _SESSIONS),
    ("slim.service", _SESSIONS),
    ("lxdm.service", _SESSIONS),
    ("greetd.service", _SESSIONS),
    ("xrdp*.service", _SESSIONS),
    ("networking.service", _NETWORK),
    ("ifup@*", _NETWORK),
    ("wpa_supplicant*", _NETWORK),
    ("NetworkManager.service", _NETWORK),
    ("openvpn*", _NETWORK),
    ("strongswan*", _NETWORK),
    ("ipsec.service", _NETWORK),
    ("docker.service", _GUESTS),
    ("containerd.service", _GUESTS),
    ("podman*", _GUESTS),
    ("libvirtd.service", _GUESTS),
    ("virtqemud.service", _GUESTS),
    ("lxc*", _GUESTS),
    ("lxd*", _GUESTS),
    ("incus*", _GUESTS),
    ("machine-*", _GUESTS),
    ("systemd-nspawn@*", _GUESTS),
    ("kubelet.service", _GUESTS),
    ("corosync.service", _CLUSTER),
    ("pacemaker.service", _CLUSTER),
    ("keepalived.service", _CLUSTER),
    ("ceph-*", _CLUSTER),
    ("open-iscsi.service", _STORAGE),
    ("iscsid.service", _STORAGE),
    ("multipathd.service", _STORAGE),
    ("zfs-*", _STORAGE),
    ("rc-local.service", "its script is made to run once a boot"),
    ("unattended-upgrades.service", "it may be at work; it takes up the new code at its next run"),
)


@dataclass(frozen=True)
class RestartPlan:
    """Which units to restart, whether systemd is to execute itself anew, and what is left alone and why."""

    units: Tuple[str, ...]
    reexec: bool
    left_alone: Tuple[Tuple[str, str], ...]


def plan_restarts(stale: Sequence[StaleService], own_unit: str = "") -> RestartPlan:
    """Sort stale units into those to restart and those to leave alone; ``own_unit`` is the agent's, whatever its name.

    >>> plan_restarts((StaleService("nginx.service", ("libssl3",), 2), StaleService("dbus.service", (), 1))).units
    ('nginx.service',)
    """
    units, left_alone, reexec = [], [], False
    for service in sorted(stale, key=lambda each: each.unit):
        why = OURSELVES if service.unit == own_unit else _why_never(service.unit)
        if service.unit == MANAGER:
            reexec = True
        elif why:
            left_alone.append((service.unit, why))
        else:
            units.append(service.unit)
    return RestartPlan(units=tuple(units), reexec=reexec, left_alone=tuple(left_alone))


def _why_never(unit: str) -> str:
    if unit == MANAGER:
        return ""
    if not unit.endswith(".service"):
        return "it is no service that could be restarted"
    return next((why for pattern, why in NEVER_RESTARTED if fnmatch.fnmatchcase(unit, pattern)), "")


def restart_stale(tools: Tools) -> str:
    """Restart what runs old code; return what a person should know of it, empty when there is nothing to say."""
    facts = tools.system.facts()
    cgroup = (tools.system.read(OWN_CGROUP, CGROUP_BYTES_MAX) or b"").decode("utf-8", "replace")
    plan = plan_restarts(facts.stale_services, parse_unit(cgroup, ""))
    troubles = []
    if plan.reexec:
        completed = tools.system.run(("systemctl", "daemon-reexec"), timeout_seconds=REEXEC_SECONDS_MAX)
        if completed.code != 0:
            troubles.append("systemd did not execute itself anew")
    failed = [unit for unit in plan.units if not restart_unit(tools, unit)]
    troubles.extend("%s did not restart in good order" % unit for unit in failed)
    tools.context.log("actor.restarted", units=",".join(plan.units), left_alone=len(plan.left_alone))
    return _note(plan, troubles, known=facts.stale_status == "known")


def restart_unit(tools: Tools, unit: str) -> bool:
    """Restart ``unit`` if it runs; say whether systemd was content."""
    argv = ("systemctl", "try-restart", "--", unit)
    return tools.system.run(argv, timeout_seconds=RESTART_SECONDS_MAX).code == 0


def revive_unit(tools: Tools, unit: str) -> None:
    """Start or restart a unit that an update harmed; its own failures are seen at the next look."""
    for argv in (("systemctl", "reset-failed", "--", unit), ("systemctl", "restart", "--", unit)):
        tools.system.run(argv, timeout_seconds=RESTART_SECONDS_MAX)


def _note(plan: RestartPlan, troubles: Sequence[str], *, known: bool) -> str:
    parts = []
    if plan.units or plan.reexec:
        units = [*plan.units, *(["systemd"] if plan.reexec else [])]
        parts.append("Restarted: %s." % ", ".join(units[:NAMED_COUNT_MAX]))
    if plan.left_alone:
        named = ["%s (%s)" % pair for pair in plan.left_alone[:NAMED_COUNT_MAX]]
        parts.append("Still on old code: %s." % "; ".join(named))
    parts.extend("%s." % trouble for trouble in troubles)
    if not known:
        parts.append("Not every process could be looked at for old code.")
    return " ".join(parts)
