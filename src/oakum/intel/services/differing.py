"""What a new generation says otherwise than the former one: it alone becomes rows.

An advisory whose record is byte for byte what was stored keeps its row, so that what points there stays as it is.  A
row that readers see is never changed: what must be changed is copied into the new generation first.  All of it is
undone by removing the new generation's rows and taking back the ends it gave (``generations.discard``).  It reads no
file and decides nothing of what a record means (``filling``, ``settling``).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from django.db.models import QuerySet

from oakum.core.advisories import AdvisoryRecord
from oakum.intel.models import Advisory, AdvisoryCve, AffectedRange
from oakum.intel.services import rows
from oakum.intel.services.generations import Generation, mark, remove_ended, writing

COPY_COUNT: Final = 100  # advisories copied together: their texts are held in memory
PAGE_COUNT: Final = 300
UNTOLD: Final = "?"  # settled, and the digest of what was made of it not told yet

_COPIED: Final = tuple(name for name in rows.ADVISORIES[1] if name not in {"generation", "superseded_by", "settled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a batch of records brings: the records that become rows with their digests, and the rows that end."""

    new: tuple[tuple[AdvisoryRecord, str], ...]
    ended: tuple[int, ...]


def digest_of(record: AdvisoryRecord) -> str:
    """Return the SHA-256 of all that a record says."""
    # A value's repr names every field and quotes every text, so no two records run together.
    return sha256(repr(record).encode("utf-8", "surrogatepass")).hexdigest()


def difference(generation: Generation, records: Sequence[AdvisoryRecord]) -> Difference:
    """Return what of these records the generation that readers see does not say.

    A row that the rest of its feed had a say in is never kept here: whether it has the same say again is known only at
    the file's end (``take_back_same``).
    """
    told = [(record, digest_of(record)) for record in records]
    former = _former(generation, [record.ref for record in records])
    new = tuple((record, digest) for record, digest in told if former.get(record.ref, (0, ""))[1] != digest)
    return Difference(new=new, ended=tuple(former[record.ref][0] for record, _ in new if record.ref in former))


def _former(generation: Generation, refs: Collection[str]) -> dict[str, tuple[int, str]]:
    """Return id and digest of the row that readers see of each ref, the digest empty where it cannot be kept."""
    if not generation.former_number:
        return {}
    found = _standing(generation, generation.former_number).filter(ref__in=refs)
    return {
        ref: (id_, "" if settled else digest)
        for ref, id_, digest, settled in found.values_list("ref", "id", "digest", "settled")
    }


def _standing(generation: Generation, number: int) -> QuerySet[Advisory]:
    own = Advisory.objects.filter(feed_id=generation.feed_id, organisation=None, generation__lte=number)
    return own.filter(generation_end=None) | own.filter(generation_end__gt=number)


def end(generation: Generation, ids: Collection[int]) -> None:
    """Let rows end with the generation, in the caller's transaction: readers see them until the switch."""
    if ids:
        Advisory.objects.filter(id__in=ids).update(generation_end=generation.number)


def end_unseen(generation: Generation, seen: AbstractSet[str]) -> None:
    """Let the rows end of which the file says nothing any more, in short transactions."""
    if not generation.former_number:
        return
    open_ = _standing(generation, generation.former_number).filter(generation_end=None)
    # Read to its end before the first write: an open cursor would keep SQLite's snapshot.
    told = open_.order_by().values_list("id", "ref").iterator(chunk_size=2_000)
    gone = [id_ for id_, ref in told if ref not in seen]
    for part in generation.pace.parts(gone):
        with writing(generation):
            end(generation, part)


def copy_kept(generation: Generation, ids: Iterable[int]) -> None:
    """Give the generation rows of its own for those of these advisories that it has kept, so that they may be changed.

    A copy is whole before its original ends, and is marked in that transaction: what was copied in part is removed by
    the import that goes on, and copied anew.
    """
    kept = sorted(
        Advisory.objects.filter(id__in=set(ids), generation__lt=generation.number).values_list("id", flat=True)
    )
    for start in range(0, len(kept), COPY_COUNT):
        _copy(generation, kept[start : start + COPY_COUNT])


