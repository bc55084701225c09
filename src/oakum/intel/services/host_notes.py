"""Advisories that follow from what an organisation's own hosts told of updates and their release notes.

They stand beside the published feeds and never touch them: another feed, the organisation's own, one generation for
ever.  They are only added to; nothing that a host says or stops saying takes one back.  What follows from what is
decided by ``core.advisories.host_advisories``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from oakum.catalogue.models import ReleaseNote, Update, UpdateKind
from oakum.core.advisories import (
    AFFECTED,
    DETAILS_LENGTH_MAX,
    HostAdvisory,
    ToldNote,
    ToldRange,
    ToldUpdate,
    host_advisories,
)
from oakum.core.changelog import sort_cves
from oakum.core.ranges import LOWEST
from oakum.core.streams import scheme_of_stream
from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange, Feed

HOST_FEED: Final = "host-notes"
HOST_KIND: Final = "host"
HOST_GENERATION: Final = 1
# Advisories of one write transaction: each has a range or two and up to some dozens of CVEs.
ADVISORY_COUNT: Final = 20
ADVISORY_COUNT_MAX: Final = 100_000  # of one organisation; a host that tells more tells nonsense
CVE_ROW_COUNT_MAX: Final = 800
_EMPTY_ENTRY: Final = "The changelog entry says nothing."


def record_host_advisories(*, organisation_id: UUID, now: datetime) -> int:
    """Add what follows from the organisation's security updates and notes, and return how many advisories changed.

    Looks at the whole state; running it again changes nothing.
    """
    wanted = host_advisories(_updates(organisation_id), _notes(organisation_id))[:ADVISORY_COUNT_MAX]
    if not wanted:
        return 0
    feed_id = _feed_id()
    known = _known(organisation_id, feed_id)
    at = _later_than_all(feed_id, now)
    changed = [each for each in wanted if not _holds(known.get(each.ref), each)]
    for start in range(0, len(changed), ADVISORY_COUNT):
        _store(organisation_id, feed_id, changed[start : start + ADVISORY_COUNT], at)
    return len(changed)


def _later_than_all(feed_id: int, now: datetime) -> datetime:
    """Return ``now``, or an instant just after the newest change should the clock have been set back.

    Whoever follows the changes follows their dates: one that is dated back would never be seen.
    """
    newest: datetime | None = Advisory.objects.filter(feed_id=feed_id).aggregate(newest=Max("modified_at"))["newest"]
    return now if newest is None or newest < now else newest + timedelta(microseconds=1)


def _updates(organisation_id: UUID) -> Sequence[ToldUpdate]:
    rows = Update.objects.filter(organisation_id=organisation_id, kind=UpdateKind.SECURITY).values_list(
        "stream", "source_name", "source_version", "source_order_key"
    )
    return [
        ToldUpdate(stream=stream, source_name=name, source_version=version, source_key=bytes(key))
        for stream, name, version, key in rows.iterator(chunk_size=1_000)
    ]


def _notes(organisation_id: UUID) -> Sequence[ToldNote]:
    security = Update.objects.filter(organisation_id=organisation_id, kind=UpdateKind.SECURITY)
    rows = ReleaseNote.objects.filter(
        organisation_id=organisation_id, source_name__in=security.values("source_name").distinct()
    ).values_list("stream", "source_name", "version", "order_key", "dated", "cves")
    return [
        ToldNote(stream=stream, source_name=name, version=version, key=bytes(key), dated=dated, cves=tuple(cves))
        for stream, name, version, key, dated, cves in rows.iterator(chunk_size=1_000)
    ]


def _feed_id() -> int:
    # imported_at stays empty: what hosts tell is not intelligence that somebody imported, and has no date of its own.
    feed, _ = Feed.objects.get_or_create(
        name=HOST_FEED,
        defaults={"kind": HOST_KIND, "generation": HOST_GENERATION, "generation_next": HOST_GENERATION},
    )
    return feed.id


Place = tuple[str, str, str]  # stream, source name, version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """An advisory as it is stored."""

    id: int
    cves: frozenset[str]
    has_text: bool
    places: frozenset[Place]


def _known(organisation_id: UUID, feed_id: int, refs: Sequence[str] | None = None) -> dict[str, _Known]:
    own = Advisory.objects.filter(organisation_id=organisation_id, feed_id=feed_id, generation=HOST_GENERATION)
    if refs is not None:
        own = own.filter(ref__in=refs)
    places: dict[int, set[Place]] = {}
    ranges = AffectedRange.objects.filter(advisory__in=own)
    for advisory_id, *place in ranges.values_list("advisory_id", "stream", "name", "fixed_version").iterator():
        places.setdefault(advisory_id, set()).add((place[0], place[1], place[2]))
    # A date comes with the text, or with none of the two.
    with_text = set(own.exclude(details="").values_list("id", flat=True))
    return {
        ref: _Known(id=id_, cves=frozenset(cves), has_text=id_ in with_text, places=frozenset(places.get(id_, ())))
        for id_, ref, cves in own.values_list("id", "ref", "cves").iterator()
    }


def _holds(known: _Known | None, wanted: HostAdvisory) -> bool:
    if known is None:
        return False
    is_complete = known.has_text or wanted.note is None
    return is_complete and set(wanted.cves) <= known.cves and {_place(each) for each in wanted.ranges} <= known.places


def _place(each: ToldRange | ToldNote) -> Place:
    return each.stream, each.source_name, each.version


def _store(organisation_id: UUID, feed_id: int, wanted: Sequence[HostAdvisory], now: datetime) -> None:
    """Add what is missing, with the feed's row held so that two loops do not add it twice."""
    with transaction.atomic():
        Feed.objects.select_for_update().get(id=feed_id)
        known = _known(organisation_id, feed_id, [each.ref for each in wanted])
        texts = _texts(organisation_id, wanted)
        new = [each for each in wanted if each.ref not in known]
        made = Advisory.objects.bulk_create([_advisory(organisation_id, feed_id, each, texts, now) for each in new])
        ids = {row.ref: row.id for row in made} | {ref: row.id for ref, row in known.items()}
        for each in wanted:
            if each.ref in known:
                _complete(known[each.ref], each, texts, now)
        _add_ranges(wanted, ids, known)
        _add_cves(wanted, ids, known)


