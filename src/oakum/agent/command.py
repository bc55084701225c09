"""Run a program that only looks: no shell, a clean environment, a time limit and a limit on what it may print.

It judges no exit status, and is not for programs that change the host: those belong to the actor.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import IO, Mapping, Sequence

TIMEOUT_SECONDS = 60.0
# 40,000 packages at 400 bytes each: more than any host prints, and little enough for the smallest.
OUTPUT_BYTES_MAX = 16 * 1024 * 1024
ERROR_BYTES_MAX = 64 * 1024
CHUNK_BYTES = 64 * 1024

# C gives English messages and "." as the decimal point, whatever the host speaks; UTF-8 names survive.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C",
    "LC_ALL": "C",
    "DEBIAN_FRONTEND": "noninteractive",
}

EXIT_NOT_FOUND = 127


@dataclass(frozen=True)
class CommandResult:
    """What a program said.  ``problem`` is empty, or one sentence: not found, too slow, too much output."""

    status: int
    stdout: bytes
    stderr: bytes
    problem: str = ""

    @property
    def text(self) -> str:
        """Standard output as text; bytes that are not UTF-8 are replaced."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def error_text(self) -> str:
        """Standard error as text."""
        return self.stderr.decode("utf-8", "replace")


def run_command(
    argv: Sequence[str],
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    output_bytes_max: int = OUTPUT_BYTES_MAX,
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
) -> CommandResult:
    """Run ``argv`` and return what it said; never raises for what the program does.

    A program that is too slow or prints too much is killed with its children, and ``problem`` says so.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(ENVIRONMENT, **(environment or {})),
            cwd=directory,
            start_new_session=True,
        )
    except OSError as error:
        return CommandResult(EXIT_NOT_FOUND, b"", b"", f"{argv[0]} cannot be started: {error.strerror}.")
    assert child.stdout is not None
    assert child.stderr is not None
    with child.stdout, child.stderr:
        stdout, stderr, problem = _drain(child.stdout, child.stderr, timeout_seconds, output_bytes_max)
        if problem:
            _kill(child)
            problem = f"{argv[0]} {problem}."
    return CommandResult(child.wait(), stdout, stderr, problem)


def _drain(out: IO[bytes], err: IO[bytes], timeout_seconds: float, output_bytes_max: int) -> tuple[bytes, bytes, str]:
    """Read both pipes to their ends; return what came, and why reading stopped early if it did."""
    limits = {out.fileno(): output_bytes_max, err.fileno(): ERROR_BYTES_MAX}
    parts: dict[int, bytearray] = {descriptor: bytearray() for descriptor in limits}
    ends_at = time.monotonic() + timeout_seconds
    problem = ""
    with selectors.DefaultSelector() as selector:
        for descriptor in limits:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and not problem:
            remaining = ends_at - time.monotonic()
            if remaining <= 0:
                problem = f"did not finish within {timeout_seconds:.0f} seconds"
                break
            for key, _ in selector.select(remaining):
                chunk = os.read(key.fd, CHUNK_BYTES)
                if not chunk:
                    selector.unregister(key.fd)
                room = limits[key.fd] - len(parts[key.fd])
                parts[key.fd] += chunk[:room]
                # A program that complains at length is not ill; one that floods its output is.
                if len(chunk) > room and key.fd == out.fileno():
                    problem = f"printed more than {output_bytes_max} bytes"
    return bytes(parts[out.fileno()]), bytes(parts[err.fileno()]), problem


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
