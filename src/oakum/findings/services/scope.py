"""Which package versions must be matched now, from what was matched before and what has moved since.

It matches nothing (``assessing``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Max
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.matching import REVISION
from oakum.findings.models import Assessed, AssessedMark, Finding
from oakum.findings.services.joining import moved_names
from oakum.findings.services.targets import versions_named
from oakum.intel.queries import (
    generations,
    host_notes_at,
    names_in_host_notes,
    names_in_vex,
    vex_generations,
)

REVISION_MARK: Final = "revision"
_FEED_MARK: Final = "feed:"
_VEX_MARK: Final = "vex:"
# Two processes' clocks and commits may differ by so much; matching a name once more changes nothing.
OVERLAP: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far the package versions of a stream reach."""

    stream: str
    count: int
    id_max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Intel:
    """What there is to match with: the generation of each feed, and what was matched with before (``marks``)."""

    generations: Mapping[str, int]
    vex: Mapping[str, int]
    host_notes_at: datetime | None
    marks: Mapping[str, str]

    @property
    def is_of_this_revision(self) -> bool:
        """Whether what was matched before was matched by the rules of today."""
        return self.marks.get(REVISION_MARK) == str(REVISION)

    @property
    def new_marks(self) -> dict[str, str]:
        """What to remember once everything is matched with this."""
        feeds = {f"{_FEED_MARK}{name}": str(generation) for name, generation in self.generations.items()}
        return {REVISION_MARK: str(REVISION), **feeds, **self._vex_marks}

    @property
    def _vex_marks(self) -> dict[str, str]:
        return {f"{_VEX_MARK}{name}": str(generation) for name, generation in self.vex.items()}

    @property
    def is_vex_moved(self) -> bool:
        """Whether anybody says something else by VEX than when it was matched with."""
        return self._vex_marks != {name: mark for name, mark in self.marks.items() if name.startswith(_VEX_MARK)}

    @property
    def moved_feeds(self) -> tuple[str, ...]:
        """The feeds of which another generation stands than was matched with."""
        return tuple(name for name, generation in self.generations.items() if self.before(name) != generation)

    def before(self, feed_name: str) -> int:
        """Return the generation of a feed that was matched with, 0 for none."""
        return int(self.marks.get(f"{_FEED_MARK}{feed_name}") or 0)

    @property
    def digest(self) -> str:
        """One text that changes whenever what there is to match with does, hosts' notes apart."""
        return hashlib.sha256(json.dumps(sorted(self.new_marks.items())).encode()).hexdigest()


def read_intel() -> Intel:
    """Return what there is to match with now."""
    marks = dict(AssessedMark.objects.values_list("name", "mark"))
    return Intel(generations=generations(), vex=vex_generations(), host_notes_at=host_notes_at(), marks=marks)


def extents() -> tuple[Extent, ...]:
    """Return every stream that has package versions, by name."""
    rows = PackageVersion.objects.order_by("stream").values_list("stream")
    return tuple(
        Extent(stream=stream, count=count, id_max=id_max)
        for stream, count, id_max in rows.annotate(count=Count("id"), id_max=Max("id"))
    )


def new_versions(extent: Extent, intel: Intel) -> BitMap:
    """Return the package versions of a stream that were never matched, all where the rules have changed."""
    done = Assessed.objects.filter(stream=extent.stream).first()
    own = PackageVersion.objects.filter(stream=extent.stream, id__lte=extent.id_max)
    if done is not None and intel.is_of_this_revision:
        if (done.package_version_count, done.package_version_id_max) == (extent.count, extent.id_max):
            return BitMap()
        new = BitMap(own.filter(id__gt=done.package_version_id_max).values_list("id", flat=True))
        if done.package_version_count + len(new) == extent.count:
            return new
    # Ids are committed out of order: a lower one came late.
    return BitMap(own.values_list("id", flat=True))


def moved_by_feeds(intel: Intel) -> dict[str, set[str]]:
    """Return the installed packages of which feeds speak otherwise than when they were matched with, by stream.

    None where the rules have changed: everything is matched anew then.
    """
    found: dict[str, set[str]] = {}
    if not intel.is_of_this_revision:
        return found
    for feed_name in intel.moved_feeds:
        generation, before = intel.generations[feed_name], intel.before(feed_name)
        for stream, name in moved_names(feed_name=feed_name, generation=generation, before=before):
            found.setdefault(stream, set()).add(name)
    return found


def moved_versions(stream: str, intel: Intel, by_feeds: Mapping[str, set[str]]) -> BitMap:
    """Return the package versions of a stream of which something else is said than when they were matched."""
    names = set(by_feeds.get(stream, ()))
    done = Assessed.objects.filter(stream=stream).first()
    seen_at = done.host_notes_at if done else None
    if intel.host_notes_at is not None and intel.host_notes_at != seen_at:
        names |= names_in_host_notes(stream=stream, since=seen_at - OVERLAP if seen_at else None)
    if not intel.is_vex_moved:
        return versions_named(stream, names)
    names |= {name for own, name in names_in_vex() if own == stream}
    # What was said and is said no more: the findings that still show it.
    shown = Finding.objects.filter(package_version__stream=stream).exclude(state_author="")
    return versions_named(stream, names) | BitMap(shown.values_list("package_version_id", flat=True))
