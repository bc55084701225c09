"""Ask apt for the records of exact versions: which source they are built from, and how much there is to download.

It does not choose versions (``candidates``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

from oakum.agent.managers.apt.run import read_apt
from oakum.agent.managers.apt.stanzas import parse_stanzas

NAMES_PER_CALL_MAX = 2_000

_SOURCE = re.compile(r"^(?P<name>\S+)(?: \((?P<version>[^)]+)\))?$")


@dataclass(frozen=True)
class PackageRecord:
    """What a repository's list says of one package version; ``size`` in bytes, 0 when it does not say."""

    source_name: str
    source_version: str
    size: int


def read_records(names: Sequence[str]) -> dict[tuple[str, str], PackageRecord]:
    """Return the records of ``names`` (``name=version``), by name and version.

    Raises:
        AptProblem: apt fails.
    """
    records: dict[tuple[str, str], PackageRecord] = {}
    for start in range(0, len(names), NAMES_PER_CALL_MAX):
        chunk = names[start : start + NAMES_PER_CALL_MAX]
        records.update(parse_records(read_apt(("apt-cache", "show", *chunk))))
    return records


def parse_records(text: str) -> dict[tuple[str, str], PackageRecord]:
    """Parse paragraphs of a Packages file.

    ``Source`` is absent when it equals the package, and carries a version only when that differs (Debian policy 5.6.1).
    """
    records = {}
    for fields in parse_stanzas(text):
        name, version = fields.get("Package", ""), fields.get("Version", "")
        match = _SOURCE.match(fields.get("Source", ""))
        size = fields.get("Size", "")
        records[name, version] = PackageRecord(
            source_name=match["name"] if match else name,
            source_version=(match["version"] if match else None) or version,
            size=int(size) if size.isdigit() else 0,
        )
    return records
