"""Reads of intelligence: the feeds and their state, and the ranges that stand now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Max, QuerySet

from oakum.core.matching import RangeFacts
from oakum.intel.models import Advisory, AffectedRange, Feed
from oakum.intel.services.host_notes import HOST_FEED
from oakum.intel.services.syncing import FEED_SOURCES

_PUBLISHERS = {source.name: source.url for source in FEED_SOURCES}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """A feed as people see it.

    ``url`` is where it can be fetched, empty where only files are imported.  ``problem`` is why the last import or
    fetch failed, empty after one that did not.
    """

    name: str
    kind: str
    url: str
    record_count: int
    generation: int
    imported_at: datetime | None
    checked_at: datetime | None
    problem: str


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
    )


def generations() -> dict[str, int]:
    """Return the generation that readers see of each imported feed of advisories."""
    imported = Feed.objects.filter(generation__gt=0).exclude(kind__in=("kev", "host"))
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


def current_ranges(*, stream: str, names: Collection[str]) -> Iterator[RangeFacts]:
    """Yield the affected ranges that stand now for these packages of a stream.

    Of each feed the generation that readers see; withdrawn advisories are left out.  Ranges that an organisation's own
    hosts told come with the organisation's id: whoever shows what follows from them must ask for that organisation.
    """
    rows = AffectedRange.objects.filter(
        stream=stream,
        name__in=names,
        advisory__generation=F("advisory__feed__generation"),
        advisory__withdrawn_at=None,
    )
    for row in rows.values_list(
        "advisory_id",
        "advisory__feed__name",
        "advisory__organisation_id",
        "advisory__ref",
        "stream",
        "scheme",
        "name",
        "low_key",
        "high_key",
        "fixed_version",
        "state",
        "level",
        "architectures",
    ).iterator(chunk_size=2_000):
        yield RangeFacts(
            advisory_id=row[0],
            feed_name=row[1],
            organisation_id=row[2],
            ref=row[3],
            stream=row[4],
            scheme=row[5],
            name=row[6],
            low=bytes(row[7]),
            high=None if row[8] is None else bytes(row[8]),
            fixed_version=row[9],
            state=row[10],
            level=row[11],
            architectures=tuple(row[12].split()),
        )
