"""Which listening sockets of an earlier look are really gone in a later one.

Pure.  A socket is not gone while another covers it; which are left out, and why, is said in ``health``.
It does not know whether a unit was well (``health`` does) and does not read /proc (``sockets`` does).

What /proc does not show is whether an IPv6 socket takes IPv4 too.  A wildcard one is taken to cover IPv4's port, unless
both were there before: then they were two.
"""

from __future__ import annotations

import fnmatch
from collections import Counter
from typing import List, Set, Tuple

from oakum.agent.actor.health_state import HealthState
from oakum.agent.actor.system import Listener

WILDCARDS = {"tcp": "0.0.0.0", "udp": "0.0.0.0", "tcp6": "::", "udp6": "::"}  # noqa: S104 - compared, never bound

# Sockets of people's sessions end when they log out.
IGNORED_OWNERS = ("session-*.scope", "user@*.service", "run-*")


def gone_listeners(before: HealthState, after: HealthState) -> Tuple[Listener, ...]:
    """Return the listeners of ``before`` that nothing in ``after`` stands for, sorted, each socket once."""
    now = set(after.listeners)
    sockets_before = {_socket(listener) for listener in before.listeners}
    sockets_now = {_socket(listener) for listener in now}
    gone = {
        listener
        for listener in before.listeners
        if _counts(listener)
        and not _is_ephemeral(listener, before)
        and not _is_covered(listener, sockets_now, sockets_before)
    }
    gone.update(_fewer_ephemeral(before, after))
    return tuple(sorted(_once(gone), key=lambda each: (each.protocol, each.port, each.address, each.unit)))


def _socket(listener: Listener) -> Tuple[str, str, int]:
    return (listener.protocol, listener.address, listener.port)


def _once(gone: Set[Listener]) -> List[Listener]:
    """Keep one listener for each socket: several processes may share one (SO_REUSEPORT)."""
    found = {}
    for listener in sorted(gone, key=lambda each: each.unit, reverse=True):
        found[_socket(listener)] = listener
    return list(found.values())


def _counts(listener: Listener) -> bool:
    return listener.port > 0 and not any(fnmatch.fnmatchcase(listener.unit, pattern) for pattern in IGNORED_OWNERS)


def _is_ephemeral(listener: Listener, state: HealthState) -> bool:
    return state.ephemeral_min <= listener.port <= state.ephemeral_max


def _is_covered(listener: Listener, now: Set[Tuple[str, str, int]], before: Set[Tuple[str, str, int]]) -> bool:
    protocol, address, port = _socket(listener)
    if (protocol, address, port) in now or (protocol, WILDCARDS[protocol], port) in now:
        return True
    if not protocol.endswith("6"):
        other = (protocol + "6", "::", port)
        if other in now and other not in before:
            return True
    # An address of its own comes and goes with the network; another one on the same port serves as well.
    if address == WILDCARDS[protocol] or _is_loopback(address):
        return False
    family = protocol.rstrip("6")
    return any(
        other_protocol.rstrip("6") == family and other_port == port and not _is_loopback(other_address)
        for other_protocol, other_address, other_port in now
    )


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _fewer_ephemeral(before: HealthState, after: HealthState) -> Set[Listener]:
    """Return TCP listeners in the ephemeral range of units that have fewer of them on that address than before.

    Where the number says which port is missing, those are returned; else any, for one is as good as another.
    """

    def group(listener: Listener) -> Tuple[str, str, str]:
        return (listener.protocol, listener.address, listener.unit)

    def chosen(state: HealthState) -> Set[Listener]:
        return {
            each
            for each in state.listeners
            if each.protocol.startswith("tcp") and _counts(each) and _is_ephemeral(each, before)
        }

    had, have = chosen(before), chosen(after)
    lacking = Counter(map(group, had))
    lacking.subtract(Counter(map(group, have)))
    gone: Set[Listener] = set()
    sockets_now = {_socket(each) for each in after.listeners}
    for listener in sorted(had - have, key=lambda each: each.port):
        if lacking[group(listener)] > 0 and _socket(listener) not in sockets_now:
            lacking[group(listener)] -= 1
            gone.add(listener)
    return gone
