"""Take an order that came by file: for a host whose network is cut, and to see why an order is refused.

The same judgement as for an order that the server handed out: signature, addressee, generation, expiry, local policy,
the real transaction; and a start permit is still asked for, so nothing starts without the server.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Tuple

from oakum.agent.broker.outcomes import flush_spool
from oakum.agent.errors import EXIT_IN_ORDER, EXIT_REFUSED, AgentError, HostError
from oakum.agent.log import log
from oakum.agent.spool import OUTCOME_WAITING_COUNT_MAX
from oakum.agent.state import lock
from oakum.agent.tick import Agent, current_policy, open_agent, work_on
from oakum.protocol.codec import WireError, from_json
from oakum.protocol.dsse import PAYLOAD_BYTES_MAX, Envelope
from oakum.protocol.messages import Outcome
from oakum.protocol.orders import OUTCOME_REFUSED

FILE_BYTES_MAX = 2 * PAYLOAD_BYTES_MAX
LOCK_TRY_COUNT_MAX = 60
LOCK_PAUSE_SECONDS = 1.0


def obey(config_dir: Path, state_dir: Path, file: Path) -> Tuple[int, Tuple[Outcome, ...]]:
    """Hand the envelope in ``file`` to the actor; return the exit code and what it reported.

    Raises:
        AgentError: the file cannot be read, is no envelope, or the agent is at work.
    """
    envelope = _read(file)
    for remaining in reversed(range(LOCK_TRY_COUNT_MAX)):
        with lock(state_dir, "oakum-agent obey") as holder:
            if not holder:
                told = _hand_over(open_agent(config_dir, state_dir), config_dir, envelope)
                break
        if not remaining:
            raise HostError(code="agent_at_work", sentence=holder, next_step="Wait until it has ended, then try again.")
        time.sleep(LOCK_PAUSE_SECONDS)  # the timer's own run is short, most of the time
    refused = any(outcome.kind == OUTCOME_REFUSED for outcome in told)
    return (EXIT_REFUSED if refused else EXIT_IN_ORDER), told


def _hand_over(agent: Agent, config_dir: Path, envelope: Envelope) -> Tuple[Outcome, ...]:
    before = {waiting.outcome.outcome_id for waiting in agent.spool.waiting(OUTCOME_WAITING_COUNT_MAX)}
    work_on(agent, current_policy(config_dir), (envelope,))
    found = [waiting.outcome for waiting in agent.spool.waiting(OUTCOME_WAITING_COUNT_MAX)]
    _send(agent)
    return tuple(outcome for outcome in found if outcome.outcome_id not in before)


def _read(file: Path) -> Envelope:
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
        return from_json(content[:FILE_BYTES_MAX], Envelope)
    except (OSError, WireError) as error:
        raise HostError(
            code="envelope_unreadable",
            sentence="%s holds no order: %s." % (file, error),
            next_step="Give the JSON file that the server signed.",
        ) from error


def _send(agent: Agent) -> None:
    try:
        flush_spool(agent.broker, agent.spool)
    except AgentError as error:
        log("outcomes.send_failed", code=error.code, problem=error)  # they wait in the spool
