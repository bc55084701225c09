"""Sets of versions as half-open intervals of order keys, and how a feed's range events become them.

An ``Interval`` is [low, high): ``low`` b"" is below every version, ``high`` None is above every version.  Intervals of
one set share one scheme; keys of different schemes must never meet here.

It reads no feed format but OSV's events, compares no text, and does not say what an interval means (affected, not
affected): ``core.advisories`` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from oakum.core.versions import order_key

LOWEST: Final = b""
EVENT_COUNT_MAX: Final = 2_000  # of one range; the longest published one has a few hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """All versions whose key is at least ``low`` and below ``high``; never empty."""

    low: bytes
    high: bytes | None

    def __post_init__(self) -> None:  # noqa: D105 - the class says it
        assert self.high is None or self.low < self.high, "an empty interval is no interval"

    def contains(self, key: bytes) -> bool:
        """Say whether a version is in the interval."""
        return self.low <= key and (self.high is None or key < self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedInterval:
    """An interval of affected versions and the text of the version that ends it, empty where none is told."""

    interval: Interval
    fixed_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of an OSV range: ``kind`` is one of EVENT_KINDS."""

    kind: str
    version: str


INTRODUCED: Final = "introduced"
FIXED: Final = "fixed"
LAST_AFFECTED: Final = "last_affected"
LIMIT: Final = "limit"
EVENT_KINDS: Final = (INTRODUCED, FIXED, LAST_AFFECTED, LIMIT)


def successor(key: bytes) -> bytes:
    """Return the lowest bytes above a key: keys are self-delimiting, so no other key lies between."""
    return key + b"\x00"


def point(key: bytes) -> Interval:
    """Return the interval of one version."""
    return Interval(low=key, high=successor(key))


def contains(intervals: Iterable[Interval], key: bytes) -> bool:
    """Say whether a version is in any of the intervals."""
    return any(interval.contains(key) for interval in intervals)


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same set of versions as disjoint intervals in ascending order, neighbours joined."""
    joined: list[Interval] = []
    for each in sorted(intervals, key=lambda interval: interval.low):
        last = joined[-1] if joined else None
        if last is None or (last.high is not None and last.high < each.low):
            joined.append(each)
        elif last.high is not None and (each.high is None or each.high > last.high):
            joined[-1] = Interval(low=last.low, high=each.high)
    return tuple(joined)


def intervals_of_events(scheme: str, events: Sequence[Event]) -> tuple[FixedInterval, ...]:
    """Return the disjoint intervals that OSV's evaluation gives for one range's events.

    The events are put in the order of their versions; where several name one version their order in the record
    stands.  A range that is never closed has no known fix.  ``limit`` ends the range as ``fixed`` does, but names no
    version that fixes.

    Raises:
        InvalidVersion: an event's version is none of the scheme.

    >>> events = [Event(kind="introduced", version="0"), Event(kind="fixed", version="1.0-2")]
    >>> [each.fixed_version for each in intervals_of_events("deb.1", events)]
    ['1.0-2']
    """
    assert len(events) <= EVENT_COUNT_MAX
    found: list[FixedInterval] = []
    low: bytes | None = None
    for key, event in sorted(((_key(scheme, each), each) for each in events), key=lambda pair: pair[0]):
        if event.kind == INTRODUCED:
            low = key if low is None else low
        elif low is not None:
            if low < key:
                fixed_version = event.version if event.kind == FIXED else ""
                found.append(FixedInterval(interval=Interval(low=low, high=key), fixed_version=fixed_version))
            low = None
    if low is not None:
        found.append(FixedInterval(interval=Interval(low=low, high=None), fixed_version=""))
    return tuple(found)


def _key(scheme: str, event: Event) -> bytes:
    assert event.kind in EVENT_KINDS
    if event.kind == INTRODUCED and event.version == "0":
        return LOWEST  # OSV's word for "from the first version on"
    if event.kind == LIMIT and event.version == "*":
        return b"\xff" * 16  # above every key: no epoch begins with sixteen such bytes
    key = order_key(scheme, event.version)
    return successor(key) if event.kind == LAST_AFFECTED else key
