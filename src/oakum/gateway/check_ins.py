"""Check-ins in batches: authenticate, take them all in one transaction, put the replies together.

Orders and notes are read after the commit, by one query each for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.catalogue.queries import notes_wanted
from oakum.fleet.services import AuthenticatedCheckIn, CheckedIn, check_in_batch
from oakum.gateway.authentication import Credentials, KnownHosts
from oakum.gateway.intervals import Intervals
from oakum.gateway.replies import Answer, refuse, render_reply
from oakum.protocol.dsse import Envelope
from oakum.protocol.messages import (
    NOTES_REQUEST_COUNT_MAX,
    ORDER_COUNT_MAX,
    REPLY_BYTES_MAX,
    CheckIn,
    CheckInReply,
    NotesRequest,
)
from oakum.protocol.trust import render_instant
from oakum.rollout.queries import orders_for

# Half of what an agent reads: base64, JSON and the other fields need room too.
ORDER_BYTES_MAX = REPLY_BYTES_MAX // 2
_LAST_PHASE = "done"

CREDENTIALS_INVALID = refuse(
    "credentials_invalid",
    "No host is known by this id and secret.",
    "Enrol this host again; if it was restored from a backup, restore /etc/oakum/secret too.",
)


@dataclass(frozen=True, slots=True)
class WaitingCheckIn:
    """A check-in whose sender has yet to be believed."""

    credentials: Credentials
    check_in: CheckIn


class CheckIns:
    """Handles batches of check-ins in a worker's thread."""

    def __init__(self, known_hosts: KnownHosts, intervals: Intervals, *, clock: Callable[[], datetime]) -> None:
        """``clock`` gives the instant; everything else is read from the database."""
        self._known_hosts = known_hosts
        self._intervals = intervals
        self._clock = clock

    def handle(self, waiting: Sequence[WaitingCheckIn]) -> Sequence[Answer]:
        """Answer each of ``waiting``, in order."""
        self._known_hosts.learn({each.credentials.host_id for each in waiting})
        believed = [index for index, each in enumerate(waiting) if self._known_hosts.judge(each.credentials)]
        answers = dict.fromkeys(range(len(waiting)), CREDENTIALS_INVALID)
        if believed:
            taken = self._take([waiting[index] for index in believed])
            answers.update(zip(believed, taken, strict=True))
        return list(answers.values())

    def _take(self, waiting: Sequence[WaitingCheckIn]) -> list[Answer]:
        now = self._clock()
        items = [AuthenticatedCheckIn(host_id=each.credentials.host_id, check_in=each.check_in) for each in waiting]
        results = check_in_batch(items, now=now)
        host_ids = [result.host_id for result in results if isinstance(result, CheckedIn)]
        orders: Mapping[UUID, Sequence[Envelope]] = orders_for(host_ids=host_ids) if host_ids else {}
        notes: Mapping[UUID, Sequence[NotesRequest]] = notes_wanted(host_ids) if host_ids else {}
        server_time = render_instant(now)
        answers = []
        for item, result in zip(items, results, strict=True):
            if not isinstance(result, CheckedIn):
                answers.append(refuse(result.code, result.sentence, result.next_step))
                continue
            mine = bounded(orders.get(result.host_id, ()))
            asked = tuple(notes.get(result.host_id, ()))[:NOTES_REQUEST_COUNT_MAX]
            # Who tells new offers now may be asked for their release notes as soon as they have been looked at.
            busy = bool(mine or asked or "offers" in result.need)
            busy = busy or any(order.phase != _LAST_PHASE for order in item.check_in.active)
            answers.append(
                render_reply(
                    CheckInReply(
                        nonce=result.nonce,
                        server_time=server_time,
                        need=result.need,
                        orders=mine,
                        notes_wanted=asked,
                        check_in_seconds=self._intervals.seconds(result.organisation_id, busy=busy),
                    )
                )
            )
        return answers


def bounded(orders: Sequence[Envelope]) -> tuple[Envelope, ...]:
    """Return as many of ``orders`` as fit into a reply; the host gets the others at its next check-in."""
    taken: list[Envelope] = []
    size = 0
    for envelope in orders[:ORDER_COUNT_MAX]:
        size += len(envelope.payload)
        if taken and size > ORDER_BYTES_MAX:
            break
        taken.append(envelope)
    return tuple(taken)