def _copy(generation: Generation, ids: Sequence[int]) -> None:
    originals = list(Advisory.objects.filter(id__in=ids).order_by("id"))
    with writing(generation):
        new = rows.add_advisories([_copied(generation, each) for each in originals])
    copies = {original.id: id_ for original, id_ in zip(originals, new, strict=True)}
    for model, (table, columns) in ((AffectedRange, rows.RANGES), (AdvisoryCve, rows.CVES)):
        manager: Any = model._default_manager  # noqa: SLF001 - Django's documented way
        hung = manager.filter(advisory_id__in=ids).order_by("id").values_list(*columns)
        values = [(copies[row[0]], *row[1:]) for row in hung]
        for part in generation.pace.parts(values):
            with writing(generation):
                rows.add_rows((table, columns), part)
    with writing(generation) as feed:
        end(generation, ids)
        mark(feed, record_count=feed.record_count_next, advisory_id=max(new))


def _copied(generation: Generation, each: Advisory) -> tuple[Any, ...]:
    values = {
        **{name: getattr(each, name) for name in _COPIED},
        "generation": generation.number,
        "superseded_by": "",
        "settled": "",
        **{name: rows.instant(getattr(each, name)) for name in ("published_at", "modified_at", "withdrawn_at")},
        **{name: json.dumps(getattr(each, name)) for name in ("cves", "aliases")},
    }
    return tuple(values[name] for name in rows.ADVISORIES[1])


def take_back_same(generation: Generation) -> None:
    """Let the former rows stand of which the generation has made the same after all, in short transactions."""
    own = Advisory.objects.filter(feed_id=generation.feed_id, organisation=None, generation=generation.number)
    _tell_settled(generation, own)
    if generation.former_number:
        settled = own.filter(generation_end=None).exclude(settled="").order_by("id")
        told = list(settled.values_list("id", "ref", "digest", "settled"))
        for part in generation.pace.parts(told):
            _take_back(generation, part)
    remove_ended(generation)


def _take_back(generation: Generation, told: Sequence[tuple[int, str, str, str]]) -> None:
    with writing(generation):
        ended = Advisory.objects.filter(
            feed_id=generation.feed_id,
            organisation=None,
            ref__in=[ref for _, ref, _, _ in told],
            generation__lt=generation.number,
            generation_end=generation.number,
        )
        former = {
            (ref, digest, settled): id_
            for id_, ref, digest, settled in ended.values_list("id", "ref", "digest", "settled")
        }
        same = [(id_, former[identity]) for id_, *identity_ in told if (identity := tuple(identity_)) in former]
        Advisory.objects.filter(id__in=[id_ for _, id_ in same]).update(generation_end=None)
        # An empty span: nobody ever sees these, and they are removed next.
        end(generation, [id_ for id_, _ in same])


def _tell_settled(generation: Generation, own: QuerySet[Advisory]) -> None:
    while page := dict(own.filter(settled=UNTOLD).values_list("id", "superseded_by")[:PAGE_COUNT]):
        told = _settled_digests(page)
        with writing(generation):
            rows.update_rows(("intel_advisory", ("id", "settled")), list(told.items()))


def _settled_digests(superseded: Mapping[int, str]) -> dict[int, str]:
    said: dict[int, list[str]] = {id_: [] for id_ in superseded}
    for advisory_id, *row in _ranges(superseded):
        said[advisory_id].append(repr(tuple(row)))
    return {
        id_: sha256("\n".join([superseded[id_], *sorted(lines)]).encode("utf-8", "surrogatepass")).hexdigest()
        for id_, lines in said.items()
    }


def _ranges(ids: Collection[int]) -> Iterator[tuple[Any, ...]]:
    fields = ("advisory_id", "stream", "name", "level", "architectures", "fixed_version", "state")
    yield from AffectedRange.objects.filter(advisory_id__in=ids).values_list(*fields)
