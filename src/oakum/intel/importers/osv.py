"""OSV: a zip of one JSON record an advisory (``all.zip``), or one such record.

Read: Debian's and Ubuntu's ecosystems with a release (``Debian:12``, ``Ubuntu:22.04:LTS``, ``Ubuntu:Pro:16.04:LTS``), by
source package.  ``Debian`` without a release, Ubuntu's FIPS and other special lines, and every other ecosystem are
counted and left out: their versions belong to no stream of ours.

The zip is never unpacked to disk.  ``core.ranges`` evaluates events, this module only says which are there.
"""

from __future__ import annotations

import json
import zipfile
import zlib
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
from oakum.core.inventory import stream_of
from oakum.core.ranges import EVENT_COUNT_MAX, EVENT_KINDS, Event, FixedInterval, contains, intervals_of_events, point
from oakum.core.ratings import better, rate, severity_of_word
from oakum.core.text import clean_text
from oakum.core.versions import InvalidVersion, order_key, scheme_of_stream
from oakum.intel.importers.values import FILE_BYTES_MAX, Read, check_size, parse_instant, too_large, unreadable

# Debian's whole feed has some 70,000 records and 300 MB of JSON; its largest record less than 1 MB.
ENTRY_COUNT_MAX = 1_000_000
ENTRY_BYTES_MAX = 32 * 1024**2
TOTAL_BYTES_MAX = 16 * 1024**3
# Honest records of any size compress at most some thirty times.
RATIO_MAX = 200
RATIO_CHECKED_FROM_BYTES = 1024**2
AFFECTED_COUNT_MAX = 5_000  # packages of one record
VERSION_COUNT_MAX = 20_000  # enumerated versions of one package
NAME_LENGTH_MAX = 200

_FAULTS_OF_A_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)

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


class OsvImporter:
    """Reads OSV."""

    kind = "osv"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a zip, or one OSV record."""
        del path
        return head.startswith(b"PK\x03\x04") or (
            head.lstrip().startswith(b"{") and b'"vulnerabilities"' not in head and b'"id"' in head
        )

    def default_name(self, path: Path) -> str:
        """Return ``osv-`` and the first record's distribution."""
        for _, record in _documents(path):
            for affected in _list(record.get("affected")):
                ecosystem = _text(_object(_object(affected).get("package")).get("ecosystem"))
                if ecosystem:
                    return f"osv-{ecosystem.partition(':')[0].lower()}"[:60]
        return "osv"

    def record_count(self, path: Path) -> int | None:
        """Return the number of JSON entries."""
        check_size(path, FILE_BYTES_MAX)
        if not zipfile.is_zipfile(path):
            return None
        with _opened(path) as archive:
            return len(_entries(path, archive))

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each record that speaks of a stream of ours."""
        for place, document in _documents(path):
            yield _read(path, place, document)


def _documents(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each entry's name and JSON object."""
    check_size(path, FILE_BYTES_MAX)
    with path.open("rb") as file:
        is_zip = file.read(4).startswith(b"PK")
    if not is_zip:
        check_size(path, ENTRY_BYTES_MAX)
        yield "", _object_of(path, "", path.read_bytes())
        return
    with _opened(path) as archive:
        for entry in _entries(path, archive):
            yield f"entry {entry.filename}", _object_of(path, f"entry {entry.filename}", _bytes(path, archive, entry))


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _FAULTS_OF_A_ZIP as error:
        raise unreadable(path, "", f"the zip archive is cut or corrupt ({error})") from error


def _entries(path: Path, archive: zipfile.ZipFile) -> Sequence[zipfile.ZipInfo]:
    """Return the entries to read, all limits checked by what the archive says of itself."""
    entries = [entry for entry in archive.infolist() if entry.filename.endswith(".json")]
    if not entries:
        raise unreadable(path, "", "the zip archive holds no .json entry")
    if len(entries) > ENTRY_COUNT_MAX:
        raise too_large(path, "", f"it holds {len(entries)} entries, more than {ENTRY_COUNT_MAX}")
    total = 0
    for entry in entries:
        total += entry.file_size
        if entry.file_size > ENTRY_BYTES_MAX:
            raise too_large(path, f"entry {entry.filename}", f"it unpacks to more than {ENTRY_BYTES_MAX} bytes")
        if entry.file_size > RATIO_CHECKED_FROM_BYTES and entry.file_size > RATIO_MAX * max(1, entry.compress_size):
            raise too_large(path, f"entry {entry.filename}", f"it unpacks to more than {RATIO_MAX} times its size")
    if total > TOTAL_BYTES_MAX:
        raise too_large(path, "", f"it unpacks to more than {TOTAL_BYTES_MAX} bytes")
    return entries


