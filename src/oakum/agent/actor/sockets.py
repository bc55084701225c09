"""Read the kernel's tables of sockets: which of them listen, and which unit's process holds each.

The parsers are pure; ``read_listeners`` alone touches /proc.  It does not judge a look (``health``) and looks into
the network namespace that it runs in only: what a container with a network of its own serves is not seen.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from oakum.agent.actor.system import Listener
from oakum.agent.observer.processes import parse_unit

PROTOCOLS = ("tcp", "tcp6", "udp", "udp6")
SOCKET_COUNT_MAX = 100_000
PROCESS_COUNT_MAX = 100_000

# proc(5), net/tcp: 0A is LISTEN; an unconnected UDP socket is in state 07 and has no remote port.
_TCP_LISTEN = "0A"
_UDP_UNCONNECTED = "07"
_FIELD_COUNT_MIN = 10


@dataclass(frozen=True)
class OpenSocket:
    """A listening socket and its inode, by which processes' descriptors name it."""

    protocol: str
    address: str
    port: int
    inode: int


def parse_sockets(protocol: str, text: str) -> Tuple[OpenSocket, ...]:
    """Parse /proc/net/``protocol`` and return the sockets that wait for others; lines of another form are left out."""
    found = []
    for line in text.splitlines()[1 : SOCKET_COUNT_MAX + 1]:
        fields = line.split()
        if len(fields) < _FIELD_COUNT_MIN or not fields[9].isdigit():
            continue
        local, remote, state = fields[1], fields[2], fields[3]
        waits = state == (_TCP_LISTEN if protocol.startswith("tcp") else _UDP_UNCONNECTED)
        if waits and remote.endswith(":0000"):
            address, _, port = local.partition(":")
            found.append(OpenSocket(protocol, parse_address(address), int(port, 16), int(fields[9])))
    return tuple(found)


def parse_address(text: str) -> str:
    """Turn the kernel's form of an address, words of 32 bits in the machine's order, into the usual text.

    >>> import sys
    >>> parse_address("0100007F" if sys.byteorder == "little" else "7F000001")
    '127.0.0.1'
    """
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    raw = b"".join(struct.pack("=I", word) for word in words)
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)  # noqa: PLR2004 - bytes of IPv4


def read_listeners(proc: str = "/proc") -> Tuple[Listener, ...]:
    """Return every listening socket of this network namespace with the unit that holds it, sorted."""
    sockets: List[OpenSocket] = []
    for protocol in PROTOCOLS:
        try:
            text = Path(proc, "net", protocol).read_text()
        except OSError:
            continue  # A kernel without IPv6 has no such file.
        sockets.extend(parse_sockets(protocol, text))
    owners = _owners({each.inode for each in sockets}, proc)
    listeners = {Listener(each.protocol, each.address, each.port, owners.get(each.inode, "")) for each in sockets}
    return tuple(sorted(listeners, key=lambda each: (each.protocol, each.port, each.address, each.unit)))


def _owners(inodes: "set[int]", proc: str) -> Dict[int, str]:
    """Return the unit of a process that has each socket open; a service's own before process 1, which lends it."""
    owners: Dict[int, str] = {}
    for pid in _process_ids(proc):
        held = inodes.intersection(_socket_inodes(pid, proc))
        if not held:
            continue
        try:
            unit = parse_unit(Path(proc, pid, "cgroup").read_text(), "")
        except OSError:
            continue  # It ended meanwhile.
        unit = "" if unit.startswith("process:") else unit
        for inode in held:
            if owners.get(inode, "init.scope") == "init.scope":
                owners[inode] = unit
    return owners


def _process_ids(proc: str) -> List[str]:
    return sorted((name for name in os.listdir(proc) if name.isdigit()), key=int)[:PROCESS_COUNT_MAX]


def _socket_inodes(pid: str, proc: str) -> Iterator[int]:
    folder = os.path.join(proc, pid, "fd")
    try:
        names = os.listdir(folder)
    except OSError:
        return  # It ended meanwhile, or is another user's.
    for name in names:
        try:
            target = os.readlink(os.path.join(folder, name))
        except OSError:
            continue
        if target.startswith("socket:["):
            yield int(target[8:-1])
