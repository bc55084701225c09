"""The risk side kept in this process from request to request, for as long as nothing has moved.

It changes only when a feed is imported, the assess loop has run, or a host brings a package version that none of the
organisation's hosts had: all three show in a mark of three cheap queries, or in the sets.  Each process has its own;
none is ever wrong for longer than AGE_MAX should something move without a mark.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max
from pyroaring import BitMap

from oakum.findings.models import Assessed, Finding
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.offers import KnownOffers
from oakum.findings.queries.old_code import Removed
from oakum.findings.queries.risk import Risk
from oakum.findings.queries.risk_load import load_risk
from oakum.intel.models import Feed

AGE_MAX = timedelta(seconds=60)
ORGANISATION_COUNT_MAX = 64
REMOVED_COUNT_MAX = 50_000  # as many hosts
OFFERS_COUNT_MAX = 20_000  # as many different offers
MEMO_COUNT_MAX = 500_000


@dataclass(slots=True, kw_only=True)
class Entry:
    """What is kept for one organisation."""

    removed: Removed = field(default_factory=Removed)
    offers: KnownOffers = field(default_factory=dict)
    risk: Risk | None = None
    mark: object = None
    loaded_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_entries: dict[UUID, Entry] = {}
_entries_lock = threading.Lock()


def entry_of(organisation_id: UUID) -> Entry:
    """Return what is kept for an organisation; the one that was asked for longest ago makes room."""
    with _entries_lock:
        entry = _entries.pop(organisation_id, None) or Entry()
        _entries[organisation_id] = entry
        while len(_entries) > ORGANISATION_COUNT_MAX:
            del _entries[next(iter(_entries))]
    if len(entry.removed.sets) > REMOVED_COUNT_MAX:
        entry.removed = Removed()
    if len(entry.offers) > OFFERS_COUNT_MAX:
        entry.offers = {}
    return entry


def risk_for(
    *, organisation_id: UUID, hosts: Sequence[HostLine], removed: Mapping[UUID, BitMap], is_whole: bool, now: datetime
) -> Risk:
    """Return the risk of at least what these hosts have or had, loaded again only if something has moved.

    What was loaded is kept only if the hosts are the ``is_whole`` organisation's: a few hosts' would not serve it.
    """
    entry, mark = entry_of(organisation_id), _mark()
    with entry.lock:
        risk = entry.risk
        if risk is None or not _holds(entry, risk, mark, now) or not covers(risk, hosts, removed):
            # The mark was read before the rows: what moves in between is seen by the next request.
            wanted = BitMap().union(*(host.package_set() for host in hosts), *removed.values())
            risk = load_risk(organisation_id=organisation_id, package_version_ids=wanted)
            if is_whole:
                entry.risk, entry.mark, entry.loaded_at = risk, mark, now
    return risk


def _holds(entry: Entry, risk: Risk, mark: object, now: datetime) -> bool:
    is_young = entry.loaded_at is not None and abs(now - entry.loaded_at) <= AGE_MAX
    return is_young and entry.mark == mark and len(risk.memo) <= MEMO_COUNT_MAX


def covers(risk: Risk, hosts: Sequence[HostLine], removed: Mapping[UUID, BitMap]) -> bool:
    """Say whether the risk is of all that these hosts have or had."""
    new = [host.package_set() for host in hosts if host.digest not in risk.groups_by_digest]
    return BitMap().union(*new, *removed.values()).issubset(risk.covered)


def _mark() -> object:
    feeds = tuple(Feed.objects.order_by("id").values_list("id", "generation", "imported_at"))
    assessed = tuple(
        Assessed.objects.order_by("stream").values_list("stream", "package_version_id_max", "intel_mark", "at")
    )
    return feeds, assessed, Finding.objects.aggregate(newest=Max("id"))["newest"]
