"""What the hosts of an organisation are offered and have, as the election of a reader needs it.

It chooses nobody (``electing``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.catalogue.queries import PendingNotes
from oakum.core.election import ONLINE_WITHIN, Candidate
from oakum.fleet.models import Host, HostState
from oakum.fleet.sets import load_set

HOST_CHUNK_COUNT = 200
HOST_COUNT_MAX = 5_000  # hosts of one organisation looked at in one run, the most recently seen first
CANDIDATE_COUNT_MAX = 40  # of one update
_ID_COUNT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """A version of a source package that is installed somewhere in the organisation."""

    version: str
    key: bytes
    id: int


def candidates_for(
    organisation_id: UUID, wanted: Sequence[PendingNotes], now: datetime
) -> Mapping[int, Sequence[Candidate]]:
    """Return the hosts that are offered each update, the most recently seen of those online, until each has enough."""
    versions = _versions_of(wanted)
    found: dict[int, list[Candidate]] = {}
    lacking = {update_id for update_id, _ in versions.values()}
    rows = Host.objects.filter(
        organisation_id=organisation_id, state=HostState.ACTIVE, last_seen_at__gte=now - ONLINE_WITHIN
    ).exclude(offers=[])
    rows = rows.order_by("is_local", "-last_seen_at", "id").only("id", "is_local", "last_seen_at", "offers")
    for start in range(0, HOST_COUNT_MAX, HOST_CHUNK_COUNT):
        chunk = list(rows[start : start + HOST_CHUNK_COUNT])
        for host in chunk:
            for update_id, candidate in _candidates_of(host, versions):
                own = found.setdefault(update_id, [])
                if len(own) < CANDIDATE_COUNT_MAX:
                    own.append(candidate)
                else:
                    lacking.discard(update_id)
        if not lacking or len(chunk) < HOST_CHUNK_COUNT:
            break
    return found


def _versions_of(wanted: Sequence[PendingNotes]) -> dict[int, tuple[int, PackageVersion]]:
    """Return the binary packages of each update: package version id -> update id and row."""
    by_source = {(each.stream, each.source_name, each.source_version): each.update_id for each in wanted}
    found: dict[int, tuple[int, PackageVersion]] = {}
    for stream in {each.stream for each in wanted}:
        names = sorted({each.source_name for each in wanted if each.stream == stream})
        for start in range(0, len(names), _ID_COUNT):
            rows = PackageVersion.objects.filter(stream=stream, source_name__in=names[start : start + _ID_COUNT])
            for row in rows.only("stream", "name", "version", "architecture", "source_name", "source_version"):
                update_id = by_source.get((row.stream, row.source_name, row.source_version))
                if update_id is not None:
                    found[row.id] = (update_id, row)
    return found


def _candidates_of(host: Host, versions: Mapping[int, tuple[int, PackageVersion]]) -> Iterator[tuple[int, Candidate]]:
    assert host.last_seen_at is not None
    for offer in host.offers:
        if offer["id"] in versions:
            update_id, version = versions[offer["id"]]
            yield (
                update_id,
                Candidate(
                    host_id=host.id,
                    is_local=host.is_local,
                    last_seen_at=host.last_seen_at,
                    package_name=version.name,
                    package_version=version.version,
                    architecture=version.architecture,
                    download_bytes=int(offer.get("download_bytes", 0)),
                ),
            )


def lowest_installed(organisation_id: UUID, wanted: Sequence[PendingNotes]) -> dict[int, str]:
    """Return, for each update, the lowest source version below it that the organisation has; none where it has none."""
    if not wanted:
        return {}
    installed = installed_in(organisation_id)
    older = installed_of({(each.stream, each.source_name) for each in wanted}, installed)
    lowest = {
        each.update_id: lowest_below(older.get((each.stream, each.source_name), ()), each.source_key) for each in wanted
    }
    return {update_id: found.version for update_id, found in lowest.items() if found is not None}


def installed_in(organisation_id: UUID) -> BitMap:
    """Return every package version that any host of the organisation has."""
    union = BitMap()
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED)
    for blob in rows.values_list("package_set", flat=True).iterator(chunk_size=1_000):
        union |= load_set(blob)
    return union


def installed_of(sources: set[tuple[str, str]], installed: BitMap) -> dict[tuple[str, str], list[Older]]:
    """Return the versions of these source packages that are among ``installed``."""
    found: dict[tuple[str, str], list[Older]] = {}
    for stream in sorted({stream for stream, _ in sources}):
        names = sorted(name for own, name in sources if own == stream)
        for start in range(0, len(names), _ID_COUNT):
            rows = PackageVersion.objects.filter(stream=stream, source_name__in=names[start : start + _ID_COUNT])
            for id_, name, version, key in rows.values_list("id", "source_name", "source_version", "source_order_key"):
                if id_ in installed:
                    found.setdefault((stream, name), []).append(Older(version=version, key=bytes(key), id=id_))
    return found


def lowest_below(older: Sequence[Older], key: bytes) -> Older | None:
    """Return the lowest of the versions below a key, None where there is none."""
    return min((each for each in older if each.key < key), key=lambda each: (each.key, each.id), default=None)
