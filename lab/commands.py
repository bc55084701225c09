"""Run a program on this machine and word its failure once.

It does not enter hosts (``lab.container``) or namespaces (``lab.network``): those build the argv.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab.errors import CommandError

COMMAND_SECONDS_MAX = 120.0
OUTPUT_TAIL_CHARACTERS = 2000


def run(
    argv: Sequence[str],
    *,
    timeout: float = COMMAND_SECONDS_MAX,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    label: str | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``argv`` to its end and return what it said.

    The program gets a session of its own, so that whatever it started ends with it when ``timeout``
    seconds have passed.  Raises ``CommandError`` then, and on a non-zero exit while ``check`` is set.
    """
    named = label if label is not None else shlex.join(argv)
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(data, timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        stdout, stderr = _kill_group(process)
        raise CommandError(
            f"`{named}` did not end within {timeout:.0f} s.\n{tail(stdout, stderr)}",
            remedy="look at its last output above, or allow it more time",
            exit_status=None,
            output=tail(stdout, stderr),
        ) from expired
    except BaseException:
        _kill_group(process)
        raise
    if check and process.returncode != 0:
        raise CommandError(
            f"`{named}` ended with status {process.returncode}.\n{tail(stdout, stderr)}",
            remedy="its own last words above name the cause",
            exit_status=process.returncode,
            output=tail(stdout, stderr),
        )
    return subprocess.CompletedProcess(list(argv), process.returncode, stdout, stderr)


def _kill_group(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End the program and everything in its session, and return what it had said."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=5)
    except subprocess.TimeoutExpired:
        return b"", b"(something it started still holds its output)"


def tail(stdout: bytes, stderr: bytes) -> str:
    """Return the last words of both streams, short enough for a message."""
    texts = (part.decode(errors="replace").strip() for part in (stdout, stderr))
    return "\n".join(text[-OUTPUT_TAIL_CHARACTERS:] for text in texts if text)
