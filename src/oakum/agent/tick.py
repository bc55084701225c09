"""One tick of the agent: look, check in, upload what is asked for, let the actor work, send what came of it.

Every step stands for itself: without the server the actor still goes on with what it has begun, and what it reports
waits in the spool.  Nothing here decides whether an order may be obeyed (``actor``, ``protocol.trust``).
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable

from oakum.agent.broker import Broker, Transport
from oakum.agent.broker.address import parse_server
from oakum.agent.broker.check_in import check_in
from oakum.agent.broker.outcomes import flush_spool
from oakum.agent.config import (
    ORDERS_DIR,
    AgentConfig,
    OwnerPolicy,
    load_config,
    load_policy,
    load_secret,
    narrow_to_host,
)
from oakum.agent.context import ActorContext
from oakum.agent.errors import AgentError
from oakum.agent.log import log
from oakum.agent.managers import PackageManager, detect
from oakum.agent.notes import answer_notes
from oakum.agent.observer import Observation, observe
from oakum.agent.spool import OUTCOME_WAITING_COUNT_MAX, Spool
from oakum.agent.state import StateStore
from oakum.protocol.dsse import Envelope
from oakum.protocol.messages import PROTOCOL_VERSION, ActiveOrder, CheckInReply, InventoryUpload, Outcome
from oakum.protocol.orders import OUTCOME_STARTED
from oakum.protocol.trust import MODE_APPLY, parse_instant, render_instant

# After a failure the lists are tried again at the next tick that is at least this much later.
REFRESH_RETRY = timedelta(hours=1)
SYSTEM_DIRECTORY = "/usr"


@dataclass(frozen=True)
class Agent:
    """What a tick works with."""

    config_dir: Path
    state_dir: Path
    config: AgentConfig
    store: StateStore
    spool: Spool
    broker: Broker
    find_manager: Callable[[], PackageManager | None]
    now: Callable[[], datetime]


@dataclass(frozen=True)
class Look:
    """How one tick looks at the host: by which package manager, under which policy, past which processes."""

    manager: PackageManager | None
    policy: OwnerPolicy
    ignored_pids: frozenset[int]


@dataclass(frozen=True)
class TickReport:
    """How a tick went: when the actor wants to go on (None: nothing is begun), and the fault met with the server."""

    next_due_at: datetime | None
    fault: AgentError | None


def utc_now() -> datetime:
    """Return the host's clock."""
    return datetime.now(timezone.utc)


def open_agent(config_dir: Path, state_dir: Path) -> Agent:
    """Load what enrolment left and open state and spool.  The caller holds the lock.

    Raises:
        HostError: not enrolled, or a file is damaged.
    """
    config = load_config(config_dir)
    transport = Transport(parse_server(config.server), config.certificate)
    return Agent(
        config_dir=config_dir,
        state_dir=state_dir,
        config=config,
        store=StateStore(state_dir),
        spool=Spool(state_dir),
        broker=Broker(transport, host_id=config.host_id, secret=load_secret(config_dir)),
        find_manager=detect,
        now=utc_now,
    )


def current_policy(config_dir: Path) -> OwnerPolicy:
    """Return the owner's policy as far as this process, as it is run, can follow it."""
    writable = os.access(SYSTEM_DIRECTORY, os.W_OK)
    return narrow_to_host(load_policy(config_dir), is_root=os.geteuid() == 0, writable=writable)


def tick(agent: Agent, *, ignored_pids: frozenset[int] = frozenset()) -> TickReport:
    """Do one tick.  A fault of the server's is in the report; one of the host's own files is raised.

    Raises:
        HostError: the state or spool cannot be written.
    """
    policy = current_policy(agent.config_dir)
    if policy.problem:
        log("policy.narrowed", problem=policy.problem)
    # A new one each time: what it remembers of the host's settings and lists holds for a tick.
    look = Look(manager=agent.find_manager(), policy=policy, ignored_pids=ignored_pids)
    _refresh_lists(agent, look)
    fault, reply = _report(agent, look)
    next_due_at, inventory_changed = work_on(agent, policy, reply.orders if reply else ())
    if inventory_changed:
        fault, _ = _report(agent, look)
    if fault is None:
        fault = _attempt("outcomes.send", lambda: flush_spool(agent.broker, agent.spool))
    agent.broker.close()
    return TickReport(next_due_at=next_due_at, fault=fault)


