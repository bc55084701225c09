"""Keep the match targets: under which names and versions publishers speak of each package version.

Package versions never change, so what was made once stands until the rules do (``core.matching.REVISION``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from django.db import transaction
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.matching import ANY_ARCHITECTURE, VersionFacts, targets_of
from oakum.findings.models import MatchTarget
from oakum.findings.services.joining import SLICE_COUNT, slices
from oakum.findings.services.rows import TARGETS, add_missing

NAME_COUNT: Final = 500  # names in one statement

_FACTS: Final = (
    *("id", "stream", "scheme", "name", "version", "order_key"),
    *("source_name", "source_version", "source_order_key", "architecture"),
)
_CHUNK_COUNT: Final = 300  # package versions of one write transaction: up to three targets each


def version_facts(ids: Collection[int]) -> dict[int, VersionFacts]:
    """Return what matching must know of these package versions."""
    assert len(ids) <= SLICE_COUNT, "a caller bounds what it asks for"
    rows = PackageVersion.objects.filter(id__in=ids).values_list(*_FACTS)
    return {
        row[0]: VersionFacts(
            id=row[0],
            stream=row[1],
            scheme=row[2],
            name=row[3],
            version=row[4],
            key=bytes(row[5]),
            source_name=row[6],
            source_version=row[7],
            source_key=bytes(row[8]),
            architecture=row[9],
        )
        for row in rows
    }


def make_targets(ids: BitMap) -> None:
    """Make the targets of these package versions anew, in short transactions."""
    for chunk in slices(ids):
        versions = version_facts(chunk)
        for start in range(0, len(chunk), _CHUNK_COUNT):
            _write([versions[each] for each in chunk[start : start + _CHUNK_COUNT]])


def _write(versions: Sequence[VersionFacts]) -> None:
    rows = [row for version in versions for row in _rows(version)]
    with transaction.atomic():
        MatchTarget.objects.filter(package_version_id__in=[version.id for version in versions]).delete()
        add_missing(TARGETS, rows)


def _rows(version: VersionFacts) -> Iterable[tuple[int, str, str, str, str, bytes, str]]:
    architecture = "" if version.architecture in ANY_ARCHITECTURE else version.architecture
    for target in targets_of(version):
        yield (version.id, version.stream, version.scheme, target.name, target.level, target.key, architecture)


def versions_named(stream: str, names: Collection[str]) -> BitMap:
    """Return the package versions of a stream of which publishers speak under any of these names."""
    found = BitMap()
    wanted = sorted(names)
    for start in range(0, len(wanted), NAME_COUNT):
        rows = MatchTarget.objects.filter(stream=stream, name__in=wanted[start : start + NAME_COUNT])
        found.update(rows.order_by().values_list("package_version_id", flat=True))
    return found
