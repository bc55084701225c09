"""What a scan finds: packages, and notes about what could not be read or was left out on purpose.

Values alone.  They say what the root's own databases say; whether it is vulnerable is ``scan.assess``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEB: Final = "deb"
RPM: Final = "rpm"
APK: Final = "apk"
ALPM: Final = "alpm"
PYPI: Final = "pypi"
NPM: Final = "npm"
GEM: Final = "gem"
CARGO: Final = "cargo"
GOLANG: Final = "golang"
MAVEN: Final = "maven"
DISTRIBUTION_TYPES: Final = frozenset({DEB, RPM, APK, ALPM})

TEXT_LENGTH_MAX: Final = 300  # of a name or a version: longer ones are nobody's, and would fill the screen
PACKAGE_COUNT_MAX: Final = 500_000  # of one root

# Why a note was made.  DAMAGED: a package database (or the name of the system) cannot be read, so that packages may be
# missing and a clean answer would be a guess.  INCOMPLETE: one file or directory could not be read.  LEFT_OUT: on
# purpose, by a rule that the reason names.
DAMAGED: Final = "damaged"
INCOMPLETE: Final = "incomplete"
LEFT_OUT: Final = "left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPackage:
    """An installed package, by the word of the file at ``place`` (a path from the root).

    ``kind`` is its purl type.  ``version`` is whole, as its scheme writes it (an rpm's is ``[epoch:]version-release``).
    ``source_name`` and ``source_version`` are empty where the format has no source packages.  ``owner`` is the
    distribution's package that holds the file (its feed speaks for it), empty where there is none.  ``other_names`` are
    those that an advisory may use where the file itself leaves the name open (a jar that does not tell its group).
    ``stream`` is what a bill of materials tells, whose packages may be of several releases; of a root's it is "".
    """

    kind: str
    name: str
    version: str
    place: str
    architecture: str = ""
    source_name: str = ""
    source_version: str = ""
    module: str = ""
    vendor: str = ""
    is_held: bool = False
    owner: str = ""
    stream: str = ""
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that a reader of the answer must know: at which place, and why."""

    kind: str
    place: str
    reason: str


Found = FoundPackage | Note
