"""One lab of eight real hosts with a server for all stories; each story brings its own update to carry."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab import Lab, check_requirements
from tests.stories.fleet import Fleet

HOST_COUNT = 8


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    missing = check_requirements()
    if not os.environ.get("OAKUM_LAB"):
        missing.insert(0, "The stories take real hosts and minutes: run `make test-lab` as root.")
    elif missing and os.environ.get("CI"):
        pytest.fail("CI tells the stories, always: " + " ".join(missing))
    if missing:
        pytest.skip(" ".join(missing))
    with Lab(hosts=HOST_COUNT, progress=print) as lab:
        fleet = Fleet(lab)
        try:
            fleet.set_up()
            yield fleet
        finally:
            print(fleet.server.log_tail())
            fleet.close()
