"""NuGet's version ranges: ``[1.0,2.0)``, ``1.0`` for *1.0 or later*, and floating versions, ``1.*``.

Pre-releases go by order: ``[1.0,2.0)`` holds 2.0-beta, as NuGet's own containment does.  A floating version is the
versions it may float to: ``1.*`` is 1.0 up to but without 2.0 and its pre-releases, ``1.*-*`` also the pre-releases of
1.0, ``1.0.0-*`` those of 1.0.0 and 1.0.0 itself.  (NuGet takes the highest of them.)  Parts of a label do not float
here.
"""

from __future__ import annotations

import re
from typing import Final

from oakum.core.ranges.intervals import EVERYTHING, Intervals, at_least, between, successor
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.native.brackets import parse_brackets
from oakum.core.ranges.value import Range, RangeText

_FLOATING = re.compile(r"((?:[0-9]{1,10}\.){0,3})\*(-\*)?\Z")
_FLOATING_LABEL = re.compile(r"([0-9]+(?:\.[0-9]+){0,3})-\*\Z")
_BARE = re.compile(r"[0-9][^\s,|<>=!*\[\]()]*\Z")
_LABELS: Final = ("-0", "-a")  # a number and a text: their keys have in common what every pre-release begins with


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    del by_order  # there is but one meaning
    told = piece.strip()
    at += len(piece) - len(piece.lstrip())
    if told[:1] in ("[", "("):
        return source.range((parse_brackets(source, told, at).interval,))
    floating = _FLOATING.match(told)
    if floating is not None:
        return source.range(_floating(source, floating[1].rstrip("."), bool(floating[2]), at))
    label = _FLOATING_LABEL.match(told)
    if label is not None:
        return source.range(between(_prereleases(source, label[1], at), successor(source.key(label[1], at))))
    if _BARE.match(told):
        return source.range(at_least(source.key(told, at)))
    raise source.refusal(at, f"{shown(told)} is neither a version nor an interval in brackets")


def _floating(source: RangeText, numbers: str, with_prereleases: bool, at: int) -> Intervals:  # noqa: FBT001 - both are what the text says
    if not numbers:
        return EVERYTHING
    parts = [int(each) for each in numbers.split(".")]
    following = ".".join(map(str, [*parts[:-1], parts[-1] + 1]))
    low = _prereleases(source, numbers, at) if with_prereleases else source.key(numbers, at)
    return between(low, _prereleases(source, following, at))


def _prereleases(source: RangeText, release: str, at: int) -> bytes:
    """Return a bound below all pre-releases of a release and above whatever is lower."""
    one, other = (f"{release}{label}" for label in _LABELS)
    return source.edge(one, other, at)
