"""Send what waits in the spool, oldest first, in batches, until the server has stored it or says no.

Only what the server names as stored leaves the spool.
"""

from __future__ import annotations

from oakum.agent.broker.client import Broker
from oakum.agent.spool import OUTCOME_WAITING_COUNT_MAX, Spool, Waiting
from oakum.protocol.codec import canonical_json
from oakum.protocol.messages import BODY_BYTES_MAX, OUTCOME_COUNT_MAX, PROTOCOL_VERSION, OutcomesUpload

# A batch of several stays within what any server takes; a single large outcome goes alone.
BATCH_BYTES_MAX = BODY_BYTES_MAX - 1024
BATCH_COUNT_MAX = OUTCOME_WAITING_COUNT_MAX


def flush_spool(broker: Broker, spool: Spool) -> int:
    """Send what waits and return how many outcomes were stored; stops when the server stores none of a batch.

    Raises:
        AgentError: the server cannot be reached or refuses; everything not yet stored stays in the spool.
    """
    stored_count = 0
    for _ in range(BATCH_COUNT_MAX):
        batch = choose_batch(spool.waiting(OUTCOME_COUNT_MAX))
        if not batch:
            break
        upload = OutcomesUpload(protocol=PROTOCOL_VERSION, outcomes=tuple(waiting.outcome for waiting in batch))
        stored = set(broker.send_outcomes(upload).stored)
        acknowledged = [waiting for waiting in batch if waiting.outcome.outcome_id in stored]
        for waiting in acknowledged:
            spool.remove(waiting)
        stored_count += len(acknowledged)
        if not acknowledged:
            break
    return stored_count


def choose_batch(waiting: tuple[Waiting, ...]) -> tuple[Waiting, ...]:
    """Return the first outcomes that go into BATCH_BYTES_MAX together, at least one if any waits."""
    size, count = 0, 0
    for each in waiting:
        size += len(canonical_json(each.outcome)) + 1
        if count and size > BATCH_BYTES_MAX:
            break
        count += 1
    return waiting[:count]
