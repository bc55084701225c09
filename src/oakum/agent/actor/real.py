"""The operating system itself: the implementation of ``system.System`` on a Linux host.

It decides nothing: it runs, reads and writes what it is told, durably.  Launched programs are ``children``, sockets are
``sockets``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import struct
import uuid
from pathlib import Path
from typing import Mapping, Optional, Sequence, Tuple

from oakum.agent.actor.children import Children
from oakum.agent.actor.sockets import read_listeners
from oakum.agent.actor.system import (
    EXIT_NOT_STARTED,
    EXIT_TOO_SLOW,
    Child,
    Completed,
    Listener,
    LockHolder,
    Room,
)
from oakum.agent.command import EXIT_NOT_FOUND, run_command
from oakum.agent.errors import HostError
from oakum.agent.files import make_directory, remove_durably, sync_directory, write_atomically
from oakum.agent.managers import NO_MANAGER, detect, unknown_packages
from oakum.agent.observer.observe import observe_facts
from oakum.protocol.inventory import FactsSection
from oakum.protocol.trust import MODE_APPLY

COPY_BYTES = 1024 * 1024
COMMAND_LENGTH_MAX = 200


class RealSystem:
    """The host that this process runs on."""

    def __init__(self) -> None:
        """Know nothing yet; launched programs are found by what they left on disk."""
        self._children = Children()

    def run(
        self, argv: Sequence[str], *, timeout_seconds: float, environment: Optional[Mapping[str, str]] = None
    ) -> Completed:
        """See :class:`System`."""
        result = run_command(argv, timeout_seconds=timeout_seconds, environment=environment)
        code = result.status
        if result.problem:
            code = EXIT_NOT_STARTED if result.status == EXIT_NOT_FOUND else EXIT_TOO_SLOW
        return Completed(code=code, out=result.text, err=result.error_text, problem=result.problem)

    def launch(self, directory: str, name: str, argv: Sequence[str], *, environment: Mapping[str, str]) -> None:
        """See :class:`System`."""
        self._children.launch(Path(directory), name, argv, environment)

    def child(self, directory: str, name: str) -> Child:
        """See :class:`System`."""
        return self._children.state(Path(directory), name)

    def end_child(self, directory: str, name: str) -> None:
        """See :class:`System`."""
        self._children.end(Path(directory), name)

    def read(self, path: str, bytes_max: int) -> Optional[bytes]:
        """See :class:`System`.  A file that is there and cannot be read raises HostError."""
        try:
            with open(path, "rb") as stream:
                length = os.fstat(stream.fileno()).st_size
                if length > bytes_max:
                    stream.seek(length - bytes_max)
                return stream.read(bytes_max)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _fault("read", path, error) from error

    def write(self, path: str, content: bytes) -> None:
        """See :class:`System`."""
        make_directory(Path(path).parent)
        write_atomically(Path(path), content)

    def make_directory(self, path: str) -> None:
        """See :class:`System`."""
        make_directory(Path(path))

    def copy(self, source: str, target: str) -> None:
        """See :class:`System`: copied aside, synced, renamed."""
        make_directory(Path(target).parent)
        aside = target + ".part"
        try:
            with open(source, "rb") as reading, open(aside, "wb") as writing:
                shutil.copyfileobj(reading, writing, COPY_BYTES)
                writing.flush()
                os.fsync(writing.fileno())
            os.replace(aside, target)
            sync_directory(Path(target).parent)
        except OSError as error:
            raise _fault("copy", source, error) from error

    def remove(self, path: str) -> None:
        """See :class:`System`."""
        if os.path.isdir(path) and not os.path.islink(path):
            try:
                shutil.rmtree(path)
                sync_directory(Path(path).parent)
            except OSError as error:
                raise _fault("remove", path, error) from error
        else:
            remove_durably(Path(path))

    def list_names(self, path: str) -> Tuple[str, ...]:
        """See :class:`System`."""
        try:
            return tuple(sorted(os.listdir(path)))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _fault("list", path, error) from error

    def size(self, path: str) -> int:
        """See :class:`System`."""
        try:
            return os.stat(path).st_size
        except OSError:
            return -1

    def sha256(self, path: str) -> str:
        """See :class:`System`."""
        digest = hashlib.sha256()
        try:
            with open(path, "rb") as stream:
                for chunk in iter(lambda: stream.read(COPY_BYTES), b""):
                    digest.update(chunk)
        except OSError:
            return ""
        return digest.hexdigest()

    def room(self, path: str) -> Room:
        """See :class:`System`."""
        there = Path(path)
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            figures = os.statvfs(there)
            return Room(device=os.stat(there).st_dev, free_bytes=figures.f_bavail * figures.f_frsize)
        except OSError as error:
            raise _fault("measure the room at", path, error) from error

    def lock_holder(self, path: str) -> Optional[LockHolder]:
        """See :class:`System`.  Asked of the kernel (F_GETLK), so that looking takes no lock itself."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault("open the lock", path, error) from error
        try:
            # struct flock: type, whence, start, length (0: all), process; the trailing bytes are padding.
            asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, pid = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
        finally:
            os.close(descriptor)
        if kind == fcntl.F_UNLCK:
            return None
        return LockHolder(pid=max(pid, 0), command=_command_of(pid))

    def listeners(self) -> Tuple[Listener, ...]:
        """See :class:`System`."""
        return read_listeners()

    def facts(self) -> FactsSection:
        """See :class:`System`."""
        manager = detect()
        packages = manager.installed() if manager else unknown_packages("", NO_MANAGER)
        # The agent itself runs old code after an upgrade of Python; it ends with this tick.
        return observe_facts(manager, packages, policy_mode=MODE_APPLY, ignored_pids=frozenset((os.getpid(),)))

    def random_id(self) -> str:
        """See :class:`System`."""
        return str(uuid.uuid4())

    def is_root(self) -> bool:
        """See :class:`System`."""
        return os.geteuid() == 0


def _command_of(pid: int) -> str:
    try:
        raw = Path("/proc", str(pid), "cmdline").read_bytes()
    except OSError:
        return ""
    return raw.replace(b"\0", b" ").decode("utf-8", "replace").strip()[:COMMAND_LENGTH_MAX]


def _fault(verb: str, path: str, error: OSError) -> HostError:
    return HostError(
        code="file_fault",
        sentence=f"Cannot {verb} {path}: {error.strerror or error}.",
        next_step="Check the disk's free space and health, and that the agent runs as root.",
    )
