"""The one door for a range's text: which notation it is in, and the range it tells.

In this order: nothing but blanks is every version; ``vers:`` begins VERS; ``introduced=``, ``fixed=``,
``last_affected=`` or ``limit=`` begins OSV's events; then, for each alternative that ``||`` separates, the scheme's own
syntax where it has one, and where that does not know the text, plain comparators.

OSV's events are written ``introduced=1.0,fixed=1.4,introduced=2.0,last_affected=2.3``: one range, whose events are
evaluated together.  ``|`` separates several ranges; a version in any of them is in the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from operator import or_

from oakum.core.ranges.comparators import alternatives, parse_comparators
from oakum.core.ranges.events import EVENT_COUNT_MAX, EVENT_KINDS, INTRODUCED, LIMIT, Event, intervals_of_events
from oakum.core.ranges.intervals import Intervals, union
from oakum.core.ranges.invalid import InvalidRange, shown
from oakum.core.ranges.native import native_of
from oakum.core.ranges.value import RANGE_LENGTH_MAX, Range, RangeText, everything
from oakum.core.ranges.vers import PREFIX, parse_vers

_EVENTS = re.compile(rf"\s*(?:{'|'.join(EVENT_KINDS)})\s*=")


def parse_range(scheme: str, text: str) -> Range:
    """Return the range that a text tells of a scheme (a stamp such as ``deb.1``), as the scheme's own tool means it.

    Raises:
        InvalidRange: it is in no notation that the scheme has; the message names the place and the reason.

    >>> parse_range("deb.1", ">= 1.0, << 2.0 || 3.1").contains("1.9-1")
    True
    >>> parse_range("deb.1", "introduced=0,fixed=1.0-2").contains("1.0-2")
    False
    """
    source = _source(scheme, text)
    if not text.strip():
        return everything(scheme)
    if text.startswith(PREFIX):
        return parse_vers(source)
    if _EVENTS.match(text):
        return source.range(_events_intervals(source))
    return _native(source, by_order=False)


def intervals_of_native(scheme: str, text: str) -> Intervals:
    """Return the intervals of a range in the scheme's own syntax, as an advisory means it: by order alone.

    Pre-releases count like any version, whatever npm or cargo would install; PEP 440's ``===`` is read as ``==``.

    Raises:
        InvalidRange: as for ``parse_range``.
    """
    source = _source(scheme, text)
    return _native(source, by_order=True).intervals if text.strip() else everything(scheme).intervals


def _source(scheme: str, text: str) -> RangeText:
    if len(text) > RANGE_LENGTH_MAX:
        raise InvalidRange(text, RANGE_LENGTH_MAX, f"it is longer than {RANGE_LENGTH_MAX} characters")
    return RangeText(scheme=scheme, text=text)


def _native(source: RangeText, *, by_order: bool) -> Range:
    native = native_of(source.scheme)
    if native is not None:
        try:
            return native(source, source.text, 0, by_order=by_order)
        except InvalidRange:
            pass  # what follows knows more notations, and refuses with the place in the right alternative
    pieces = alternatives(source)
    return reduce(or_, (_alternative(source, piece, at, by_order=by_order) for at, piece in pieces))


def _alternative(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    native = native_of(source.scheme)
    if native is None:
        return parse_comparators(source, piece, at)
    try:
        return native(source, piece, at, by_order=by_order)
    except InvalidRange as refusal:
        try:
            return parse_comparators(source, piece, at)
        except InvalidRange:
            raise refusal from None  # the scheme's own syntax is what the writer most likely meant


def _events_intervals(source: RangeText) -> Intervals:
    """Return the intervals of events in a text, those of several ranges joined."""
    found: Intervals = ()
    at = 0
    if INTRODUCED not in source.text:
        raise source.refusal(0, f"no event is {INTRODUCED!r}, so nothing is in it")
    for piece in source.text.split("|"):
        events = tuple(_events(source, piece, at))
        at += len(piece) + 1
        evaluated = intervals_of_events(source.scheme, events)
        found = union([*found, *(each.interval for each in evaluated)])
    return found


def _events(source: RangeText, piece: str, at: int) -> Iterator[Event]:
    told = piece.split(",")
    if len(told) > EVENT_COUNT_MAX:
        raise source.refusal(at, f"there are more than {EVENT_COUNT_MAX} events")
    for each in told:
        kind, sign, version = (part.strip() for part in each.partition("="))
        if not sign or kind not in EVENT_KINDS:
            raise source.refusal(
                at, f"{shown(each.strip())} is no event: they are {', '.join(EVENT_KINDS)}, each with '='"
            )
        if not (kind == LIMIT and version == "*") and not (kind == INTRODUCED and version == "0"):
            source.key(version, at + len(each) - len(each.partition("=")[2].lstrip()))
        yield Event(kind=kind, version=version)
        at += len(each) + 1