def _texts(organisation_id: UUID, wanted: Sequence[HostAdvisory]) -> dict[Place, str]:
    notes = [each.note for each in wanted if each.note is not None]
    rows = ReleaseNote.objects.filter(
        organisation_id=organisation_id,
        source_name__in={note.source_name for note in notes},
        version__in={note.version for note in notes},
    )
    return {
        (stream, name, version): text[:DETAILS_LENGTH_MAX]
        for stream, name, version, text in rows.values_list("stream", "source_name", "version", "text")
    }


def _advisory(
    organisation_id: UUID, feed_id: int, wanted: HostAdvisory, texts: Mapping[Place, str], now: datetime
) -> Advisory:
    return Advisory(
        organisation_id=organisation_id,
        feed_id=feed_id,
        generation=HOST_GENERATION,
        ref=wanted.ref,
        title=wanted.title,
        details=_details(wanted, texts),
        published_at=wanted.published_at,
        modified_at=now,
        cves=list(wanted.cves),
    )


def _details(wanted: HostAdvisory, texts: Mapping[Place, str]) -> str:
    # Never empty once somebody has read the entry: empty means that nobody has.
    return (texts.get(_place(wanted.note), "") or _EMPTY_ENTRY) if wanted.note else ""


def _complete(known: _Known, wanted: HostAdvisory, texts: Mapping[Place, str], now: datetime) -> None:
    """Add to a stored advisory what is told by now: the notes usually come after the update itself."""
    fields: dict[str, object] = {"cves": list(sort_cves({*known.cves, *wanted.cves})), "modified_at": now}
    if not known.has_text and wanted.note is not None:
        fields |= {"details": _details(wanted, texts), "published_at": wanted.published_at}
    Advisory.objects.filter(id=known.id).update(**fields)


def _add_ranges(wanted: Sequence[HostAdvisory], ids: Mapping[str, int], known: Mapping[str, _Known]) -> None:
    AffectedRange.objects.bulk_create(
        AffectedRange(
            advisory_id=ids[advisory.ref],
            stream=each.stream,
            name=each.source_name,
            scheme=scheme_of_stream(each.stream),
            low_key=LOWEST,
            high_key=each.key,
            fixed_version=each.version,
            state=AFFECTED,
        )
        for advisory in wanted
        for each in advisory.ranges
        if advisory.ref not in known or _place(each) not in known[advisory.ref].places
    )


def _add_cves(wanted: Sequence[HostAdvisory], ids: Mapping[str, int], known: Mapping[str, _Known]) -> None:
    rows = [
        AdvisoryCve(advisory_id=ids[advisory.ref], cve=cve)
        for advisory in wanted
        for cve in advisory.cves
        if advisory.ref not in known or cve not in known[advisory.ref].cves
    ]
    AdvisoryCve.objects.bulk_create(rows, batch_size=CVE_ROW_COUNT_MAX)
