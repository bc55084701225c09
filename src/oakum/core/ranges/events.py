"""OSV's range events, evaluated as the OSV schema says, to disjoint intervals with the versions that end them.

It reads no feed: importers make ``Event`` values of records, ``core.ranges.parse`` of text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from oakum.core.ranges.intervals import LOWEST, Interval, successor
from oakum.core.versions import order_key

EVENT_COUNT_MAX: Final = 2_000  # of one range; the longest published one has a few hundred

INTRODUCED: Final = "introduced"
FIXED: Final = "fixed"
LAST_AFFECTED: Final = "last_affected"
LIMIT: Final = "limit"
EVENT_KINDS: Final = (INTRODUCED, FIXED, LAST_AFFECTED, LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of an OSV range: ``kind`` is one of EVENT_KINDS."""

    kind: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedInterval:
    """An interval of affected versions and the text of the version that ends it, empty where none is told."""

    interval: Interval
    fixed_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """An event with the key from which on it counts, and its place among all events in OSV's order."""

    starts_at: bytes
    rank: int
    event: Event


def intervals_of_events(scheme: str, events: Sequence[Event]) -> tuple[FixedInterval, ...]:
    """Return the disjoint intervals that OSV's evaluation gives for one range's events.

    The events are put in the order of their versions; where several name one version their order in the record
    stands.  For a version the last event that counts decides: ``introduced`` and ``fixed`` count from their version on,
    ``last_affected`` from behind it.  A range that is never closed has no known fix.  ``limit`` cuts the whole range
    off at the highest limit and names no version that fixes; "*" limits nothing.

    Raises:
        InvalidVersion: an event's version is none of the scheme.

    >>> events = [Event(kind="introduced", version="0"), Event(kind="fixed", version="1.0-2")]
    >>> [each.fixed_version for each in intervals_of_events("deb.1", events)]
    ['1.0-2']
    """
    assert len(events) <= EVENT_COUNT_MAX
    assert all(each.kind in EVENT_KINDS for each in events)
    limit = _limit(scheme, [each.version for each in events if each.kind == LIMIT])
    found = _affected(_steps(scheme, [each for each in events if each.kind != LIMIT]))
    return tuple(found) if limit is None else tuple(_cut(found, limit))


def _limit(scheme: str, limits: Sequence[str]) -> bytes | None:
    """Return the bound below which the range counts: a version below any limit is within, so the highest."""
    if not limits or "*" in limits:
        return None
    return max(order_key(scheme, each) for each in limits)


def _cut(found: Iterator[FixedInterval], limit: bytes) -> Iterator[FixedInterval]:
    for each in found:
        low, high = each.interval.low, each.interval.high
        if high is not None and high <= limit:
            yield each
        elif low < limit:
            yield FixedInterval(interval=Interval(low=low, high=limit), fixed_version="")


def _steps(scheme: str, events: Sequence[Event]) -> list[_Step]:
    """Return the events in the order in which they begin to count, those that begin together in OSV's order."""
    keyed = sorted(((_key(scheme, each), each) for each in events), key=lambda pair: pair[0])
    steps = [
        _Step(starts_at=successor(key) if event.kind == LAST_AFFECTED else key, rank=rank, event=event)
        for rank, (key, event) in enumerate(keyed)
    ]
    return sorted(steps, key=lambda step: (step.starts_at, step.rank))


def _key(scheme: str, event: Event) -> bytes:
    if event.kind == INTRODUCED and event.version == "0":
        return LOWEST  # OSV's word for "from the first version on"
    return order_key(scheme, event.version)


def _affected(steps: Sequence[_Step]) -> Iterator[FixedInterval]:
    low: bytes | None = None
    rank = -1
    for starts_at, together in groupby(steps, key=lambda step: step.starts_at):
        last = max(together, key=lambda step: step.rank)
        if last.rank < rank:
            continue  # an event that OSV's order puts later counts already, and goes on to decide
        rank = last.rank
        if last.event.kind == INTRODUCED:
            low = starts_at if low is None else low
        elif low is not None:
            fixed_version = last.event.version if last.event.kind == FIXED else ""
            yield FixedInterval(interval=Interval(low=low, high=starts_at), fixed_version=fixed_version)
            low = None
    if low is not None:
        yield FixedInterval(interval=Interval(low=low, high=None), fixed_version="")
