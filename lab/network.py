"""A lab's network: one namespace with a bridge, one namespace with one cable for each host.

There is no default route anywhere and no cable to the machine's own network, so nothing can leave.  What has
to talk to hosts runs inside the lab's namespace (``enter``) or opens its sockets there (``socket_inside``).
It does not proxy packages (``lab.aptproxy``) and does not carry ports to the outside (``lab.relay``).
"""

from __future__ import annotations

import ctypes
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab import commands
from lab.errors import LabError

NAMESPACES = Path("/run/netns")
SERVER_ADDRESS = "10.77.0.1"
HOST_ADDRESS_FIRST = 11
HOST_COUNT_MAX = 200
PREFIX_LENGTH = 24
BRIDGE = "br0"
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The namespaces of one lab, all named after its id."""

    lab_id: str

    def up(self) -> None:
        """Make the lab's namespace, with its own loopback and the bridge at ``SERVER_ADDRESS``."""
        _ip("netns", "add", self.lab_id)
        inside = ("-n", self.lab_id)
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "link", "add", BRIDGE, "type", "bridge")
        _ip(*inside, "addr", "add", f"{SERVER_ADDRESS}/{PREFIX_LENGTH}", "dev", BRIDGE)
        _ip(*inside, "link", "set", BRIDGE, "up")

    def attach(self, host: str, index: int) -> str:
        """Make the namespace of the host, cabled to the bridge, and return its address."""
        assert 0 <= index < HOST_COUNT_MAX
        address = f"10.77.0.{HOST_ADDRESS_FIRST + index}"
        namespace = self.host_namespace(host)
        _ip("netns", "add", namespace)
        lab = ("-n", self.lab_id)
        _ip(*lab, "link", "add", cable(index), "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip(*lab, "link", "set", cable(index), "master", BRIDGE, "up")
        inside = ("-n", namespace)
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "addr", "add", f"{address}/{PREFIX_LENGTH}", "dev", "eth0")
        _ip(*inside, "link", "set", "eth0", "up")
        return address

    def plug(self, index: int, *, plugged: bool) -> None:
        """Pull the host's cable out of the bridge, or put it back; the host sees its carrier go and come."""
        _ip("-n", self.lab_id, "link", "set", cable(index), "up" if plugged else "down")

    def host_namespace(self, host: str) -> str:
        """Return the name of a host's namespace."""
        return f"{self.lab_id}.{host}"

    def entered(self, argv: list[str]) -> list[str]:
        """Return an argv that runs ``argv`` inside the lab's namespace."""
        return ["nsenter", f"--net={NAMESPACES / self.lab_id}", "--", *argv]


def cable(index: int) -> str:
    """Return the name of a host's end on the bridge (at most 15 characters, so no host name in it)."""
    return f"host{index}"


def lab_namespaces() -> set[str]:
    """Return the names of all network namespaces on this machine; the caller picks its own."""
    return {entry.name for entry in NAMESPACES.iterdir()} if NAMESPACES.is_dir() else set()


def delete_namespace(name: str) -> None:
    """Remove a namespace and the cables in it; its processes must be gone."""
    _ip("netns", "del", name)


def socket_inside(namespace: str) -> socket.socket:
    """Return a TCP socket that lives in the namespace, for a process that does not.

    A socket keeps the namespace it was made in.  The thread that enters it ends right after, so no other
    thread's namespace changes.
    """

    def enter_and_make() -> socket.socket:
        libc = ctypes.CDLL(None, use_errno=True)
        handle = os.open(NAMESPACES / namespace, os.O_RDONLY)
        try:
            if libc.setns(handle, _CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise LabError(
                    f"Cannot enter the network namespace {namespace}: {os.strerror(number)}.",
                    remedy="run the lab as root",
                )
        finally:
            os.close(handle)
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter_and_make).result()


def _ip(*arguments: str) -> None:
    commands.run(["ip", *arguments])
