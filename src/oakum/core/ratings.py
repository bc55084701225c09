"""Severity ratings: CVSS vectors scored, words put in one order, two ratings of a vulnerability compared.

Bands are those of CVSS 3.1 and 4.0 (FIRST): low 0.1-3.9, medium 4.0-6.9, high 7.0-8.9, critical 9.0-10.0; CVSS 2 has
no critical.  It knows no deadline (``core.priority``) and fetches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

CRITICAL: Final = "critical"
HIGH: Final = "high"
MEDIUM: Final = "medium"
LOW: Final = "low"
UNRATED: Final = ""
SEVERITIES: Final = (LOW, MEDIUM, HIGH, CRITICAL)

VECTOR_LENGTH_MAX: Final = 200
# Remembered at once: all CVEs together have some 20,000 different vectors.
VECTOR_COUNT_MAX: Final = 32_768

# Words that publishers use for the same; "negligible" is Ubuntu's, "important" and "moderate" are Red Hat's.
_WORDS: Final = {
    "critical": CRITICAL,
    "important": HIGH,
    "high": HIGH,
    "moderate": MEDIUM,
    "medium": MEDIUM,
    "low": LOW,
    "negligible": LOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A CVSS vector with its base score; ``version`` is the major version of the standard."""

    vector: str
    score: float
    version: int

    @property
    def severity(self) -> str:
        """The score's band, empty for 0.0 (CVSS calls it None)."""
        if self.score == 0:
            return UNRATED
        bands = ((9.0, CRITICAL), (7.0, HIGH), (4.0, MEDIUM), (0.0, LOW))
        found = next(word for low, word in bands if self.score >= low)
        return HIGH if found == CRITICAL and self.version == 2 else found  # noqa: PLR2004 - the standard's own number


@lru_cache(maxsize=VECTOR_COUNT_MAX)
def rate(vector: str) -> Rating | None:
    """Return the rating that a CVSS vector stands for, None where it is none (of version 2, 3.x or 4.0).

    >>> rate("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    Rating(vector='CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', score=9.8, version=3)
    """
    if len(vector) > VECTOR_LENGTH_MAX:
        return None
    try:
        if vector.startswith("CVSS:4"):
            return Rating(vector=vector, score=float(CVSS4(vector).base_score), version=4)
        if vector.startswith("CVSS:3"):
            return Rating(vector=vector, score=float(CVSS3(vector).base_score), version=3)
        return Rating(vector=vector, score=float(CVSS2(vector).base_score), version=2)
    except CVSSError:
        return None


def severity_of_word(word: str) -> str:
    """Return our word for a publisher's, empty where it rates nothing (``untriaged``, ``not yet assigned``)."""
    return _WORDS.get(word.strip().lower(), UNRATED)


def better(one: Rating, other: Rating) -> Rating:
    """Return which of two ratings of one vulnerability to show: the newer standard's, then the higher score."""
    return max(one, other, key=lambda rating: (rating.version, rating.score, rating.vector))
