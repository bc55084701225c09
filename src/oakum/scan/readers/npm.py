"""Installed npm packages: the ``package.json`` of every package right under a ``node_modules``.

A ``package.json`` elsewhere (a project, a fixture inside a package) says what somebody develops, not what is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import INCOMPLETE, NPM, Found, FoundPackage, Note

BYTES_MAX: Final = 2 * 1024 * 1024
NODE_MODULES: Final = "node_modules"


def wants(directory: str, name: str) -> bool:
    """Say whether a file describes a package that npm (or yarn, or pnpm) has unpacked."""
    if name != "package.json":
        return False
    parts = directory.rsplit("/", 3)
    if len(parts) > 1 and parts[-2] == NODE_MODULES:
        return not parts[-1].startswith((".", "@"))
    return len(parts) > len("@/") and parts[-2].startswith("@") and parts[-3] == NODE_MODULES


def read(root: Root, place: str) -> Iterator[Found]:
    """Yield the package that the file describes; one without a version is none (a marker for a folder)."""
    try:
        document = json.loads(root.read(place, size_max=BYTES_MAX))
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=place, reason=error.reason)
        return
    except (ValueError, RecursionError):
        yield Note(kind=INCOMPLETE, place=place, reason="it is no JSON")
        return
    if not isinstance(document, dict):
        yield Note(kind=INCOMPLETE, place=place, reason="it is no description of a package")
        return
    name, version = document.get("name"), document.get("version")
    if isinstance(name, str) and isinstance(version, str) and name and version:
        yield FoundPackage(kind=NPM, name=name, version=version.strip(), place=place)
