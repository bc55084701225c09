"""Run every measurement, in a process of its own and on either database, and keep its lines in bench/results.jsonl.

    python -m bench [--database sqlite,postgresql] [--hosts 1000,10000,100000] [--only keys,matching]

A line is JSON: name, value, unit, hosts, database, and what else the measurement tells.  The last ones, named
``growth``, say what a host costs in a tenfold fleet.  It measures nothing itself and
judges nothing: figures are for comparison with others of the same machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.database import POSTGRESQL, SQLITE
from bench.growth import growth

RESULTS = Path(__file__).with_name("results.jsonl")
WITH_POSTGRESQL = str(Path(__file__).parents[1] / "scripts" / "with-postgres.sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A module of this folder; whether it meets a database, and whether it takes ``--hosts``."""

    name: str
    databases: tuple[str, ...] = (SQLITE, POSTGRESQL)
    takes_hosts: bool = False


MEASUREMENTS = (
    Measurement(name="keys", databases=(SQLITE,)),
    Measurement(name="feed_import"),
    Measurement(name="matching"),
    Measurement(name="index", takes_hosts=True),
    Measurement(name="scan", databases=(SQLITE,)),
    Measurement(name="gateway", takes_hosts=True),
)


def commands(arguments: argparse.Namespace) -> Iterator[list[str]]:
    """Yield the command of each measurement on each database asked for."""
    for each in MEASUREMENTS:
        if arguments.only and each.name not in arguments.only.split(","):
            continue
        hosts = ["--hosts", arguments.hosts] if each.takes_hosts else []
        for database in each.databases:
            if database in arguments.database.split(","):
                wrapper = [WITH_POSTGRESQL] if database == POSTGRESQL else []
                yield [*wrapper, sys.executable, "-m", f"bench.{each.name}", *hosts]


def main() -> None:
    """Print each line as it comes and append it to the results."""
    parser = argparse.ArgumentParser(description="Measure.")
    parser.add_argument("--database", default=f"{SQLITE},{POSTGRESQL}")
    parser.add_argument("--hosts", default="1000,10000,100000")
    parser.add_argument("--only", default="", help=", ".join(each.name for each in MEASUREMENTS))
    told: list[str] = []
    with RESULTS.open("a", encoding="utf-8") as results:

        def tell(line: str) -> None:
            print(line, end="", flush=True)
            results.write(line)
            results.flush()

        for argv in commands(parser.parse_args()):
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                for line in process.stdout:
                    tell(line)
                    told.append(line)
            if process.returncode:
                sys.exit(process.returncode)
        for each in growth(told):
            tell(json.dumps(each) + "\n")


if __name__ == "__main__":
    main()
