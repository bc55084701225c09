"""Versions in semver's syntax of which parts may be missing or wild, as npm and cargo write them in ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WILD: Final = "xX*"
_PART: Final = r"(?:0|[1-9][0-9]{0,19}|[xX*])"  # neither npm nor cargo counts further than twenty digits
# As npm, a pre-release's number has no leading zero.
_IDENTIFIER: Final = r"(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*|0|[1-9][0-9]*)"
_BUILD: Final = r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
PARTIAL: Final = (
    rf"({_PART})(?:\.({_PART})(?:\.({_PART})(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?{_BUILD})?)?"  # four groups
)
# The lowest pre-release of a version: below it nothing has its three numbers.
LOWEST_PRERELEASE: Final = "-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """Up to three numbers, ``None`` from the first wild or missing one on; a pre-release only after three."""

    major: int | None
    minor: int | None
    patch: int | None
    prerelease: str

    @property
    def text(self) -> str:
        """Return the version with zeroes for what is missing."""
        return f"{self.floor()}{f'-{self.prerelease}' if self.prerelease else ''}"

    def floor(self) -> str:
        """Return the numbers with zeroes for what is missing."""
        return f"{self.major or 0}.{self.minor or 0}.{self.patch or 0}"

    def is_whole(self) -> bool:
        """Say whether all three numbers are there."""
        return self.patch is not None

    def next(self) -> str:
        """Return the lowest pre-release behind all versions that begin with the last number told."""
        assert self.major is not None, "behind a wild card there is nothing"
        if self.minor is None:
            return f"{self.major + 1}.0.0{LOWEST_PRERELEASE}"
        if self.patch is None:
            return f"{self.major}.{self.minor + 1}.0{LOWEST_PRERELEASE}"
        return f"{self.major}.{self.minor}.{self.patch + 1}{LOWEST_PRERELEASE}"

    def cut(self, count: int) -> Partial:
        """Return at most the first numbers."""
        return Partial(
            major=self.major,
            minor=self.minor if count > 1 else None,
            patch=self.patch if count > 2 else None,  # noqa: PLR2004 - the third number
            prerelease="",
        )

    def caret_next(self) -> str:
        """Return the lowest pre-release behind what is compatible: the first number that is not zero stands."""
        if self.major or self.minor is None:
            return self.cut(1).next()
        if self.minor or self.patch is None:
            return self.cut(2).next()
        return self.cut(3).next()

    def tilde_next(self) -> str:
        """Return the lowest pre-release behind the versions that have the same first two numbers."""
        return self.cut(2).next()


def partial_of(found: re.Match[str], group: int) -> Partial:
    """Return what the four groups of PARTIAL matched, from a group on."""
    parts = [None if each is None or each in _WILD else int(each) for each in found.group(group, group + 1, group + 2)]
    for index in (1, 2):
        if parts[index - 1] is None:
            parts[index] = None
    prerelease = (found[group + 3] or "") if parts[2] is not None else ""
    return Partial(major=parts[0], minor=parts[1], patch=parts[2], prerelease=prerelease)


def is_orderly(found: re.Match[str], group: int) -> bool:
    """Say whether no number follows a wild card, from a group on."""
    told = [each for each in found.group(group, group + 1, group + 2) if each is not None]
    wild = [each in _WILD for each in told]
    return wild == sorted(wild)
