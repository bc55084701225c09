"""Which package versions of a stream must be matched now, from what was matched before and what has moved since.

It matches nothing (``assessing``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max

from oakum.catalogue.models import PackageVersion
from oakum.core.matching import REVISION, VersionFacts
from oakum.core.sources import published_names
from oakum.findings.models import Assessed
from oakum.intel.queries import generations, host_notes_at, names_in_host_notes

NAME_COUNT = 200  # source names looked at together
VERSION_COUNT = 100  # package versions matched together: an old kernel's have thousands of findings each
_FACTS = (
    *("id", "scheme", "name", "version", "order_key"),
    *("source_name", "source_version", "source_order_key", "architecture"),
)
# Two processes' clocks and commits may differ by so much; matching a name once more changes nothing.
OVERLAP = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far the package versions of a stream reach."""

    stream: str
    count: int
    id_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intel:
    """What there is to match with: published feeds in one mark, and when hosts' notes last moved."""

    mark: str
    host_notes_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The package versions of a stream to match: those with an id above, and those of the names (None: of all)."""

    stream: str
    id_above: int
    names: frozenset[str] | None


def read_intel() -> Intel:
    """Return what there is to match with now."""
    text = json.dumps([REVISION, sorted(generations().items())])
    return Intel(mark=hashlib.sha256(text.encode()).hexdigest(), host_notes_at=host_notes_at())


def extents() -> tuple[Extent, ...]:
    """Return every stream that has package versions, by name."""
    rows = PackageVersion.objects.order_by("stream").values_list("stream")
    return tuple(
        Extent(stream=stream, count=count, id_max=id_max)
        for stream, count, id_max in rows.annotate(count=Count("id"), id_max=Max("id"))
    )


def scopes_of(extent: Extent, intel: Intel) -> tuple[Scope, ...]:
    """Return what must be matched in a stream, nothing where nothing has moved."""
    done = Assessed.objects.filter(stream=extent.stream).first()
    if done is None or done.intel_mark != intel.mark:
        return (Scope(stream=extent.stream, id_above=0, names=None),)
    scopes: list[Scope] = []
    if (done.package_version_count, done.package_version_id_max) != (extent.count, extent.id_max):
        scopes.append(Scope(stream=extent.stream, id_above=_new_above(done, extent), names=None))
    if intel.host_notes_at is not None and intel.host_notes_at != done.host_notes_at:
        since = done.host_notes_at - OVERLAP if done.host_notes_at else None
        names = names_in_host_notes(stream=extent.stream, since=since)
        scopes.append(Scope(stream=extent.stream, id_above=0, names=names))
    return tuple(scopes)


def _new_above(done: Assessed, extent: Extent) -> int:
    """Return the id above which everything is new, 0 where a lower id has been committed late."""
    new = PackageVersion.objects.filter(stream=extent.stream, id__gt=done.package_version_id_max)
    is_explained = done.package_version_count + new.filter(id__lte=extent.id_max).count() == extent.count
    return done.package_version_id_max if is_explained else 0


def batches(scope: Scope) -> Iterator[tuple[frozenset[str], Iterator[list[VersionFacts]]]]:
    """Yield the scope's package versions by sets of source packages.

    Each with the names to load ranges for, and its package versions in slices.
    """
    own = PackageVersion.objects.filter(stream=scope.stream, id__gt=scope.id_above)
    names = sorted(own.order_by().values_list("source_name", flat=True).distinct())
    if scope.names is not None:
        # A source is touched, too, by what is said of the source that it merely signs.
        names = [name for name in names if not scope.names.isdisjoint(published_names(name))]
    for start in range(0, len(names), NAME_COUNT):
        chunk = names[start : start + NAME_COUNT]
        binaries = own.filter(source_name__in=chunk).order_by().values_list("name", flat=True).distinct()
        published = {each for name in chunk for each in published_names(name)}
        yield frozenset(published.union(binaries)), _slices(scope, chunk)


def _slices(scope: Scope, names: list[str]) -> Iterator[list[VersionFacts]]:
    id_above = scope.id_above
    while True:
        rows = PackageVersion.objects.filter(stream=scope.stream, source_name__in=names, id__gt=id_above)
        found = [
            VersionFacts(
                id=row[0],
                stream=scope.stream,
                scheme=row[1],
                name=row[2],
                version=row[3],
                key=bytes(row[4]),
                source_name=row[5],
                source_version=row[6],
                source_key=bytes(row[7]),
                architecture=row[8],
            )
            for row in rows.order_by("id").values_list(*_FACTS)[:VERSION_COUNT]
        ]
        if not found:
            return
        yield found
        id_above = found[-1].id
