"""Fixtures of the lab's own tests: a machine that can carry a lab, and one lab of two hosts for a module."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab import Lab, check_requirements


@pytest.fixture(scope="session")
def lab_machine() -> None:
    """Skip, naming what is missing, where no lab can be built or none was asked for."""
    if not os.environ.get("OAKUM_LAB"):
        pytest.skip("A lab takes root and minutes: run `make test-lab` as root.")
    missing = check_requirements()
    if missing:
        pytest.skip(" ".join(missing))


@pytest.fixture(scope="module")
def lab(lab_machine: None) -> Iterator[Lab]:
    """A lab with one host of each release."""
    del lab_machine
    with Lab(hosts=2, progress=print) as opened:
        yield opened
