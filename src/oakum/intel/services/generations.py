"""The generations of a feed: begin one or go on with one, switch to it, remove former ones.

Readers see the rows that stand in ``Feed.generation`` and no others.  An import takes the next number, adds the rows
that begin with it and gives an end to those that do not reach it, in short transactions, and switches by one row;
killed at any instant it leaves rows that nobody sees and ends that have not come.  The next import of the same content
goes on where it was, one of another content removes and takes back all of that.  The import that began last wins: an
older one finds that its token is no longer the feed's and stops.

It reads no file and does not know what findings point at: ``findings`` says when former advisories may go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from django.db.models import QuerySet

from oakum.core.errors import FeedError
from oakum.intel.models import (
    Advisory,
    AdvisoryCve,
    AffectedRange,
    EpssScore,
    Feed,
    KevEntry,
    Supersedence,
    VexStatement,
)
from oakum.intel.services.pace import Pace

ADVISORY_COUNT: Final = 200  # advisories whose ranges and CVEs are removed together

# Rows of a feed that nothing points at: former ones go at the switch.
_LOOSE: Final = (KevEntry, EpssScore, Supersedence, VexStatement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an import reads: the SHA-256 of all of it, what it is called, and which Oakum reads it.

    ``stream`` is what its packages are for, where a person had to say it.
    """

    content_hash: str
    name: str
    read_by: str
    stream: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A generation that is being filled, at its ``pace``; ``done_count`` records are in it already.

    ``former_number`` is the one that readers see meanwhile, 0 for none.
    """

    feed_id: int
    feed_name: str
    number: int
    token: str
    former_number: int
    done_count: int = 0
    pace: Pace = field(default_factory=Pace)


def is_current(*, name: str, kind: str, content: Content) -> bool:
    """Say whether readers see just this content already, as this Oakum reads it."""
    return Feed.objects.filter(
        name=name,
        kind=kind,
        generation__gt=0,
        content_hash=content.content_hash,
        read_by=content.read_by,
        stream=content.stream,
    ).exists()


def begin(*, name: str, kind: str, content: Content, now: datetime) -> Generation:
    """Go on with the generation that an import of this content began, or take the feed's next one.

    The feed's row is made if there is none; what a killed import of another content left is cleared.

    Raises:
        FeedError: the name belongs to a feed of another kind.
    """
    identity = sha256(f"{content.content_hash} {content.read_by} {content.stream}".encode()).hexdigest()
    pace = Pace()
    with pace.transaction():
        Feed.objects.get_or_create(name=name, defaults={"kind": kind})
        feed = Feed.objects.select_for_update().get(name=name)
        if feed.kind != kind:
            raise FeedError(
                code="feed_name_taken",
                sentence=f"The feed {name!r} has the format {feed.kind!r}, this file {kind!r}; nothing was changed.",
                next_step="Give the file a name of its own with --name.",
            )
        if feed.content_hash_next != identity or feed.generation_next <= feed.generation:
            feed.generation_next = max(feed.generation, feed.generation_next) + 1
            feed.content_hash_next, feed.record_count_next, feed.advisory_id_next = identity, 0, 0
        feed.import_token, feed.checked_at = uuid4().hex, now
        feed.save()
    generation = Generation(
        feed_id=feed.id,
        feed_name=name,
        number=feed.generation_next,
        token=feed.import_token,
        former_number=feed.generation,
        pace=pace,
        done_count=feed.record_count_next,
    )
    discard(generation.feed_id, above=feed.generation, below=generation.number)
    _remove_unmarked(generation, feed.advisory_id_next)
    return generation


@contextmanager
def writing(generation: Generation) -> Iterator[Feed]:
    """Open a write transaction of the generation, holding the feed's row.

    Raises:
        FeedError: another import of the feed has begun since.
    """
    with generation.pace.transaction():
        feed = Feed.objects.select_for_update().get(id=generation.feed_id)
        if feed.import_token != generation.token:
            raise FeedError(
                code="feed_import_superseded",
                sentence=f"Another import of the feed {generation.feed_name!r} has begun; this one was stopped.",
                next_step="Wait for the other one; `oakum feed list` shows when it is done.",
            )
        yield feed


def mark(feed: Feed, *, record_count: int, advisory_id: int) -> None:
    """Keep, in the transaction that wrote the last of them, how many records of the file are in the generation."""
    feed.record_count_next = record_count
    feed.advisory_id_next = max(advisory_id, feed.advisory_id_next)
    feed.save(update_fields=["record_count_next", "advisory_id_next"])


def abandon(generation: Generation) -> None:
    """Remove all that an import filled, and forget that it began."""
    with writing(generation) as feed:
        feed.content_hash_next, feed.record_count_next, feed.advisory_id_next = "", 0, 0
        feed.save(update_fields=["content_hash_next", "record_count_next", "advisory_id_next"])
    discard(generation.feed_id, above=generation.number - 1, below=generation.number + 1)


def discard(feed_id: int, *, above: int, below: int) -> None:
    """Undo all generations between the two numbers, neither included, in short transactions: rows and ends."""
    own: dict[str, Any] = {"feed_id": feed_id, "generation__gt": above, "generation__lt": below}
    pace = Pace()
    # An imported feed's advisories have no organisation; saying so is what makes the index usable.
    while _remove_advisories(Advisory.objects.filter(**own, organisation=None), pace):
        pass
    ended = Advisory.objects.filter(feed_id=feed_id, generation_end__gt=above, generation_end__lt=below)
    while _take_back_ends(ended, pace):
        pass
    _discard_loose(own, pace)


def _take_back_ends(ended: QuerySet[Advisory], pace: Pace) -> int:
    with pace.transaction():
        ids = list(ended.values_list("id", flat=True)[: pace.row_count])
        pace.taken_count = len(ids)
        return Advisory.objects.filter(id__in=ids).update(generation_end=None)


def discard_loose(generation: Generation) -> None:
    """Remove the former rows that nothing points at (scores, KEV, supersedences, VEX), in short transactions."""
    _discard_loose({"feed_id": generation.feed_id, "generation__lt": generation.number}, generation.pace)


def _discard_loose(own: dict[str, Any], pace: Pace) -> None:
    for model in _LOOSE:
        while _remove(model._default_manager.filter(**own), pace):  # noqa: SLF001 - Django's documented way
            pass


def _remove_unmarked(generation: Generation, advisory_id: int) -> None:
    """Remove what a killed import wrote after its last mark; other rows than advisories are written with it."""
    own = Advisory.objects.filter(feed_id=generation.feed_id, generation=generation.number, organisation=None)
    while _remove_advisories(own.filter(id__gt=advisory_id), generation.pace, generation):
        pass


def remove_ended(generation: Generation) -> None:
    """Remove the rows that end with the generation that they begin with: nobody ever sees them."""
    own = Advisory.objects.filter(feed_id=generation.feed_id, generation=generation.number, organisation=None)
    while _remove_advisories(own.filter(generation_end=generation.number), generation.pace, generation):
        pass


def remove_former_advisories(*, limit: int, matched: Mapping[str, int] | None = None) -> int:
    """Remove advisories that have ended for readers, at most about ``limit``, and return how many.

    To be called when no finding points at one any more: findings would go with them.  ``matched`` are the generations
    of feeds that were matched with: what ended later is kept, so that the next matching sees that it is gone.
    """
    count, pace = 0, Pace()
    for former in _all_former(matched or {}):
        while count < limit and (removed := _remove_advisories(former, pace)):
            count += removed
    return count


def has_former_advisories() -> bool:
    """Say whether there is anything to remove."""
    return any(former.exists() for former in _all_former({}))


def _all_former(matched: Mapping[str, int]) -> Iterator[QuerySet[Advisory]]:
    """Yield the advisories of each feed that have ended."""
    for feed_id, name, generation in Feed.objects.values_list("id", "name", "generation"):
        yield Advisory.objects.filter(
            feed_id=feed_id, generation_end__lte=min(generation, matched.get(name, generation)), organisation=None
        )


def _remove_advisories(advisories: QuerySet[Advisory], pace: Pace, generation: Generation | None = None) -> int:
    """Remove the first few of these advisories with all that hangs on them, and return how many.

    With a generation only as long as its import is the one that may write.
    """
    ids = list(advisories.order_by("id").values_list("id", flat=True)[:ADVISORY_COUNT])
    while _remove(AffectedRange.objects.filter(advisory_id__in=ids), pace, generation):
        pass
    while _remove(AdvisoryCve.objects.filter(advisory_id__in=ids), pace, generation):
        pass
    for part in pace.parts(ids):
        with writing(generation) if generation else pace.transaction():
            Advisory.objects.filter(id__in=part).delete()
    return len(ids)


def _remove(rows: QuerySet[Any], pace: Pace, generation: Generation | None = None) -> int:
    with writing(generation) if generation else pace.transaction():
        ids = list(rows.values_list("pk", flat=True)[: pace.row_count])
        pace.taken_count = len(ids)
        if ids:
            rows.model._default_manager.filter(pk__in=ids).delete()  # noqa: SLF001 - Django's documented way
    return len(ids)