def _report(agent: Agent, look: Look) -> tuple[AgentError | None, CheckInReply | None]:
    """Look, check in, and send what the server asks for."""
    observation = observe(
        look.manager,
        state_dir=agent.state_dir,
        policy_mode=look.policy.local.mode,
        now=agent.now(),
        ignored_pids=look.ignored_pids,
    )
    active = list_active_orders(agent.state_dir)
    try:
        reply = check_in(agent.broker, agent.store, observation, active=active, now=agent.now)
    except AgentError as error:
        log("check_in.failed", server=agent.config.server, code=error.code, problem=error)
        return error, None
    log("check_in.done", need=",".join(reply.need), orders=len(reply.orders), notes=len(reply.notes_wanted))
    fault = _attempt("inventory.send", lambda: _upload(agent, observation, reply.need))
    if fault is None:
        fault = _attempt("notes.send", lambda: answer_notes(agent.broker, look.manager, reply.notes_wanted))
    if fault is not None:
        agent.store.change(check_in_problem=str(fault))
    return fault, reply


def list_active_orders(state_dir: Path) -> tuple[ActiveOrder, ...]:
    """Return the orders that this host is at work with."""
    if not (state_dir / ORDERS_DIR).is_dir():
        return ()
    from oakum.agent.actor import active_orders  # noqa: PLC0415 - see work_on

    return tuple(active_orders(str(state_dir)))


def work_on(agent: Agent, policy: OwnerPolicy, envelopes: tuple[Envelope, ...]) -> tuple[datetime | None, bool]:
    """Let the actor work; return when it wants to go on, and whether it changed what is installed.

    It is imported only on a host that has ever had an order: most ticks of most hosts need not pay for it.
    """
    if not envelopes and not (agent.state_dir / ORDERS_DIR).is_dir():
        return None, False
    from oakum.agent.actor import work  # noqa: PLC0415

    done = work(_context(agent, policy), envelopes)
    return done.next_due_at, done.inventory_changed


def _attempt(event: str, step: Callable[[], object]) -> AgentError | None:
    try:
        step()
    except AgentError as error:
        log(event + "_failed", code=error.code, problem=error)
        return error
    return None


def _upload(agent: Agent, observation: Observation, need: tuple[str, ...]) -> None:
    if not need:
        return
    upload = InventoryUpload(
        protocol=PROTOCOL_VERSION,
        observed_at=render_instant(observation.observed_at),
        packages=observation.packages if "packages" in need else None,
        offers=observation.offers if "offers" in need else None,
        facts=observation.facts if "facts" in need else None,
    )
    stored = agent.broker.upload(upload).stored
    log("inventory.sent", stored=",".join(stored))


def _refresh_lists(agent: Agent, look: Look) -> None:
    """Refresh the package lists when the owner allows changes and they are old, or cannot be relied on."""
    manager, policy = look.manager, look.policy
    if manager is None or policy.local.mode != MODE_APPLY or policy.refresh_lists_hours == 0:
        return
    now, tried_at = agent.now(), agent.store.state.lists_tried_at
    if tried_at and timedelta(0) <= now - parse_instant(tried_at) < REFRESH_RETRY:
        return
    updated_at = manager.lists_updated_at()
    is_recent = updated_at is not None and now - updated_at < timedelta(hours=policy.refresh_lists_hours)
    if is_recent and not manager.lists_problem(now):
        return
    refresh = manager.refresh_lists()
    agent.store.change(lists_tried_at=render_instant(now.replace(microsecond=0)), lists_problem=refresh.problem)
    log("lists.refreshed" if not refresh.problem else "lists.refresh_failed", problem=refresh.problem)


def _context(agent: Agent, policy: OwnerPolicy) -> ActorContext:
    config = agent.config
    return ActorContext(
        state_dir=str(agent.state_dir),
        host_id=config.host_id,
        organisation_id=config.organisation_id,
        server_key=bytes.fromhex(config.server_key),
        policy=policy.local,
        load_trust=lambda: agent.store.load_trust(config.host_id, config.organisation_id),
        save_trust=agent.store.save_trust,
        ask_permit=agent.broker.ask_permit,
        report=lambda outcome: _report_outcome(agent, outcome),
        unacknowledged=lambda: frozenset(
            each.outcome.order_id for each in agent.spool.waiting(OUTCOME_WAITING_COUNT_MAX)
        ),
        now=agent.now,
        monotonic=time.monotonic,
        sleep=time.sleep,
        log=log,
    )


def _report_outcome(agent: Agent, outcome: Outcome) -> None:
    """Store an outcome; that a change has begun is told at once, because the change itself can take many minutes."""
    agent.spool.add(outcome)
    if outcome.kind == OUTCOME_STARTED:
        threading.Thread(target=_send_now, args=(agent,), name="send-started", daemon=True).start()


def _send_now(agent: Agent) -> None:
    # A connection of its own: the actor may ask for something on the other one meanwhile.
    transport = Transport(parse_server(agent.config.server), agent.config.certificate)
    broker = Broker(transport, host_id=agent.config.host_id, secret=load_secret(agent.config_dir))
    try:
        flush_spool(broker, agent.spool)
    except (AgentError, OSError) as error:
        log("outcomes.send_failed", problem=error)  # they wait in the spool, as all do
    finally:
        broker.close()
