"""What hosts' own repositories offer them, typed: one line a package.  It judges nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from oakum.catalogue.models import PackageVersion
from oakum.findings.queries.risk import chunks
from oakum.fleet.models import Host, HostState

HOST_COUNT_MAX = 5_000  # in one statement


@dataclass(frozen=True, slots=True)
class OfferLine:
    """One package version offered to a host, and the version it would replace (empty: it is new)."""

    version_id: int
    from_version: str
    kept_back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVersion:
    """A package version on offer, and the source it was built from."""

    name: str
    version: str
    stream: str
    source_name: str
    source_version: str
    source_key: bytes


def load_offers(
    *, organisation_id: UUID, host_ids: Collection[UUID] | None = None
) -> dict[UUID, tuple[OfferLine, ...]]:
    """Return what each of these hosts (None: every host that is not retired) was offered when it last could tell."""
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED)
    found: dict[UUID, tuple[OfferLine, ...]] = {}
    for chunk in _host_chunks(host_ids):
        asked = rows if chunk is None else rows.filter(id__in=chunk)
        for host_id, offers in asked.values_list("id", "offers"):
            found[host_id] = tuple(OfferLine(one["id"], one["from"], one["kept_back"]) for one in offers)
    return found


def _host_chunks(host_ids: Collection[UUID] | None) -> Iterable[list[UUID] | None]:
    if host_ids is None:
        return (None,)
    wanted = list(host_ids)
    return [wanted[start : start + HOST_COUNT_MAX] for start in range(0, len(wanted), HOST_COUNT_MAX)]


def load_versions(ids: Iterable[int]) -> dict[int, OfferedVersion]:
    """Return the package versions of these ids."""
    found: dict[int, OfferedVersion] = {}
    for chunk in chunks(sorted(set(ids))):
        rows = PackageVersion.objects.filter(id__in=chunk)
        for row in rows.values_list(
            "id", "name", "version", "stream", "source_name", "source_version", "source_order_key"
        ):
            found[row[0]] = OfferedVersion(
                name=row[1],
                version=row[2],
                stream=row[3],
                source_name=row[4],
                source_version=row[5],
                source_key=bytes(row[6]),
            )
    return found
