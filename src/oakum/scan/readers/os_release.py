"""Which distribution and release a root holds: os-release(5).

It decides no stream (``core.streams``) and guesses nothing from other files.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from oakum.core.streams import stream_of
from oakum.scan.root import Absent, Root

PLACES: Final = ("etc/os-release", "usr/lib/os-release")
BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """What os-release says: ``stream`` is "" where it names no distribution, ``title`` is for people."""

    stream: str
    title: str
    place: str


UNNAMED: Final = Distribution(stream="", title="", place="")


def read(root: Root) -> Distribution:
    """Return the distribution of a root, UNNAMED where it says none.

    Raises:
        Unreadable: the file is there but cannot be read.
    """
    for place in PLACES:
        try:
            fields = _fields(root.read(place, size_max=BYTES_MAX).decode("utf-8", "replace"))
        except Absent:
            continue
        if fields.get("ID"):
            stream = stream_of(fields["ID"], fields.get("VERSION_ID", ""))
            return Distribution(stream=stream, title=fields.get("PRETTY_NAME") or stream, place=place)
    return UNNAMED


def _fields(text: str) -> dict[str, str]:
    fields = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                fields[name] = "".join(shlex.split(value))
            except ValueError:
                continue
    return fields
