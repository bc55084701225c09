"""Import a feed: all of it, or nothing.

A new generation is filled in short transactions while everybody goes on reading the former one; then one row switches.
What is cut, corrupt or too large is refused naming the place, and what it filled until then is removed; a record that
is merely odd is left out and counted.  Content that readers see already is not read again; an import that was killed
goes on where it was.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.db import transaction

from oakum import __version__
from oakum.core.errors import FeedError, StoreError
from oakum.core.text import clean_text
from oakum.intel.importers import Importer, importer_for
from oakum.intel.importers.values import FILE_BYTES_MAX
from oakum.intel.models import Feed, KevEntry
from oakum.intel.services import contents
from oakum.intel.services.filling import Progress, Tally, fill
from oakum.intel.services.generations import Content, Generation, abandon, begin, discard_loose, is_current, writing
from oakum.intel.services.host_notes import HOST_FEED
from oakum.intel.services.pace import without_own_copies
from oakum.intel.services.settling import settle
from oakum.intel.services.vulnerabilities import record_facts, record_from_advisories
from oakum.journal.services import append

SKIPPED_COUNT_MAX = 20  # different reasons told in a report
FEWER_CHECKED_FROM = 100  # records of the former import: below that, half is a matter of chance
NAME_LENGTH_MAX = 60
PROBLEM_LENGTH_MAX = 500
CONTENT_NAME_LENGTH_MAX = 200
REMOVED_COUNT_MAX = 500  # CVE ids of one journal entry
CSAF_VEX_NAME = "csaf-vex-"  # how the names of feeds of CSAF's VEX documents begin
_COPY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOrigin:
    """Where a file was fetched from; kept when its import has succeeded, so a failed one is fetched again."""

    url: str
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import has brought.

    ``affected_count`` counts packages of advisories.  ``skipped`` are the reasons why records or parts of them were
    left out, with how many, the most frequent first.  ``is_unchanged``: readers saw just this content already, so
    nothing was done.  ``transaction_seconds_max`` is how long the longest write transaction was.
    """

    feed_name: str
    kind: str
    generation: int
    record_count: int
    affected_count: int
    skipped: tuple[tuple[str, int], ...]
    is_unchanged: bool = False
    transaction_seconds_max: float = 0.0


def import_feed(
    source: Path | BinaryIO,
    *,
    kind: str | None = None,
    name: str | None = None,
    stream: str = "",
    progress: Progress | None = None,
    origin: FeedOrigin | None = None,
    accept_fewer: bool = False,
    force: bool = False,
    now: datetime,
) -> ImportReport:
    """Import a file, folder or archive, or a stream that is first copied to a temporary file; say what it brought.

    ``kind`` is recognised and ``name`` chosen where they are not given.  ``stream`` says what the packages are for
    where the format does not (updateinfo.xml).  ``force`` reads content that is there already once more, and scores of
    an older day than those that are there.
    ``accept_fewer`` takes a file with less than half of the former import's records, which is refused otherwise:
    findings would go with what is missing.

    Raises:
        FeedError: the format is unknown, the file is cut, corrupt or too large, nothing or suspiciously little of it is
            for us, it is older than what is there, the name is another feed's, or another import of the feed has begun.
            Nothing that readers see was changed.
        StoreError: there is no room to keep the content.  Nothing that readers see was changed.
    """
    if not isinstance(source, Path):
        with tempfile.TemporaryDirectory(prefix="oakum-feed-") as folder:
            copy = _copied(source, Path(folder) / "feed")
            return import_feed(
                copy,
                kind=kind,
                name=name,
                stream=stream,
                progress=progress,
                origin=origin,
                accept_fewer=accept_fewer,
                force=force,
                now=now,
            )
    importer = importer_for(source, kind, stream)
    feed_name = _checked_name(name or importer.default_name(source))
    content = Content(
        content_hash=contents.hash_of(source),
        name=source.name[:CONTENT_NAME_LENGTH_MAX],
        read_by=__version__[:20],
        stream=stream,
    )
    if not force and is_current(name=feed_name, kind=importer.kind, content=content):
        return _unchanged(feed_name, origin, now)
    with without_own_copies():
        generation = begin(name=feed_name, kind=importer.kind, content=content, now=now)
        try:
            tally = fill(importer, source, generation, progress)
            _check_count(importer, source, generation, tally, accept_fewer=accept_fewer)
            if not force:
                _check_day(source, generation, tally)
            contents.keep(source, content.content_hash)
            report = _switch(generation, importer.kind, tally, content, origin, now)
        except (FeedError, StoreError) as error:
            _record_failure(generation, error, now)
            raise
    return replace(report, transaction_seconds_max=generation.pace.seconds_max)


