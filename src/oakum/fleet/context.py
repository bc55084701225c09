"""How exposed and how important a host is: what it says itself, else the strictest of its groups, else a default.

Pure.  It does not decide deadlines (``core.priority``); it gives each answer with where it comes from, so that a page
can show the reason beside the verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Strictest first: of several groups the most careful answer wins.
REACHABILITIES = ("public", "internal", "isolated")
ENVIRONMENTS = ("production", "staging", "development")
CRITICALITIES = ("critical", "high", "medium", "low")

DEFAULT_REACHABILITY = "internal"
DEFAULT_ENVIRONMENT = "production"
DEFAULT_CRITICALITY = "medium"

FROM_HOST = "host"
FROM_DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is said of a host or of a group of hosts; empty means: nothing.  ``name`` is empty for the host itself."""

    reachability: str = ""
    environment: str = ""
    criticality: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostContext:
    """The answers that hold, each with its source: ``host``, ``group NAME`` or ``default``."""

    reachability: str
    reachability_source: str
    environment: str
    environment_source: str
    criticality: str
    criticality_source: str


def effective_context(own: Told, groups: Iterable[Told]) -> HostContext:
    """Return what holds for a host that says ``own`` and is in ``groups``."""
    told = tuple(groups)
    reachability = _effective(
        REACHABILITIES, own.reachability, [(each.reachability, each.name) for each in told], DEFAULT_REACHABILITY
    )
    environment = _effective(
        ENVIRONMENTS, own.environment, [(each.environment, each.name) for each in told], DEFAULT_ENVIRONMENT
    )
    criticality = _effective(
        CRITICALITIES, own.criticality, [(each.criticality, each.name) for each in told], DEFAULT_CRITICALITY
    )
    return HostContext(
        reachability=reachability[0],
        reachability_source=reachability[1],
        environment=environment[0],
        environment_source=environment[1],
        criticality=criticality[0],
        criticality_source=criticality[1],
    )


def _effective(
    strictest_first: Sequence[str], own: str, told: Sequence[tuple[str, str]], default: str
) -> tuple[str, str]:
    if own:
        return own, FROM_HOST
    said = [(strictest_first.index(answer), name, answer) for answer, name in told if answer]
    if said:
        _, name, answer = min(said)
        return answer, f"group {name}"
    return default, FROM_DEFAULT
