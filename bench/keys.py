"""How many versions a second become order keys on one core, cold: `keys.deb` and `keys.rpm`; others with `--all`.

    python -m bench.keys [--versions N] [--all] [--seed S]

Cold: every version comes once, and each round starts with empty token caches, as a first import does.  The versions are
made up in the shapes that distributions use (the share of epochs, of `+dfsg`, of snapshots with a commit, of module
streams), with numbers that are mostly small, all distinct, and in the order in which a reader of a list would have
them.  CPU time of this process, the best of several rounds: what else runs on the machine does not count.

It reads no package list of the machine, so figures of two machines are comparable.  Each line has a name, value, unit,
hosts and database; the last two are empty here.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import time
from collections.abc import Callable

from oakum.core.versions import order_key
from oakum.core.versions.encoding import TokenKeys

ROUND_COUNT = 15

_HEX = "0123456789abcdef"


def main() -> None:
    """Measure and print one JSON line a scheme."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", type=int, default=50_000, help="distinct versions a scheme (a fleet's are fewer)")
    parser.add_argument("--all", action="store_true", help="measure every scheme, not only deb and rpm")
    parser.add_argument("--seed", type=int, default=1)
    arguments, _ = parser.parse_known_args()
    for scheme, make in SHAPES.items():
        if arguments.all or scheme in {"deb.1", "rpm.1"}:
            versions = distinct(make, arguments.versions, random.Random(arguments.seed))
            report(f"keys.{scheme.partition('.')[0]}", max(cold(scheme, versions) for _ in range(ROUND_COUNT)))


def report(name: str, value: float) -> None:
    """Print one measurement."""
    print(json.dumps({"name": name, "value": round(value), "unit": "versions/s", "hosts": 0, "database": ""}))


def distinct(make: Callable[[random.Random], str], count: int, rng: random.Random) -> list[str]:
    """Return that many distinct versions, cut from one text as a reader of a list cuts them."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[make(rng)] = None
    return "\n".join(found).split("\n")


def cold(scheme: str, versions: list[str]) -> float:
    """Return versions encoded per second of CPU, with all token caches empty at the start."""
    forget(scheme)
    started = time.process_time()
    for version in versions:
        order_key(scheme, version)
    return len(versions) / (time.process_time() - started)


def forget(scheme: str) -> None:
    """Empty the token caches of a scheme, and of semver's, on which others build."""
    for name in {scheme.partition(".")[0], "semver"}:
        module = importlib.import_module(f"oakum.core.versions.{name}")
        for value in vars(module).values():
            if isinstance(value, TokenKeys):
                value.clear()


def small(rng: random.Random) -> str:
    """Return a number as versions have them: mostly of one digit, seldom of more than two."""
    return str(min(int(rng.expovariate(0.25)), 40) if chance(rng, 95) else rng.randrange(1000))


def dotted(rng: random.Random) -> str:
    """Return two to four numbers."""
    return ".".join(small(rng) for _ in range(rng.choice((2, 3, 3, 3, 4))))


def date(rng: random.Random) -> str:
    """Return a day as a snapshot's version has it."""
    return f"20{rng.randrange(10, 27)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"


def commit(rng: random.Random, length: int = 7) -> str:
    """Return the beginning of a commit's hash."""
    return "".join(rng.choices(_HEX, k=length))


def module_build(rng: random.Random) -> str:
    """Return the mark of a module stream's build: the packages of one build share it, some twelve each."""
    build = rng.randrange(4_000)
    return f"module_el8.{build % 10}.0+{2000 + build % 2000}+{build * 2_654_435_761 % 2**32:08x}"


def chance(rng: random.Random, percent: int) -> bool:
    """Say yes that often."""
    return rng.randrange(100) < percent


def deb(rng: random.Random) -> str:
    """Return a Debian version; shares as in a release's package lists."""
    epoch = "1:" if chance(rng, 8) else ""
    upstream = dotted(rng)
    if chance(rng, 6):
        upstream += f"~git{date(rng)}.{commit(rng)}"
    elif chance(rng, 10):
        upstream += rng.choice(("+dfsg", "+ds", "+dfsg1", "~rc1", "a", "+really1.2"))
    end = rng.choice(("", "", "", "+b1", "+b2", ".1", "+deb12u1", "~deb12u2"))
    return f"{epoch}{upstream}-{rng.randrange(1, 12)}{end}"


def rpm(rng: random.Random) -> str:
    """Return a version of the RHEL family; shares as in its advisories."""
    epoch = f"{rng.randrange(1, 5)}:" if chance(rng, 18) else ""
    release = f"{rng.randrange(1, 60)}."
    if chance(rng, 40):
        release += module_build(rng)
    else:
        release += f"el{rng.choice((8, 9, 10))}"
        release += f"_{rng.randrange(1, 11)}.{rng.randrange(1, 9)}" if chance(rng, 65) else ""
    upstream = f"{dotted(rng)}~rc{rng.randrange(1, 4)}" if chance(rng, 3) else dotted(rng)
    return f"{epoch}{upstream}-{release}"


def apk(rng: random.Random) -> str:
    """Return an Alpine version."""
    return f"{dotted(rng)}{rng.choice(('', '', '', 'a', '_p1', '_rc2', f'_git{date(rng)}'))}-r{rng.randrange(12)}"


def alpm(rng: random.Random) -> str:
    """Return an Arch version."""
    epoch, snapshot = rng.choice(("", "", "1:")), rng.choice(("", "", "", f".r12.g{commit(rng)}"))
    return f"{epoch}{dotted(rng)}{snapshot}-{rng.randrange(1, 9)}"


def semver(rng: random.Random) -> str:
    """Return a semantic version."""
    end = rng.choice(("", "", "", "", f"-rc.{small(rng)}", f"-beta.{small(rng)}", f"-canary.{date(rng)}"))
    return f"{small(rng)}.{small(rng)}.{rng.randrange(400)}{end}"


def golang(rng: random.Random) -> str:
    """Return a Go module's version; every fifth is a pseudo-version."""
    if chance(rng, 20):
        return f"v0.0.0-{date(rng)}{rng.randrange(240000):06}-{commit(rng, 12)}"
    return f"v{semver(rng)}"


def windows(rng: random.Random) -> str:
    """Return a Windows file's version."""
    return f"{small(rng)}.{small(rng)}.{rng.randrange(30000)}.{rng.randrange(4000)}"


SHAPES: dict[str, Callable[[random.Random], str]] = {
    "deb.1": deb,
    "rpm.1": rpm,
    "apk.1": apk,
    "alpm.1": alpm,
    "semver.1": semver,
    "npm.1": semver,
    "cargo.1": semver,
    "golang.1": golang,
    "windows.1": windows,
    "generic.1": deb,
}

if __name__ == "__main__":
    main()
