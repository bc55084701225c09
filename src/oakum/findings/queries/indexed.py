"""The views of large organisations: kept in this process, brought up to date at each request by what has moved.

What moved is asked for by a handful of small queries: the index's revisions, the log of findings that changed, the
groups.  Only what nobody wrote down (a rating that a feed changed without changing a finding) waits for RELOAD_AFTER.
Where somebody keeps it ready (``keep_ready``), no request loads anything: the first ones of a new process wait for what
is being loaded, and later ones go on with what there is until it has been loaded again beside it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db.models import Max, Sum
from pyroaring import BitMap

from oakum.findings.index.changes import KEPT_COUNT
from oakum.findings.models import Finding, FindingChange, IndexShard
from oakum.findings.queries.board import Spread
from oakum.findings.queries.cache import ORGANISATION_COUNT_MAX, entry_of
from oakum.findings.queries.fleet_side import load_by_ordinal
from oakum.findings.queries.old_code import removed_versions
from oakum.findings.queries.replica import IndexedFleet, Moved, Replica, StillLoadingError, fleet_of
from oakum.findings.queries.risk import Risk
from oakum.findings.queries.risk_load import KEV_KIND, load_risk
from oakum.findings.queries.risk_patch import patch_risk
from oakum.findings.queries.slices import Slice
from oakum.findings.queries.standing import Standing
from oakum.findings.queries.tally import Totals
from oakum.findings.queries.values import Rules
from oakum.fleet.models import Host, HostState, OrdinalBlock
from oakum.fleet.sets import load_set
from oakum.intel.models import Feed

# Up to so many hosts are read whole at each request: it costs less than asking what has moved, and waits for no loop.
PLAIN_HOST_COUNT_MAX = 500
RELOAD_AFTER = timedelta(minutes=15)
# Ids are given before they are committed: a change with a lower id may show up a moment later.
LATE_ID_COUNT = 100
# Who keeps it ready comes by every few seconds, but for a load of some; gone for so long, requests load by themselves.
KEPT_READY_FOR = timedelta(minutes=2)
WAIT_SECONDS_MAX = 60  # for another thread's load; then the hosts' own rows are read, which takes longer


@dataclass(slots=True, kw_only=True)
class _Log:
    """How far the log of finding changes has been read."""

    change_id: int
    noticed: set[int] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Kept:
    """What is kept for one organisation."""

    replica: Replica
    standing: Standing | None = None
    log: _Log | None = None
    finding_id: int = 0
    kev: object = None
    feeds: object = None
    loaded_at: datetime | None = None
    ready_at: datetime | None = None  # when somebody last looked whether it is to be loaded again
    lock: threading.Lock = field(default_factory=threading.Lock)


_kept: dict[UUID, Kept] = {}
_kept_lock = threading.Lock()


def kept_of(organisation_id: UUID) -> Kept:
    """Return what is kept for an organisation; the one that was asked for longest ago makes room."""
    with _kept_lock:
        kept = _kept.pop(organisation_id, None) or Kept(replica=Replica(organisation_id=organisation_id))
        _kept[organisation_id] = kept
        while len(_kept) > ORGANISATION_COUNT_MAX:
            del _kept[next(iter(_kept))]
    return kept


def forget_all() -> None:
    """Forget every organisation, as a new process would."""
    with _kept_lock:
        _kept.clear()


def is_large(organisation_id: UUID) -> bool:
    """Say whether an organisation's hosts are looked at through the index, and there is one."""
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED).order_by()
    if not rows.values_list("ordinal")[PLAIN_HOST_COUNT_MAX : PLAIN_HOST_COUNT_MAX + 1]:
        return False
    return IndexShard.objects.filter(organisation_id=organisation_id, generation__gt=0).exists()


