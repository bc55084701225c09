"""Ask apt which version of each package it would choose, and which repositories offer that version.

It does not ask whether the choice can be installed (``simulation``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence

from oakum.agent.managers.apt.run import AptProblem, read_apt

# One call takes a third of a second whatever it is asked; this many names stay far below the kernel's limit.
NAMES_PER_CALL_MAX = 5_000
NONE = "(none)"

_VERSION = re.compile(r"^(?: \*\*\*|    ) (?P<version>\S+)(?: +-?\d+)?(?P<phased> +\(phased \d+%\))?\s*$")
_SOURCE = re.compile(r"^ {6,}-?\d+ (?P<description>\S.*?)\s*$")


@dataclass(frozen=True)
class OfferedVersion:
    """A version that apt knows: the ``descriptions`` name the lists that have it (see ``targets``)."""

    version: str
    descriptions: tuple[str, ...]
    phased: bool


@dataclass(frozen=True)
class Candidate:
    """``apt-cache policy`` of one package; versions newest first, ``""`` for none installed or none to choose."""

    installed: str
    candidate: str
    versions: tuple[OfferedVersion, ...]

    def offered(self, version: str) -> OfferedVersion | None:
        """Return the entry of ``version``."""
        return next((each for each in self.versions if each.version == version), None)

    def newer(self) -> OfferedVersion | None:
        """Return the version that an upgrade would bring if nothing kept it back, None if there is none.

        That is the candidate, or a phased version that this host's turn has not come for.
        """
        for each in self.versions:
            if each.version == self.installed:
                return None
            if each.version == self.candidate or each.phased:
                return each
        return None


def read_candidates(names: Sequence[str]) -> dict[str, Candidate]:
    """Return the candidate of each of ``names`` (``name``, or ``name:architecture`` for a foreign one).

    Raises:
        AptProblem: apt fails, or says something that cannot be read.
    """
    candidates: dict[str, Candidate] = {}
    for start in range(0, len(names), NAMES_PER_CALL_MAX):
        chunk = names[start : start + NAMES_PER_CALL_MAX]
        candidates.update(parse_candidates(read_apt(("apt-cache", "policy", *chunk))))
    return candidates


def parse_candidates(text: str) -> dict[str, Candidate]:
    """Parse the output of ``apt-cache policy NAME...``.

    Raises:
        AptProblem: a line has another form.
    """
    candidates: dict[str, Candidate] = {}
    block: list[str] = []
    for line in [*text.splitlines(), "end:"]:
        if line and not line[0].isspace():
            if block:
                candidates[block[0].rstrip().rstrip(":")] = _parse_block(block)
            block = [line]
        elif line.strip():
            block.append(line)
    return candidates


def _parse_block(block: list[str]) -> Candidate:
    chosen = {"Installed": "", "Candidate": ""}
    versions: list[OfferedVersion] = []
    for line in block[1:]:
        label, colon, value = line.strip().partition(": ")
        source, version = _SOURCE.match(line), _VERSION.match(line)
        if colon and label in chosen:
            chosen[label] = "" if value == NONE else value
        elif source and versions:
            last = versions[-1]
            descriptions = (*last.descriptions, source["description"])
            versions[-1] = OfferedVersion(last.version, descriptions, last.phased)
        elif version:
            versions.append(OfferedVersion(version["version"], (), version["phased"] is not None))
        elif line.strip() != "Version table:" and label not in ("Package pin", "Version table"):
            raise AptProblem(f"apt-cache policy printed a line that cannot be understood: {line[:120]!r}")
    return Candidate(installed=chosen["Installed"], candidate=chosen["Candidate"], versions=tuple(versions))
