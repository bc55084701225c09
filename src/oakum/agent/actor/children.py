"""Launch a program so that it outlives the agent, and tell later what became of it.

The change itself runs here.  The agent may be killed, upgraded, or its unit stopped while dpkg works; the program must
go on, and whoever looks next must know for certain whether it was launched, runs, ended (and how) or is lost:

- a session of its own, output to a file, and, where systemd runs the host, a scope of its own, because stopping a unit
  ends all processes of its control group whatever their session;
- NAME.child (process id and start time) is on disk before the program is executed, and written by the forked process
  itself, which still holds the agent's lock until it executes: no second agent can look in between;
- a few lines of shell write NAME.exit when the program ends, and NAME.begun at their own start, by which a scope that
  could not be made is told from a program that ran.

It does not know what it runs, and sets no time limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from oakum.agent.actor.system import CHILD_ABSENT, CHILD_ENDED, CHILD_LOST, CHILD_RUNNING, Child
from oakum.agent.errors import HostError
from oakum.agent.files import make_directory, read_bounded, remove_durably, write_atomically

BEGIN_SECONDS_MAX = 30.0
BEGIN_POLL_SECONDS = 0.02
TERM_SECONDS_MAX = 60.0
KILL_SECONDS_MAX = 10.0
SIGNAL_STATUS = 128  # sh(1): a program that a signal ended has this much and the signal's number as its status

SYSTEMD_SIGN = "/run/systemd/system"  # sd_booted(3)

# Arguments: begun file, exit file, the program.  A program killed by a signal ends with 128 + its number.  The traps
# let the shell outlive a signal to the whole group long enough to say so; the program gets the signal's usual effect.
_WRAPPER = """\
begun=$1 ended=$2; shift 2
trap : TERM INT HUP
: >"$begun"
"$@" </dev/null
code=$?
printf '%s\\n' "$code" >"$ended.new" && sync "$ended.new" && mv -f "$ended.new" "$ended" && sync "${ended%/*}"
"""


class Children:
    """The programs launched into a directory, by name."""

    def __init__(self) -> None:
        """Remember processes that are our own children, only to collect them when they end."""
        self._processes: Dict[Tuple[Path, str], "subprocess.Popen[bytes]"] = {}

    def launch(self, directory: Path, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start ``argv``; returns when it is certain that the wrapper runs.

        Raises:
            HostError: it cannot be started at all; nothing ran.
        """
        make_directory(directory)
        for suffix in ("child", "begun", "exit", "log"):
            remove_durably(directory / f"{name}.{suffix}")
        begun, ended = str(directory / f"{name}.begun"), str(directory / f"{name}.exit")
        wrapped = ["/bin/sh", "-c", _WRAPPER, f"oakum-{name}", begun, ended, *argv]
        if os.path.isdir(SYSTEMD_SIGN) and self._start(directory, name, [*_scope(name), *wrapped], environment):
            return
        if not self._start(directory, name, wrapped, environment):
            raise HostError(
                code="launch_failed",
                sentence=f"{argv[0]} could not be started.",
                next_step=f"See {directory / name}.log on the host.",
            )

    def state(self, directory: Path, name: str) -> Child:
        """Return what became of the program; it runs as long as anything does that it left behind by dying."""
        recorded = read_bounded(directory / f"{name}.child")
        if recorded is None:
            return Child(CHILD_ABSENT)
        identity = json.loads(recorded)
        process = self._processes.get((directory, name))
        if process is not None:
            process.poll()
        alive_seconds = _age_seconds(identity)
        code = _exit_code(directory / f"{name}.exit")  # Looked at last: it may end while we look.
        if code is not None and code < SIGNAL_STATUS:
            return Child(CHILD_ENDED, code=code)
        if alive_seconds is not None:
            return Child(CHILD_RUNNING, age_seconds=alive_seconds)
        if _session(identity):
            # apt was killed and dpkg, which it had started, is still at work.
            return Child(CHILD_RUNNING, age_seconds=_seconds_since_start(identity))
        return Child(CHILD_LOST) if code is None else Child(CHILD_ENDED, code=code)

    def end(self, directory: Path, name: str) -> None:
        """End all processes of the program's session: SIGTERM, and SIGKILL after TERM_SECONDS_MAX."""
        recorded = read_bounded(directory / f"{name}.child")
        if recorded is None:
            return
        identity = json.loads(recorded)
        for number, patience in ((signal.SIGTERM, TERM_SECONDS_MAX), (signal.SIGKILL, KILL_SECONDS_MAX)):
            told: Set[int] = set()
            until = time.monotonic() + patience
            while self.state(directory, name).state == CHILD_RUNNING and time.monotonic() < until:
                # Looked up each time: a program may be about to start another.
                for pid in set(_session(identity)) - told:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                    told.add(pid)
                time.sleep(BEGIN_POLL_SECONDS)

    def _start(self, directory: Path, name: str, argv: List[str], environment: Mapping[str, str]) -> bool:
        """Start ``argv`` and say whether the wrapper's first line was reached."""
        record = directory / f"{name}.child"

        def write_record() -> None:
            # In the forked process, before it executes: see the module's docstring.
            write_atomically(record, json.dumps(_identity(os.getpid())).encode())

        with open(directory / f"{name}.log", "ab") as log:
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,
                    preexec_fn=write_record,  # noqa: PLW1509 - the agent has one thread
                )
            except (OSError, subprocess.SubprocessError):
                return False
        self._processes[directory, name] = process
        begun = directory / f"{name}.begun"
        until = time.monotonic() + BEGIN_SECONDS_MAX
        while not begun.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(BEGIN_POLL_SECONDS)
        if not begun.exists() and process.poll() is None:
            self.end(directory, name)  # A scope that is never granted: it must not begin later.
        return begun.exists()


def _scope(name: str) -> List[str]:
    unit = f"oakum-{name}-{os.getpid()}-{time.monotonic_ns()}"
    description = f"--description=Oakum: {name} of an order"
    return ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={unit}", description, "--"]


def _identity(pid: int) -> Dict[str, Any]:
    return {"pid": pid, "started": _stat_fields(pid)[2], "boot": _boot_id()}


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat_fields(pid: int) -> Tuple[str, int, int]:
    """Return a process's state letter, session, and start in clock ticks since boot (proc(5), fields 3, 6 and 22)."""
    text = Path("/proc", str(pid), "stat").read_text(errors="replace")
    # The command in field 2 may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[3]), int(fields[19])


def _age_seconds(identity: Mapping[str, Any]) -> Optional[int]:
    """Return how long the process has run, None when it no longer does (or another has its number)."""
    try:
        state, _session, started = _stat_fields(int(identity["pid"]))
    except OSError:
        return None
    if state in "ZX" or started != int(identity["started"]) or identity["boot"] != _boot_id():
        return None
    return _seconds_since_start(identity)


def _seconds_since_start(identity: Mapping[str, Any]) -> int:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return max(0, int(uptime - int(identity["started"]) / os.sysconf("SC_CLK_TCK")))


def _session(identity: Mapping[str, Any]) -> Tuple[int, ...]:
    """Return the living processes of the program's session; the kernel gives its number to nobody else meanwhile."""
    if identity["boot"] != _boot_id():
        return ()
    members = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            state, session, _started = _stat_fields(int(name))
        except OSError:
            continue  # It ended while we looked.
        if session == int(identity["pid"]) and state not in "ZX":
            members.append(int(name))
    return tuple(members)


def _exit_code(path: Path) -> Optional[int]:
    content = read_bounded(path)
    return None if content is None else int(content.strip() or b"1")
