"""Read what apt and dpkg say, independently of the agent, so that tests have a second opinion.

Pure.  Formats: apt-get(8) --simulate, dpkg-query(1), dpkg.log as deb-log(5) has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SECURITY_LABEL = "Debian-Security"

# Inst openssl [3.0.20-1] (3.0.22-1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
_INSTALL = re.compile(
    r"^Inst (?P<name>\S+) (?:\[(?P<old>[^\]]+)\] )?\((?P<new>\S+) (?P<origins>.+?) \[(?P<arch>[^\]]+)\]\)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedInstall:
    """One `Inst` line of a simulated run; ``old`` is None for a package that is not installed yet."""

    name: str
    old: str | None
    new: str
    labels: tuple[str, ...]


def parse_simulation(text: str) -> tuple[SimulatedInstall, ...]:
    """Read every `Inst` line.

    >>> parse_simulation("Inst ssl [1-1] (1-2 Debian-Security:12/oldstable-security [amd64])")[0].labels
    ('Debian-Security',)
    """
    matches = (_INSTALL.match(line) for line in text.splitlines() if line.startswith("Inst "))
    found = []
    for match in matches:
        assert match is not None, "an Inst line of a form not seen before"
        labels = tuple(origin.partition(":")[0].strip() for origin in match["origins"].split(","))
        found.append(SimulatedInstall(name=match["name"], old=match["old"], new=match["new"], labels=labels))
    return tuple(found)


def pending_security(text: str) -> set[tuple[str, str]]:
    """Return (package, candidate version) of each installed package that a security archive would upgrade."""
    return {
        (line.name, line.new)
        for line in parse_simulation(text)
        if SECURITY_LABEL in line.labels and line.old is not None
    }


def parse_installed(text: str) -> dict[str, str]:
    r"""Read `STATUS NAME VERSION` lines into name -> version, of what is installed and configured.

    >>> parse_installed("ii  cron 3.0\nrc  gone 1.0\niF  half 2.0")
    {'cron': '3.0'}
    """
    rows = (line.split() for line in text.splitlines())
    return {name: version for status, name, version in rows if status[1:] == "i"}
