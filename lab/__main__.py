"""The lab's command line: ``python -m lab up | down | roots``.

Exit codes: 0 in order, 2 misuse, 4 fault, 130 interrupted before it was up.  It enrols hosts only through the
hook of ``lab.demo``, if that module is there.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import shlex
import signal
import sys
import time
from collections.abc import Callable

from lab.errors import LabError
from lab.lab import Lab
from lab.places import places
from lab.roots import build_roots, releases_wanted
from lab.signals import terminate_as_exit
from lab.teardown import cleanup_stale

EXIT_FAULT = 4
EXIT_INTERRUPTED = 130
DEMO_MODULE = "lab.demo"

AfterBoot = Callable[[Lab], None]


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def describe(lab: Lab) -> str:
    """Return the table of hosts and how to reach them."""
    rows = [("HOST", "RELEASE", "ADDRESS")]
    rows += [(host.name, host.release, host.address) for host in lab.hosts]
    table = "\n".join(f"  {name:<10}{release:<12}{address}" for name, release, address in rows)
    first = lab.hosts[0]
    return (
        f"{table}\n\nThe lab's side of the network is {lab.server_address} in the namespace {lab.id}.\n"
        f"To get into {first.name}:\n  {shlex.join(first.ssh_argv())}\n"
    )


def up(host_count: int, *, after_boot: AfterBoot | None) -> None:
    """Bring a lab up, tell how to use it, hand it to ``after_boot``, and keep it until Ctrl-C."""
    started = time.monotonic()
    with Lab(hosts=host_count, progress=say) as lab:
        say(f"{host_count} hosts are up after {time.monotonic() - started:.1f} s.\n")
        say(describe(lab))
        if after_boot is not None:
            after_boot(lab)
        say("Ctrl-C takes the lab down.")
        try:
            signal.pause()
        except KeyboardInterrupt:
            say("\ntaking the lab down")
    say("The lab is down.")


def load_after_boot() -> AfterBoot | None:
    """Return ``after_boot`` of the demonstration, if there is one."""
    if importlib.util.find_spec(DEMO_MODULE) is None:
        return None
    hook: AfterBoot = importlib.import_module(DEMO_MODULE).after_boot
    return hook


def main() -> None:
    """Parse the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m lab", description="A fleet of real Debian hosts on one machine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up_parser = verbs.add_parser("up", help="build, boot and hold a lab until Ctrl-C")
    up_parser.add_argument("--hosts", type=int, default=10, help="how many hosts (default 10)")
    verbs.add_parser("down", help="clear away labs whose process is gone")
    verbs.add_parser("roots", help="only build the base roots")
    arguments = parser.parse_args()
    terminate_as_exit()
    try:
        if arguments.verb == "up":
            up(arguments.hosts, after_boot=load_after_boot())
        elif arguments.verb == "down":
            gone = cleanup_stale(places())
            say(f"cleared: {', '.join(gone)}" if gone else "nothing to clear")
        else:
            for release, root in build_roots(places(), releases_wanted(), progress=say).items():
                say(f"{release}: {root}")
    except KeyboardInterrupt:
        say("interrupted; everything is cleared away")
        sys.exit(EXIT_INTERRUPTED)
    except LabError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(EXIT_FAULT)


if __name__ == "__main__":
    main()
