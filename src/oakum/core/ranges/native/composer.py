"""Composer's constraints (PHP's packages): ``^1.2``, ``~1.2.3``, ``1.0.*``, ``1.0 - 2.0``, ``>=1.0,<2.0 || 3.*``.

A comma or a blank means *and*, ``|`` or ``||`` means *or*.  As Composer, ``>=1.0`` begins with the development version
of 1.0, ``<2.0`` ends before that of 2.0, unless the version itself names a stability; a stability flag (``@dev``,
``@beta``) lowers the end of a comparator to that stability, ``as`` aliases and ``#`` references say nothing.

A named branch (``dev-main``) is in no interval of versions: only its own name, ``!=`` another and ``*`` hold it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from oakum.core.ranges.intervals import (
    EVERYTHING,
    NOTHING,
    Intervals,
    above,
    at_least,
    between,
    exactly,
    intersection_of,
    other_than,
    successor,
)
from oakum.core.ranges.invalid import shown
from oakum.core.ranges.value import CONSTRAINT_COUNT_MAX, Range, RangeText

_FLAGS: Final = re.IGNORECASE | re.ASCII
_MODIFIER: Final = r"(?P<stability>[._-]?(?:stable|beta|b|RC|alpha|a|patch|pl|p)(?:[.-]?\d+)*+)?(?P<dev>[.-]?dev)?"
_VERSION: Final = (
    rf"v?(?P<numbers>\d{{1,18}}(?:\.\d{{1,18}}){{0,3}})(?:(?P<head>\.[xX*][.-]?dev)|{_MODIFIER})(?:\+[^\s,|@]+)?"
    r"(?:@(?:stable|RC|beta|alpha|dev))?"
)
_ANY = re.compile(r"(?P<v>v)?[xX*](?P<more>\.[xX*])*\Z", _FLAGS)
_WILD = re.compile(r"v?(?P<numbers>\d{1,18}(?:\.\d{1,18}){0,2})(?:\.[xX*])+\Z", _FLAGS)
_SIGNED = re.compile(rf"(?P<sign>[~^]){_VERSION}\Z", _FLAGS)
_PLAIN = re.compile(rf"{_VERSION}\Z", _FLAGS)
_COMPARATOR = re.compile(r"(?P<comparator><>|!=|>=|>|<=|<|==|=)?\s*(?P<version>[^\s,|<>=!~^]+)\Z")
_FLAG = re.compile(r"(?P<rest>[^,\s]*?)@(?P<stability>stable|RC|beta|alpha|dev)\Z", _FLAGS)
_REFERENCE = re.compile(r"(?P<rest>dev-[^,\s@]+?|[^,\s@]+?\.x-dev)#.+\Z", _FLAGS)
_NAMES_STABILITY = re.compile(
    r"-[._-]?(?:(?:stable|beta|b|rc|alpha|a|patch|pl|p)(?:[.-]?\d+)*+)?(?:[.-]?dev)?\Z", _FLAGS
)
_STABLE = re.compile(r"[._-]?stable(?:[.-]?\d+)*+\Z", _FLAGS)
_PATCH = re.compile(r"[._-]?(?:patch|pl|p)(?:[.-]?\d+)*+\Z", _FLAGS)
_BRANCH = re.compile(r"(?:dev-.*|master|trunk|default)\Z", _FLAGS)
_ALIAS: Final = re.compile(r"(?<![^,\s])(?P<rest>[^,\s]+)\s+as\s+[^,\s]+")
# One constraint: a hyphen range, or a comparator with blanks behind it and a word.
_CONSTRAINT = re.compile(r"[\s,]*(?P<told>[^\s,]+\s+-\s+[^\s,]+|(?:<>|!=|>=|>|<=|<|==|=)\s*[^\s,]+|[^\s,]+)")
_HYPHEN = re.compile(r"\s+-\s+")
_NUMBER_COUNT: Final = 4
_LOWEST_STABILITY: Final = "-dev"


def parse(source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
    """Return the range; the contract is ``Native``'s."""
    del by_order  # there is but one meaning
    reading = _Reading(source=source)
    found: list[Range] = []
    for each in re.split(r"(\|\|?)", piece):
        if each not in ("|", "||"):
            if len(found) == CONSTRAINT_COUNT_MAX:
                raise source.refusal(at, f"there are more than {CONSTRAINT_COUNT_MAX} alternatives")
            found.append(source.range(intersection_of(reading.sets(each, at))))
        at += len(each)
    return reduce(or_, found)


def _padded(numbers: list[int]) -> str:
    return ".".join(map(str, numbers + [0] * (_NUMBER_COUNT - len(numbers))))


def _raised(numbers: list[int], count: int) -> str:
    """Return the first version behind all that share the first numbers: the last of them one higher."""
    return f"{_padded([*numbers[: count - 1], numbers[count - 1] + 1])}{_LOWEST_STABILITY}"


def _is_stable(version: str) -> bool:
    """Say whether a version is a release for Composer: it names no stability, ``stable``, or a patch."""
    found = _PLAIN.match(version)
    named = (found["stability"] or "").lower().lstrip("._-") if found else ""
    return found is not None and not found["dev"] and not found["head"] and named[:1] in ("", "s", "p")


