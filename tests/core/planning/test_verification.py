"""Inventory against the host's word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from oakum.core.compliance import Remedy
from oakum.core.planning.values import HostState
from oakum.core.planning.verification import Evidence, verify
from tests.core.planning.building import HOUR, NOW

GOOD = Evidence(
    observed_at=NOW, packages_status="known", stale_status="known", missing=(), running_old=(), awaiting_reboot=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "remedy", "state", "word"),
    [
        ({}, Remedy.VERIFIED, HostState.VERIFIED, "nothing older runs"),
        ({"missing": ("openssl",)}, Remedy.MISSING, HostState.FAILED, "does not show openssl"),
        ({"running_old": ("openssl",)}, Remedy.PENDING_RESTART, HostState.SOAKED, "older code of openssl still runs"),
        (
            {"awaiting_reboot": ("linux-image-6",), "running_old": ("openssl",)},
            Remedy.PENDING_REBOOT, HostState.SOAKED, "only a reboot ends the older code of linux-image-6",
        ),
        # Nobody could look at every process: absence from what runs old proves nothing.
        ({"stale_status": "unknown"}, Remedy.UNKNOWN, HostState.SOAKED, "what its processes run"),
        ({"packages_status": "unknown"}, Remedy.UNKNOWN, HostState.SOAKED, "its packages"),
        # What is known to be wrong outweighs what is not known.
        ({"missing": ("openssl",), "stale_status": "unknown"}, Remedy.MISSING, HostState.FAILED, "does not show"),
    ],
)  # fmt: skip
def test_what_inventory_makes_of_a_host_that_says_it_soaked(
    changes: dict[str, object], remedy: Remedy, state: HostState, word: str
) -> None:
    found = verify(HostState.SOAKED, replace(GOOD, **changes), since=NOW - HOUR)  # type: ignore[arg-type]
    assert found is not None
    assert (found.remedy, found.state) == (remedy, state)
    assert word in found.sentence


def test_a_host_that_still_soaks_is_looked_at_and_not_judged() -> None:
    found = verify(HostState.APPLIED, replace(GOOD, missing=("openssl",)), since=NOW - HOUR)
    assert found is not None
    assert (found.remedy, found.state) == (Remedy.MISSING, HostState.APPLIED)
    found = verify(HostState.APPLIED, GOOD, since=NOW - HOUR)
    assert found is not None
    assert found.state is HostState.APPLIED


@pytest.mark.parametrize("observed_at", [None, NOW - timedelta(days=1), NOW - HOUR])
def test_an_inventory_that_is_no_newer_proves_nothing(observed_at: object) -> None:
    assert verify(HostState.SOAKED, replace(GOOD, observed_at=observed_at), since=NOW - HOUR) is None  # type: ignore[arg-type]
    assert verify(HostState.SOAKED, GOOD, since=None) is None
