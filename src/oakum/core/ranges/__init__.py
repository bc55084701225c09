"""Sets of versions: an algebra of intervals of order keys, and every notation of ranges that becomes one.

``intervals`` is the algebra, ``events`` evaluates OSV's events, ``value`` is a range of one scheme, ``vers``,
``comparators`` and ``native`` are the notations, and ``parse`` is the one door that tells them apart.

It says nothing of what a range means (affected, not affected): ``core.advisories`` does.
"""

from __future__ import annotations

from oakum.core.ranges.events import (
    EVENT_COUNT_MAX,
    EVENT_KINDS,
    FIXED,
    INTRODUCED,
    LAST_AFFECTED,
    LIMIT,
    Event,
    FixedInterval,
    intervals_of_events,
)
from oakum.core.ranges.intervals import (
    EVERYTHING,
    LOWEST,
    NOTHING,
    Interval,
    complement,
    contains,
    difference,
    holds,
    intersection,
    point,
    successor,
    union,
)
from oakum.core.ranges.invalid import InvalidRange
from oakum.core.ranges.parse import intervals_of_native, parse_range
from oakum.core.ranges.value import Range
from oakum.core.ranges.vers import render_vers

__all__ = [
    "EVENT_COUNT_MAX",
    "EVENT_KINDS",
    "EVERYTHING",
    "FIXED",
    "INTRODUCED",
    "LAST_AFFECTED",
    "LIMIT",
    "LOWEST",
    "NOTHING",
    "Event",
    "FixedInterval",
    "Interval",
    "InvalidRange",
    "Range",
    "complement",
    "contains",
    "difference",
    "holds",
    "intersection",
    "intervals_of_events",
    "intervals_of_native",
    "parse_range",
    "point",
    "render_vers",
    "successor",
    "union",
]
