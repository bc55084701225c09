"""The range syntaxes that ecosystems have of their own, one file each, behind one signature.

Each reads one piece of a text and refuses what its ecosystem's tool would not understand, so that the door can try
plain comparators instead.  deb, rpm, apk, alpm, golang, semver, Windows and generic versions have no syntax beside
those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from oakum.core.ranges.native import cargo, composer, gem, maven, npm, nuget, pypi
from oakum.core.ranges.value import Range, RangeText
from oakum.core.versions import CARGO, COMPOSER, GEM, MAVEN, NPM, NUGET, PYPI


class Native(Protocol):
    """Reads a piece of a text, at an offset in it, as a range."""

    def __call__(self, source: RangeText, piece: str, at: int, *, by_order: bool) -> Range:
        """Return the range as the tool means it, or ``by_order`` alone, as an advisory does.

        Raises:
            InvalidRange: the tool would not understand it.
        """


_NATIVE: Final[Mapping[str, Native]] = {
    CARGO: cargo.parse,
    COMPOSER: composer.parse,
    GEM: gem.parse,
    MAVEN: maven.parse,
    NPM: npm.parse,
    NUGET: nuget.parse,
    PYPI: pypi.parse,
}


def native_of(scheme: str) -> Native | None:
    """Return what reads a scheme's own range syntax, nothing where it has none."""
    return _NATIVE.get(scheme)