def large_organisations(*, limit: int) -> tuple[UUID, ...]:
    """Return the organisations that are looked at through the index, the largest first."""
    sizes = OrdinalBlock.objects.values_list("organisation_id").annotate(size=Sum("used_count"))
    ids = sizes.filter(size__gt=PLAIN_HOST_COUNT_MAX).order_by("-size").values_list("organisation_id", flat=True)
    return tuple(islice(filter(is_large, ids.iterator()), limit))


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The slices as of now, with the hosts and the risk that they are made of."""

    fleet: IndexedFleet
    risk: Risk
    slices: tuple[Slice, ...]
    kept: Kept

    def totals(self, now: datetime) -> Totals:
        """Return the numbers of all slices as they stand now."""
        with self.kept.lock:
            assert self.kept.standing is not None
            return self.kept.standing.totals(self.fleet, now)

    def spreads(self) -> Sequence[Spread]:
        """Return the vulnerabilities, the soonest first."""
        with self.kept.lock:
            assert self.kept.standing is not None
            return self.kept.standing.spreads(self.fleet).ordered

    def suppose(self, risk: Risk, rules: Rules, now: datetime) -> Standing:
        """Return the slices that the same hosts would have with another risk."""
        with self.kept.lock:
            standing = Standing(replica=self.kept.replica, rules=rules, risk=risk)
            standing.make(self.fleet, entry_of(risk.organisation_id).removed, now)
            return standing

    def slices_of(self, cve: str) -> tuple[Slice, ...]:
        """Return the slices that have a CVE."""
        with self.kept.lock:
            assert self.kept.standing is not None
            return self.kept.standing.spreads(self.fleet).slices_of(cve)


def look(*, organisation_id: UUID, rules: Rules, now: datetime) -> Look:
    """Bring what is kept up to date and return it.

    Raises:
        IndexMovingError: the index was built anew at every try.
        StillLoadingError: another thread has been loading it for WAIT_SECONDS_MAX.
    """
    kept = kept_of(organisation_id)
    if not kept.lock.acquire(timeout=WAIT_SECONDS_MAX):
        raise StillLoadingError
    try:
        return _look(kept, rules, now)
    finally:
        kept.lock.release()


def keep_ready(*, organisation_id: UUID, rules: Rules, now: datetime) -> None:
    """Bring what is kept up to date, load it where it is to be loaded, and count it, before a request must.

    The first load is waited for by the requests that need it; another one is made beside what they use.

    Raises:
        IndexMovingError: the index was built anew at every try.
    """
    kept = kept_of(organisation_id)
    with kept.lock:
        is_loaded = kept.standing is not None
        beside = Kept(replica=kept.replica.copy()) if is_loaded and _must_reload(kept, now) else None
    fresh = beside or kept
    with fresh.lock:
        found = _look(fresh, rules, now)
    found.totals(now)
    found.spreads()
    fresh.ready_at = now
    if beside is not None:
        with _kept_lock:
            if _kept.get(organisation_id) is kept:
                _kept[organisation_id] = beside


def _look(kept: Kept, rules: Rules, now: datetime) -> Look:
    """Do the work of ``look``, under the lock of what is kept."""
    moved = kept.replica.look()
    fleet = fleet_of(kept.replica, now=now, stale_after=rules.stale_after)
    standing = kept.standing
    if standing is None or (not _is_kept_ready(kept, now) and _must_reload(kept, now)):
        with collection_paused():
            standing = _make(kept, _load(kept, now), fleet, rules, now)
    elif moved.everything or standing.rules != rules:
        with collection_paused():
            standing = _make(kept, _patched(kept, standing.risk, moved, now)[0], fleet, rules, now)
    else:
        risk, reached = _patched(kept, standing.risk, moved, now)
        removed = entry_of(kept.replica.organisation_id).removed
        if moved.hosts or moved.versions or moved.kinds or reached:
            standing.update(fleet, moved, reached, risk, removed, now)
        else:
            standing.risk = risk
    return Look(fleet=fleet, risk=standing.risk, slices=standing.ordered, kept=kept)


def _is_kept_ready(kept: Kept, now: datetime) -> bool:
    return kept.ready_at is not None and now - kept.ready_at <= KEPT_READY_FOR


@contextmanager
def collection_paused() -> Iterator[None]:
    """Make what stays for good: a million objects of which none is garbage, and which no collection need ever walk."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
    gc.collect()
    gc.freeze()


