"""How a remedy stands: the whole truth table."""

from __future__ import annotations

import itertools

import pytest

from oakum.core.compliance import (
    OPEN,
    ComplianceState,
    HostVerdict,
    OldCode,
    Remedy,
    RemedyFacts,
    compliance_state,
    host_verdict,
    remedy_state,
)

# packages_status, affected installed, fix known, old code -> remedy
TRUTH = [
    ("known", True, True, "no", "missing"),
    ("known", True, True, "service", "missing"),
    ("known", True, True, "kernel", "missing"),
    ("known", True, True, "unknown", "missing"),
    ("known", True, False, "no", "no_fix"),
    ("known", True, False, "service", "no_fix"),
    ("known", True, False, "kernel", "no_fix"),
    ("known", True, False, "unknown", "no_fix"),
    ("known", False, True, "no", "verified"),
    ("known", False, True, "service", "pending_restart"),
    ("known", False, True, "kernel", "pending_reboot"),
    ("known", False, True, "unknown", "unknown"),
    ("known", False, False, "no", "verified"),
    ("known", False, False, "service", "pending_restart"),
    ("known", False, False, "kernel", "pending_reboot"),
    ("known", False, False, "unknown", "unknown"),
]


def test_the_truth_table_is_whole() -> None:
    assert {row[:4] for row in TRUTH} == set(
        itertools.product(["known"], [True, False], [True, False], [one.value for one in OldCode])
    )


@pytest.mark.parametrize(("status", "installed", "fix", "old_code", "remedy"), TRUTH)
def test_remedy_state(*, status: str, installed: bool, fix: bool, old_code: str, remedy: str) -> None:
    facts = RemedyFacts(
        packages_status=status, affected_is_installed=installed, fix_is_known=fix, old_code=OldCode(old_code)
    )
    assert remedy_state(facts) is Remedy(remedy)


@pytest.mark.parametrize("row", TRUTH)
def test_an_unknown_inventory_is_unknown_whatever_it_once_held(row: tuple[str, bool, bool, str, str]) -> None:
    _, installed, fix, old_code, _ = row
    facts = RemedyFacts(
        packages_status="unknown", affected_is_installed=installed, fix_is_known=fix, old_code=OldCode(old_code)
    )
    assert remedy_state(facts) is Remedy.UNKNOWN


def test_only_verified_is_closed() -> None:
    assert set(Remedy) - OPEN == {Remedy.VERIFIED}


STATES = [
    ("missing", False, "missing"),
    ("missing", True, "failed"),
    ("no_fix", False, "missing"),
    ("no_fix", True, "failed"),
    ("pending_restart", False, "pending_restart"),
    ("pending_restart", True, "pending_restart"),
    ("pending_reboot", False, "pending_reboot"),
    ("pending_reboot", True, "pending_reboot"),
    ("verified", False, "installed"),
    ("verified", True, "installed"),
    ("unknown", False, "unknown"),
    ("unknown", True, "unknown"),
]


@pytest.mark.parametrize(("remedy", "failed", "state"), STATES)
def test_compliance_state(*, remedy: str, failed: bool, state: str) -> None:
    assert compliance_state(Remedy(remedy), last_attempt_failed=failed) is ComplianceState(state)


def test_the_table_of_compliance_states_is_whole() -> None:
    assert {row[:2] for row in STATES} == set(itertools.product([one.value for one in Remedy], [True, False]))


@pytest.mark.parametrize("failed", [False, True])
def test_a_patch_for_what_a_host_does_not_have_is_not_applicable(*, failed: bool) -> None:
    assert compliance_state(None, last_attempt_failed=failed) is ComplianceState.NOT_APPLICABLE


@pytest.mark.parametrize("status", ["known", "unknown"])
@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("overdue", [0, 1])
@pytest.mark.parametrize("unverified", [0, 1])
def test_host_verdict(*, status: str, stale: bool, overdue: int, unverified: int) -> None:
    verdict = host_verdict(packages_status=status, is_stale=stale, overdue_count=overdue, unverified_count=unverified)
    if overdue:
        assert verdict is HostVerdict.OVERDUE
    elif (status, stale, unverified) == ("known", False, 0):
        assert verdict is HostVerdict.COMPLIANT
    else:
        assert verdict is HostVerdict.UNKNOWN
