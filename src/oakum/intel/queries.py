"""Reads of intelligence: the feeds and their state, and the ranges that stand now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import date, datetime
from typing import Any

from django.db.models import F, Max, QuerySet
from django.db.models.functions import Coalesce

from oakum.core.matching import RangeFacts
from oakum.intel.models import Advisory, AffectedRange, EpssScore, Feed, VexStatement, stands
from oakum.intel.services.host_notes import HOST_FEED
from oakum.intel.services.syncing import FEED_SOURCES

CVE_PAGE_COUNT = 500  # of one statement
_WITHOUT_ADVISORIES = ("kev", "epss", "vulnrichment", "vex", "host")
_PUBLISHERS = {source.name: source.url for source in FEED_SOURCES}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """A feed as people see it.

    ``url`` is where it can be fetched, empty where only files are imported.  ``problem`` is why the last import or
    fetch failed, empty after one that did not.  ``model_version`` and ``scored_on`` are told of scores alone.
    """

    name: str
    kind: str
    url: str
    record_count: int
    generation: int
    imported_at: datetime | None
    checked_at: datetime | None
    problem: str
    model_version: str = ""
    scored_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpssView:
    """How probable the exploitation of a CVE in the next 30 days is: FIRST's estimate, its model and its day.

    Scores of two models are not comparable: a new model moves all of them.
    """

    cve: str
    score: float
    percentile: float | None
    model_version: str
    scored_on: date | None
    source: str


def epss_of(cves: Collection[str]) -> dict[str, EpssView]:
    """Return the score of each of these CVEs that has one; of several feeds the newest day's."""
    found: dict[str, EpssView] = {}
    wanted = sorted(set(cves))
    for start in range(0, len(wanted), CVE_PAGE_COUNT):
        rows = EpssScore.objects.filter(
            cve__in=wanted[start : start + CVE_PAGE_COUNT], generation=F("feed__generation")
        )
        for row in rows.select_related("feed").order_by("cve", F("feed__scored_on").asc(nulls_first=True), "id"):
            found[row.cve] = EpssView(
                cve=row.cve,
                score=row.score,
                percentile=row.percentile,
                model_version=row.feed.model_version,
                scored_on=row.feed.scored_on,
                source=row.feed.name,
            )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class VexView:
    """What an author says of one vulnerability in one package; empty ``versions`` and ``architecture``: all.

    ``product`` is what the author speaks of where the package is a part of it.  ``said_at`` is the import's instant
    where nobody tells: it was said by then.  The larger ``id`` was told later in the document.
    """

    id: int
    feed_name: str
    document: str
    author: str
    vulnerability: str
    aliases: tuple[str, ...]
    stream: str
    name: str
    level: str
    architecture: str
    product: str
    versions: str
    status: str
    justification: str
    statement: str
    said_at: datetime


_VEX = (
    *("id", "feed__name", "document", "author", "vulnerability", "aliases", "stream", "name", "level"),
    *("architecture", "product", "versions", "status", "justification", "statement", "said"),
)


def vex_statements(*, streams: Collection[str], names: Collection[str]) -> Iterator[VexView]:
    """Yield what stands now of these packages, the oldest word first; of a feed the generation that readers see."""
    rows = _standing_vex().filter(stream__in=streams, name__in=names)
    told = rows.annotate(said=Coalesce("said_at", "feed__imported_at")).order_by("said", "id").values_list(*_VEX)
    fields = tuple(each.name for each in dataclass_fields(VexView))
    for row in told.iterator(chunk_size=2_000):
        values = dict(zip(fields, row, strict=True))
        yield VexView(**values | {"aliases": tuple(values["aliases"])})


def vex_generations() -> dict[str, int]:
    """Return the generation that readers see of each feed of VEX statements."""
    return dict(Feed.objects.filter(kind="vex", generation__gt=0).values_list("name", "generation"))


def names_in_vex() -> frozenset[tuple[str, str]]:
    """Return stream and name of every package on which a statement stands now."""
    return frozenset(_standing_vex().values_list("stream", "name").distinct())


def _standing_vex() -> QuerySet[VexStatement]:
    return VexStatement.objects.filter(generation=F("feed__generation"), organisation=None)


