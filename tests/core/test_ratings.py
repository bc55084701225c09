"""CVSS vectors scored, and which of two ratings is shown."""

from __future__ import annotations

import pytest

from oakum.core.ratings import VECTOR_LENGTH_MAX, Rating, better, rate, severity_of_word


@pytest.mark.parametrize(
    ("vector", "score", "severity"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, "critical"),
        ("CVSS:3.0/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L", 4.0, "medium"),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0, ""),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3, "critical"),
        # CVSS 2 has no critical.
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0, "high"),
        ("AV:L/AC:H/Au:N/C:P/I:N/A:N", 1.2, "low"),
    ],
)
def test_a_vector_is_scored_and_banded(vector: str, score: float, severity: str) -> None:
    rating = rate(vector)
    assert rating is not None
    assert (rating.score, rating.severity) == (score, severity)


@pytest.mark.parametrize(
    "vector",
    ["", "high", "7.5", "CVSS:3.1/AV:N", "CVSS:4.0/", "CVSS:5.0/AV:N", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:X",
     "AV:N/" * VECTOR_LENGTH_MAX, "\x00", "CVSS:3.1/é"],
)  # fmt: skip
def test_what_is_no_vector_has_no_rating(vector: str) -> None:
    assert rate(vector) is None


def test_the_newer_standard_is_shown_then_the_higher_score() -> None:
    old = Rating(vector="a", score=10.0, version=2)
    new = Rating(vector="b", score=5.0, version=3)
    higher = Rating(vector="c", score=6.0, version=3)
    assert better(old, new) == better(new, old) == new
    assert better(new, higher) == better(higher, new) == higher


def test_publishers_words_become_ours() -> None:
    words = ["Important", "moderate", "negligible", "HIGH", "untriaged", "not yet assigned", ""]
    assert [severity_of_word(word) for word in words] == ["high", "medium", "low", "high", "", "", ""]
