"""Ask apt what a full upgrade would do, and read its answer strictly: a line that cannot be read is a problem.

Nothing is locked, fetched or installed (``apt-get -s``), so it needs no root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from oakum.agent.managers.apt.run import AptProblem, read_apt

SIMULATE = ("apt-get", "-s", "-o", "Debug::NoLocking=1")
FULL_UPGRADE = (*SIMULATE, "dist-upgrade")
# The same without leave to remove anything.
SAFE_UPGRADE = (*SIMULATE, "upgrade", "--with-new-pkgs")

# Inst NAME [OLD] (NEW ORIGINS [ARCHITECTURE]) ...; [OLD] is absent for a package that is added.
_INSTALL = re.compile(
    r"^Inst (?P<name>\S+)(?: \[(?P<old>[^\]\s]+)\])? \((?P<new>\S+) (?:.* )?\[(?P<architecture>[^\]\s]+)\]\)(?: .*)?$"
)


@dataclass(frozen=True)
class Step:
    """One package that apt would install: ``old`` is empty for an added one."""

    name: str
    architecture: str
    old: str
    new: str


@dataclass(frozen=True)
class Simulation:
    """What an upgrade would install: ``steps`` by itself, ``removing_steps`` only if other packages go out for it."""

    steps: tuple[Step, ...]
    removing_steps: tuple[Step, ...]


def simulate_upgrade() -> Simulation:
    """Return what an upgrade would do now.

    Raises:
        AptProblem: apt fails, or says something that cannot be read.
    """
    full = read_apt(FULL_UPGRADE)
    return split_steps(full, read_apt(SAFE_UPGRADE) if removes(full) else full)


def removes(text: str) -> bool:
    """Say whether a simulation would remove anything."""
    return any(line.startswith("Remv ") for line in text.splitlines())


def split_steps(full: str, safe: str) -> Simulation:
    """Tell apart what a full upgrade and one without leave to remove anything would install."""
    steps = parse_steps(safe)
    names = {(step.name, step.architecture) for step in steps}
    others = tuple(step for step in parse_steps(full) if (step.name, step.architecture) not in names)
    return Simulation(steps=steps, removing_steps=others)


def parse_steps(text: str) -> tuple[Step, ...]:
    """Parse the ``Inst`` lines of a simulation.

    >>> parse_steps("Inst libssl3 [3.0.1] (3.0.2 Debian-Security:12/oldstable-security [amd64]) [openssl:amd64 ]")
    (Step(name='libssl3', architecture='amd64', old='3.0.1', new='3.0.2'),)

    Raises:
        AptProblem: an Inst line has another form.
    """
    steps = []
    for line in text.splitlines():
        if not line.startswith("Inst "):
            continue
        match = _INSTALL.match(line)
        if match is None:
            raise AptProblem(f"apt-get -s printed a line that cannot be understood: {line[:120]!r}")
        # A package of a foreign architecture is printed as name:architecture.
        name = match["name"].partition(":")[0]
        steps.append(Step(name=name, architecture=match["architecture"], old=match["old"] or "", new=match["new"]))
    return tuple(steps)
