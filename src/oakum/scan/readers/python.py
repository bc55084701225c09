"""Installed Python distributions: ``*.dist-info/METADATA``, ``*.egg-info`` (a directory with ``PKG-INFO``, or a file).

By the packaging standard "Recording installed projects".  Requirements files and lock files are wishes, not installed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import INCOMPLETE, PYPI, Found, FoundPackage, Note

# Only the head is read: a description of megabytes may follow.
HEAD_BYTES_MAX: Final = 256 * 1024


def wants(directory: str, name: str) -> bool:
    """Say whether a file is the metadata of an installed distribution."""
    if name == "METADATA":
        return directory.endswith(".dist-info")
    if name == "PKG-INFO":
        return directory.endswith((".egg-info", "/EGG-INFO"))
    return name.endswith(".egg-info")


def read(root: Root, place: str) -> Iterator[Found]:
    """Yield the distribution that the metadata names."""
    try:
        with root.open(place) as file:
            head = file.read(HEAD_BYTES_MAX)
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
        return
    fields: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").splitlines():
        if not line:
            break
        field, colon, value = line.partition(":")
        if colon and field.lower() in {"name", "version"}:
            fields.setdefault(field.lower(), value.strip())
    if fields.get("name") and fields.get("version"):
        yield FoundPackage(kind=PYPI, name=fields["name"], version=fields["version"], place=place)
    else:
        yield Note(kind=INCOMPLETE, place=place, reason="the metadata has no name or no version")
