"""The generations of a feed: begin one, fill it, switch to it, remove former ones.

Readers see the rows of ``Feed.generation`` and no others.  An import takes the next number, fills it in short
transactions and switches by one row; killed at any instant it leaves rows that nobody sees, which the next import of
the feed removes.  The import that began last wins: an older one finds that it is superseded and stops.

It reads no file and does not know what findings point at: ``findings`` says when former advisories may go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from oakum.core.errors import FeedError
from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange, Feed, KevEntry

ROW_COUNT_MAX = 900  # of one write transaction
ADVISORY_COUNT = 200  # advisories whose ranges and CVEs are removed together


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A generation that is being filled."""

    feed_id: int
    feed_name: str
    number: int


def begin(*, name: str, kind: str, now: datetime) -> Generation:
    """Take the feed's next generation, making the feed's row if there is none, and clear what a killed import left.

    Raises:
        FeedError: the name belongs to a feed of another kind.
    """
    with transaction.atomic():
        Feed.objects.get_or_create(name=name, defaults={"kind": kind})
        feed = Feed.objects.select_for_update().get(name=name)
        if feed.kind != kind:
            raise FeedError(
                code="feed_name_taken",
                sentence=f"The feed {name!r} has the format {feed.kind!r}, this file {kind!r}; nothing was changed.",
                next_step="Give the file a name of its own with --name.",
            )
        feed.generation_next = max(feed.generation, feed.generation_next) + 1
        feed.checked_at = now
        feed.save(update_fields=["generation_next", "checked_at"])
    generation = Generation(feed_id=feed.id, feed_name=name, number=feed.generation_next)
    discard(generation.feed_id, above=feed.generation, below=generation.number)
    return generation


@contextmanager
def writing(generation: Generation) -> Iterator[Feed]:
    """Open a write transaction of the generation, holding the feed's row.

    Raises:
        FeedError: another import of the feed has begun since.
    """
    with transaction.atomic():
        feed = Feed.objects.select_for_update().get(id=generation.feed_id)
        if feed.generation_next != generation.number:
            raise FeedError(
                code="feed_import_superseded",
                sentence=f"Another import of the feed {generation.feed_name!r} has begun; this one was stopped.",
                next_step="Wait for the other one; `oakum feed list` shows when it is done.",
            )
        yield feed


def discard(feed_id: int, *, above: int, below: int) -> None:
    """Remove the rows of all generations between the two numbers, neither included, in short transactions."""
    own: dict[str, Any] = {"feed_id": feed_id, "generation__gt": above, "generation__lt": below}
    # An imported feed's advisories have no organisation; saying so is what makes the index usable.
    while _remove_advisories(Advisory.objects.filter(**own, organisation=None)):
        pass
    while _remove(KevEntry.objects.filter(**own)):
        pass


def remove_former_advisories(*, limit: int) -> int:
    """Remove advisories of generations before the one that is read, at most about ``limit``, and return how many.

    To be called when no finding points at one any more: findings would go with them.
    """
    count = 0
    for feed_id, generation in Feed.objects.values_list("id", "generation"):
        former = _former(feed_id, generation)
        while count < limit and (removed := _remove_advisories(former)):
            count += removed
    return count


def has_former_advisories() -> bool:
    """Say whether there is anything to remove."""
    return any(_former(feed_id, number).exists() for feed_id, number in Feed.objects.values_list("id", "generation"))


def _former(feed_id: int, generation: int) -> QuerySet[Advisory]:
    return Advisory.objects.filter(feed_id=feed_id, generation__lt=generation, organisation=None)


def _remove_advisories(advisories: QuerySet[Advisory]) -> int:
    """Remove the first few of these advisories with all that hangs on them, and return how many."""
    ids = list(advisories.order_by("id").values_list("id", flat=True)[:ADVISORY_COUNT])
    while _remove(AffectedRange.objects.filter(advisory_id__in=ids)):
        pass
    while _remove(AdvisoryCve.objects.filter(advisory_id__in=ids)):
        pass
    with transaction.atomic():
        Advisory.objects.filter(id__in=ids).delete()
    return len(ids)


def _remove(rows: QuerySet[Any]) -> int:
    with transaction.atomic():
        ids = list(rows.values_list("pk", flat=True)[:ROW_COUNT_MAX])
        rows.model._default_manager.filter(pk__in=ids).delete()  # noqa: SLF001 - Django's documented way
    return len(ids)
