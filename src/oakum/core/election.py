"""Which host is asked to read the release notes of an update.

One host an update, not all: a fleet of 10,000 must not fetch the same changelog 10,000 times.  Pure: what the fleet
offers comes in as values, the choice goes out; ``catalogue`` stores it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

# A host that has not been heard for so long will hardly answer soon.
ONLINE_WITHIN: Final = timedelta(minutes=20)
# Several check-ins and a download over a slow line.
ELECTION_TIMEOUT: Final = timedelta(minutes=30)
NOTES_ATTEMPT_MAX: Final = 5
# An update that nobody offered for so long has been replaced by a newer one.
OFFERED_WITHIN: Final = timedelta(days=14)
TIMED_OUT: Final = "The host that was asked did not answer within 30 minutes."
NOT_OFFERED: Final = "No host that is offered this version has been online to read its notes."


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One binary package of the update as one host is offered it; ``download_bytes`` 0: the host could not tell."""

    host_id: UUID
    is_local: bool
    last_seen_at: datetime
    package_name: str
    package_version: str
    architecture: str
    download_bytes: int


def elect(
    candidates: Sequence[Candidate],
    *,
    attempt_count: int,
    asked_host_id: UUID | None,
    asked_counts: Mapping[UUID, int],
    asked_count_max: int,
) -> Candidate | None:
    """Return whom to ask for which binary package, None where nobody can be asked now.

    ``asked_counts`` is for how many notes each host is asked already, ``asked_host_id`` who has failed last.
    Rules, first to last: a host with room for another ask; another host than the one that has just failed, if there
    is one; rather a host of the fleet than the machine that the server itself runs on; the host asked for the fewest,
    then the one heard last; of its binary packages the smallest download, and after each failed attempt the next
    bigger one, because some packages keep their changelog in another package.
    """
    with_room = [each for each in candidates if asked_counts.get(each.host_id, 0) < asked_count_max]
    others = [each for each in with_room if each.host_id != asked_host_id]
    able = others or with_room
    if not able:
        return None
    host_id = min(able, key=lambda each: _preference(each, asked_counts)).host_id
    own = sorted((each for each in able if each.host_id == host_id), key=_size)
    return own[attempt_count % len(own)]


def _preference(candidate: Candidate, asked_counts: Mapping[UUID, int]) -> tuple[bool, int, float, str]:
    return (
        candidate.is_local,
        asked_counts.get(candidate.host_id, 0),
        -candidate.last_seen_at.timestamp(),
        str(candidate.host_id),
    )


def _size(candidate: Candidate) -> tuple[bool, int, str, str]:
    return (
        candidate.download_bytes == 0,
        candidate.download_bytes,
        candidate.package_name,
        candidate.architecture,
    )
