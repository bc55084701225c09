"""One host: what it is, what is installed, what is offered, what changed.

Its findings are ``findings.queries``, its rollouts ``rollout.queries``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from oakum.catalogue.models import PackageVersion
from oakum.core.errors import NotFoundError
from oakum.fleet.context import Told
from oakum.fleet.models import Host, HostChange
from oakum.fleet.queries.hosts import STALE_AFTER_DEFAULT, HostRow, host_rows
from oakum.fleet.sets import load_set
from oakum.protocol.codec import from_plain
from oakum.protocol.inventory import FactsSection, Repository
from oakum.protocol.messages import ActiveOrder

PACKAGE_COUNT_MAX = 500  # rows of one page
CHANGE_COUNT_MAX = 200
_ID_COUNT_MAX = 5_000  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class HostView:
    """A host with all that it said of itself.  ``facts`` is None until it has reported."""

    row: HostRow
    own: Told
    machine_id_hash: str
    boot_id: str
    stale_status: str
    facts: FactsSection | None
    repositories: tuple[Repository, ...]
    active_orders: tuple[ActiveOrder, ...]
    order_generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """An installed package version; ``running_old``: older code of it still runs."""

    id: int
    name: str
    version: str
    architecture: str
    source_name: str
    source_version: str
    held: bool
    running_old: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePage:
    """One page of installed packages by name, and how many there are in all."""

    rows: tuple[PackageView, ...]
    total_count: int
    limit: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """A pending change; ``kept_back`` says why an upgrade would not take it, empty when installable."""

    id: int
    name: str
    architecture: str
    installed_version: str
    candidate_version: str
    source_name: str
    source_version: str
    kept_back: str
    download_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """What a host's package set gained and lost, as ``name version`` texts by name."""

    at: datetime
    added: tuple[str, ...]
    removed: tuple[str, ...]


def host(
    *, organisation_id: UUID, host_id: UUID, now: datetime, stale_after: timedelta = STALE_AFTER_DEFAULT
) -> HostView:
    """Return one host.

    Raises:
        NotFoundError: not a host of this organisation.
    """
    found = _host(organisation_id, host_id)
    (row,) = host_rows([found], organisation_id=organisation_id, now=now, stale_after=stale_after)
    return HostView(
        row=row,
        own=Told(reachability=found.reachability, environment=found.environment, criticality=found.criticality),
        machine_id_hash=found.machine_id_hash,
        boot_id=found.boot_id,
        stale_status=found.stale_status,
        facts=from_plain(found.facts, FactsSection) if found.facts else None,
        repositories=tuple(from_plain(each, Repository) for each in found.repositories),
        active_orders=tuple(from_plain(each, ActiveOrder) for each in found.active_orders),
        order_generation=found.order_generation,
    )


def _host(organisation_id: UUID, host_id: UUID) -> Host:
    found = Host.objects.filter(organisation_id=organisation_id, id=host_id).first()
    if found is None:
        raise NotFoundError(code="host_unknown", sentence="There is no such host.", next_step="See the list of hosts.")
    return found


def host_packages(
    *, organisation_id: UUID, host_id: UUID, search: str = "", limit: int = 100, offset: int = 0
) -> PackagePage:
    """Return a page of what is installed, by name; ``search`` is any part of the package's or source's name.

    Raises:
        NotFoundError: not a host of this organisation.
    """
    found = _host(organisation_id, host_id)
    held, running_old = load_set(found.held_set), load_set(found.running_old_set)
    versions = _versions(load_set(found.package_set)).values()
    wanted = sorted(
        (each for each in versions if search in each.name or search in each.source_name),
        key=lambda each: (each.name, each.architecture),
    )
    limit, offset = max(1, min(limit, PACKAGE_COUNT_MAX)), max(0, offset)
    rows = tuple(
        PackageView(
            id=each.id,
            name=each.name,
            version=each.version,
            architecture=each.architecture,
            source_name=each.source_name,
            source_version=each.source_version,
            held=each.id in held,
            running_old=each.id in running_old,
        )
        for each in wanted[offset : offset + limit]
    )
    return PackagePage(rows=rows, total_count=len(wanted), limit=limit, offset=offset)


def host_offers(*, organisation_id: UUID, host_id: UUID) -> tuple[OfferView, ...]:
    """Return what the host's repositories offer, by name.

    Raises:
        NotFoundError: not a host of this organisation.
    """
    offers: list[Mapping[str, Any]] = _host(organisation_id, host_id).offers
    versions = _versions([offer["id"] for offer in offers])
    views = (_offer(offer, versions[offer["id"]]) for offer in offers if offer["id"] in versions)
    return tuple(sorted(views, key=lambda view: (view.name, view.architecture)))


def _offer(offer: Mapping[str, Any], version: PackageVersion) -> OfferView:
    return OfferView(
        id=version.id,
        name=version.name,
        architecture=version.architecture,
        installed_version=offer["from"],
        candidate_version=version.version,
        source_name=version.source_name,
        source_version=version.source_version,
        kept_back=offer["kept_back"],
        download_bytes=offer["download_bytes"],
    )


def host_changes(*, organisation_id: UUID, host_id: UUID, limit: int = 50) -> tuple[ChangeView, ...]:
    """Return the newest changes of a host's package set."""
    rows = list(
        HostChange.objects.filter(organisation_id=organisation_id, host_id=host_id).order_by("-at", "-id")[
            : max(1, min(limit, CHANGE_COUNT_MAX))
        ]
    )
    sets = [(row.at, load_set(row.added), load_set(row.removed)) for row in rows]
    ids = {each for _, added, removed in sets for each in (*added, *removed)}
    texts = {each.id: f"{each.name} {each.version}" for each in _versions(ids).values()}
    return tuple(
        ChangeView(at=at, added=_named(added, texts), removed=_named(removed, texts)) for at, added, removed in sets
    )


def _named(ids: Any, texts: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(sorted(texts[each] for each in ids if each in texts))


def _versions(ids: Any) -> dict[int, PackageVersion]:
    wanted = list(ids)
    found: dict[int, PackageVersion] = {}
    for start in range(0, len(wanted), _ID_COUNT_MAX):
        rows = PackageVersion.objects.filter(id__in=wanted[start : start + _ID_COUNT_MAX])
        found |= {row.id: row for row in rows.defer("order_key", "source_order_key", "purl")}
    return found
