"""The orders of a host on its disk: STATE/orders/ORDER_ID/, and what was answered without being kept.

Every write is whole and durable before it returns.  It decides nothing about orders; which records may follow which is
``record``'s and the phases' matter.

In an order's directory: envelope.json (as it was signed), record.json (how far it is; written last, so that an order is
there or is not), before.json (the pre-state), look.json (a first look that found harm), old/ (the previous versions'
.debs), downloads.json, and what ``children`` keeps of launched programs.  Beside: orders/seen.json, and kept/, the
.debs of versions that an order brought here: the way back for the next one, when no repository has them any more.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple

from oakum.agent.actor.health_state import HealthState
from oakum.agent.actor.record import DONE, OrderRecord, PreState
from oakum.agent.actor.system import System
from oakum.agent.errors import HostError
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.dsse import Envelope
from oakum.protocol.messages import Outcome
from oakum.protocol.orders import WorkOrder, payload_hash

FILE_BYTES_MAX = 16 * 1024 * 1024
ORDER_COUNT_MAX = 200
# Finished orders whose directory stays for a person to look into; the server has their outcomes.
DONE_COUNT_MAX = 20
SEEN_COUNT_MAX = 1_000


@dataclass(frozen=True)
class OrderCase:
    """An order and how far it is."""

    record: OrderRecord
    order: WorkOrder


@dataclass(frozen=True)
class Seen:
    """Envelopes and orders that were answered without being kept, oldest first; and what that still asks for.

    ``outbox``: answers not yet in the spool; ``finished``: orders not yet among those never carried out again.
    """

    keys: Tuple[str, ...] = ()
    outbox: Tuple[Outcome, ...] = ()
    finished: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Downloads:
    """Names of files in apt's archive cache."""

    names: Tuple[str, ...]


class OrderStore:
    """The orders under ``state_dir``."""

    def __init__(self, system: System, state_dir: str) -> None:
        """Touch nothing yet."""
        self._system = system
        self.orders = state_dir.rstrip("/") + "/orders"
        self.kept = state_dir.rstrip("/") + "/kept"

    def directory(self, order_id: str) -> str:
        """Return an order's directory; the id was judged to be a plain word."""
        return "%s/%s" % (self.orders, order_id)

    def old(self, order_id: str) -> str:
        """Return where an order keeps the previous versions' .debs."""
        return self.directory(order_id) + "/old"

    def cases(self) -> Tuple[Tuple[OrderCase, ...], Tuple[str, ...]]:
        """Return every order that can be read, lowest generation first, and the names of those that cannot."""
        cases: List[OrderCase] = []
        unreadable: List[str] = []
        for name in self._system.list_names(self.orders)[:ORDER_COUNT_MAX]:
            try:
                case = self._case(name)
            except (HostError, WireError, binascii.Error, ValueError):
                unreadable.append(name)
                continue
            if case is not None:
                cases.append(case)
        return tuple(sorted(cases, key=lambda case: case.record.generation)), tuple(unreadable)

    def _case(self, name: str) -> Optional[OrderCase]:
        record = self._load(name, "record.json")
        if record is None:
            return None  # seen.json, or a crash before the order was wholly there; it will be delivered again.
        envelope = from_json(self._load(name, "envelope.json") or b"", Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        found = from_json(record, OrderRecord)
        if payload_hash(payload) != found.order_hash:
            raise WireError("the envelope is not the order's")
        return OrderCase(record=found, order=from_json(payload, WorkOrder))

    def add(self, record: OrderRecord, envelope: Envelope) -> None:
        """Keep a new order."""
        directory = self.directory(record.order_id)
        self._system.write(directory + "/envelope.json", canonical_json(envelope))
        self.save(record)

    def save(self, record: OrderRecord) -> None:
        """Keep how far an order is."""
        self._system.write(self.directory(record.order_id) + "/record.json", canonical_json(record))

    def save_before(self, order_id: str, before: PreState) -> None:
        """Keep the pre-state."""
        self._system.write(self.directory(order_id) + "/before.json", canonical_json(before))

    def load_before(self, order_id: str) -> PreState:
        """Return the pre-state.

        Raises:
            HostError: it is not there or cannot be understood, which no crash explains.
        """
        try:
            return from_json(self._load(order_id, "before.json") or b"", PreState)
        except WireError as error:
            raise HostError(
                code="pre_state_damaged",
                sentence="The pre-state of order %s cannot be understood: %s." % (order_id, error),
                next_step="Look at the host's health yourself; the order cannot be taken back automatically.",
            ) from error

    def save_look(self, order_id: str, look: HealthState) -> None:
        """Keep a first look, until the second."""
        self._system.write(self.directory(order_id) + "/look.json", canonical_json(look))

    def load_look(self, order_id: str) -> Optional[HealthState]:
        """Return the first look, None if there is none."""
        content = self._load(order_id, "look.json")
        return None if content is None else from_json(content, HealthState)

    def downloads(self, order_id: str) -> Tuple[str, ...]:
        """Return the file names that an order was about to put into apt's archive cache."""
        content = self._load(order_id, "downloads.json")
        return () if content is None else from_json(content, Downloads).names

    def add_downloads(self, order_id: str, names: Sequence[str]) -> None:
        """Keep, before they are fetched, the names of files that an order puts into apt's archive cache."""
        known = self.downloads(order_id)
        merged = tuple(sorted({*known, *names}))
        if merged != known:
            path = self.directory(order_id) + "/downloads.json"
            self._system.write(path, canonical_json(Downloads(names=merged)))

    def forget_downloads(self, order_id: str) -> None:
        """Forget those names."""
        self._system.remove(self.directory(order_id) + "/downloads.json")

    def load_seen(self) -> Seen:
        """Return what was answered; a damaged list is an empty one: at worst an answer is repeated."""
        content = self._system.read(self.orders + "/seen.json", FILE_BYTES_MAX)
        try:
            return Seen() if content is None else from_json(content, Seen)
        except WireError:
            return Seen()

    def save_seen(self, seen: Seen) -> None:
        """Keep what was answered, the latest SEEN_COUNT_MAX."""
        bounded = dataclasses.replace(seen, keys=seen.keys[-SEEN_COUNT_MAX:])
        self._system.write(self.orders + "/seen.json", canonical_json(bounded))

    def tidy(self, cases: Tuple[OrderCase, ...]) -> None:
        """Remove the oldest finished orders beyond DONE_COUNT_MAX, and directories that are no order."""
        for name in self._system.list_names(self.orders)[:ORDER_COUNT_MAX]:
            files = self._system.list_names(self.directory(name))
            if files and "record.json" not in files:
                self._system.remove(self.directory(name))  # A crash before the record was there, or after it went.
        done = [case.record for case in cases if case.record.phase == DONE and not case.record.outbox]
        done.sort(key=lambda record: record.phase_at)
        for record in done[: max(0, len(done) - DONE_COUNT_MAX)]:
            self._system.remove(self.directory(record.order_id) + "/record.json")
            self._system.remove(self.directory(record.order_id))

    def _load(self, order_id: str, name: str) -> Optional[bytes]:
        return self._system.read("%s/%s" % (self.directory(order_id), name), FILE_BYTES_MAX)
