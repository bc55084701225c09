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


@pytest.mark.parametrize(
    ("remedy", "applicable", "failed", "state"),
    [
        ("missing", True, False, "missing"),
        ("missing", True, True, "failed"),
        ("no_fix", True, False, "missing"),
        ("no_fix", True, True, "failed"),
        ("pending_restart", True, False, "pending_restart"),
        ("pending_restart", True, True, "pending_restart"),
        ("pending_reboot", True, False, "pending_reboot"),
        ("pending_reboot", True, True, "pending_reboot"),
        ("verified", True, False, "installed"),
        ("verified", True, True, "installed"),
        ("unknown", True, False, "unknown"),
        ("unknown", True, True, "unknown"),
        ("unknown", False, False, "unknown"),
        ("missing", False, False, "not_applicable"),
        ("verified", False, False, "not_applicable"),
    ],
)
def test_compliance_state(*, remedy: str, applicable: bool, failed: bool, state: str) -> None:
    found = compliance_state(Remedy(remedy), is_applicable=applicable, last_attempt_failed=failed)
    assert found is ComplianceState(state)


@pytest.mark.parametrize(
    ("status", "stale", "overdue", "verdict"),
    [
        ("known", False, 0, "compliant"),
        ("known", True, 0, "unknown"),
        ("unknown", False, 0, "unknown"),
        ("unknown", True, 0, "unknown"),
        ("known", False, 1, "overdue"),
        ("known", True, 1, "overdue"),
        ("unknown", False, 1, "overdue"),
        ("unknown", True, 1, "overdue"),
    ],
)
def test_host_verdict(*, status: str, stale: bool, overdue: int, verdict: str) -> None:
    assert host_verdict(packages_status=status, is_stale=stale, overdue_count=overdue) is HostVerdict(verdict)
