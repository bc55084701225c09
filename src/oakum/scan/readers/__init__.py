"""Which readers there are: of distributions' databases, and of files that tell of language packages.

One file a format; none knows another.  They execute nothing and write nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from oakum.scan.readers import apk, cargo, dpkg, gem, jar, npm, pacman, program, python, rpm
from oakum.scan.readers.interface import DatabaseReader, FileReader
from oakum.scan.walk import PROGRAM

DATABASE_READERS: Final[tuple[DatabaseReader, ...]] = (dpkg, rpm, apk, pacman)
FILE_READERS: Final[Mapping[str, FileReader]] = {
    "python": python,
    "npm": npm,
    "gem": gem,
    "cargo": cargo,
    "jar": jar,
    PROGRAM: program,
}

# Asked for every file of the root, so the common answer comes from the name alone.
_NAMES: Final = {"METADATA": "python", "PKG-INFO": "python", "package.json": "npm", "Cargo.lock": "cargo"}
_SUFFIXES: Final = {"egg-info": "python", "gemspec": "gem", **{each[1:]: "jar" for each in jar.SUFFIXES}}


def reader_of(directory: str, name: str) -> str:
    """Return the name of the reader that wants a file, "" where none does."""
    reader = _NAMES.get(name) or _SUFFIXES.get(name.rpartition(".")[2]) or PROGRAM
    return reader if FILE_READERS[reader].wants(directory, name) else ""
