"""Outcomes that wait for the server: one file each, in the order in which they happened, gone when acknowledged.

An outcome is on disk before ``add`` returns.  The spool is bounded: when it is full the oldest outcome that says least
goes (``deferred``), never a final one.  Sending is ``broker``'s business.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from oakum.agent.errors import HostError
from oakum.agent.files import make_directory, move_aside, read_bounded, remove_durably, write_atomically
from oakum.agent.log import log
from oakum.protocol.codec import WireError, canonical_json, from_json
from oakum.protocol.messages import Outcome
from oakum.protocol.orders import OUTCOME_DEFERRED

SPOOL_DIR = "spool"
BROKEN_DIR = "spool-broken"
OUTCOME_WAITING_COUNT_MAX = 2_000
# The tail of the package manager's output; a whole upgrade's log is on the host.
LOG_BYTES_MAX = 16_000
HEALTH_COUNT_MAX = 500


@dataclass(frozen=True)
class Waiting:
    """An outcome in the spool, and the file that holds it."""

    path: Path
    outcome: Outcome


class Spool:
    """The outcomes under ``state_dir``/spool."""

    def __init__(self, state_dir: Path) -> None:
        """Make the directory if it is absent."""
        self.directory = state_dir / SPOOL_DIR
        self.broken = state_dir / BROKEN_DIR
        make_directory(self.directory)

    def add(self, outcome: Outcome) -> None:
        """Store ``outcome`` durably behind the others; one that already waits (same id) is not stored twice.

        Raises:
            HostError: the disk is full, or OUTCOME_WAITING_COUNT_MAX outcomes wait and none may go.
        """
        paths = self._paths()
        if any(path.stem.partition("-")[2] == outcome.outcome_id for path in paths):
            return
        if len(paths) >= OUTCOME_WAITING_COUNT_MAX:
            self._make_room()
        number = int(paths[-1].stem.partition("-")[0]) + 1 if paths else 1
        path = self.directory / f"{number:012d}-{_file_word(outcome.outcome_id)}.json"
        write_atomically(path, canonical_json(_bounded(outcome)))

    def waiting(self, limit: int) -> tuple[Waiting, ...]:
        """Return the oldest ``limit`` outcomes; a file that cannot be understood is moved to spool-broken."""
        found: list[Waiting] = []
        for path in self._paths():
            if len(found) >= limit:
                break
            content = read_bounded(path)
            try:
                found.append(Waiting(path=path, outcome=from_json(content or b"", Outcome)))
            except WireError as error:
                log("spool.broken", file=path.name, error=error)
                move_aside(path, self.broken / path.name)
        return tuple(found)

    def count(self) -> int:
        """Return how many outcomes wait."""
        return len(self._paths())

    def remove(self, waiting: Waiting) -> None:
        """Forget an outcome that the server has stored."""
        remove_durably(waiting.path)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self.directory.glob("*-*.json") if path.stem.partition("-")[0].isdigit())

    def _make_room(self) -> None:
        for waiting in self.waiting(OUTCOME_WAITING_COUNT_MAX):
            if waiting.outcome.kind == OUTCOME_DEFERRED:
                log("spool.dropped", outcome=waiting.outcome.outcome_id, order=waiting.outcome.order_id)
                self.remove(waiting)
                return
        raise HostError(
            code="spool_full",
            sentence=f"{OUTCOME_WAITING_COUNT_MAX} outcomes wait for the server and none of them may be dropped.",
            next_step="Make the server reachable; oakum-agent status says why it is not.",
        )


def _bounded(outcome: Outcome) -> Outcome:
    """Return ``outcome`` with its log and health cut to what one upload can carry."""
    raw = outcome.log.encode("utf-8", "replace")
    if len(raw) > LOG_BYTES_MAX:
        tail = raw[-LOG_BYTES_MAX:].decode("utf-8", "ignore")
        outcome = dataclasses.replace(outcome, log="(the beginning is left out)\n" + tail)
    if len(outcome.health) > HEALTH_COUNT_MAX:
        left_out = len(outcome.health) - HEALTH_COUNT_MAX
        health = (*outcome.health[:HEALTH_COUNT_MAX], f"and {left_out} more differences")
        outcome = dataclasses.replace(outcome, health=health)
    return outcome


def _file_word(text: str) -> str:
    """Return ``text`` if it may be a file's name as it stands.

    Raises:
        ValueError: it may not; outcome ids are made by the agent, so this is its own fault.
    """
    if not text or len(text) > 100 or not all(character.isalnum() or character in "-_" for character in text):  # noqa: PLR2004
        raise ValueError(f"{text!r} cannot be a file's name")
    return text
