"""Match package versions with advisories, and keep the findings.

Set-based and incremental: matched are new package versions, and those of which a feed's new generation, a host's notes
or a VEX document say something else than before; everything only when the rules change.  Where an advisory has changed
without another match following from it (its title), its findings follow to its new row.  Running it again changes
nothing; killed at any instant it leaves correct findings for what it got to, and the next run does the rest.

A finding goes only when its own advisory goes: withdrawn, or no longer in its feed.  What a host says, or no longer
says, adds findings of the host-notes feed and touches no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from pyroaring import BitMap

from oakum.catalogue.queries import security_marks
from oakum.core.matching import RangeFacts, matches_of
from oakum.findings.models import Assessed, AssessedMark, Finding
from oakum.findings.services.joining import follow, hidden_advisories, pairs, slices
from oakum.findings.services.judging import Judge
from oakum.findings.services.scope import (
    Extent,
    Intel,
    extents,
    moved_by_feeds,
    moved_versions,
    new_versions,
    read_intel,
)
from oakum.findings.services.targets import make_targets, version_facts
from oakum.findings.services.writing import Writer
from oakum.intel.models import Advisory
from oakum.intel.queries import ranges_by_id
from oakum.intel.services import has_former_advisories, record_host_advisories, remove_former_advisories

FORMER_ADVISORY_COUNT = 4_000  # removed in one run
ORGANISATION_COUNT_MAX = 10_000
RANGE_COUNT_MAX = 50_000  # ranges held in memory: some 50 MB

# What was taken from each organisation's notes in this process: only saves looking again, never decides.
_taken_marks: dict[UUID, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessReport:
    """What one run has done; ``version_count`` package versions were matched."""

    version_count: int
    appeared_count: int
    changed_count: int
    gone_count: int


@dataclass(slots=True, kw_only=True)
class _Ranges:
    """The ranges that stood when the run began, each read once as long as they fit."""

    hidden: BitMap
    known: dict[int, RangeFacts] = field(default_factory=dict)

    def holding(self, versions: Sequence[int]) -> Mapping[int, list[RangeFacts]]:
        """Return the ranges that hold each of these package versions."""
        found = pairs(versions, self.hidden)
        if len(self.known) > RANGE_COUNT_MAX:
            self.known.clear()
        self.known.update(ranges_by_id({range_id for _, range_id in found}.difference(self.known)))
        held: dict[int, list[RangeFacts]] = {}
        for version_id, range_id in found:
            # A range that went between the two reads is of a generation that the next run takes back.
            if range_id in self.known:
                held.setdefault(version_id, []).append(self.known[range_id])
        return held


def assess(*, now: datetime) -> AssessReport:
    """Bring the findings up to what is installed anywhere and what the feeds say now."""
    _take_host_notes(now)
    # Read before the matching, and all at once: what moves meanwhile is matched by the next run.
    intel, ranges, judge, reach = read_intel(), _Ranges(hidden=hidden_advisories()), Judge(), extents()
    new = {extent.stream: new_versions(extent, intel) for extent in reach}
    for ids in new.values():
        make_targets(ids)
    by_feeds = moved_by_feeds(intel)
    writers: list[Writer] = []
    for extent in reach:
        ids = new[extent.stream] | moved_versions(extent.stream, intel, by_feeds)
        writers.append(_assess_stream(extent.stream, ids, ranges, judge, now))
        _remember_extent(extent, intel, now)
    for feed_name in intel.moved_feeds:
        if intel.before(feed_name):  # else all that there is of it was found just now
            follow(feed_name=feed_name, generation=intel.generations[feed_name], now=now)
    _remember_marks(intel)
    _remove_former(intel)
    return AssessReport(
        version_count=sum(writer.version_count for writer in writers),
        appeared_count=sum(writer.totals[0] for writer in writers),
        changed_count=sum(writer.totals[1] for writer in writers),
        gone_count=sum(writer.totals[2] for writer in writers),
    )


def _take_host_notes(now: datetime) -> None:
    """Turn what hosts told since into advisories, for the organisations where something was told."""
    for organisation_id, mark in security_marks().items():
        if _taken_marks.get(organisation_id) != mark:
            record_host_advisories(organisation_id=organisation_id, now=now)
            if len(_taken_marks) >= ORGANISATION_COUNT_MAX:
                _taken_marks.clear()
            _taken_marks[organisation_id] = mark


def _assess_stream(stream: str, ids: BitMap, ranges: _Ranges, judge: Judge, now: datetime) -> Writer:
    writer = Writer(stream=stream, now=now)
    for chunk in slices(ids):
        versions, held = version_facts(chunk), ranges.holding(chunk)
        found = {id_: list(matches_of(versions[id_], own)) for id_, own in held.items()}
        writer.take(chunk, judge.judge(versions, found))
    writer.flush()
    return writer


def _remember_extent(extent: Extent, intel: Intel, now: datetime) -> None:
    row = {
        "package_version_id_max": extent.id_max,
        "package_version_count": extent.count,
        "intel_mark": intel.digest,
        "host_notes_at": intel.host_notes_at,
    }
    if not Assessed.objects.filter(stream=extent.stream, **row).exists():
        Assessed.objects.update_or_create(stream=extent.stream, defaults={**row, "at": now})


def _remember_marks(intel: Intel) -> None:
    moved = {name: mark for name, mark in intel.new_marks.items() if intel.marks.get(name) != mark}
    with transaction.atomic():
        for name, mark in moved.items():
            AssessedMark.objects.update_or_create(name=name, defaults={"mark": mark})
        AssessedMark.objects.filter(name__in=intel.marks.keys() - intel.new_marks.keys()).delete()


def _remove_former(intel: Intel) -> None:
    """Remove what has ended in feeds by the generations that were matched with, once no finding points there."""
    if not has_former_advisories():
        return
    own = Finding.objects.filter(advisory_id=OuterRef("id"))
    if Advisory.objects.filter(Exists(own), generation_end__lte=F("feed__generation")).exists():
        return
    remove_former_advisories(limit=FORMER_ADVISORY_COUNT, matched=intel.generations)