def _unchanged(feed_name: str, origin: FeedOrigin | None, now: datetime) -> ImportReport:
    """Keep that the feed was looked at, and say that there is nothing new."""
    with transaction.atomic():
        feed = Feed.objects.select_for_update().get(name=feed_name)
        feed.checked_at, feed.problem = now, ""
        if origin:
            feed.etag, feed.url = origin.etag, origin.url
        feed.save(update_fields=["checked_at", "problem", "etag", "url"])
    return ImportReport(
        feed_name=feed_name,
        kind=feed.kind,
        generation=feed.generation,
        record_count=feed.record_count,
        affected_count=0,
        skipped=(),
        is_unchanged=True,
    )


def _copied(stream: BinaryIO, path: Path) -> Path:
    size = 0
    with path.open("wb") as file:
        while chunk := stream.read(_COPY_BYTES):
            size += len(chunk)
            if size > FILE_BYTES_MAX:
                raise FeedError(
                    code="feed_too_large",
                    sentence=f"The feed has more than {FILE_BYTES_MAX} bytes; nothing was changed.",
                    next_step="Check where it comes from.",
                )
            file.write(chunk)
    return path


def _checked_name(name: str) -> str:
    if name == HOST_FEED or not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        raise FeedError(
            code="feed_name_invalid",
            sentence=f"A feed cannot be called {name[:NAME_LENGTH_MAX]!r}; nothing was changed.",
            next_step=f"Use another --name, of at most {NAME_LENGTH_MAX} characters.",
        )
    return name


def _check_count(importer: Importer, path: Path, generation: Generation, tally: Tally, *, accept_fewer: bool) -> None:
    if tally.records == 0:
        reasons = "; ".join(reason for reason, _ in tally.skipped.most_common(3)) or "it is empty"
        raise FeedError(
            code="feed_empty",
            sentence=f"{path.name} holds nothing that Oakum can use ({reasons}); nothing was changed.",
            next_step=_next_step_of_empty(importer, path),
        )
    former_count = Feed.objects.get(id=generation.feed_id).record_count
    if not accept_fewer and former_count >= FEWER_CHECKED_FROM and tally.records * 2 < former_count:
        raise FeedError(
            code="feed_shrunk",
            sentence=(
                f"{path.name} has {tally.records} records where the former import of {generation.feed_name!r} had"
                f" {former_count}; nothing was changed."
            ),
            next_step="Check the file; if it is whole, import it with --accept-fewer.",
        )


def _next_step_of_empty(importer: Importer, path: Path) -> str:
    if importer.kind == "csaf" and importer.default_name(path).startswith(CSAF_VEX_NAME):
        return "It is a VEX document: import it with --kind vex, which reads what it says of packages by their URLs."
    return "Import a feed of a distribution release that your hosts run."


def _check_day(path: Path, generation: Generation, tally: Tally) -> None:
    """Refuse scores of an older day than those that are there: a file that was fetched twice, or carried late."""
    known = Feed.objects.get(id=generation.feed_id).scored_on
    if known is not None and tally.scored_on is not None and tally.scored_on < known:
        raise FeedError(
            code="feed_older",
            sentence=(
                f"{path.name} has the scores of {tally.scored_on}, and {generation.feed_name!r} those of {known}"
                " already; nothing was changed."
            ),
            next_step="Import a newer one; --force takes this one all the same.",
        )


