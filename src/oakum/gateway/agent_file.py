"""Build the agent's file: one zipapp of agent, protocol and signature verifier, out of the installed package.

The same installation always gives the same bytes: names sorted, times fixed, nothing but source text.  It serves no
request (the gateway does) and knows no host.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

SHEBANG = b"#!/usr/bin/env python3\n"
# The earliest time that the format knows.
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
FILE_MODE = 0o100644
CREATED_ON_UNIX = 3
COMPRESSION_LEVEL = 9

ROOMS = ("agent", "protocol")
# The arithmetic of Ed25519, in the public domain, that securesystemslib carries; agent.verifier knows this name.
VERIFIER_HOME = "securesystemslib"
VERIFIER_FOLDER = ("_vendor", "ed25519")
VERIFIER_SOURCE = "ed25519.py"
VERIFIER_LICENCE = "LICENSE"
VERIFIER_NAME = "oakum_ed25519"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFile:
    """The zipapp and the SHA-256, in hex, by which installers know it."""

    content: bytes
    sha256: str


@functools.cache
def agent_file() -> AgentFile:
    """Return the agent's file, built once per process."""
    content = build_agent_file()
    return AgentFile(content=content, sha256=hashlib.sha256(content).hexdigest())


def build_agent_file() -> bytes:
    """Build the zipapp: executable by Python 3.9 or newer, without anything else installed."""
    buffer = io.BytesIO()
    buffer.write(SHEBANG)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL) as archive:
        for name, content in sorted(_collect().items()):
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = CREATED_ON_UNIX
            entry.external_attr = FILE_MODE << 16
            archive.writestr(entry, content, compresslevel=COMPRESSION_LEVEL)
    return buffer.getvalue()


def _collect() -> dict[str, bytes]:
    """Return what goes in, by name."""
    package = files("oakum")
    contents = {"oakum/__init__.py": (package / "__init__.py").read_bytes()}
    for room in ROOMS:
        contents.update(_sources(package / room, f"oakum/{room}"))
    # The module is the program: python agent.pyz runs the file of this name at the top.
    contents["__main__.py"] = contents["oakum/agent/__main__.py"]
    vendored = files(VERIFIER_HOME).joinpath(*VERIFIER_FOLDER)
    contents[f"{VERIFIER_NAME}/__init__.py"] = (vendored / VERIFIER_SOURCE).read_bytes()
    contents[f"{VERIFIER_NAME}/{VERIFIER_LICENCE}"] = (vendored / VERIFIER_LICENCE).read_bytes()
    return contents


def _sources(folder: Traversable, name: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _sources(entry, f"{name}/{entry.name}")
        elif entry.name.endswith(".py"):
            yield f"{name}/{entry.name}", entry.read_bytes()
