"""No permit is granted after a halt was answered, and whoever was granted one is in the answer: on both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection

from tests.rollout.race import migrate, run_race

ROUNDS = int(os.environ.get("OAKUM_TEST_RACE_ROUNDS", "12"))


def _hold(race: dict[str, int]) -> None:
    assert race["rounds"] == ROUNDS
    assert (race["late"], race["unlisted"]) == (0, 0), race
    # A race in which everybody was first, or nobody, would show nothing.
    assert race["granted"] > ROUNDS
    assert race["refused"] > ROUNDS


def test_halt_against_permits_on_sqlite(tmp_path: Path) -> None:
    """On a file of its own: the tests' own SQLite is in memory, where locks are of another kind."""
    environ = {
        **os.environ,
        "OAKUM_DATA_DIR": str(tmp_path),
        "OAKUM_DATABASE_URL": f"sqlite:///{tmp_path}/race.sqlite3",
    }
    environ.pop("OAKUM_TEST_DATABASE_URL", None)
    migrate(environ)
    argv = [sys.executable, "-m", "tests.rollout.race", str(ROUNDS)]
    done = subprocess.run(
        argv, env=environ, cwd=Path(__file__).parents[2], capture_output=True, timeout=600, check=True
    )
    _hold(json.loads(done.stdout))


@pytest.mark.django_db(transaction=True)
def test_halt_against_permits_on_postgresql(now: datetime) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("OAKUM_TEST_DATABASE_URL names no PostgreSQL")
    _hold(run_race(ROUNDS, now=now).__dict__)
