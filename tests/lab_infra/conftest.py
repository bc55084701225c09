"""Fixtures of the lab's own tests: a machine that can carry a lab, and one lab of two hosts for a module."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab import Lab, check_requirements

REQUIRED_VARIABLE = "OAKUM_LAB_REQUIRED"


@pytest.fixture(scope="session")
def lab_machine() -> None:
    """Skip, naming what is missing, where no lab can be built; fail where OAKUM_LAB_REQUIRED says one must."""
    missing = check_requirements()
    if missing and os.environ.get(REQUIRED_VARIABLE):
        pytest.fail("no lab can be built here: " + " ".join(missing))
    if missing:
        pytest.skip("no lab can be built here: " + " ".join(missing))


@pytest.fixture(scope="module")
def lab(lab_machine: None) -> Iterator[Lab]:
    """A lab with one host of each release."""
    del lab_machine
    with Lab(hosts=2, progress=print) as opened:
        yield opened
