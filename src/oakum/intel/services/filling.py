"""Fill a generation with what an importer reads, in short transactions, each of which keeps how far it is.

An import that goes on reads the file from its beginning (which checks it once more) and writes from where it was.  It
neither begins a generation nor switches to it (``importing``, ``generations``).
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AdvisoryRecord
from oakum.core.ratings import better, rate
from oakum.core.versions import RPM
from oakum.intel.importers import CveFactsRecord, EpssDay, EpssRecord, Importer, KevRecord, Read, SupersedenceRecord
from oakum.intel.importers.values import VexRecord, too_large
from oakum.intel.services import rows
from oakum.intel.services.differing import difference, end
from oakum.intel.services.generations import Generation, mark, writing
from oakum.intel.services.vex import vex_row
from oakum.intel.services.vulnerabilities import CveFacts

RECORD_COUNT: Final = 300  # held in memory at once
FACT_COUNT_MAX: Final = 1_000_000  # kept in memory until the file has been read to its end
REASON_COUNT_MAX: Final = 500  # different reasons for leaving something out
OTHER_REASONS: Final = "for other reasons"
REPEATED: Final = "ids that another record has already"
ARCHITECTURES_LENGTH_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 300_000  # characters of one write transaction

Progress = Callable[[int, int | None], None]  # records read, of how many (None: not known)


@dataclass(slots=True, kw_only=True)
class Epochs:
    """Whether versions of one name tell an epoch: ``told`` some do, ``untold`` some do not."""

    told: bool = False
    untold: bool = False


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been read so far; ``facts`` are what is said of CVEs outside advisories."""

    read: int = 0
    records: int = 0
    affected: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    facts: list[CveFacts] = field(default_factory=list)
    superseded: dict[str, str] = field(default_factory=dict)
    epochs: dict[tuple[str, str], Epochs] = field(default_factory=dict)
    model_version: str = ""
    scored_on: date | None = None

    def skip(self, reason: str) -> None:
        """Count a reason; what stands in its bracket is an example, of which the first is kept."""
        general, _, example = reason.partition(" (")
        if general not in self.skipped and len(self.skipped) >= REASON_COUNT_MAX:
            general, example = OTHER_REASONS, ""
        self.skipped[general] += 1
        if example:
            self.examples.setdefault(general, example.removesuffix(")"))


def fill(importer: Importer, path: Path, generation: Generation, progress: Progress | None) -> Tally:
    """Read the file to its end into a generation that nobody sees yet, in short transactions and bounded memory.

    Raises:
        FeedError: the file is cut, corrupt or too large, or another import of the feed has begun.
    """
    tally = Tally()
    total = importer.record_count(path)
    for batch in _batches(importer.records(path)):
        new = [record for each in batch for record in _counted(each, tally)]
        tally.read += len(batch)
        if len(tally.facts) > FACT_COUNT_MAX:
            raise too_large(path, "", f"it speaks of more than {FACT_COUNT_MAX} CVEs")
        if tally.read > generation.done_count:
            _write(generation, new, tally.read)
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


def _counted(each: Read, tally: Tally) -> Iterator[Any]:
    """Count what a record of the file says and yield what becomes rows."""
    for reason in each.skipped:
        tally.skip(reason)
    for record in each.records:
        if isinstance(record, AdvisoryRecord):
            if record.ref in tally.seen:
                tally.skip(REPEATED)
                continue
            _count_advisory(record, tally)
        elif isinstance(record, EpssDay):
            tally.model_version, tally.scored_on = record.model_version, record.scored_on
            continue
        elif isinstance(record, CveFactsRecord):
            tally.facts.append(_facts(record))
        elif isinstance(record, KevRecord):
            # What the catalogue says of a flaw stands in for a summary that nobody has told.
            tally.facts.append(CveFacts(cve=record.cve, summary=record.summary))
        tally.records += 1
        yield record


def _count_advisory(record: AdvisoryRecord, tally: Tally) -> None:
    tally.seen.add(record.ref)
    tally.affected += len(record.affected)
    if record.withdrawn_at is None:
        tally.superseded.update(dict.fromkeys(record.supersedes, record.ref))
    for package in record.affected:
        if package.scheme == RPM:
            for each in package.intervals:
                if each.fixed_version:
                    told = tally.epochs.setdefault((package.stream, package.name), Epochs())
                    told.told, told.untold = (
                        told.told or ":" in each.fixed_version,
                        told.untold or ":" not in each.fixed_version,
                    )


