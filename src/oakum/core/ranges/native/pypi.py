"""Python's version specifiers (PEP 440), as ``packaging`` reads them: ``~=1.4, !=1.4.2``, ``==1.*``.

Pre-releases are in wherever PEP 440 does not take them out (``SpecifierSet.contains(..., prereleases=True)``): ``<1.0``
holds none of 1.0, ``>1.0`` no post-release of 1.0, and what names no local version holds all local versions of the
versions in it.  ``===`` asks for a spelling, regardless of case; by order it is ``==``.

Versions older than PEP 440 lie below all others, so unlike ``packaging``, which matches them with nothing, ``<1.0``
holds them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import reduce
from operator import and_
from typing import Final

from oakum.core.ranges.intervals import (
    Intervals,
    at_least,
    below,
    between,
    complement,
    exactly,
    intersection_of,
)
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText

_SPECIFIER = re.compile(r"\s*(===|~=|==|!=|<=|>=|<|>)\s*(\S+)\s*\Z")
_VERSION = re.compile(
    r"v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)"
    r"(?P<wild>\.\*)?"
    r"(?P<pre>[-_.]?(?:alpha|beta|preview|pre|a|b|c|rc)[-_.]?[0-9]*)?"
    r"(?P<post>-[0-9]+|[-_.]?(?:post|rev|r)[-_.]?[0-9]*)?"
    r"(?P<dev>[-_.]?dev[-_.]?[0-9]*)?"
    r"(?P<local>\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?\Z",
    re.IGNORECASE | re.ASCII,
)
_NUMBER = re.compile(r"[0-9]+\Z")
_ABOVE_ANY_NUMBER: Final = b"\xff\xff"  # of encoding.number the length would have to be such a number
_COMPATIBLE_COUNT_MIN: Final = 2  # ~=1 would hold everything


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """The parts of a PEP 440 version; ``post`` and ``dev`` are numbers, None where there is none."""

    epoch: int
    release: tuple[int, ...]
    pre: str = ""
    post: int | None = None
    dev: int | None = None
    local: str = ""

    def __str__(self) -> str:
        post = "" if self.post is None else f".post{self.post}"
        dev = "" if self.dev is None else f".dev{self.dev}"
        return f"{self.epoch}!{'.'.join(map(str, self.release))}{self.pre}{post}{dev}{self.local}"

    def first(self) -> _Version:
        """Return the lowest version with the same release."""
        return _Version(epoch=self.epoch, release=self.release, dev=0)

    def next_prefix(self) -> _Version:
        """Return the lowest version behind all whose release begins with this one's."""
        release = (*self.release[:-1], self.release[-1] + 1)
        return _Version(epoch=self.epoch, release=release, dev=0)

    def after_locals(self) -> _Version:
        """Return the lowest version behind this one with any local part."""
        if self.dev is not None:
            return replace(self, dev=self.dev + 1, local="")
        return replace(self, post=0 if self.post is None else self.post + 1, dev=0, local="")


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    told = piece.split(",")
    if len(told) > CONSTRAINT_COUNT_MAX:
        raise source.refusal(at, f"there are more than {CONSTRAINT_COUNT_MAX} specifiers")
    sets: list[Intervals] = []
    spelled: list[Range] = []
    for each in told:
        if each.strip():  # packaging ignores a comma too many
            found = _SPECIFIER.match(each)
            if found is None:
                raise source.refusal(at, f"{shown(each.strip())} is no specifier of PEP 440")
            if found[1] == "===" and not by_order:
                spelled.append(Range(scheme=source.scheme, intervals=(), spelled=((found[2].lower(), True),)))
            else:
                sets.append(_set(source, found[1], found[2], at + found.start(2)))
        at += len(each) + 1
    if not sets and not spelled:
        raise source.refusal(at - 1, "there is no specifier")
    return reduce(and_, spelled, source.range(intersection_of(sets)))


def _set(source: RangeText, operator: str, text: str, at: int) -> Intervals:
    found = _VERSION.match(text)
    if found is None:
        raise source.refusal(at, f"{shown(text)} is no version of PEP 440")
    is_wild = found["wild"] is not None
    if is_wild and (operator not in ("==", "!=") or found.end("wild") != len(text)):
        raise source.refusal(at, "'.*' ends a version after '==' or '!=' only")
    if found["local"] and operator not in ("==", "!=", "==="):
        raise source.refusal(at, f"{operator!r} takes no local version")
    key = source.key(text.removesuffix(".*"), at)  # refuses absurd lengths; and the text as written stands for its key
    version = _version(found)
    if operator == "~=" and len(version.release) < _COMPATIBLE_COUNT_MIN:
        raise source.refusal(at, "'~=' needs a release of two numbers at least")
    if is_wild:
        admitted = between(_key(source, version.first(), at), _key(source, version.next_prefix(), at))
        return admitted if operator == "==" else complement(admitted)
    return _ordered(source, operator, version, key, at)


def _version(found: re.Match[str]) -> _Version:
    return _Version(
        epoch=int(found["epoch"] or "0"),
        release=tuple(int(each) for each in found["release"].split(".")),
        pre=found["pre"] or "",
        post=_counted(found["post"]),
        dev=_counted(found["dev"]),
        local=found["local"] or "",
    )


def _counted(text: str | None) -> int | None:
    """Return the number at the end of a part, 0 where it has none."""
    if not text:
        return None
    digits = _NUMBER.search(text)
    return int(digits[0]) if digits else 0


def _ordered(source: RangeText, operator: str, version: _Version, key: bytes, at: int) -> Intervals:
    match operator:
        case ">=":
            return at_least(key)
        case "<=":
            return below(_key(source, version.after_locals(), at))
        case "<":
            is_prerelease = bool(version.pre) or version.dev is not None
            return below(key if is_prerelease else _key(source, replace(version, dev=0), at))
        case ">":
            return at_least(_after_posts(source, version, at))
        case "~=":
            prefix = replace(version, release=version.release[:-1])
            return between(key, _key(source, prefix.next_prefix(), at))
        case _:
            equal = exactly(key) if version.local else between(key, _key(source, version.after_locals(), at))
            return complement(equal) if operator == "!=" else equal


def _after_posts(source: RangeText, version: _Version, at: int) -> bytes:
    """Return a bound above a version's local and post-releases and below whatever is higher."""
    if version.dev is not None or version.post is not None:
        return _key(source, version.after_locals(), at)
    one, other = str(replace(version, post=0)), str(replace(version, post=1))
    return source.edge(one, other, at) + _ABOVE_ANY_NUMBER


def _key(source: RangeText, version: _Version, at: int) -> bytes:
    return source.key(str(version), at)