def feeds() -> tuple[FeedView, ...]:
    """Return every feed by name; what hosts tell is counted as it stands."""
    return tuple(_feed(feed) for feed in Feed.objects.order_by("name"))


def _feed(feed: Feed) -> FeedView:
    is_own = feed.name == HOST_FEED
    return FeedView(
        name=feed.name,
        kind=feed.kind,
        url=feed.url or _PUBLISHERS.get(feed.name, ""),
        record_count=Advisory.objects.filter(feed=feed).count() if is_own else feed.record_count,
        generation=feed.generation,
        imported_at=feed.imported_at,
        checked_at=feed.checked_at,
        problem=feed.problem,
        model_version=feed.model_version,
        scored_on=feed.scored_on,
    )


def generations() -> dict[str, int]:
    """Return the generation that readers see of each imported feed of advisories."""
    imported = Feed.objects.filter(generation__gt=0).exclude(kind__in=_WITHOUT_ADVISORIES)
    return dict(imported.values_list("name", "generation"))


def host_notes_at() -> datetime | None:
    """Return when an advisory from hosts' notes was last added or completed, None while there is none."""
    newest: datetime | None = _host_advisories().aggregate(newest=Max("modified_at"))["newest"]
    return newest


def names_in_host_notes(*, stream: str, since: datetime | None) -> frozenset[str]:
    """Return the source packages of a stream that advisories from hosts' notes since then speak of, None: ever."""
    own = _host_advisories()
    if since is not None:
        own = own.filter(modified_at__gte=since)
    names = AffectedRange.objects.filter(advisory__in=own, stream=stream).values_list("name", flat=True)
    return frozenset(names.distinct())


def _host_advisories() -> QuerySet[Advisory]:
    return Advisory.objects.filter(feed__name=HOST_FEED, organisation__isnull=False)


_FACTS = (
    *("id", "advisory_id", "advisory__feed__name", "advisory__organisation_id", "advisory__ref", "advisory__cves"),
    *("stream", "scheme", "name", "low_key", "high_key", "fixed_version", "state", "level", "architectures"),
)
_ID_COUNT = 5_000  # ranges in one statement


def current_ranges(*, stream: str, names: Collection[str]) -> Iterator[RangeFacts]:
    """Yield the affected ranges that stand now for these packages of a stream.

    Of each feed the generation that readers see; withdrawn advisories are left out.  Ranges that an organisation's own
    hosts told come with the organisation's id: whoever shows what follows from them must ask for that organisation.
    """
    rows = _standing_ranges(stream, names)
    return (_range_facts(row) for row in rows.values_list(*_FACTS).iterator(chunk_size=2_000))


def ranges_of_records(*, stream: str, names: Collection[str]) -> Iterator[RangeFacts]:
    """Yield those of ``current_ranges`` whose advisory is called after a CVE: a publisher's record of one flaw."""
    rows = _standing_ranges(stream, names).filter(advisory__ref__contains="CVE-", advisory__organisation=None)
    return (_range_facts(row) for row in rows.values_list(*_FACTS).iterator(chunk_size=2_000))


def _standing_ranges(stream: str, names: Collection[str]) -> QuerySet[AffectedRange]:
    return AffectedRange.objects.filter(
        stands("advisory__"), stream=stream, name__in=names, advisory__withdrawn_at=None
    )


def ranges_by_id(ids: Collection[int]) -> dict[int, RangeFacts]:
    """Return these ranges, whether they stand or not: for callers that have chosen them in SQL."""
    wanted, found = list(ids), dict[int, RangeFacts]()
    for start in range(0, len(wanted), _ID_COUNT):
        rows = AffectedRange.objects.filter(id__in=wanted[start : start + _ID_COUNT])
        found.update((row[0], _range_facts(row)) for row in rows.values_list(*_FACTS))
    return found


def _range_facts(row: Sequence[Any]) -> RangeFacts:
    return RangeFacts(
        advisory_id=row[1],
        feed_name=row[2],
        organisation_id=row[3],
        ref=row[4],
        cves=tuple(row[5]),
        stream=row[6],
        scheme=row[7],
        name=row[8],
        low=bytes(row[9]),
        high=None if row[10] is None else bytes(row[10]),
        fixed_version=row[11],
        state=row[12],
        level=row[13],
        architectures=tuple(row[14].split()),
    )
