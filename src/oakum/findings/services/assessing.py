"""Match package versions with advisories, and keep the findings.

Set-based and incremental: a stream is matched anew when a feed has a new generation, otherwise only its new package
versions and the packages that hosts' notes have newly spoken of.  Running it again changes nothing; killed at any
instant it leaves correct findings for what it got to, and the next run does the rest.

A finding goes only when its own advisory goes: withdrawn, or no longer in its feed.  What a host says, or no longer
says, adds findings of the host-notes feed and touches no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from oakum.catalogue.queries import security_marks
from oakum.core.matching import Match, RangeIndex, match
from oakum.findings.models import Assessed, Finding
from oakum.findings.services.scope import Extent, Intel, Scope, batches, extents, read_intel, scopes_of
from oakum.intel.queries import current_ranges
from oakum.intel.services import has_former_advisories, record_host_advisories, remove_former_advisories
from oakum.journal.services import append

ROW_COUNT_MAX = 900  # of one write transaction
FORMER_ADVISORY_COUNT = 4_000  # removed in one run
ORGANISATION_COUNT_MAX = 10_000

# Runs on SQLite and PostgreSQL.  One statement a changed finding, sent as one batch: after a new generation every
# finding of the feed changes its advisory, and the ORM's CASE expressions take ten times as long.
_REPOINT = """
UPDATE findings_finding
   SET advisory_id = %s, state = %s, fixed_version = %s, evidence = %s
 WHERE id = %s
"""

Key = tuple[int, str, UUID | None, str]

# What was taken from each organisation's notes in this process: only saves looking again, never decides.
_taken_marks: dict[UUID, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessReport:
    """What one run has done; ``version_count`` package versions were matched."""

    version_count: int
    appeared_count: int
    changed_count: int
    gone_count: int


@dataclass(frozen=True, slots=True)
class _Stored:
    id: int
    advisory_id: int
    state: str
    fixed_version: str
    evidence: str


@dataclass(slots=True, kw_only=True)
class _Writer:
    """Collects what changes in one stream and writes it in short transactions, each with its journal entry."""

    stream: str
    now: datetime
    appeared: list[Match] = field(default_factory=list)
    changed: list[tuple[int, Match]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    version_count: int = 0
    totals: list[int] = field(default_factory=lambda: [0, 0, 0])

    def take(self, versions: Sequence[int], matches: Iterable[Match]) -> None:
        """Compare what was found for these package versions with what is stored."""
        stored = _stored(versions)
        self.version_count += len(versions)
        for each in matches:
            before = stored.pop(each.key, None)
            if before is None:
                self.appeared.append(each)
            elif (before.advisory_id, before.state, before.fixed_version, before.evidence) != (
                each.advisory_id,
                each.state,
                each.fixed_version,
                each.evidence,
            ):
                self.changed.append((before.id, each))
            self._flush_if_full()
        for left in stored.values():
            self.gone.append(left.id)
            self._flush_if_full()

    def _flush_if_full(self) -> None:
        if len(self.appeared) + len(self.changed) + len(self.gone) >= ROW_COUNT_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what has been collected."""
        counts = [len(self.appeared), len(self.changed), len(self.gone)]
        if not any(counts):
            return
        with transaction.atomic():
            Finding.objects.bulk_create([_row(each, self.now) for each in self.appeared], ignore_conflicts=True)
            _repoint(self.changed)
            Finding.objects.filter(id__in=self.gone).delete()
            if counts[0] or counts[2]:
                _journal(self.stream, counts, self.now)
        self.totals = [total + count for total, count in zip(self.totals, counts, strict=True)]
        self.appeared, self.changed, self.gone = [], [], []


def assess(*, now: datetime) -> AssessReport:
    """Bring the findings up to what is installed anywhere and what the feeds say now."""
    _take_host_notes(now)
    intel = read_intel()
    writers = [_assess_stream(extent, intel, now) for extent in extents()]
    if read_intel().mark == intel.mark:
        _remove_former()
    done = [writer for writer in writers if writer is not None]
    return AssessReport(
        version_count=sum(writer.version_count for writer in done),
        appeared_count=sum(writer.totals[0] for writer in done),
        changed_count=sum(writer.totals[1] for writer in done),
        gone_count=sum(writer.totals[2] for writer in done),
    )


def _take_host_notes(now: datetime) -> None:
    """Turn what hosts told since into advisories, for the organisations where something was told."""
    for organisation_id, mark in security_marks().items():
        if _taken_marks.get(organisation_id) != mark:
            record_host_advisories(organisation_id=organisation_id, now=now)
            if len(_taken_marks) >= ORGANISATION_COUNT_MAX:
                _taken_marks.clear()
            _taken_marks[organisation_id] = mark


def _assess_stream(extent: Extent, intel: Intel, now: datetime) -> _Writer | None:
    scopes = scopes_of(extent, intel)
    if not scopes:
        return None
    writer = _Writer(stream=extent.stream, now=now)
    for scope in scopes:
        _assess_scope(scope, writer)
    writer.flush()
    # Read before the matching: what moved meanwhile is matched by the next run.
    Assessed.objects.update_or_create(
        stream=extent.stream,
        defaults={
            "package_version_id_max": extent.id_max,
            "package_version_count": extent.count,
            "intel_mark": intel.mark,
            "host_notes_at": intel.host_notes_at,
            "at": now,
        },
    )
    return writer


def _assess_scope(scope: Scope, writer: _Writer) -> None:
    for names, slices in batches(scope):
        index = RangeIndex(current_ranges(stream=scope.stream, names=names))
        for versions in slices:
            writer.take([version.id for version in versions], match(versions, index))


def _stored(versions: Sequence[int]) -> dict[Key, _Stored]:
    rows = Finding.objects.filter(package_version_id__in=versions).values_list(
        "package_version_id",
        "feed_name",
        "organisation_id",
        "advisory_ref",
        "id",
        "advisory_id",
        "state",
        "fixed_version",
        "evidence",
    )
    return {(row[0], row[1], row[2], row[3]): _Stored(*row[4:]) for row in rows.iterator(chunk_size=2_000)}


def _row(found: Match, now: datetime) -> Finding:
    return Finding(
        organisation_id=found.organisation_id,
        package_version_id=found.package_version_id,
        advisory_id=found.advisory_id,
        feed_name=found.feed_name,
        advisory_ref=found.ref,
        state=found.state,
        fixed_version=found.fixed_version,
        evidence=found.evidence,
        since=now,
    )


def _repoint(changed: Sequence[tuple[int, Match]]) -> None:
    if changed:
        with connection.cursor() as cursor:
            cursor.executemany(
                _REPOINT,
                [(each.advisory_id, each.state, each.fixed_version, each.evidence, id_) for id_, each in changed],
            )


def _journal(stream: str, counts: Sequence[int], now: datetime) -> None:
    append(
        organisation_id=None,
        kind="findings.assessed",
        actor="loop:assess",
        subject=f"stream:{stream}",
        payload={"stream": stream, "appeared_count": counts[0], "changed_count": counts[1], "gone_count": counts[2]},
        now=now,
    )


def _remove_former() -> None:
    """Remove what feeds said in former generations, once no finding points there any more."""
    if not has_former_advisories():
        return
    if Finding.objects.filter(advisory__generation__lt=F("advisory__feed__generation")).exists():
        return
    remove_former_advisories(limit=FORMER_ADVISORY_COUNT)
