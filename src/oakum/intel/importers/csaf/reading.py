"""One CSAF 2.0 document as an advisory: Red Hat's, SUSE's and Microsoft's, security advisories and VEX alike.

A VEX document is about one vulnerability and goes by its id; a security advisory goes by its tracking id and holds the
packages of all its vulnerabilities.  What it says of products is read by ``products`` and ``statuses``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oakum.core.advisories import (
    DETAILS_LENGTH_MAX,
    NOT_AFFECTED,
    REF_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    AdvisoryRecord,
    AffectedPackage,
)
from oakum.core.changelog import CVE_COUNT_MAX, find_cves
from oakum.core.ratings import Rating, better, rate, severity_of_word
from oakum.core.text import clean_text
from oakum.intel.importers.csaf.products import Products
from oakum.intel.importers.csaf.statuses import affected_packages
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, parse_instant, too_large, unreadable

VULNERABILITY_COUNT_MAX = 5_000
PACKAGE_COUNT_MAX = 100_000

_VEX = "csaf_vex"
_NOTES = ("description", "summary", "details", "general")
_SCORES = ("cvss_v4", "cvss_v3", "cvss_v2")


def read_document(path: Path, place: str, document: Mapping[str, Any]) -> Read:
    """Return what one CSAF document says of streams of ours, no record with the reasons where it says nothing.

    Raises:
        FeedError: it is no CSAF document, or beyond a limit.
    """
    head = plain_object(document.get("document"))
    ref = plain_text(plain_object(head.get("tracking")).get("id"))
    if not plain_text(head.get("csaf_version")) or not ref or len(ref) > REF_LENGTH_MAX or not ref.isprintable():
        raise unreadable(path, place, "it is no CSAF document: it has no csaf_version or no tracking id")
    vulnerabilities = [plain_object(each) for each in plain_list(document.get("vulnerabilities"))]
    if len(vulnerabilities) > VULNERABILITY_COUNT_MAX:
        raise too_large(path, place, f"it holds more than {VULNERABILITY_COUNT_MAX} vulnerabilities")
    products = Products(path, place, document)
    skipped: list[str] = []
    affected = _merged(each for one in vulnerabilities for each in affected_packages(one, products, skipped))
    if len(affected) > PACKAGE_COUNT_MAX:
        raise too_large(path, place, f"it names more than {PACKAGE_COUNT_MAX} packages")
    reasons = tuple(dict.fromkeys(skipped))
    if not affected:
        return Read(record=None, skipped=reasons or ("documents that name no package",))
    return Read(record=_advisory(head, ref, vulnerabilities, affected), skipped=reasons)


def _merged(packages: Iterable[AffectedPackage]) -> tuple[AffectedPackage, ...]:
    """Return each package once: an advisory with ten vulnerabilities names all its packages ten times.

    A package that one of several vulnerabilities does not affect is affected by the others.
    """
    found = tuple(dict.fromkeys(packages))
    affected = {(each.stream, each.level, each.name) for each in found if each.state != NOT_AFFECTED}
    return tuple(
        each for each in found if each.state != NOT_AFFECTED or (each.stream, each.level, each.name) not in affected
    )


def _advisory(
    head: Mapping[str, Any],
    ref: str,
    vulnerabilities: Sequence[Mapping[str, Any]],
    affected: tuple[AffectedPackage, ...],
) -> AdvisoryRecord:
    tracking = plain_object(head.get("tracking"))
    cves = tuple(dict.fromkeys(cve for each in vulnerabilities for cve in find_cves(plain_text(each.get("cve")))))
    is_about_one = len(vulnerabilities) == 1
    about = vulnerabilities[0] if is_about_one else {}
    rating = _rating(about)
    is_vex = plain_text(head.get("category")) == _VEX and len(cves) == 1
    title = plain_text(about.get("title")) or plain_text(head.get("title"))
    return AdvisoryRecord(
        ref=cves[0] if is_vex else ref,
        title=clean_text(title, length_max=TITLE_LENGTH_MAX) or affected[0].name,
        details=_note(about) or _note(head),
        severity=_severity(head, about, rating),
        published_at=parse_instant(tracking.get("initial_release_date")),
        modified_at=parse_instant(tracking.get("current_release_date")),
        withdrawn_at=None,
        cves=cves[:CVE_COUNT_MAX],
        cvss_vector=rating.vector if rating else "",
        affected=affected,
    )


def _note(holder: Mapping[str, Any]) -> str:
    """Return the first note that describes, in the order of _NOTES; licences and disclaimers are none."""
    notes = [plain_object(each) for each in plain_list(holder.get("notes"))]
    for category in _NOTES:
        for note in notes:
            if plain_text(note.get("category")) == category and plain_text(note.get("text")).strip():
                return clean_text(plain_text(note.get("text")), length_max=DETAILS_LENGTH_MAX)
    return ""


def _rating(vulnerability: Mapping[str, Any]) -> Rating | None:
    best: Rating | None = None
    for each in plain_list(vulnerability.get("scores")):
        for name in _SCORES:
            rating = rate(plain_text(plain_object(plain_object(each).get(name)).get("vectorString")))
            if rating is not None:
                best = rating if best is None else better(best, rating)
    return best


def _severity(head: Mapping[str, Any], about: Mapping[str, Any], rating: Rating | None) -> str:
    """Return the severity: the publisher's own word first, which knows its builds, then CVSS."""
    words = [
        plain_text(plain_object(each).get("details"))
        for each in plain_list(about.get("threats"))
        if plain_text(plain_object(each).get("category")) == "impact"
    ]
    words.append(plain_text(plain_object(head.get("aggregate_severity")).get("text")))
    told = next((severity for severity in map(severity_of_word, words) if severity), "")
    return told or (rating.severity if rating else "")
