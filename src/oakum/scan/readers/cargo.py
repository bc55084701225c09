"""Rust crates: ``Cargo.lock``, and what ``cargo auditable`` puts into a program (section ``.dep-v0``: zlib, JSON).

Only crates of crates.io: one from git or from beside the project has a name that anybody may have taken there.  Crates
that only take part in the build are not in the program.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from typing import Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import CARGO, INCOMPLETE, Found, FoundPackage, Note

LOCK_BYTES_MAX: Final = 32 * 1024 * 1024
LIST_BYTES_MAX: Final = 8 * 1024 * 1024  # unpacked
SECTION: Final = b".dep-v0"

_FIELD: Final = re.compile(r'^(name|version|source) = "([^"]*)"\s*$', re.MULTILINE)
_SOURCE: Final = "crates.io"


def wants(directory: str, name: str) -> bool:
    """Say whether a file is a lock file of cargo's; those of crates that were only fetched are nobody's choice."""
    return name == "Cargo.lock" and "/registry/src/" not in f"/{directory}/"


def read(root: Root, place: str) -> Iterator[Found]:
    """Yield the crates that the lock file pins."""
    try:
        text = root.read(place, size_max=LOCK_BYTES_MAX).decode("utf-8", "replace")
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
        return
    for block in text.split("[[package]]")[1:]:
        fields = dict(_FIELD.findall(block))
        if _SOURCE not in fields.get("source", ""):
            continue
        if fields.get("name") and fields.get("version"):
            yield FoundPackage(kind=CARGO, name=fields["name"], version=fields["version"], place=place)
        else:
            yield Note(kind=INCOMPLETE, place=place, reason="an entry has no name or no version")


def read_section(content: bytes, place: str) -> Iterator[Found]:
    """Yield the crates that a program was built from."""
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(content, LIST_BYTES_MAX)
        document = json.loads(text) if inflate.eof else None
    except (zlib.error, ValueError, RecursionError):
        document = None
    packages = document.get("packages") if isinstance(document, dict) else None
    if not isinstance(packages, list):
        yield Note(kind=INCOMPLETE, place=place, reason="the list of crates in the program is damaged or too large")
        return
    for each in packages:
        if not isinstance(each, dict) or each.get("source") != _SOURCE or each.get("kind") == "build":
            continue
        name, version = each.get("name"), each.get("version")
        if isinstance(name, str) and isinstance(version, str) and name and version:
            yield FoundPackage(kind=CARGO, name=name, version=version, place=place)