def _bytes(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Return an entry's bytes; zipfile itself stops at the size that the archive claims and then checks the sum."""
    try:
        with archive.open(entry) as file:
            return file.read(ENTRY_BYTES_MAX)
    except _FAULTS_OF_A_ZIP as error:
        raise unreadable(path, f"entry {entry.filename}", f"it is cut or corrupt ({error})") from error


def _object_of(path: Path, place: str, raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, place, f"it is not JSON ({error})") from error
    if not isinstance(document, dict):
        raise unreadable(path, place, "it is no OSV record: a JSON object is expected")
    return document


def _read(path: Path, place: str, document: Mapping[str, Any]) -> Read:
    ref = _text(document.get("id"))
    if not ref or len(ref) > REF_LENGTH_MAX or not ref.isprintable():
        raise unreadable(path, place, "it is no OSV record: it has no id")
    entries = _list(document.get("affected"))
    if len(entries) > AFFECTED_COUNT_MAX:
        raise too_large(path, place, f"the record names {len(entries)} packages, more than {AFFECTED_COUNT_MAX}")
    skipped: list[str] = []
    affected = tuple(
        package for entry in entries for package in _affected(path, place, _object(entry), skipped) if package.intervals
    )
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("records that name no package",))
    return Read(record=_advisory(document, ref, affected), skipped=tuple(dict.fromkeys(skipped)))


def _advisory(document: Mapping[str, Any], ref: str, affected: tuple[AffectedPackage, ...]) -> AdvisoryRecord:
    cves = _cves(document, ref)
    vector = _vector(document) if len(cves) == 1 else ""
    details = clean_text(_text(document.get("details")), length_max=DETAILS_LENGTH_MAX)
    title = clean_text(_text(document.get("summary")), length_max=TITLE_LENGTH_MAX)
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
    own = [ref, *_list(document.get("aliases")), *_list(document.get("upstream"))]
    found = find_cves(" ".join(_text(each) for each in own))
    return (found or find_cves(" ".join(_text(each) for each in _list(document.get("related")))))[:CVE_COUNT_MAX]


def _vector(document: Mapping[str, Any]) -> str:
    """Return the CVSS vector to go by: of several the newest standard's."""
    scores = [_text(_object(each).get("score")) for each in _list(document.get("severity"))]
    ratings = [rating for rating in map(rate, scores) if rating is not None]
    if not ratings:
        return ""
    best = ratings[0]
    for rating in ratings[1:]:
        best = better(best, rating)
    return best.vector


def _severity(document: Mapping[str, Any], vector: str) -> str:
    """Return the severity: the publisher's own word first, which knows its backports, then CVSS."""
    words = [_text(_object(each).get("score")) for each in _list(document.get("severity"))]
    words += [_text(_object(document.get("database_specific")).get("severity"))]
    words += [_text(_specific(_object(each)).get("urgency")) for each in _list(document.get("affected"))]
    told = next((severity for severity in map(severity_of_word, words) if severity), "")
    rating = rate(vector) if vector else None
    return told or (rating.severity if rating else "")


def _affected(
    path: Path, place: str, entry: Mapping[str, Any], skipped: list[str]
) -> Iterator[AffectedPackage]:
    package = _object(entry.get("package"))
    ecosystem, name = _text(package.get("ecosystem")), _text(package.get("name"))
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
    for each in _list(entry.get("ranges")):
        if _object(each).get("type") == "ECOSYSTEM":
            found += intervals_of_events(scheme, _events(path, place, _object(each)))
    versions = _list(entry.get("versions"))
    if len(versions) > VERSION_COUNT_MAX:
        raise too_large(path, place, f"a package has {len(versions)} versions, more than {VERSION_COUNT_MAX}")
    ranged = tuple(each.interval for each in found)
    points = {order_key(scheme, _text(version)) for version in versions}
    found += [
        FixedInterval(interval=point(key), fixed_version="") for key in sorted(points) if not contains(ranged, key)
    ]
    return tuple(found)


def _events(path: Path, place: str, each: Mapping[str, Any]) -> tuple[Event, ...]:
    events = _list(each.get("events"))
    if len(events) > EVENT_COUNT_MAX:
        raise too_large(path, place, f"a range has {len(events)} events, more than {EVENT_COUNT_MAX}")
    found = [
        Event(kind=kind, version=_text(version))
        for event in events
        for kind, version in _object(event).items()
        if kind in EVENT_KINDS
    ]
    return tuple(found)


def _state(entry: Mapping[str, Any]) -> str:
    specific = _specific(entry)
    if _text(specific.get("urgency")) == _URGENCY_OF_NO_FLAW:
        return NOT_AFFECTED
    return _STATES.get(_text(specific.get("status")).lower(), AFFECTED)


def _specific(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the publisher adds to a package; publishers use either of the two places."""
    return {**_object(entry.get("database_specific")), **_object(entry.get("ecosystem_specific"))}


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
