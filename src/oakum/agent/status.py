"""Say how the agent is: whom it belongs to, how the last check-in went, what is under way, what waits, what is allowed.

It reads files alone: no lock, no network, no package manager.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from oakum import __version__
from oakum.agent.config import OwnerPolicy, is_enrolled, load_config
from oakum.agent.spool import SPOOL_DIR
from oakum.agent.state import AgentState, load_state
from oakum.agent.tick import current_policy, list_active_orders
from oakum.protocol.codec import to_plain
from oakum.protocol.messages import ActiveOrder

LABEL_WIDTH = 15


@dataclass(frozen=True)
class Status:
    """What ``status`` tells; ``problems`` are sentences, none when the agent is in order."""

    agent_version: str
    enrolled: bool
    host_id: str
    organisation_id: str
    server: str
    policy_mode: str
    checked_in_at: str
    check_in_seconds: int
    clock_skew_seconds: int
    orders: tuple[ActiveOrder, ...]
    waiting_outcome_count: int
    problems: tuple[str, ...]


def read_status(config_dir: Path, state_dir: Path) -> Status:
    """Return the agent's status.

    Raises:
        HostError: a file is damaged or may not be read by this user.
    """
    policy = current_policy(config_dir)
    enrolled = is_enrolled(config_dir)
    config = load_config(config_dir) if enrolled else None
    state = load_state(state_dir)
    return Status(
        agent_version=__version__,
        enrolled=enrolled,
        host_id=config.host_id if config else "",
        organisation_id=config.organisation_id if config else "",
        server=config.server if config else "",
        policy_mode=policy.local.mode,
        checked_in_at=state.checked_in_at,
        check_in_seconds=state.check_in_seconds,
        clock_skew_seconds=state.clock_skew_seconds,
        orders=list_active_orders(state_dir),
        waiting_outcome_count=len(list((state_dir / SPOOL_DIR).glob("*-*.json"))),
        problems=_list_problems(policy, state, config_dir) if enrolled else (_not_enrolled(config_dir),),
    )


def _list_problems(policy: OwnerPolicy, state: AgentState, config_dir: Path) -> tuple[str, ...]:
    problems = []
    if not state.check_in_tried_at:
        problems.append("The agent has not checked in yet. Run: oakum-agent run --once.")
    if state.check_in_problem:
        problems.append(f"The check-in of {state.check_in_tried_at} failed: {state.check_in_problem}")
    if policy.problem:
        problems.append(f"The policy in {config_dir} is narrowed to report-only: {policy.problem}")
    if state.lists_problem:
        problems.append(f"The package lists could not be refreshed at {state.lists_tried_at}: {state.lists_problem}")
    return tuple(problems)


def _not_enrolled(config_dir: Path) -> str:
    return f"This host is not enrolled (no {config_dir}/agent.json). Paste the server's installer line here."


def render_status(status: Status) -> str:
    """Return the status for a terminal."""
    rows = [("Agent", status.agent_version)]
    if status.enrolled:
        rows += [
            ("Host", status.host_id),
            ("Organisation", status.organisation_id),
            ("Server", status.server),
            ("Policy", status.policy_mode),
            ("Last check-in", status.checked_in_at or "never"),
            ("Check-ins", f"every {status.check_in_seconds} s" if status.check_in_seconds else "not told yet"),
            ("Clock", f"{status.clock_skew_seconds:+d} s to the server's"),
            ("Outcomes", f"{status.waiting_outcome_count} wait to be sent"),
        ]
        rows += [
            ("Order", f"{order.order_id} {order.phase} since {order.at}: {order.detail}") for order in status.orders
        ]
        if not status.orders:
            rows.append(("Orders", "none"))
    lines = [f"{label:<{LABEL_WIDTH}}{value}" for label, value in rows]
    lines += [f"{'Problem':<{LABEL_WIDTH}}{problem}" for problem in status.problems]
    return "\n".join(lines) + "\n"


def render_status_json(status: Status) -> str:
    """Return the status as one JSON object."""
    return json.dumps(to_plain(status), indent=2, sort_keys=True) + "\n"
