"""The values of matching: what is installed, what a publisher says of it, and what follows.

They decide nothing (``matching``) and are read from nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from oakum.core.advisories import STATES
from oakum.core.streams import LEVELS, SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """A package version: what is installed, and the source it was built from (itself where there is no other).

    ``id`` is the caller's own: matches carry it.  ``key`` and ``source_key`` are order keys of ``scheme``.
    """

    id: int
    stream: str
    scheme: str
    name: str
    version: str
    key: bytes
    source_name: str
    source_version: str
    source_key: bytes
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeFacts:
    """An affected range.  ``organisation_id`` is set for what that organisation's own hosts told.

    ``level`` says whose name and versions these are, ``architectures`` which packages it speaks of (none: all).
    ``introduced_version`` and ``fixed_version`` are the texts of the bounds, empty where none is told.  ``cves`` are
    those the advisory is about.
    """

    advisory_id: int
    feed_name: str
    organisation_id: UUID | None
    ref: str
    stream: str
    scheme: str
    name: str
    low: bytes
    high: bytes | None
    fixed_version: str
    state: str
    level: str = SOURCE
    architectures: tuple[str, ...] = ()
    introduced_version: str = ""
    cves: tuple[str, ...] = ()

    def __post_init__(self) -> None:  # noqa: D105 - the class says it
        assert self.state in STATES
        assert self.level in LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A name and version under which publishers speak of a package version, on one level."""

    level: str
    name: str
    version: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A finding: one package version, one advisory.

    ``state_author`` is who said the state, where it was not the advisory's publisher.
    """

    package_version_id: int
    advisory_id: int
    feed_name: str
    organisation_id: UUID | None
    ref: str
    cves: tuple[str, ...]
    state: str
    fixed_version: str
    evidence: str
    state_author: str = ""

    @property
    def key(self) -> tuple[int, str, UUID | None, str]:
        """What makes a finding one, across the generations of a feed."""
        return (self.package_version_id, self.feed_name, self.organisation_id, self.ref)
