"""How often somebody may guess a password.

Counts of failures, kept in this process alone: a restart forgets them, and two web processes count apart.  It bounds
guessing; it does not lock a name for everybody, because then anyone could lock the administrator out.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from datetime import datetime, timedelta

SPAN = timedelta(minutes=15)
FAILURE_COUNT_MAX_NAME = 5  # for one name from one address
FAILURE_COUNT_MAX_ADDRESS = 30  # from one address, whatever the names: an office shares one
KEY_COUNT_MAX = 20_000
IPV6_PREFIX = 64  # what one subscriber holds; counting single addresses would count nothing
_Key = tuple[str, str]


def address_of(text: str) -> str:
    """Return the address under which failures are counted: an IPv6 one by its network, garbage as it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


class SignInLimits:
    """Failures within the last ``SPAN``, per name and address and per address."""

    def __init__(self) -> None:
        """Begin with no failure."""
        self._failed_at: OrderedDict[_Key, list[datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, *, name: str, address: str, now: datetime) -> timedelta:
        """Return how long nobody may try this name from this address; zero when they may."""
        with self._lock:
            waits = [
                self._wait((name.casefold(), address_of(address)), FAILURE_COUNT_MAX_NAME, now),
                self._wait(("", address_of(address)), FAILURE_COUNT_MAX_ADDRESS, now),
            ]
        return max(waits)

    def record_failure(self, *, name: str, address: str, now: datetime) -> None:
        """Count one failure."""
        with self._lock:
            for key, most in (
                ((name.casefold(), address_of(address)), FAILURE_COUNT_MAX_NAME),
                (("", address_of(address)), FAILURE_COUNT_MAX_ADDRESS),
            ):
                self._failed_at[key] = [*self._recent(key, now), now][-most:]
                self._failed_at.move_to_end(key)
            while len(self._failed_at) > KEY_COUNT_MAX:
                self._failed_at.popitem(last=False)

    def record_success(self, *, name: str, address: str) -> None:
        """Forget this name's failures from this address, and only those."""
        with self._lock:
            self._failed_at.pop((name.casefold(), address_of(address)), None)

    def _recent(self, key: _Key, now: datetime) -> list[datetime]:
        return [instant for instant in self._failed_at.get(key, []) if instant > now - SPAN]

    def _wait(self, key: _Key, count_max: int, now: datetime) -> timedelta:
        recent = self._recent(key, now)
        return recent[-count_max] + SPAN - now if len(recent) >= count_max else timedelta(0)


sign_in_limits = SignInLimits()
