"""``oakum rollout status --watch``: print the report whenever it changes, until the rollout has settled.

A server that is away for a while (it is restarted) does not end the watch.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from oakum.cli.client import Client, address
from oakum.cli.output import say
from oakum.core.errors import StoreError

POLL_SECONDS = 2.0
# Longer than any rollout's windows reach.
WATCH_SECONDS_MAX = 31 * 86_400
AWAY_SECONDS_MAX = 300
SETTLED = frozenset({"completed", "halted", "cancelled"})

sleep = time.sleep


def watch_rollout(client: Client, number: str, *, speaks: bool) -> Any:
    """Return the rollout once it has settled; ``speaks``: print each new report with the time.

    Raises:
        StoreError: the server was away for AWAY_SECONDS_MAX, or WATCH_SECONDS_MAX are over.
    """
    told, away_count = "", 0
    for _ in range(int(WATCH_SECONDS_MAX / POLL_SECONDS)):
        try:
            found = client.get(address("rollouts", number))
            away_count = 0
        except StoreError as error:
            away_count += 1
            if away_count * POLL_SECONDS > AWAY_SECONDS_MAX:
                raise
            found = {"report": f"{error.sentence} Still watching.", "state": ""}
        if speaks and found["report"] != told:
            told = found["report"]
            say(f"{datetime.now(tz=UTC):%H:%M:%S} UTC  {told}", err=found["state"] == "")
        if found["state"] in SETTLED:
            return found
        sleep(POLL_SECONDS)
    raise StoreError(
        code="watch_too_long",
        sentence=f"Rollout {number} has not settled in {WATCH_SECONDS_MAX // 86_400} days.",
        next_step=f"Look at it: oakum rollout status {number}.",
    )
