"""Take in which updates a host is offered.

The first host to tell of an update makes its row; later ones add origins and may raise its kind to security, never
lower it.  Nothing is removed because a host no longer says it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from oakum.catalogue.models import Update
from oakum.core.streams import scheme_of_stream
from oakum.core.updates import raised_kind, update_kind
from oakum.core.versions import InvalidVersion, UnknownStream, order_key
from oakum.journal.services import append
from oakum.protocol.inventory import OFFER_COUNT_MAX, Offer, Origin

CHUNK_COUNT = 300  # updates of one write transaction: each is a row and a journal entry
ORIGIN_COUNT_MAX = 16  # kept of one update; a release has three or four
NAME_LENGTH_MAX = 200

Source = tuple[str, str]  # name, version


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenUpdates:
    """What came of one host's offers: the sources seen for the first time, and those refused with the reason."""

    new: tuple[Source, ...]
    refused: Mapping[Source, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One source version as one host tells it."""

    source: Source
    key: bytes
    kind: str
    origins: tuple[Origin, ...]


def see_updates(
    *, organisation_id: UUID, host_id: UUID, stream: str, offers: Sequence[Offer], now: datetime
) -> SeenUpdates:
    """Record the updates behind a host's offers, one a source version; the same offers again change nothing.

    Each update that nobody in the organisation had told of is journalled once as ``catalogue.update_seen``, each that
    becomes a security update later as ``catalogue.update_raised``.  Runs in short transactions of its own unless the
    caller has one open.
    """
    assert len(offers) <= OFFER_COUNT_MAX, "the door bounds what a host may send"
    refused: dict[Source, str] = {}
    told = list(_told(stream, offers, refused))
    new: list[Source] = []
    for start in range(0, len(told), CHUNK_COUNT):
        chunk = told[start : start + CHUNK_COUNT]
        known = _known(organisation_id, stream, chunk)
        if any(_differs(known.get(each.source), each) for each in chunk):
            new += _store(organisation_id, host_id, stream, chunk, now)
    return SeenUpdates(new=tuple(new), refused=refused)


def _told(stream: str, offers: Sequence[Offer], refused: dict[Source, str]) -> Iterator[_Told]:
    by_source: dict[Source, list[Offer]] = {}
    for offer in offers:
        by_source.setdefault((offer.source_name, offer.source_version), []).append(offer)
    for source, own in sorted(by_source.items()):
        try:
            key = order_key(scheme_of_stream(stream), source[1])
        except (InvalidVersion, UnknownStream) as error:
            refused[source] = str(error)
            continue
        if not 0 < len(source[0]) <= NAME_LENGTH_MAX or not source[0].isprintable():
            refused[source] = "the source's name is empty, too long or not printable"
            continue
        kinds = [update_kind(offer.origins, offer.installed_version, offer.candidate_version) for offer in own]
        kind = kinds[0]
        for other in kinds[1:]:
            kind = raised_kind(kind, other)
        origins = tuple(dict.fromkeys(origin for offer in own for origin in offer.origins))
        yield _Told(source=source, key=key, kind=kind, origins=origins)


def _known(organisation_id: UUID, stream: str, chunk: Sequence[_Told], *, locked: bool = False) -> dict[Source, Update]:
    rows = Update.objects.filter(
        organisation_id=organisation_id,
        stream=stream,
        source_name__in={each.source[0] for each in chunk},
        source_version__in={each.source[1] for each in chunk},
    )
    wanted = {each.source for each in chunk}
    found = {(row.source_name, row.source_version): row for row in (_locked(rows) if locked else rows)}
    return {source: row for source, row in found.items() if source in wanted}


def _locked(rows: QuerySet[Update]) -> QuerySet[Update]:
    # In one order, so that two hosts' words wait for each other and never in a circle.
    return rows.order_by("id").select_for_update()


def _differs(row: Update | None, told: _Told) -> bool:
    return row is None or (row.kind, row.origins) != _merged(row, told)


def _merged(row: Update, told: _Told) -> tuple[str, list[dict[str, object]]]:
    """Return kind and origins of a known update after this host's word."""
    origins = list(row.origins)
    for origin in told.origins:
        plain = dataclasses.asdict(origin)
        if plain not in origins and len(origins) < ORIGIN_COUNT_MAX:
            origins.append(plain)
    return raised_kind(row.kind, told.kind), origins


def _store(
    organisation_id: UUID, host_id: UUID, stream: str, chunk: Sequence[_Told], now: datetime
) -> tuple[Source, ...]:
    with transaction.atomic():
        before = _known(organisation_id, stream, chunk)
        missing = [each for each in chunk if each.source not in before]
        Update.objects.bulk_create(
            [_row(organisation_id, host_id, stream, each, now) for each in missing], ignore_conflicts=True
        )
        after = _known(organisation_id, stream, chunk, locked=True)
        # Another host may have told of the same update in this very moment; only the row that is ours is new.
        ours = [each for each in missing if _is_ours(after[each.source], host_id, now)]
        for each in ours:
            _journal("catalogue.update_seen", after[each.source], host_id, now)
        _merge(after, chunk, host_id, now)
    return tuple(each.source for each in ours)


def _merge(rows: Mapping[Source, Update], chunk: Sequence[_Told], host_id: UUID, now: datetime) -> None:
    changed = [(rows[each.source], each) for each in chunk if _differs(rows[each.source], each)]
    for row, each in changed:
        was = row.kind
        row.kind, row.origins = _merged(row, each)
        if row.kind != was:
            _journal("catalogue.update_raised", row, host_id, now)
    Update.objects.bulk_update([row for row, _ in changed], ["kind", "origins"], batch_size=100)


def _is_ours(row: Update, host_id: UUID, now: datetime) -> bool:
    return row.told_by_host_id == host_id and row.first_seen_at == now


def _row(organisation_id: UUID, host_id: UUID, stream: str, told: _Told, now: datetime) -> Update:
    return Update(
        organisation_id=organisation_id,
        stream=stream,
        source_name=told.source[0],
        source_version=told.source[1],
        source_order_key=told.key,
        kind=told.kind,
        origins=[dataclasses.asdict(origin) for origin in told.origins[:ORIGIN_COUNT_MAX]],
        first_seen_at=now,
        told_by_host_id=host_id,
    )


def _journal(kind: str, row: Update, host_id: UUID, now: datetime) -> None:
    append(
        organisation_id=row.organisation_id,
        kind=kind,
        actor=f"host:{host_id}",
        subject=f"update:{row.source_name} {row.source_version}",
        payload={
            "stream": row.stream,
            "source_name": row.source_name,
            "source_version": row.source_version,
            "kind": row.kind,
        },
        now=now,
    )
