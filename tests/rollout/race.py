"""Hosts that ask for permits while a person halts, on a real database, many times over.

Run as a program it makes its own rows and prints what it saw as JSON: ``python -m tests.rollout.race ROUNDS``.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

THREAD_COUNT = 6
HOST_COUNT = 30
HALT_AFTER_SECONDS_MAX = 0.06


@dataclass
class Race:
    """What happened over all rounds; ``late`` and ``unlisted`` must stay empty."""

    rounds: int = 0
    granted: int = 0
    refused: int = 0
    late: int = 0  # asked after the halt had answered, and granted
    unlisted: int = 0  # granted, and not among the holders that the halt answered with


def run_race(rounds: int, *, now: datetime) -> Race:
    """Halt ``rounds`` times while THREAD_COUNT threads ask for permits; Django is set up and the database empty."""
    from oakum.rollout.requests import RingsBySize
    from tests.rollout.world import make_world

    world = make_world(now, host_count=HOST_COUNT)
    rollout_id = world.begin(rings=RingsBySize((HOST_COUNT,)))
    race, draw = Race(), random.Random(1)  # noqa: S311 - a test's choice
    for _ in range(rounds):
        world.tick()
        orders = {host.id: world.order_of(host) for host in world.hosts}
        _round(world, rollout_id, orders, race, draw.uniform(0, HALT_AFTER_SECONDS_MAX))
        world.tick()
        world.say("resume", rollout_id, world.bea)
        world.wait(timedelta(minutes=1))  # the signer signs so many in a minute
    return race


def _round(world: Any, rollout_id: UUID, orders: dict[UUID, Any], race: Race, halt_after: float) -> None:
    from django.db import connection

    asked: list[tuple[UUID, float, bool]] = []
    begin = threading.Barrier(THREAD_COUNT + 1)

    def ask(hosts: list[Any]) -> None:
        begin.wait()
        try:
            for host in hosts:
                at = time.perf_counter()
                asked.append((host.id, at, world.ask(host, order=orders[host.id]).granted))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(world.hosts[n::THREAD_COUNT],)) for n in range(THREAD_COUNT)]
    for thread in threads:
        thread.start()
    begin.wait()
    time.sleep(halt_after)
    answer = world.say("halt", rollout_id, reason="race")
    answered_at = time.perf_counter()
    for thread in threads:
        thread.join()
    assert len(asked) == len(world.hosts), "a thread has died"
    holders = {holder.host_id for holder in answer.holders}
    granted = [(host_id, at) for host_id, at, was_granted in asked if was_granted]
    race.rounds += 1
    race.granted += len(granted)
    race.refused += len(asked) - len(granted)
    race.late += sum(at > answered_at for _, at in granted)
    race.unlisted += sum(host_id not in holders for host_id, _ in granted)


def migrate(environ: dict[str, str]) -> None:
    """Make the tables of the database that ``environ`` names."""
    code = (
        "import django; django.setup(); from django.core.management import call_command; "
        "call_command('migrate', verbosity=0, skip_checks=True)"
    )
    environ = {"DJANGO_SETTINGS_MODULE": "oakum.settings", **environ}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=300)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oakum.settings")
    import django

    django.setup()
    race = run_race(int(sys.argv[1]), now=datetime.now(tz=UTC))
    sys.stdout.write(json.dumps(race.__dict__))


if __name__ == "__main__":
    main()
