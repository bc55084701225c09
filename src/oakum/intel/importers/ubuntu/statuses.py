"""What Ubuntu's security team says of a source package in a release, and what two archives of one release come to.

A release has its own archive and, later, Ubuntu Pro's for the same packages.  They are one stream, so what both say
becomes one range: the oldest version that has the patch, from either; otherwise the word of the archive that is still
maintained.  It parses no format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    STATES,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
    AffectedPackage,
)
from oakum.core.ranges import FixedInterval
from oakum.core.streams import SOURCE
from oakum.core.versions import DEB, InvalidVersion, order_key
from oakum.intel.importers.ubuntu.releases import Archive
from oakum.intel.importers.vendor import ALL_VERSIONS, INVALID_RANGE, versions_below

RELEASED: Final = "released"
ABSENT: Final = "DNE"  # "does not exist" in this release

_STATES: Final = {
    "needed": AFFECTED,
    "pending": AFFECTED,  # a patched version is prepared but not published
    "in-progress": AFFECTED,
    "active": AFFECTED,
    "needs-triage": UNDER_INVESTIGATION,
    "deferred": DEFERRED,
    "ignored": WILL_NOT_FIX,
    "not-affected": NOT_AFFECTED,
}
_SUPPORT_ENDED: Final = re.compile(
    r"end[ -]of[ -](?:\w+ )?(?:life|support)|out of (?:\w+ )?support|no longer supported|\beol\b|\besm\b.*\bended\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One line: the package, the archive, the team's word, and what stands in brackets behind it."""

    name: str
    archive: Archive
    word: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    state: str
    interval: FixedInterval
    is_maintenance: bool


def support_has_ended(note: str) -> bool:
    """Say whether a note tells that a package gets no more patches because support has ended.

    >>> support_has_ended("end of standard support"), support_has_ended("superseded by linux-hwe-5.4")
    (True, False)
    """
    return bool(_SUPPORT_ENDED.search(note))


def affected_packages(statuses: Iterable[Status], words: list[str], skipped: list[str]) -> Iterator[AffectedPackage]:
    """Yield one range for each package and stream; the team's own words and the reasons are added to the lists."""
    judged: dict[tuple[str, str], list[_Judged]] = {}
    for status in statuses:
        found = _judge(status, words, skipped)
        if found is not None:
            judged.setdefault((status.archive.stream, status.name), []).append(found)
    for (stream, name), own in judged.items():
        chosen = _chosen(own)
        yield AffectedPackage(
            stream=stream, name=name, scheme=DEB, intervals=(chosen.interval,), state=chosen.state, level=SOURCE
        )


def _judge(status: Status, words: list[str], skipped: list[str]) -> _Judged | None:
    if status.word == ABSENT:
        return None
    if status.word == RELEASED or _is_patched_by_maintenance(status):
        return _released(status, skipped)
    state = _STATES.get(status.word)
    if state is None:
        skipped.append(f"states that Oakum does not know ({status.word[:40]!r})")
        return None
    if state == WILL_NOT_FIX and support_has_ended(status.note):
        state = END_OF_LIFE
    if state != NOT_AFFECTED:
        note = f" ({status.note})" if status.note else ""
        words.append(f"{status.name} in {status.archive.words}: {status.word}{note}")
    return _Judged(state=state, interval=ALL_VERSIONS, is_maintenance=status.archive.is_maintenance)


def _is_patched_by_maintenance(status: Status) -> bool:
    """Say whether "not affected" is said of a version that only Ubuntu Pro has published."""
    return status.archive.is_maintenance and status.word == "not-affected" and "esm" in status.note


def _released(status: Status, skipped: list[str]) -> _Judged | None:
    version = status.note.split(" ")[0].rstrip(",;")
    try:
        interval = versions_below(DEB, version)
    except InvalidVersion as error:
        skipped.append(f"{INVALID_RANGE} ({status.name}: {error})")
        return None
    return _Judged(state=AFFECTED, interval=interval, is_maintenance=status.archive.is_maintenance)


def _chosen(judged: Sequence[_Judged]) -> _Judged:
    patched = [each for each in judged if each.interval.fixed_version]
    if patched:
        return min(patched, key=lambda each: order_key(DEB, each.interval.fixed_version))
    # The base archive stops being judged when Ubuntu Pro takes over; of one rank the graver state is told.
    return min(judged, key=lambda each: (not each.is_maintenance, STATES.index(each.state)))