def _facts(record: CveFactsRecord) -> CveFacts:
    ratings = [rating for rating in map(rate, record.cvss_vectors) if rating is not None]
    best = None
    for rating in ratings:
        best = rating if best is None else better(best, rating)
    return CveFacts(
        cve=record.cve,
        summary=record.summary,
        rating=best,
        exploitation=record.exploitation,
        automatable=record.automatable,
        technical_impact=record.technical_impact,
    )


def _write(generation: Generation, records: Sequence[Any], done_count: int) -> None:
    """Write what a batch brings in short transactions; the last one keeps that it is there, and ends what it replaces.

    A batch that was cut in the middle is written anew: advisories above the last mark are removed before, and of the
    other rows there can only be one.  Of a batch that brings nothing nothing is kept, and it is compared once more.
    """
    found = difference(generation, [record for record in records if isinstance(record, AdvisoryRecord)])
    ids = [id_ for part in _light(generation, found.new) for id_ in _add_advisories(generation, part)]
    pairs = [(id_, record) for id_, (record, _) in zip(ids, found.new, strict=True)]
    pieces = itertools.chain(
        _pieces(generation, rows.add_rows, rows.RANGES, [row for id_, each in pairs for row in _ranges(id_, each)]),
        _pieces(generation, rows.add_rows, rows.CVES, [(id_, cve) for id_, each in pairs for cve in each.cves]),
        *(
            _pieces(generation, rows.add_missing_rows, table, values)
            for table, values in _loose_rows(generation, records)
        ),
    )
    is_written = bool(ids)
    for piece in pieces:
        is_written = True
        with writing(generation):
            piece()
    if is_written:
        with writing(generation) as feed:
            end(generation, found.ended)
            mark(feed, record_count=done_count, advisory_id=max(ids, default=0))


Adder = Callable[[rows.Table, Sequence[Sequence[Any]]], None]


def _pieces(
    generation: Generation, add: Adder, table: rows.Table, values: Sequence[Sequence[Any]]
) -> Iterator[Callable[[], None]]:
    return (partial(add, table, part) for part in generation.pace.parts(values))


New = Sequence[tuple[AdvisoryRecord, str]]


def _light(generation: Generation, new: New) -> Iterator[New]:
    """Yield the records a transaction's worth at a time: few rows, and not too long texts."""
    for part in generation.pace.parts(new):
        start, size = 0, 0
        for number, (record, _) in enumerate(part):
            if size > TEXT_LENGTH_MAX:
                yield part[start:number]
                start, size = number, 0
            size += len(record.details)
        yield part[start:]


def _add_advisories(generation: Generation, new: New) -> list[int]:
    with writing(generation):
        return rows.add_advisories([_advisory(generation, record, digest) for record, digest in new])


def _advisory(generation: Generation, record: AdvisoryRecord, digest: str) -> tuple[Any, ...]:
    return (
        generation.feed_id,
        generation.number,
        record.ref,
        record.title,
        record.details,
        record.severity,
        rows.instant(record.published_at),
        rows.instant(record.modified_at),
        rows.instant(record.withdrawn_at),
        json.dumps(record.cves),
        record.cvss_vector,
        json.dumps(record.aliases),
        "",
        digest,
        "",
    )


def _ranges(advisory_id: int, record: AdvisoryRecord) -> Iterator[tuple[Any, ...]]:
    for package in record.affected:
        architectures = " ".join(package.architectures)
        assert len(architectures) <= ARCHITECTURES_LENGTH_MAX
        for each in package.intervals:
            yield (
                advisory_id,
                package.stream,
                package.name,
                package.level,
                architectures,
                package.scheme,
                each.interval.low,
                each.interval.high,
                each.fixed_version,
                package.state,
            )


def _kev_words(record: KevRecord) -> tuple[str, str]:
    return record.ransomware, record.forensic_triage


def _loose_rows(generation: Generation, records: Sequence[Any]) -> Iterator[tuple[rows.Table, Sequence[Sequence[Any]]]]:
    own = (generation.feed_id, generation.number)
    yield (
        rows.KEV_ENTRIES,
        [
            (*own, each.cve, each.name, rows.day(each.added_on), rows.day(each.due_on), *_kev_words(each))
            for each in records
            if isinstance(each, KevRecord)
        ],
    )
    yield (
        rows.SCORES,
        [(*own, each.cve, each.score, each.percentile) for each in records if isinstance(each, EpssRecord)],
    )
    yield (
        rows.SUPERSEDENCES,
        [(*own, each.update, each.replaces, each.product) for each in records if isinstance(each, SupersedenceRecord)],
    )
    yield (
        rows.VEX_STATEMENTS,
        [(*own, *vex_row(each)) for each in records if isinstance(each, VexRecord)],
    )
