"""The packs that ship: complete, monotone, and the same as what was published."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from oakum.core.errors import NotFoundError
from oakum.core.packs import PACK_IDS, Clock, Severity, SeverityPack, TablePack, load_pack

OUTCOMES = {
    "fix on system upgrade": (None, False),
    "60 days": (60, False),
    "14 days": (14, False),
    "3 days": (3, False),
    "3 days & forensic investigation": (3, True),
}


def bod_26_04() -> TablePack:
    pack = load_pack("cisa-bod-26-04")
    assert isinstance(pack, TablePack)
    return pack


def severity_simple() -> SeverityPack:
    pack = load_pack("severity-simple")
    assert isinstance(pack, SeverityPack)
    return pack


@pytest.mark.parametrize("pack_id", PACK_IDS)
def test_every_pack_says_what_it_is_and_where_it_comes_from(pack_id: str) -> None:
    pack = load_pack(pack_id)
    assert pack.id == pack_id
    assert pack.version
    assert pack.title
    assert pack.summary
    assert pack.source


def test_an_unknown_pack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as refused:
        load_pack("cisa-bod-22-01")
    assert refused.value.code == "pack_unknown"
    assert all(pack_id in refused.value.next_step for pack_id in PACK_IDS)


def test_bod_26_04_has_the_published_counts_of_outcomes() -> None:
    """The directive: FSU 2, 60 days 3, 14 days 6, 3 days 2, 3 days with triage 3."""
    outcomes = [(row.within.days if row.within else None, row.forensic_triage) for row in bod_26_04().rows]
    assert {outcome: outcomes.count(outcome) for outcome in OUTCOMES.values()} == {
        (None, False): 2,
        (60, False): 3,
        (14, False): 6,
        (3, False): 2,
        (3, True): 3,
    }


def test_bod_26_04_is_the_table_as_published() -> None:
    """Row for row against CERT/CC's own file of the decision table."""
    folder = os.environ.get("OAKUM_TEST_DATA")
    if not folder:
        pytest.skip("OAKUM_TEST_DATA names no folder with ssvc/cisa_bod_26_04_1_0_0.csv")
    with (Path(folder) / "ssvc" / "cisa_bod_26_04_1_0_0.csv").open(newline="") as stream:
        published = {tuple(row[1:5]): OUTCOMES[row[5]] for row in list(csv.reader(stream))[1:]}
    ours = {row.key: (row.within.days if row.within else None, row.forensic_triage) for row in bod_26_04().rows}
    assert ours == published


def test_bod_26_04_counts_from_the_earlier_of_listing_and_detection() -> None:
    assert bod_26_04().clock is Clock.KEV_LISTING_OR_DETECTION


def test_a_table_with_a_missing_row_cannot_exist() -> None:
    pack = bod_26_04()
    with pytest.raises(AssertionError, match="incomplete"):
        replace(pack, rows=pack.rows[:-1])


def test_a_table_that_gives_more_danger_more_time_cannot_exist() -> None:
    pack = bod_26_04()
    laxer = tuple(
        replace(row, within=timedelta(days=90)) if row.key == ("yes", "yes", "yes", "total") else row
        for row in pack.rows
    )
    with pytest.raises(AssertionError, match="more time"):
        replace(pack, rows=laxer)


def test_severity_simple_says_7_14_30_90_and_3() -> None:
    pack = severity_simple()
    assert [(severity, within.days) for severity, within in pack.within] == [
        (Severity.CRITICAL, 7),
        (Severity.HIGH, 14),
        (Severity.MEDIUM, 30),
        (Severity.LOW, 90),
    ]
    assert pack.kev_within == timedelta(days=3)
    assert pack.unknown_from_security.value == "high"


def test_a_severity_pack_that_gives_critical_more_time_than_high_cannot_exist() -> None:
    pack = severity_simple()
    swapped = tuple((severity, timedelta(days=90 - days)) for days, (severity, _) in enumerate(pack.within))
    with pytest.raises(AssertionError, match="more time"):
        replace(pack, within=swapped)
