"""Intervals in brackets, ``[1.0,2.0)``, as Maven and NuGet write them.

A square bracket takes its end in, a round one leaves it out, and a missing end is open.

What only one of the two knows (several intervals, floating versions) is in their own files.
"""

from __future__ import annotations

from dataclasses import dataclass

from oakum.core.ranges.intervals import LOWEST, Interval, point, successor
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.value import RangeText


@dataclass(frozen=True, slots=True, kw_only=True)
class Brackets:
    """An interval, and the keys of the versions at its ends, None where an end is open."""

    low: bytes | None
    high: bytes | None
    interval: Interval


def parse_brackets(source: RangeText, piece: str, at: int) -> Brackets:
    """Return what a piece of a text, from its bracket to its bracket, tells.

    Raises:
        InvalidRange: a bracket is missing, nothing is in them, or the ends are the wrong way round.
    """
    opening, inside, closing = piece[:1], piece[1:-1], piece[-1:]
    if len(piece) < len("[]") or opening not in "[(" or closing not in "])":
        raise source.refusal(at, f"{shown(piece)} does not begin and end with a bracket")
    ends = inside.split(",")
    if len(ends) > len(("low", "high")):
        raise source.refusal(at, f"{shown(piece)} has more than two ends")
    if len(ends) == 1:
        if (opening, closing) != ("[", "]"):
            raise source.refusal(at, f"a single version stands in square brackets, not in {shown(piece)}")
        key = source.key(inside.strip(), at + 1)
        return Brackets(low=key, high=key, interval=point(key))
    low = _key(source, ends[0], at + 1)
    high = _key(source, ends[1], at + len(opening) + len(ends[0]) + 1)
    is_empty = low is not None and high is not None and (low > high or (low == high and opening + closing != "[]"))
    if is_empty:
        raise source.refusal(at, f"nothing is in {shown(piece)}: its ends are the wrong way round")
    interval = Interval(
        low=LOWEST if low is None else low if opening == "[" else successor(low),
        high=None if high is None else high if closing == ")" else successor(high),
    )
    return Brackets(low=low, high=high, interval=interval)


def _key(source: RangeText, end: str, at: int) -> bytes | None:
    version = end.strip()
    return source.key(version, at + len(end) - len(end.lstrip())) if version else None
