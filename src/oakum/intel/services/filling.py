"""Fill a generation with what an importer reads.

It neither begins a generation nor switches to it (``importing``, ``generations``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oakum.core.advisories import AdvisoryRecord
from oakum.intel.importers import Importer, KevRecord
from oakum.intel.importers.values import Read
from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange, KevEntry
from oakum.intel.services.generations import ROW_COUNT_MAX, Generation, writing
from oakum.intel.services.vulnerabilities import CveFacts

RECORD_COUNT = 300  # held in memory at once

Progress = Callable[[int, int | None], None]  # records read, of how many (None: not known)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been read so far; ``facts`` are what is said of CVEs outside advisories."""

    read: int = 0
    records: int = 0
    affected: int = 0
    skipped: Counter[str]
    seen: set[str]
    facts: list[CveFacts]


def fill(importer: Importer, path: Path, generation: Generation, progress: Progress | None) -> Tally:
    """Read the file to its end into a generation that nobody sees yet, in short transactions and bounded memory.

    Raises:
        FeedError: the file is cut, corrupt or too large, or another import of the feed has begun.
    """
    tally = Tally(skipped=Counter(), seen=set(), facts=[])
    total = importer.record_count(path)
    for batch in _batches(importer.records(path)):
        records = [each.record for each in batch if each.record is not None]
        _fill_advisories(generation, [each for each in records if isinstance(each, AdvisoryRecord)], tally)
        _fill_kev(generation, [each for each in records if isinstance(each, KevRecord)], tally)
        tally.read += len(batch)
        for each in batch:
            tally.skipped.update(each.skipped)
        if progress is not None:
            progress(tally.read, total)
    return tally


def _batches(records: Iterator[Read]) -> Iterator[Sequence[Read]]:
    batch: list[Read] = []
    for each in records:
        batch.append(each)
        if len(batch) >= RECORD_COUNT:
            yield batch
            batch = []
    if batch:
        yield batch


def _fill_advisories(generation: Generation, records: Sequence[AdvisoryRecord], tally: Tally) -> None:
    new: list[AdvisoryRecord] = []
    for record in records:
        if record.ref in tally.seen:
            tally.skipped["ids that another record has already"] += 1
        else:
            tally.seen.add(record.ref)
            new.append(record)
    if not new:
        return
    with writing(generation):
        advisories = Advisory.objects.bulk_create([_advisory(generation, record) for record in new])
    pairs = list(zip(advisories, new, strict=True))
    ranges = [row for advisory, record in pairs for row in _ranges(advisory, record)]
    cves = [AdvisoryCve(advisory=advisory, cve=cve) for advisory, record in pairs for cve in record.cves]
    for start in range(0, len(ranges), ROW_COUNT_MAX):
        with writing(generation):
            AffectedRange.objects.bulk_create(ranges[start : start + ROW_COUNT_MAX])
    for start in range(0, len(cves), ROW_COUNT_MAX):
        with writing(generation):
            AdvisoryCve.objects.bulk_create(cves[start : start + ROW_COUNT_MAX])
    tally.records += len(new)
    tally.affected += sum(len(record.affected) for record in new)


def _advisory(generation: Generation, record: AdvisoryRecord) -> Advisory:
    return Advisory(
        feed_id=generation.feed_id,
        generation=generation.number,
        ref=record.ref,
        title=record.title,
        details=record.details,
        severity=record.severity,
        published_at=record.published_at,
        modified_at=record.modified_at,
        withdrawn_at=record.withdrawn_at,
        cves=list(record.cves),
        cvss_vector=record.cvss_vector,
    )


def _ranges(advisory: Advisory, record: AdvisoryRecord) -> Iterator[AffectedRange]:
    for package in record.affected:
        for each in package.intervals:
            yield AffectedRange(
                advisory=advisory,
                stream=package.stream,
                name=package.name,
                scheme=package.scheme,
                low_key=each.interval.low,
                high_key=each.interval.high,
                fixed_version=each.fixed_version,
                state=package.state,
            )


def _fill_kev(generation: Generation, records: Sequence[KevRecord], tally: Tally) -> None:
    if not records:
        return
    with writing(generation):
        KevEntry.objects.bulk_create([_kev_entry(generation, record) for record in records])
    # What the catalogue says of a flaw stands in for a summary that nobody has told.
    tally.facts += [CveFacts(cve=each.cve, summary=each.summary) for each in records]
    tally.records += len(records)


def _kev_entry(generation: Generation, record: KevRecord) -> KevEntry:
    return KevEntry(
        feed_id=generation.feed_id,
        generation=generation.number,
        cve=record.cve,
        name=record.name,
        added_on=record.added_on,
        due_on=record.due_on,
        ransomware=record.ransomware,
        forensic_triage=record.forensic_triage,
    )
