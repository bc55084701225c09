"""What the actor needs of the operating system, as one interface: programs, files, locks, room, listeners.

It holds shapes only.  ``real`` is the implementation on a host; the tests ship a simulated host with the same
interface, and one suite of contracts runs on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional, Protocol, Sequence, Tuple

from oakum.protocol.inventory import FactsSection

# What has become of a program that was launched to outlive the agent.
CHILD_ABSENT = "absent"  # never launched, or nothing of it ever ran
CHILD_RUNNING = "running"
CHILD_ENDED = "ended"  # its exit status is on disk
CHILD_LOST = "lost"  # launched, no longer there, and left no exit status: killed, or the host went down

# Exit statuses that stand for "did not run to its end".
EXIT_NOT_STARTED = 127
EXIT_TOO_SLOW = 124


@dataclass(frozen=True)
class Completed:
    """What a program said.  ``problem`` is empty, or one sentence: it could not be started, or was too slow."""

    code: int
    out: str
    err: str
    problem: str = ""


@dataclass(frozen=True)
class Child:
    """A launched program: one of CHILD_*; ``code`` counts when ended, ``age_seconds`` when running."""

    state: str
    code: int = 0
    age_seconds: int = 0


@dataclass(frozen=True)
class LockHolder:
    """Who holds a lock; ``pid`` 0 and an empty command when it cannot be told."""

    pid: int
    command: str


@dataclass(frozen=True)
class Room:
    """The bytes free for a file system's owner, and which file system it is (``device``)."""

    device: int
    free_bytes: int


@dataclass(frozen=True)
class Listener:
    """A socket that waits for others: ``protocol`` is tcp, tcp6, udp or udp6; ``unit`` is empty when unknown.

    ``address`` is in its usual text form.  Sockets of clients (connected UDP) are not listeners.
    """

    protocol: str
    address: str
    port: int
    unit: str = ""


class System(Protocol):
    """The operating system as the actor sees it.

    Paths are absolute.  Writes are durable and whole before they return.  Failures to write raise
    :class:`oakum.agent.errors.HostError`; programs never raise for what they do.
    """

    def run(
        self, argv: Sequence[str], *, timeout_seconds: float, environment: Optional[Mapping[str, str]] = None
    ) -> Completed:
        """Run a program to its end and return what it said; it ends with the agent."""

    def launch(self, directory: str, name: str, argv: Sequence[str], *, environment: Mapping[str, str]) -> None:
        """Start a program that outlives the agent and its unit.

        Its output goes to ``directory``/``name``.log, its exit status, durably, beside it; that it began is durable
        before it runs.
        """

    def child(self, directory: str, name: str) -> Child:
        """Return what has become of the program that was launched under this name."""

    def end_child(self, directory: str, name: str) -> None:
        """End a launched program and all that it started: asked first, then killed; returns when it is gone."""

    def read(self, path: str, bytes_max: int) -> Optional[bytes]:
        """Return at most the last ``bytes_max`` bytes of a file, None when there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Replace a file's content; directories are made as needed, for root alone."""

    def make_directory(self, path: str) -> None:
        """Make a directory for root alone, with those above it; one that is there is fine."""

    def copy(self, source: str, target: str) -> None:
        """Copy a file."""

    def remove(self, path: str) -> None:
        """Remove a file or a whole directory; an absent one is fine."""

    def list_names(self, path: str) -> Tuple[str, ...]:
        """Return the names in a directory, sorted; empty when there is none."""

    def size(self, path: str) -> int:
        """Return a file's size in bytes, -1 when there is none."""

    def sha256(self, path: str) -> str:
        """Return a file's SHA-256 in hex, empty when it cannot be read."""

    def room(self, path: str) -> Room:
        """Return the room on the file system that holds ``path``, or would."""

    def lock_holder(self, path: str) -> Optional[LockHolder]:
        """Return who holds the record lock on a file, None when it is free."""

    def listeners(self) -> Tuple[Listener, ...]:
        """Return every listening socket of the host."""

    def facts(self) -> FactsSection:
        """Return what the observer says of the host: stale services, the running kernel, whether it needs a reboot."""

    def random_id(self) -> str:
        """Return an identifier that nobody can guess and that never comes again."""

    def is_root(self) -> bool:
        """Say whether this process may change the host."""