def _make(kept: Kept, risk: Risk, fleet: IndexedFleet, rules: Rules, now: datetime) -> Standing:
    kept.standing = Standing(replica=kept.replica, rules=rules, risk=risk)
    kept.standing.make(fleet, entry_of(kept.replica.organisation_id).removed, now)
    return kept.standing


def _load(kept: Kept, now: datetime) -> Risk:
    """Load the whole risk.  Marks before rows: what moves in between is read once more."""
    kept.log, kept.finding_id = _Log(change_id=_newest_change()), _newest_finding()
    kept.kev, kept.feeds, kept.loaded_at = _feeds(is_kev=True), _feeds(is_kev=False), now
    covered = BitMap(kept.replica.hosts_by_version) | _past(kept, now)
    return load_risk(organisation_id=kept.replica.organisation_id, package_version_ids=covered)


def _patched(kept: Kept, risk: Risk, moved: Moved, now: datetime) -> tuple[Risk, BitMap]:
    """Return the risk with what has moved read again, and the package versions that this reached."""
    assert kept.log is not None, "it was made when the risk was loaded"
    touched = _touched(kept.log)
    if touched:
        kept.finding_id = _newest_finding()
    past = _past(kept, now) if moved.hosts & kept.replica.past else BitMap()
    new = (moved.versions | past) - risk.covered
    return patch_risk(risk, moved=touched, new=new) if touched or new else (risk, BitMap())


def _past(kept: Kept, now: datetime) -> BitMap:
    """Return what hosts that may run old code have replaced or removed."""
    replica = kept.replica
    if not replica.past:
        return BitMap()
    organisation_id = replica.organisation_id
    lines = load_by_ordinal(
        organisation_id=organisation_id, now=now, stale_after=timedelta(0), ordinals=list(replica.past)
    )
    return BitMap().union(*removed_versions(organisation_id, lines, entry_of(organisation_id).removed).values())


def _must_reload(kept: Kept, now: datetime) -> bool:
    """Say whether something has moved that the log does not tell."""
    if kept.log is None or kept.loaded_at is None or kept.kev != _feeds(is_kev=True):
        return True
    later = FindingChange.objects.filter(id__gt=kept.log.change_id)
    if later.order_by("id")[KEPT_COUNT - 1 : KEPT_COUNT].values_list("id"):
        return True  # So much was noted that some of it may have been removed already.
    # In this order: a finding that is seen has its change in the log already.
    has_new = kept.finding_id != _newest_finding()
    if has_new and _newest_change() == kept.log.change_id:
        return True
    return abs(now - kept.loaded_at) > RELOAD_AFTER and kept.feeds != _feeds(is_kev=False)


def _touched(log: _Log) -> BitMap:
    """Return the package versions whose findings changed since the last look, and move the mark."""
    rows = FindingChange.objects.filter(id__gt=log.change_id - LATE_ID_COUNT).order_by("id")
    new = [(each, raw) for each, raw in rows.values_list("id", "package_versions") if each not in log.noticed]
    touched = BitMap().union(*(load_set(raw) for each, raw in new))
    log.change_id = max([log.change_id, *(each for each, _ in new)])
    log.noticed |= {each for each, _ in new}
    log.noticed = {each for each in log.noticed if each > log.change_id - LATE_ID_COUNT}
    return touched


def _newest_change() -> int:
    return FindingChange.objects.aggregate(newest=Max("id"))["newest"] or 0


def _newest_finding() -> int:
    return Finding.objects.aggregate(newest=Max("id"))["newest"] or 0


def _feeds(*, is_kev: bool) -> object:
    rows = Feed.objects.filter(kind=KEV_KIND) if is_kev else Feed.objects.exclude(kind=KEV_KIND)
    return tuple(rows.order_by("id").values_list("id", "generation", "imported_at"))
