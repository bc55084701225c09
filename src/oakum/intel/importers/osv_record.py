"""One OSV record: its ids, texts and ratings.

Its packages and versions are read by ``osv_affected``.  It opens no file (``osv``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import (
    DETAILS_LENGTH_MAX,
    REF_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    AdvisoryRecord,
    AffectedPackage,
)
from oakum.core.changelog import CVE_COUNT_MAX, find_cves
from oakum.core.ratings import better, rate, severity_of_word
from oakum.core.text import clean_text
from oakum.intel.importers.osv_affected import Place, read_affected, specific_of
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, parse_instant, unreadable

__all__ = ["plain_list", "plain_object", "plain_text", "read_record"]

ALIAS_COUNT_MAX: Final = 20
ALIAS_LENGTH_MAX: Final = 60

_NO_SUMMARIES: Final = frozenset({"[Unknown description]"})
# Rocky's special interest groups build other packages under the names of the distribution's own.
_SPECIAL: Final = re.compile(r"RX[SBE]A-")
# "Important: kernel security update": the RHEL family's way to tell the severity.
_SEVERITY_OF_SUMMARY: Final = re.compile(r"(?:[A-Z][\w ]{0,40}: )?(?P<word>Critical|Important|Moderate|Low): ")


def read_record(path: Path, place: str, document: Mapping[str, Any]) -> Read:
    """Return what one OSV record says of streams of ours, None with the reasons where it says nothing of them.

    Raises:
        FeedError: it is no OSV record, or beyond a limit.
    """
    ref = plain_text(document.get("id"))
    if not ref or len(ref) > REF_LENGTH_MAX or not ref.isprintable():
        raise unreadable(path, place, "it is no OSV record: it has no id")
    if _SPECIAL.match(ref):
        return Read(record=None, skipped=("records of a special interest group, whose packages are others",))
    skipped: list[str] = []
    affected = read_affected(Place(path=path, place=place, ref=ref), document, skipped)
    reasons = tuple(dict.fromkeys(skipped))
    if not affected:
        return Read(record=None, skipped=reasons or ("records that name no package",))
    return Read(record=_advisory(document, ref, affected), skipped=reasons)


def _advisory(document: Mapping[str, Any], ref: str, affected: tuple[AffectedPackage, ...]) -> AdvisoryRecord:
    cves = _cves(document, ref)
    vector = _vector(document) if len(cves) <= 1 else ""
    text = clean_text(plain_text(document.get("details")), length_max=DETAILS_LENGTH_MAX)
    details = "" if text in _NO_SUMMARIES else text
    title = clean_text(plain_text(document.get("summary")), length_max=TITLE_LENGTH_MAX)
    return AdvisoryRecord(
        ref=ref,
        title=title or _first_line(details) or affected[0].name,
        details=details,
        severity=_severity(document, vector),
        published_at=parse_instant(document.get("published")),
        modified_at=parse_instant(document.get("modified")),
        withdrawn_at=parse_instant(document.get("withdrawn")),
        cves=cves,
        cvss_vector=vector,
        affected=affected,
        aliases=_aliases(document),
        supersedes=_ids(plain_object(document.get("database_specific")).get("supersedes")),
    )


def _first_line(details: str) -> str:
    return clean_text(details.strip().partition("\n")[0], length_max=TITLE_LENGTH_MAX)


def _cves(document: Mapping[str, Any], ref: str) -> tuple[str, ...]:
    """Return what the record is about: its own id and aliases, and what it follows from.

    ``related`` counts only where nothing else names one: the RHEL family and older Debian records put their CVEs
    there, others what is merely similar.
    """
    own = [ref, *plain_list(document.get("aliases")), *plain_list(document.get("upstream"))]
    found = find_cves(" ".join(plain_text(each) for each in own))
    return (found or find_cves(" ".join(plain_text(each) for each in plain_list(document.get("related")))))[
        :CVE_COUNT_MAX
    ]


def _aliases(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return other publishers' ids of the same flaw; CVE ids have a place of their own."""
    return tuple(each for each in _ids(document.get("aliases")) if not each.upper().startswith("CVE-"))


def _ids(value: object) -> tuple[str, ...]:
    ids = (plain_text(each) for each in plain_list(value))
    fit = (each for each in ids if 0 < len(each) <= ALIAS_LENGTH_MAX and each.isascii() and each.isprintable())
    return tuple(dict.fromkeys(fit))[:ALIAS_COUNT_MAX]


def _vector(document: Mapping[str, Any]) -> str:
    """Return the CVSS vector to go by: of several the newest standard's."""
    scores = [plain_text(plain_object(each).get("score")) for each in plain_list(document.get("severity"))]
    ratings = [rating for rating in map(rate, scores) if rating is not None]
    if not ratings:
        return ""
    best = ratings[0]
    for rating in ratings[1:]:
        best = better(best, rating)
    return best.vector


def _severity(document: Mapping[str, Any], vector: str) -> str:
    """Return the severity: the publisher's own word first, which knows its backports, then CVSS."""
    words = [plain_text(plain_object(each).get("score")) for each in plain_list(document.get("severity"))]
    words += [plain_text(plain_object(document.get("database_specific")).get("severity"))]
    words += [plain_text(specific_of(plain_object(each)).get("urgency")) for each in _entries(document)]
    told_first = _SEVERITY_OF_SUMMARY.match(plain_text(document.get("summary")))
    words += [told_first["word"]] if told_first else []
    told = next((severity for severity in map(severity_of_word, words) if severity), "")
    rating = rate(vector) if vector else None
    return told or (rating.severity if rating else "")


def _entries(document: Mapping[str, Any]) -> list[Any]:
    return list(plain_list(document.get("affected")))
