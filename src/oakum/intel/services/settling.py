"""Say what can only be said once a file has been read to its end, before readers see it.

Which notices are gone, which ones others replace, and which versions lack an epoch.  It changes the rows of a
generation that nobody sees yet, in short transactions, and gives the same when repeated; of a row that readers see it
changes a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from oakum.core.versions import RPM, InvalidVersion, order_key
from oakum.intel.models import Advisory, AffectedRange
from oakum.intel.services import rows
from oakum.intel.services.differing import UNTOLD, copy_kept, end_unseen, take_back_same
from oakum.intel.services.filling import Epochs, Tally
from oakum.intel.services.generations import Generation, remove_ended, writing

PAGE_COUNT: Final = 100


def settle(generation: Generation, tally: Tally, *, now: datetime) -> None:
    """End what is gone, close the notices that others replace, and give versions the epochs that they lack."""
    remove_ended(generation)  # what a killed import took back: its former rows stand again
    end_unseen(generation, tally.seen)
    _mark_superseded(generation, tally.superseded, now)
    _tell_epochs(generation, tally.epochs)
    take_back_same(generation)


def _mark_superseded(generation: Generation, superseded: Mapping[str, str], now: datetime) -> None:
    """Close the notices that others replace, as if they had been withdrawn, and keep which one replaces each."""
    refs = sorted(ref for ref, by in superseded.items() if ref != by)
    for start in range(0, len(refs), PAGE_COUNT):
        next_ = Advisory.objects.filter(feed_id=generation.feed_id, organisation=None, generation_end=None)
        own = next_.filter(ref__in=refs[start : start + PAGE_COUNT])
        copy_kept(generation, own.values_list("id", flat=True))
        with writing(generation):
            found = list(own.only("id", "ref", "withdrawn_at"))
            for advisory in found:
                advisory.superseded_by, advisory.settled = superseded[advisory.ref], UNTOLD
                advisory.withdrawn_at = advisory.withdrawn_at or now
            Advisory.objects.bulk_update(found, ["superseded_by", "settled", "withdrawn_at"], batch_size=100)


def _tell_epochs(generation: Generation, epochs: Mapping[tuple[str, str], Epochs]) -> None:
    """Give each rpm version without an epoch the one that its name has by then.

    A package's epoch never goes back within a stream.  So a version without one, in a notice that is published after
    another one told an epoch for that name, has that epoch and lost it on the way; in an earlier notice it has none.
    Comparing never guesses: this is done once, here.
    """
    mixed = sorted(place for place, seen in epochs.items() if seen.told and seen.untold)
    for start in range(0, len(mixed), PAGE_COUNT):
        page = mixed[start : start + PAGE_COUNT]
        changed = _changed(generation, page)
        if any(row.advisory.generation < generation.number for row in changed):
            copy_kept(generation, {row.advisory_id for row in changed})
            changed = _changed(generation, page)
        for part in generation.pace.parts(changed):
            told = [(row.id, row.high_key, row.fixed_version) for row in part]
            with writing(generation):
                rows.update_rows(("intel_affectedrange", ("id", "high_key", "fixed_version")), told)
                Advisory.objects.filter(id__in={row.advisory_id for row in part}).update(settled=UNTOLD)


def _changed(generation: Generation, page: Sequence[tuple[str, str]]) -> list[AffectedRange]:
    return [row for each in page for row in _with_epochs(_rows_of(generation, each))]


def _rows_of(generation: Generation, place: tuple[str, str]) -> list[tuple[datetime, AffectedRange]]:
    """Return a name's ranges with the day of their notices, the oldest first; notices without one tell nothing."""
    found = (
        AffectedRange.objects.filter(
            stream=place[0],
            name=place[1],
            scheme=RPM,
            advisory__feed_id=generation.feed_id,
            advisory__organisation=None,
            advisory__generation_end=None,
            advisory__published_at__isnull=False,
        )
        .exclude(fixed_version="")
        .select_related("advisory")
        .defer("advisory__details")
    )
    dated = [(row.advisory.published_at, row) for row in found]
    # Of one instant by their refs: ids say what was imported when, which must not matter.
    return sorted(
        ((at, row) for at, row in dated if at is not None), key=lambda pair: (pair[0], pair[1].advisory.ref, pair[1].id)
    )


def _with_epochs(dated: Sequence[tuple[datetime, AffectedRange]]) -> Iterator[AffectedRange]:
    """Yield the ranges whose fixed version gains an epoch, with it."""
    epoch = 0
    for _, together in groupby(dated, key=lambda pair: pair[1].advisory_id):
        own = [row for _, row in together]
        for row in own:
            if epoch and ":" not in row.fixed_version and (told := _raised(row, epoch)):
                yield told
        epoch = max(epoch, *(_epoch_of(row.fixed_version) for row in own))


def _raised(row: AffectedRange, epoch: int) -> AffectedRange | None:
    try:
        key = order_key(RPM, f"{epoch}:{row.fixed_version}")
    except InvalidVersion:
        return None
    row.fixed_version, row.high_key = f"{epoch}:{row.fixed_version}", key
    return row


def _epoch_of(version: str) -> int:
    told = version.partition(":")[0] if ":" in version else "0"
    return int(told) if told.isdecimal() else 0
