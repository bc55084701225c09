"""Have the release notes of each new update read by one host.

What the fleet offers is loaded here, ``core.election`` chooses, ``catalogue`` stores.  Hosts are not reached from here:
the one that is asked learns it at its next check-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from oakum.catalogue.queries import (
    KnownNotes,
    PendingNotes,
    asked_counts,
    notes_known,
    notes_pending,
    organisations_waiting_for_notes,
)
from oakum.catalogue.services import Ask, ask_for_notes, give_up_asking, stop_wanting, want_notes_again
from oakum.core.election import (
    ELECTION_TIMEOUT,
    NOT_OFFERED,
    NOTES_ATTEMPT_MAX,
    OFFERED_WITHIN,
    TIMED_OUT,
    Candidate,
    elect,
)
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import order_key
from oakum.findings.services.offered import (
    candidates_for,
    installed_in,
    installed_of,
    lowest_below,
    lowest_installed,
)
from oakum.fleet.models import Host
from oakum.protocol.messages import NOTES_REQUEST_COUNT_MAX

# How often known notes are compared with what the fleet has: a host older than they reach is rare.
AGAIN_EVERY = timedelta(minutes=10)
_ORGANISATION_COUNT_MAX = 10_000

# Looking through what hosts are offered is dear: what nobody could be asked about is looked at again after this.
RETRY_AFTER = timedelta(seconds=15)

# Both only save looking; a new process looks at once.
_looked_again_at: dict[UUID, datetime] = {}
_waiting: dict[UUID, tuple[datetime, frozenset[int]]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ElectReport:
    """What one run has done: hosts asked, asks given up, and updates that nobody can be asked about now."""

    asked_count: int
    lapsed_count: int
    waiting_count: int


def elect_note_readers(*, now: datetime) -> ElectReport:
    """Ask one host for each update whose notes are wanted; ask another where one has not answered in time."""
    _look_again(now)
    reports = [
        _elect_in(organisation_id, now)
        for organisation_id in organisations_waiting_for_notes(now=now, timeout=ELECTION_TIMEOUT)
    ]
    return ElectReport(
        asked_count=sum(report.asked_count for report in reports),
        lapsed_count=sum(report.lapsed_count for report in reports),
        waiting_count=sum(report.waiting_count for report in reports),
    )


def _elect_in(organisation_id: UUID, now: datetime) -> ElectReport:
    pending = notes_pending(organisation_id=organisation_id, now=now, timeout=ELECTION_TIMEOUT)
    lapsed = [each for each in pending if each.is_lapsed and each.asked_at is not None]
    for each in lapsed:
        assert each.asked_at is not None
        give_up_asking(
            organisation_id=organisation_id, update_id=each.update_id, asked_at=each.asked_at, problem=TIMED_OUT
        )
    # What has just lapsed for the last time is ABSENT by now.
    wanted = [each for each in pending if each.attempt_count + each.is_lapsed < NOTES_ATTEMPT_MAX]
    looked_at, waiting = _waiting.get(organisation_id, (now, frozenset()))
    if not lapsed and now - looked_at < RETRY_AFTER and waiting.issuperset(each.update_id for each in wanted):
        return ElectReport(asked_count=0, lapsed_count=0, waiting_count=len(wanted))
    asked = _elected(organisation_id, wanted, now)
    _remember_waiting(organisation_id, wanted, asked, now)
    return ElectReport(
        asked_count=ask_for_notes(organisation_id=organisation_id, asks=_asks(organisation_id, asked), now=now),
        lapsed_count=len(lapsed),
        waiting_count=len(wanted) - len(asked),
    )


def _remember_waiting(
    organisation_id: UUID,
    wanted: Sequence[PendingNotes],
    asked: Sequence[tuple[PendingNotes, Candidate]],
    now: datetime,
) -> None:
    if len(_waiting) >= _ORGANISATION_COUNT_MAX:
        _waiting.clear()
    asked_ids = {each.update_id for each, _ in asked}
    _waiting[organisation_id] = (now, frozenset(each.update_id for each in wanted) - asked_ids)


def _elected(
    organisation_id: UUID, wanted: Sequence[PendingNotes], now: datetime
) -> list[tuple[PendingNotes, Candidate]]:
    """Return whom to ask for what; what nobody has been offered for long is given up."""
    candidates = candidates_for(organisation_id, wanted, now)
    counts = asked_counts(organisation_id=organisation_id)
    chosen = [(each, _choose(each, candidates.get(each.update_id, ()), counts)) for each in wanted]
    obsolete = [
        each.update_id
        for each in wanted
        if each.update_id not in candidates and now - each.first_seen_at > OFFERED_WITHIN and not each.is_lapsed
    ]
    if obsolete:
        stop_wanting(organisation_id=organisation_id, update_ids=tuple(obsolete), problem=NOT_OFFERED)
    return [(each, candidate) for each, candidate in chosen if candidate is not None]


def _asks(organisation_id: UUID, asked: Sequence[tuple[PendingNotes, Candidate]]) -> tuple[Ask, ...]:
    since = lowest_installed(organisation_id, [each for each, _ in asked])
    return tuple(
        Ask(
            update_id=each.update_id,
            host_id=candidate.host_id,
            package_name=candidate.package_name,
            package_version=candidate.package_version,
            architecture=candidate.architecture,
            since_version=since.get(each.update_id, ""),
        )
        for each, candidate in asked
    )


def _choose(wanted: PendingNotes, candidates: Sequence[Candidate], counts: dict[UUID, int]) -> Candidate | None:
    """Return whom to ask, and count the ask."""
    found = elect(
        candidates,
        attempt_count=wanted.attempt_count + wanted.is_lapsed,
        asked_host_id=wanted.asked_host_id,
        asked_counts=counts,
        asked_count_max=NOTES_REQUEST_COUNT_MAX,
    )
    if found is not None:
        counts[found.host_id] = counts.get(found.host_id, 0) + 1
    return found


def _look_again(now: datetime) -> None:
    """Want notes again that do not reach back to the oldest version installed: a host with an older one has come."""
    for organisation_id in Host.objects.order_by().values_list("organisation_id", flat=True).distinct():
        looked_at = _looked_again_at.get(organisation_id)
        if looked_at is not None and now - looked_at < AGAIN_EVERY:
            continue
        if len(_looked_again_at) >= _ORGANISATION_COUNT_MAX:
            _looked_again_at.clear()
        _looked_again_at[organisation_id] = now
        known = notes_known(organisation_id=organisation_id)
        if known:
            _want_older(organisation_id, known)


def _want_older(organisation_id: UUID, known: Sequence[KnownNotes]) -> None:
    older = installed_of({(each.stream, each.source_name) for each in known}, installed_in(organisation_id))
    short: list[int] = []
    for each in known:
        lowest = lowest_below(older.get((each.stream, each.source_name), ()), each.source_key)
        if lowest is not None and lowest.key < order_key(scheme_of_stream(each.stream), each.since_version):
            short.append(each.update_id)
    if short:
        want_notes_again(organisation_id=organisation_id, update_ids=tuple(short))