def _switch(
    generation: Generation, kind: str, tally: Tally, content: Content, origin: FeedOrigin | None, now: datetime
) -> ImportReport:
    """Let readers see the generation.

    What it says of CVEs is recorded just before: the file has been read to its end by then, so it is worth keeping.
    """
    settle(generation, tally, now=now)
    record_from_advisories(generation)
    record_facts(tally.facts, source=generation.feed_name, pace=generation.pace)
    report = ImportReport(
        feed_name=generation.feed_name,
        kind=kind,
        generation=generation.number,
        record_count=tally.records,
        affected_count=tally.affected,
        skipped=_skipped(tally),
    )
    with writing(generation) as feed:
        former_hash = feed.content_hash if feed.content_hash != content.content_hash else ""
        removed = _removed_from_kev(feed, generation) if kind == "kev" else []
        feed.generation, feed.record_count = generation.number, tally.records
        feed.imported_at, feed.checked_at, feed.problem = now, now, ""
        feed.content_hash, feed.content_name, feed.read_by = content.content_hash, content.name, content.read_by
        feed.stream = content.stream
        feed.content_hash_next, feed.record_count_next, feed.advisory_id_next = "", 0, 0
        feed.model_version, feed.scored_on = tally.model_version, tally.scored_on
        feed.etag = origin.etag if origin else ""
        if origin:
            feed.url = origin.url
        feed.save()
        _journal(feed, "intel.feed_imported", _told(report), now)
        for start in range(0, len(removed), REMOVED_COUNT_MAX):
            payload: dict[str, object] = {"cves": removed[start : start + REMOVED_COUNT_MAX], "count": len(removed)}
            _journal(feed, "intel.kev_removed", payload, now)
    # Findings point at former advisories until they are assessed anew; nothing points at the other former rows.
    discard_loose(generation)
    contents.forget_unused(former_hash)
    return report


def _removed_from_kev(feed: Feed, generation: Generation) -> list[str]:
    """Return the CVEs that the former catalogue lists and this one does not: the catalogue itself never says."""
    listed = KevEntry.objects.filter(feed_id=feed.id)
    former = listed.filter(generation=feed.generation).values_list("cve", flat=True)
    return sorted(set(former) - set(listed.filter(generation=generation.number).values_list("cve", flat=True)))


def _skipped(tally: Tally) -> tuple[tuple[str, int], ...]:
    """Return the most frequent reasons, each with its first example where there is one."""
    return tuple(
        (f"{reason} (such as {tally.examples[reason]})" if reason in tally.examples else reason, count)
        for reason, count in tally.skipped.most_common(SKIPPED_COUNT_MAX)
    )


def _told(report: ImportReport) -> dict[str, object]:
    return {
        "generation": report.generation,
        "record_count": report.record_count,
        "affected_count": report.affected_count,
        "skipped": [{"reason": reason, "count": count} for reason, count in report.skipped],
    }


def _record_failure(generation: Generation, error: FeedError | StoreError, now: datetime) -> None:
    if error.code == "feed_import_superseded":
        return  # the other import says what came of the feed
    record_problem(feed_name=generation.feed_name, error=error, now=now)
    abandon(generation)


def record_problem(*, feed_name: str, error: FeedError | StoreError, now: datetime) -> None:
    """Keep why the last import or fetch of a feed failed; journalled when it is another reason than before."""
    with transaction.atomic():
        feed = Feed.objects.select_for_update().get(name=feed_name)
        problem = clean_text(error.sentence, length_max=PROBLEM_LENGTH_MAX)
        is_new = feed.problem != problem
        feed.problem, feed.checked_at = problem, now
        feed.save(update_fields=["problem", "checked_at"])
        if is_new:
            _journal(feed, "intel.feed_failed", {"code": error.code, "problem": problem}, now)


def _journal(feed: Feed, kind: str, payload: dict[str, object], now: datetime) -> None:
    append(
        organisation_id=None,
        kind=kind,
        actor="admin",
        subject=f"feed:{feed.name}",
        payload={"feed": feed.name, "format": feed.kind, **payload},
        now=now,
    )
