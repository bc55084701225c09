"""What every step of the actor works with, and the one way in which a step's result becomes durable.

It holds no rule about orders.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Optional

from oakum.agent.actor.changes import AptChanges
from oakum.agent.actor.record import OrderRecord
from oakum.agent.actor.store import OrderStore
from oakum.agent.actor.system import System
from oakum.agent.context import ActorContext
from oakum.agent.errors import HostError


@dataclass(frozen=True)
class Step:
    """What a step came to: the record as it is on disk, and whether to go on at once or wait (until ``due_at``).

    ``touched`` says that what is installed, or what runs, may be another than before the step.
    """

    record: OrderRecord
    go_on: bool = False
    due_at: Optional[datetime] = None
    touched: bool = False


@dataclass(frozen=True)
class Tools:
    """The seam to the agent, the host, the orders on disk, and apt."""

    context: ActorContext
    system: System
    store: OrderStore
    apt: AptChanges

    def commit(self, record: OrderRecord) -> OrderRecord:
        """Make ``record`` durable, then hand its outcomes to the spool; a full spool keeps them in the record."""
        self.store.save(record)
        try:
            return self._report(record)
        except HostError as error:
            self.context.log("actor.report_waits", order=record.order_id, code=error.code, why=error.sentence)
            return record

    def commit_reported(self, record: OrderRecord) -> OrderRecord:
        """Make ``record`` durable and its outcomes spooled.

        Raises:
            HostError: the spool does not take them; whatever was to follow must not happen.
        """
        self.store.save(record)
        return self._report(record)

    def _report(self, record: OrderRecord) -> OrderRecord:
        if not record.outbox:
            return record
        for outcome in record.outbox:
            self.context.report(outcome)
        reported = dataclasses.replace(record, outbox=())
        self.store.save(reported)
        return reported