def _without_stable(version: str) -> str:
    return _STABLE.sub("", version.partition("+")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    source: RangeText

    def sets(self, piece: str, at: int) -> list[Intervals]:
        """Read what stands between two signs of *or*."""
        sets: list[Intervals] = []
        place = 0
        told = _ALIAS.sub(lambda found: found["rest"].ljust(len(found[0])), piece)
        while told[place:].strip(" \t,"):
            found = _CONSTRAINT.match(told, place)
            if found is None or len(sets) == CONSTRAINT_COUNT_MAX:
                raise self.source.refusal(at + place, f"there are more than {CONSTRAINT_COUNT_MAX} constraints")
            sets.append(self._set(found["told"], at + found.start("told")))
            place = found.end()
        if not sets:
            raise self.source.refusal(at, "there is no constraint")
        return sets

    def _set(self, told: str, at: int) -> Intervals:
        hyphen = _HYPHEN.split(told)
        if len(hyphen) > 1:
            return self._hyphen(hyphen[0], hyphen[1], at)
        flag = _FLAG.match(told)
        told, stability = (flag["rest"] or "*", flag["stability"].lower()) if flag else (told, "")
        reference = _REFERENCE.match(told)
        told = reference["rest"] if reference else told
        everything = _ANY.match(told)
        if everything:
            return at_least(self._key("0.0.0.0-dev", at)) if everything["v"] or everything["more"] else EVERYTHING
        wild = _WILD.match(told)
        if wild:
            return self._wild([int(each) for each in wild["numbers"].split(".")], at)
        signed = _SIGNED.match(told)
        return self._signed(signed, at) if signed else self._comparator(told, stability, at)

    def _wild(self, numbers: list[int], at: int) -> Intervals:
        low = self._key(f"{_padded(numbers)}{_LOWEST_STABILITY}", at)
        # Composer drops a lower end of zeroes, so that what lies below (dates as versions) is in.
        low = low if any(numbers) else self._floor(at)
        return between(low, self._key(_raised(numbers, len(numbers)), at))

    def _signed(self, found: re.Match[str], at: int) -> Intervals:
        """Return what a caret (the first number that is not zero stands) or a tilde (all but the last do) admits."""
        numbers = [int(each) for each in found["numbers"].split(".")]
        text = found[0][1:]
        named = found["stability"] or found["dev"] or found["head"]
        low = self._key(text if named else self._unstable(text), at)
        if found["sign"] == "~":
            count = max(1, len(numbers) + bool(found["head"]) - 1)
        else:
            told = numbers[:3]
            count = next((index for index, each in enumerate(told, 1) if each), len(told))
        return between(low, self._key(_raised(numbers, count), at))

    def _hyphen(self, low: str, high: str, at: int) -> Intervals:
        ends = [_PLAIN.match(low), _PLAIN.match(high)]
        if ends[0] is None or ends[1] is None:
            raise self.source.refusal(at, "a hyphen stands between two versions")
        named = [bool(each["stability"] or each["dev"] or each["head"]) for each in ends if each]
        first = self._key(low if named[0] else self._unstable(low), at)
        numbers = [int(each) for each in ends[1]["numbers"].split(".")]
        if named[1] or len(numbers) > 2:  # noqa: PLR2004 - the third number makes it a whole version
            return between(first, successor(self._key(high, at)))
        return between(first, self._key(_raised(numbers, len(numbers)), at))

    def _comparator(self, told: str, stability: str, at: int) -> Intervals:
        found = _COMPARATOR.match(told)
        if found is None:
            raise self.source.refusal(at, f"{shown(told)} is no constraint that Composer knows")
        comparator, version = found["comparator"] or "=", found["version"]
        place = at + found.start("version")
        if _BRANCH.match(version):
            key = self._key(version, place)  # a branch has no order, so nothing is above or below one
            return _EQUAL[comparator](key) if comparator in _EQUAL else NOTHING
        if comparator not in ("=", "==") and stability not in ("", "stable") and _is_stable(version):
            key = self._lowered(_without_stable(version), stability, place)
        elif comparator in ("<", ">=") and not _NAMES_STABILITY.search(version):
            key = self._key(self._unstable(version), place)
        else:
            key = self._key(version, place)
        if comparator in _EQUAL:
            return _EQUAL[comparator](key)
        if comparator in (">", ">="):
            return above(key) if comparator == ">" else at_least(key)
        return between(self._floor(place), key if comparator == "<" else successor(key))

    def _lowered(self, version: str, stability: str, at: int) -> bytes:
        """Return the bound that a stability flag makes of a release or a patch."""
        if stability != "dev" and _PATCH.search(version):
            # Composer compares with a patch's own beta or RC.  There is none, but it would stand right here.
            return successor(self._key(self._unstable(version), at))
        return self._key(f"{version}-{stability}", at)

    @staticmethod
    def _unstable(version: str) -> str:
        """Return the development version of a version."""
        bare = _without_stable(version.partition("@")[0])
        return bare if bare.lower().endswith("dev") else f"{bare}{_LOWEST_STABILITY}"

    def _floor(self, at: int) -> bytes:
        """Return a bound above all named branches and below all versions."""
        return successor(self.source.edge("dev-a", "dev-b", at))

    def _key(self, version: str, at: int) -> bytes:
        return self.source.key(version, at)


_EQUAL: Final[Mapping[str, Callable[[bytes], Intervals]]] = {
    "=": exactly,
    "==": exactly,
    "!=": other_than,
    "<>": other_than,
}
