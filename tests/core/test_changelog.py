"""Which mentions of a CVE in a changelog count as fixed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oakum.core.changelog import CVE_COUNT_MAX, TEXT_LENGTH_MAX, cves_fixed, find_cves, mentions

A, B, C = "CVE-2024-0001", "CVE-2024-0002", "CVE-2023-12345"

COUNTING = [
    (f"* {A}: heap overflow in foo()", [A]),
    (f"* Fix {A} and {B}", [A, B]),
    (f"* Backport fixes for {B}, {A}; {C}.", [C, A, B]),
    (f"* Security update ({A}, {B}) (Closes: #1012345)", [A, B]),
    (f"* {A.lower()}: fix", [A]),
    (f"* Import upstream patches:\n    - {A}\n    - {B}: do not affect global state", [A, B]),
    (f"* Fix possible crash\n    in parser ({A})", [A]),
    (f"* Add debian/patches/{A}.patch: make sure that options do not affect each other", [A]),
    (f"* d/p/{A}-1.patch, d/p/{A}-2.patch: limit recursion", [A]),
    (f"* Drop privileges earlier to fix {A}", [A]),
    (f"* Revert the upstream commit that introduced {A}", [A]),
    (f"* Revert an optimisation to fix {A}", [A]),
    (f"* Complete the incomplete fix for {A}", [A]),
    (f"* Fix regression: the fix was incomplete, {A}", [A]),
    (f"* Fix {A} (the stable release is not affected by {B})", [A]),
    (f"* Fix {A}. {B} does not affect this version.", [A]),
    (f"* Not affected by {A}.\n  * Actually fix {A}.", [A]),
    (f"[ Ann Author ]\n  * {A}\n  [ Bob Builder ]\n  * {B}", [A, B]),
    (f"* Fix for {A}/{B}", [A, B]),
    (f"New upstream release\nfixes {A}\n\n -- trailing prose about {B}", [A, B]),
    (f"* Disable the vulnerable feature ({A})", [A]),
    (f"* Remove the backdoor of {A}", [A]),
    (f"* Prevent regressions; fix {A}", [A]),
    (f"* {A}: Open redirect", [A]),
    (f"* Drop test case from {A}.patch", [A]),
]

NOT_COUNTING = [
    (f"* bookworm is not affected by {A}", "not_affected"),
    (f"* Not vulnerable to {A}", "not_affected"),
    (f"* {A} does not affect this version", "not_affected"),
    (f"* {A} doesn't apply here", "not_affected"),
    (f"* {A} and {B} are not applicable to Debian", "not_affected"),
    (f"* Note: {A} is not yet fixed", "not_fixed"),
    (f"* {A} remains open", "not_fixed"),
    (f"* This upload does not fix {A}", "not_fixed"),
    (f"* Revert the fix for {A}, it breaks printing", "taken_back"),
    (f"* Revert:\n    - {A}\n    - {B}", "taken_back"),
    (f"* Reverted patches of {A}", "taken_back"),
    (f"* Drop patch for {A}, applied upstream", "taken_back"),
    (f"* Drop obsolete patches:\n    - debian/patches/{A}.patch", "taken_back"),
    (f"* Remove {A}.patch: included in the new version", "taken_back"),
    (f"* {A}.patch: removed, merged upstream", "taken_back"),
    (f"* The fix for {A} is reverted: {A} was dropped", "taken_back"),
    (f"* Fix regression introduced by the fix for {A}", "regression"),
    (f"* Fix a regression from {A}", "regression"),
    (f"* {A} regression update", "regression"),
]


@pytest.mark.parametrize(("text", "expected"), COUNTING)
def test_a_mention_counts(text: str, expected: list[str]) -> None:
    assert list(cves_fixed(text)) == expected


@pytest.mark.parametrize(("text", "reason"), NOT_COUNTING)
def test_a_mention_that_is_no_fix_does_not_count_and_says_why(text: str, reason: str) -> None:
    told = mentions(text)
    assert told.fixed == ()
    assert {each.reason for each in told.discounted} == {reason}
    assert A in {each.cve for each in told.discounted}


@pytest.mark.parametrize(
    "text",
    ["CVE-24-0001", "CVE-2024-001", "XCVE-2024-0001", "CVE-3024-0001", "CVE-2024-" + "1" * 20, "CAN-2004-0001", ""],
)
def test_what_is_no_id_is_not_found(text: str) -> None:
    assert cves_fixed(text) == ()
    assert find_cves(text) == ()


def test_ids_are_sorted_by_number_not_by_text() -> None:
    assert cves_fixed("CVE-2024-10000 CVE-2024-9999") == ("CVE-2024-9999", "CVE-2024-10000")


def test_the_number_of_ids_is_bounded() -> None:
    text = " ".join(f"CVE-2024-{number:05}" for number in range(CVE_COUNT_MAX + 50))
    assert len(cves_fixed(text)) == CVE_COUNT_MAX


PIECES = [
    "* ",
    "  - ",
    ":",
    "(",
    ")",
    ". ",
    "\n",
    f"{A} ",
    f"{B}, ",
    "revert ",
    "fix ",
    "not affected by ",
    "regression in ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_every_mention_is_either_counted_or_discounted_never_lost(text: str) -> None:
    told = mentions(text)
    seen = set(told.fixed) | {each.cve for each in told.discounted}
    assert set(told.fixed).isdisjoint(each.cve for each in told.discounted)
    assert seen == set(find_cves(text))


@pytest.mark.parametrize(
    "piece",
    [
        "revert ",
        "(",
        "()",
        "[",
        "CVE-2024-0001 ",
        "CVE-2024-0001 revert ",
        "CVE-2024-0001 , ; ",
        "not affected by a ",
        "a/",
        "regression in ",
        "drop the fix ",
        " ",
        "\n",
        "* a:\n",
        "  - b\n",
        "CVE-2024-0001.patch/",
        "does not fix a ",
    ],
)
def test_a_hostile_text_takes_no_more_than_linear_time(piece: str) -> None:
    """A host tells these texts: a pattern that backtracks over them would be a lever against the server."""
    text = f"CVE-2024-0009 {piece * (TEXT_LENGTH_MAX // len(piece))}"[: TEXT_LENGTH_MAX - 14] + " CVE-2024-0009"
    started = time.process_time()
    mentions(text)
    # Linear takes some hundredths of a second; quadratic would take minutes.
    assert time.process_time() - started < 5
