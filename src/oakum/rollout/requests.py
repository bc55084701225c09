"""What a person asks for when they plan a rollout, as values: which updates, which hosts, which rings, when.

The doors build these from forms, JSON and options.  Nothing is looked up here (``candidates``, ``calendar``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from oakum.protocol.orders import REBOOT_NEVER


@dataclass(frozen=True, slots=True)
class PendingSecurity:
    """Every pending security update."""


@dataclass(frozen=True, slots=True)
class UpdatesById:
    """These updates, each one source package at one version (``catalogue.Update`` ids)."""

    update_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SourcesByName:
    """Whatever is pending of these source packages."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CuresFor:
    """Every pending update that cures this vulnerability."""

    cve: str


Selection = PendingSecurity | UpdatesById | SourcesByName | CuresFor


@dataclass(frozen=True, slots=True)
class AllHosts:
    """Every host that is not retired."""


@dataclass(frozen=True, slots=True)
class GroupHosts:
    """The hosts of a group."""

    name: str


@dataclass(frozen=True, slots=True)
class HostsById:
    """These hosts."""

    host_ids: tuple[UUID, ...]


HostChoice = AllHosts | GroupHosts | HostsById


@dataclass(frozen=True, slots=True)
class RingsByCover:
    """A small ring 0 that covers every version, then the policy's shares."""


@dataclass(frozen=True, slots=True)
class RingsBySize:
    """Rings of these sizes; what is left over makes one more."""

    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RingsByName:
    """Exactly these hosts in exactly these rings; they are the rollout's hosts, whatever else was chosen."""

    rings: tuple[tuple[UUID, ...], ...]


RingChoice = RingsByCover | RingsBySize | RingsByName


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """A maintenance window of the organisation."""

    window_id: UUID


@dataclass(frozen=True, slots=True)
class OpenNow:
    """From the planning on, for so long: approval and start fall into it."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class AnyTime:
    """Whenever it is started, within CALENDAR_HORIZON of its planning."""


WindowChoice = StoredWindow | OpenNow | AnyTime


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRequest:
    """A whole wish; None: as the organisation's settings, or the built-in default, say."""

    selection: Selection
    hosts: HostChoice = field(default_factory=AllHosts)
    rings: RingChoice = field(default_factory=RingsByCover)
    window: WindowChoice = field(default_factory=AnyTime)
    name: str = ""
    soak: timedelta | None = None
    health_delay: timedelta | None = None
    lost_after: timedelta | None = None
    failure_percent_max: int | None = None
    failure_count_max: int | None = None
    lost_percent_max: int | None = None
    wave_count_max: int | None = None
    reboot: str = REBOOT_NEVER
