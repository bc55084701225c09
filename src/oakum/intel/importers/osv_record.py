"""One OSV record: what it says of streams of ours.

Read: Debian's and Ubuntu's ecosystems with a release (``Debian:12``, ``Ubuntu:22.04:LTS``, ``Ubuntu:Pro:16.04:LTS``),
by source package.  ``Debian`` without a release, Ubuntu's FIPS and other special lines, and every other ecosystem are
counted and left out: their versions belong to no stream of ours.

``core.ranges`` evaluates events, this module only says which are there.  It opens no file (``osv``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    DETAILS_LENGTH_MAX,
    END_OF_LIFE,
    NOT_AFFECTED,
    REF_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    WILL_NOT_FIX,
    AdvisoryRecord,
    AffectedPackage,
    speaks_of_one_cve,
)
from oakum.core.changelog import CVE_COUNT_MAX, find_cves
from oakum.core.ranges import EVENT_COUNT_MAX, EVENT_KINDS, Event, FixedInterval, contains, intervals_of_events, point
from oakum.core.ratings import better, rate, severity_of_word
from oakum.core.streams import scheme_of_stream, stream_of
from oakum.core.text import clean_text
from oakum.core.versions import InvalidVersion, order_key
from oakum.intel.importers.values import Read, parse_instant, too_large, unreadable

AFFECTED_COUNT_MAX = 5_000  # packages of one record
VERSION_COUNT_MAX = 20_000  # enumerated versions of one package
NAME_LENGTH_MAX = 200

# Publishers' words for a range without a fix; the rest stays "affected".
_STATES = {
    "end-of-life": END_OF_LIFE,
    "eol": END_OF_LIFE,
    "ignored": WILL_NOT_FIX,
    "no-dsa": DEFERRED,
    "postponed": DEFERRED,
    "not-affected": NOT_AFFECTED,
}
# Debian's word for flaws that do not reach its binary packages, or are none in practice.
_URGENCY_OF_NO_FLAW = "unimportant"
_NO_SUMMARIES = frozenset({"[Unknown description]"})


def read_record(path: Path, place: str, document: Mapping[str, Any]) -> Read:
    """Return what one OSV record says of streams of ours, None with the reasons where it says nothing of them.

    Raises:
        FeedError: it is no OSV record, or beyond a limit.
    """
    ref = plain_text(document.get("id"))
    if not ref or len(ref) > REF_LENGTH_MAX or not ref.isprintable():
        raise unreadable(path, place, "it is no OSV record: it has no id")
    entries = plain_list(document.get("affected"))
    if len(entries) > AFFECTED_COUNT_MAX:
        raise too_large(path, place, f"the record names {len(entries)} packages, more than {AFFECTED_COUNT_MAX}")
    skipped: list[str] = []
    affected = tuple(
        package
        for entry in entries
        for package in _affected(path, place, plain_object(entry), skipped)
        if package.intervals
    )
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("records that name no package",))
    return Read(record=_advisory(document, ref, affected), skipped=tuple(dict.fromkeys(skipped)))


def _advisory(document: Mapping[str, Any], ref: str, affected: tuple[AffectedPackage, ...]) -> AdvisoryRecord:
    cves = _cves(document, ref)
    vector = _vector(document) if len(cves) == 1 else ""
    details = clean_text(plain_text(document.get("details")), length_max=DETAILS_LENGTH_MAX)
    title = clean_text(plain_text(document.get("summary")), length_max=TITLE_LENGTH_MAX)
    return AdvisoryRecord(
        ref=ref,
        title=title or (_first_line(details) if speaks_of_one_cve(ref, cves) else affected[0].name),
        details="" if details in _NO_SUMMARIES else details,
        severity=_severity(document, vector),
        published_at=parse_instant(document.get("published")),
        modified_at=parse_instant(document.get("modified")),
        withdrawn_at=parse_instant(document.get("withdrawn")),
        cves=cves,
        cvss_vector=vector,
        affected=affected,
    )


def _first_line(details: str) -> str:
    return clean_text(details.strip().partition("\n")[0], length_max=TITLE_LENGTH_MAX)


def _cves(document: Mapping[str, Any], ref: str) -> tuple[str, ...]:
    """Return what the record is about: its own id and aliases, and what it follows from.

    ``related`` counts only where nothing else names one: older Debian records put their CVEs there, newer ones what
    is merely similar.
    """
    own = [ref, *plain_list(document.get("aliases")), *plain_list(document.get("upstream"))]
    found = find_cves(" ".join(plain_text(each) for each in own))
    return (found or find_cves(" ".join(plain_text(each) for each in plain_list(document.get("related")))))[
        :CVE_COUNT_MAX
    ]


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
    words += [plain_text(_specific(plain_object(each)).get("urgency")) for each in plain_list(document.get("affected"))]
    told = next((severity for severity in map(severity_of_word, words) if severity), "")
    rating = rate(vector) if vector else None
    return told or (rating.severity if rating else "")


def _affected(path: Path, place: str, entry: Mapping[str, Any], skipped: list[str]) -> Iterator[AffectedPackage]:
    package = plain_object(entry.get("package"))
    ecosystem, name = plain_text(package.get("ecosystem")), plain_text(package.get("name"))
    stream = stream_of_ecosystem(ecosystem)
    if not stream:
        skipped.append(f"packages of {ecosystem[:60] or 'no ecosystem'}, which is no release that Oakum matches")
        return
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        raise unreadable(path, place, "a package has no name")
    scheme = scheme_of_stream(stream)
    try:
        intervals = _intervals(path, place, scheme, entry)
    except InvalidVersion as error:
        skipped.append(f"ranges with a version that is none ({name}: {error})")
        return
    yield AffectedPackage(stream=stream, name=name, scheme=scheme, intervals=intervals, state=_state(entry))


def stream_of_ecosystem(ecosystem: str) -> str:
    """Return our stream for an OSV ecosystem, empty for what we do not match.

    >>> stream_of_ecosystem("Debian:12"), stream_of_ecosystem("Ubuntu:Pro:16.04:LTS"), stream_of_ecosystem("npm")
    ('debian:12', 'ubuntu:16.04', '')
    """
    distribution, *rest = ecosystem.split(":")
    if distribution not in {"Debian", "Ubuntu"}:
        return ""
    # Ubuntu Pro publishes later fixes for the same packages of the same release.
    words = [word for word in rest if word not in {"LTS", "Pro"}]
    if len(words) != 1 or not words[0].replace(".", "").isdecimal():
        return ""
    return stream_of(distribution, words[0])


def _intervals(path: Path, place: str, scheme: str, entry: Mapping[str, Any]) -> tuple[FixedInterval, ...]:
    """Return the affected versions: the ranges, and the enumerated versions that no range holds."""
    found: list[FixedInterval] = []
    for each in plain_list(entry.get("ranges")):
        if plain_object(each).get("type") == "ECOSYSTEM":
            found += intervals_of_events(scheme, _events(path, place, plain_object(each)))
    versions = plain_list(entry.get("versions"))
    if len(versions) > VERSION_COUNT_MAX:
        raise too_large(path, place, f"a package has {len(versions)} versions, more than {VERSION_COUNT_MAX}")
    ranged = tuple(each.interval for each in found)
    points = {order_key(scheme, plain_text(version)) for version in versions}
    found += [
        FixedInterval(interval=point(key), fixed_version="") for key in sorted(points) if not contains(ranged, key)
    ]
    return tuple(found)


def _events(path: Path, place: str, each: Mapping[str, Any]) -> tuple[Event, ...]:
    events = plain_list(each.get("events"))
    if len(events) > EVENT_COUNT_MAX:
        raise too_large(path, place, f"a range has {len(events)} events, more than {EVENT_COUNT_MAX}")
    found = [
        Event(kind=kind, version=plain_text(version))
        for event in events
        for kind, version in plain_object(event).items()
        if kind in EVENT_KINDS
    ]
    return tuple(found)


def _state(entry: Mapping[str, Any]) -> str:
    specific = _specific(entry)
    if plain_text(specific.get("urgency")) == _URGENCY_OF_NO_FLAW:
        return NOT_AFFECTED
    return _STATES.get(plain_text(specific.get("status")).lower(), AFFECTED)


def _specific(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the publisher adds to a package; publishers use either of the two places."""
    return {**plain_object(entry.get("database_specific")), **plain_object(entry.get("ecosystem_specific"))}


def plain_object(value: object) -> Mapping[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def plain_list(value: object) -> Sequence[Any]:
    """Return a JSON list, an empty one for anything else."""
    return value if isinstance(value, list) else ()


def plain_text(value: object) -> str:
    """Return a JSON string, an empty one for anything else."""
    return value if isinstance(value, str) else ""
