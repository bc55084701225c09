"""Launch a program so that it outlives the agent, and tell later what became of it.

The change itself runs here.  The agent may be killed, upgraded, or its unit stopped while dpkg works; the program must
go on, and whoever looks next must know for certain whether it was launched, runs, ended (and how) or is lost:

- a session of its own, output to a file, and, where systemd runs the host, a scope of its own, because stopping a unit
  may end all processes of its control group whatever their session;
- a few lines of shell around it write NAME.begun (which boot, which process) durably before it runs, and NAME.exit,
  durably, when it has ended; without NAME.begun nothing ran;
- the shell holds a lock on NAME.lock from before it exists until it ends, so that an agent that looks in the instant
  between the launch and NAME.begun finds the lock held instead of nothing at all.

It does not know what it runs, and sets no time limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from oakum.agent.actor.system import CHILD_ABSENT, CHILD_ENDED, CHILD_LOST, CHILD_RUNNING, Child
from oakum.agent.errors import HostError
from oakum.agent.files import make_directory, read_bounded, remove_durably

BEGIN_SECONDS_MAX = 30.0
POLL_SECONDS = 0.02
TERM_SECONDS_MAX = 60.0
KILL_SECONDS_MAX = 10.0
SIGNAL_STATUS = 128  # sh(1): a program that a signal ended has this much and the signal's number as its status

SYSTEMD_SIGN = "/run/systemd/system"  # sd_booted(3)
BOOT_ID = "/proc/sys/kernel/random/boot_id"

# Arguments: begun file, exit file, the program; standard input is the lock.  The traps let the shell outlive a signal
# to the whole session long enough to say so; the program gets the signal's usual effect, and not the lock.
_WRAPPER = f"""\
begun=$1 ended=$2; shift 2
trap : TERM INT HUP
{{ cat {BOOT_ID} "/proc/$$/stat"; }} >"$begun.new"
sync "$begun.new"; mv -f "$begun.new" "$begun"; sync "${{begun%/*}}"
"$@" </dev/null
code=$?
printf '%s\\n' "$code" >"$ended.new"
sync "$ended.new"; mv -f "$ended.new" "$ended"; sync "${{ended%/*}}"
"""


@dataclass(frozen=True)
class _Leader:
    """The wrapper's process: which boot, its number (also its session's), its start in clock ticks since boot."""

    boot_id: str
    pid: int
    started: int


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
        for suffix in ("begun", "exit", "log", "lock"):
            remove_durably(directory / f"{name}.{suffix}")
        ways: List[List[str]] = [_scope(name)] if os.path.isdir(SYSTEMD_SIGN) else []
        if any(self._start(directory, name, way, argv, environment) for way in [*ways, []]):
            return
        raise HostError(
            code="launch_failed",
            sentence=f"{argv[0]} could not be started.",
            next_step=f"See {directory / name}.log on the host.",
        )

    def state(self, directory: Path, name: str) -> Child:
        """Return what became of the program; it runs as long as anything does that it left behind by dying."""
        process = self._processes.get((directory, name))
        if process is not None:
            process.poll()
        leader = _read_leader(directory / f"{name}.begun")
        if leader is None:
            return Child(CHILD_RUNNING if _is_held(directory / f"{name}.lock") else CHILD_ABSENT)
        # First whether it runs, then its status: it may end while we look.
        runs = _is_alive(leader) or _is_held(directory / f"{name}.lock") or bool(_session(leader))
        code = _exit_code(directory / f"{name}.exit")
        if code is not None and code < SIGNAL_STATUS:
            return Child(CHILD_ENDED, code=code)
        if runs:
            # Perhaps apt was killed and dpkg, which it had started, is still at work.
            return Child(CHILD_RUNNING, age_seconds=_age_seconds(leader))
        return Child(CHILD_LOST) if code is None else Child(CHILD_ENDED, code=code)

    def end(self, directory: Path, name: str) -> None:
        """End all processes of the program's session: SIGTERM, and SIGKILL after TERM_SECONDS_MAX."""
        leader = _read_leader(directory / f"{name}.begun")
        if leader is None:
            return
        for number, patience in ((signal.SIGTERM, TERM_SECONDS_MAX), (signal.SIGKILL, KILL_SECONDS_MAX)):
            told: Set[int] = set()
            until = time.monotonic() + patience
            while self.state(directory, name).state == CHILD_RUNNING and time.monotonic() < until:
                # Looked up each time: a program may be about to start another.
                for pid in set(_session(leader)) - told:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
                    told.add(pid)
                time.sleep(POLL_SECONDS)

    def _start(
        self, directory: Path, name: str, way: Sequence[str], argv: Sequence[str], environment: Mapping[str, str]
    ) -> bool:
        """Start ``argv`` by way of another program, or directly; say whether the wrapper's beginning was reached."""
        begun, ended = directory / f"{name}.begun", directory / f"{name}.exit"
        lock = os.open(directory / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            arguments = [str(begun), str(ended), *argv]
            with open(directory / f"{name}.log", "ab") as log:
                process = subprocess.Popen(
                    [*way, "/bin/sh", "-c", _WRAPPER, f"oakum-{name}", *arguments],
                    stdin=lock,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    cwd="/",
                    start_new_session=True,
                )
        except OSError:
            return False
        finally:
            os.close(lock)  # The wrapper's own copy holds the lock.
        self._processes[directory, name] = process
        until = time.monotonic() + BEGIN_SECONDS_MAX
        while not begun.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        if not begun.exists() and process.poll() is None:
            process.kill()  # A scope that is never granted: it must not begin later.
            process.wait()
        return begun.exists()


def _scope(name: str) -> List[str]:
    unit = f"oakum-{name}-{os.getpid()}-{time.monotonic_ns()}"
    description = f"--description=Oakum: {name} of an order"
    return ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={unit}", description, "--"]


def _read_leader(path: Path) -> Optional[_Leader]:
    content = read_bounded(path)
    if content is None:
        return None
    boot_id, _, stat = content.decode("utf-8", "replace").partition("\n")
    _state, session, started = _parse_stat(stat)
    return _Leader(boot_id=boot_id, pid=session, started=started)


def _parse_stat(text: str) -> Tuple[str, int, int]:
    """Return a process's state letter, session, and start in clock ticks since boot (proc(5), fields 3, 6 and 22)."""
    # The command in field 2 may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[3]), int(fields[19])


def _read_stat(pid: int) -> Optional[Tuple[str, int, int]]:
    """Return the same of a living process, None when there is none."""
    try:
        found = _parse_stat(Path("/proc", str(pid), "stat").read_text(errors="replace"))
    except OSError:
        return None
    return None if found[0] in "ZX" else found


def _is_this_boot(leader: _Leader) -> bool:
    return Path(BOOT_ID).read_text().strip() == leader.boot_id


def _is_alive(leader: _Leader) -> bool:
    found = _read_stat(leader.pid)
    return found is not None and found[2] == leader.started and _is_this_boot(leader)


def _session(leader: _Leader) -> Tuple[int, ...]:
    """Return the living processes of the program's session; the kernel gives its number to nobody else meanwhile."""
    if not _is_this_boot(leader):
        return ()
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    found = ((pid, _read_stat(pid)) for pid in pids)
    return tuple(pid for pid, stat in found if stat is not None and stat[1] == leader.pid)


def _age_seconds(leader: _Leader) -> int:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return max(0, int(uptime - leader.started / os.sysconf("SC_CLK_TCK")))


def _is_held(path: Path) -> bool:
    """Say whether a program holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _exit_code(path: Path) -> Optional[int]:
    content = read_bounded(path)
    return None if content is None else int(content.strip() or b"1")
