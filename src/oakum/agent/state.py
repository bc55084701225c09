"""What the agent remembers between runs: STATE/state.json, and the lock that keeps a second run out.

Every change is on disk before the call returns.  It decides nothing: the check-in's rules are in ``broker.check_in``,
those of orders in ``actor``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from oakum.agent.errors import HostError
from oakum.agent.files import MODE_PRIVATE, make_directory, read_bounded, write_atomically
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.messages import CLOCK_SKEW_SECONDS_MAX
from oakum.protocol.trust import HostTrust

STATE_FILE = "state.json"
LOCK_FILE = "lock"
FINISHED_ORDER_COUNT_MAX = 1_000


@dataclass(frozen=True)
class AgentState:
    """state.json.

    ``attempt`` is the check-in that was sent and not yet answered, empty if none.  Instants are RFC 3339 text, empty
    for never.  ``check_in_problem`` is why the last check-in failed, empty if it went well.
    ``clock_skew_seconds`` is the server's clock less ours.
    """

    nonce: str = ""
    attempt: str = ""
    checked_in_at: str = ""
    check_in_tried_at: str = ""
    check_in_problem: str = ""
    check_in_seconds: int = 0
    packages_hash: str = ""
    offers_hash: str = ""
    facts_hash: str = ""
    clock_skew_seconds: int = 0
    generation_max: int = 0
    current_order_hash: str = ""
    finished_order_ids: tuple[str, ...] = ()
    lists_tried_at: str = ""
    lists_problem: str = ""


class StateStore:
    """state.json under ``state_dir``: read once, written at every change."""

    def __init__(self, state_dir: Path) -> None:
        """Read the state, or start with an empty one.

        Raises:
            HostError: the file is there and cannot be understood.
        """
        self.path = state_dir / STATE_FILE
        self.state = load_state(state_dir)

    def change(self, **changes: Any) -> AgentState:
        """Replace the fields named, durably, and return the new state."""
        state = dataclasses.replace(self.state, **changes)
        if state != self.state:
            write_atomically(self.path, canonical_json(state), MODE_PRIVATE)
            self.state = state
        return state

    def load_trust(self, host_id: str, organisation_id: str) -> HostTrust:
        """Return what ``trust.judge_order`` needs to know of this host's past."""
        return HostTrust(
            host_id=host_id,
            organisation_id=organisation_id,
            generation_max=self.state.generation_max,
            current_order_hash=self.state.current_order_hash,
            finished_order_ids=self.state.finished_order_ids,
            clock_skew_seconds=self.state.clock_skew_seconds,
            clock_skew_seconds_max=CLOCK_SKEW_SECONDS_MAX,
        )

    def save_trust(self, trust: HostTrust) -> None:
        """Keep the newest generation and the last FINISHED_ORDER_COUNT_MAX orders, durably.

        Raises:
            HostError: the generation would go back; that would let old orders in again.
        """
        if trust.generation_max < self.state.generation_max:
            raise HostError(
                code="generation_backwards",
                sentence=f"The order generation cannot go from {self.state.generation_max} to {trust.generation_max}.",
                next_step="This is a fault of the agent; please report it.",
            )
        self.change(
            generation_max=trust.generation_max,
            current_order_hash=trust.current_order_hash,
            finished_order_ids=trust.finished_order_ids[-FINISHED_ORDER_COUNT_MAX:],
        )


def load_state(state_dir: Path) -> AgentState:
    """Return the state on disk, an empty one if there is none.

    Raises:
        HostError: the file is there and cannot be understood.  Starting anew would forget which orders are void.
    """
    path = state_dir / STATE_FILE
    content = read_bounded(path)
    if content is None:
        return AgentState()
    try:
        return from_json(content, AgentState)
    except WireError as error:
        raise HostError(
            code="state_damaged",
            sentence=f"{path} cannot be understood: {error}.",
            next_step="Restore it from a backup, or enrol this host again with --force.",
        ) from error


@contextlib.contextmanager
def lock(state_dir: Path, purpose: str) -> Iterator[str]:
    """Hold STATE/lock; yields "" when held, else a sentence that says who holds it (and then nothing may be changed).

    Raises:
        HostError: the state directory cannot be made or written.
    """
    make_directory(state_dir)
    path = state_dir / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE_PRIVATE)
    except OSError as error:
        raise HostError(
            code="state_unwritable",
            sentence=f"Cannot open {path}: {error.strerror}.",
            next_step="Run the agent as root, or name another directory with --state-dir.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 200).decode("utf-8", "replace").strip() or "another process"
            yield f"The agent is already at work: {holder}."
            return
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{purpose}, process {os.getpid()}\n".encode())
        yield ""
    finally:
        os.close(descriptor)
