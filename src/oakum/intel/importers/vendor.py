"""What the importers of the distributions' own formats share: ranges, names, severities, words.

It reads no format and knows no distribution.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from oakum.core.advisories import DETAILS_LENGTH_MAX, REF_LENGTH_MAX, TITLE_LENGTH_MAX
from oakum.core.ranges import LOWEST, FixedInterval, Interval
from oakum.core.ratings import SEVERITIES, severity_of_word
from oakum.core.text import clean_text
from oakum.core.versions import InvalidVersion, order_key
from oakum.intel.importers.values import unreadable

NAME_LENGTH_MAX: Final = 200
VERSION_LENGTH_MAX: Final = 200
WORD_LENGTH_MAX: Final = 200

# Reasons to leave something out; what stands in brackets behind one is an example.
INVALID_RANGE: Final = "ranges with a version that is none"

# No version is known that ends the range.
ALL_VERSIONS: Final = FixedInterval(interval=Interval(low=LOWEST, high=None), fixed_version="")


def versions_below(scheme: str, fixed_version: str, *, low: bytes = LOWEST) -> FixedInterval:
    """Return the versions that lack what ``fixed_version`` brings, from the key ``low`` on.

    Raises:
        InvalidVersion: it is no version of the scheme, or not above ``low``.
    """
    if len(fixed_version) > VERSION_LENGTH_MAX:
        raise InvalidVersion(fixed_version, "it is too long")
    high = order_key(scheme, fixed_version)
    if high <= low:
        raise InvalidVersion(fixed_version, "nothing is below it")
    return FixedInterval(interval=Interval(low=low, high=high), fixed_version=fixed_version)


def is_name(text: object) -> bool:
    """Say whether it can be a package's name."""
    return isinstance(text, str) and 0 < len(text) <= NAME_LENGTH_MAX and text.isprintable() and " " not in text


def checked_ref(path: Path, place: str, text: str) -> str:
    """Return an advisory's own id.

    Raises:
        FeedError: it is empty, too long, or not printable.
    """
    if not 0 < len(text) <= REF_LENGTH_MAX or not text.isprintable():
        raise unreadable(path, place, f"an advisory has no id ({text[:40]!r})")
    return text


def highest_severity(words: Iterable[str]) -> str:
    """Return the highest of the severities that publishers' words stand for, empty where none rates.

    >>> highest_severity(["low", "not yet assigned", "Important"])
    'high'
    """
    found = {severity_of_word(word) for word in words}
    return next((each for each in reversed(SEVERITIES) if each in found), "")


def details_of(text: str, words: Iterable[str]) -> str:
    """Return an advisory's text with the publisher's own words on its packages as a last paragraph."""
    told = "\n".join(clean_text(word, length_max=WORD_LENGTH_MAX) for word in dict.fromkeys(words))
    description = clean_text(text.strip(), length_max=DETAILS_LENGTH_MAX - min(len(told) + 2, DETAILS_LENGTH_MAX // 2))
    return clean_text("\n\n".join(part for part in (description, told) if part), length_max=DETAILS_LENGTH_MAX)


def title_of(text: str, *otherwise: str) -> str:
    """Return the first line of a text as a title, the first of ``otherwise`` that says something where it is empty."""
    lines = (
        clean_text(each.strip().partition("\n")[0], length_max=TITLE_LENGTH_MAX).strip() for each in (text, *otherwise)
    )
    return next((line for line in lines if line), "")
