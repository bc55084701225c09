"""Installed Ruby gems: ``specifications/*.gemspec``, default gems among them.

A gemspec is a program; it is never run.  RubyGems writes those of installed gems in one fixed form, of which name and
version are read; where the version is computed, the file's own name has it (``NAME-VERSION[-PLATFORM].gemspec``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import GEM, INCOMPLETE, Found, FoundPackage, Note

BYTES_MAX: Final = 1024 * 1024
SUFFIX: Final = ".gemspec"

_FIELD: Final = re.compile(
    r"""^\s*\w{1,20}\.(name|version)\s*=\s*(?:Gem::Version\.new\(\s*)?["']([^"'\n]{1,200})["']""", re.MULTILINE
)
_FILE_NAME: Final = re.compile(r"(?P<name>.+?)-(?P<version>[0-9][0-9A-Za-z.]*)(?:-.+)?\Z")


def wants(directory: str, name: str) -> bool:
    """Say whether a file is the specification of an installed gem."""
    return name.endswith(SUFFIX) and directory.endswith(("specifications", "specifications/default"))


def read(root: Root, place: str) -> Iterator[Found]:
    """Yield the gem that the specification names."""
    try:
        text = root.read(place, size_max=BYTES_MAX).decode("utf-8", "replace")
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
        return
    fields: dict[str, str] = {}
    for found in _FIELD.finditer(text):
        fields.setdefault(found[1], found[2])
    by_file = _FILE_NAME.match(place.rpartition("/")[2].removesuffix(SUFFIX))
    name = fields.get("name") or (by_file["name"] if by_file else "")
    version = fields.get("version") or (by_file["version"] if by_file else "")
    if name and version:
        yield FoundPackage(kind=GEM, name=name, version=version, place=place)
    else:
        yield Note(kind=INCOMPLETE, place=place, reason="the specification tells no name or no version")
