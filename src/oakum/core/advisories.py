"""What a publisher's notice amounts to, whatever its format, and the notices that follow from our own hosts' notes.

The values here are what every importer gives (``intel.importers``) and what is stored.  It reads no file, matches
nothing (``core.matching``) and sets no deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from oakum.core.ranges import FixedInterval
from oakum.core.streams import LEVELS, SOURCE

# States of an affected range, after the publishers' own words; only the first makes work, all but the last a finding.
AFFECTED: Final = "affected"
DEFERRED: Final = "deferred"
WILL_NOT_FIX: Final = "will_not_fix"
END_OF_LIFE: Final = "end_of_life"
UNDER_INVESTIGATION: Final = "under_investigation"
NOT_AFFECTED: Final = "not_affected"
STATES: Final = (AFFECTED, DEFERRED, WILL_NOT_FIX, END_OF_LIFE, UNDER_INVESTIGATION, NOT_AFFECTED)

TITLE_LENGTH_MAX: Final = 500
DETAILS_LENGTH_MAX: Final = 20_000
REF_LENGTH_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedPackage:
    """Which versions of one package, in one stream, a notice speaks of.

    ``level`` says whose name and version these are: the source package's or the installed (binary) package's.
    ``architectures`` are those it speaks of, none: all.
    """

    stream: str
    name: str
    scheme: str
    intervals: tuple[FixedInterval, ...]
    state: str
    level: str = SOURCE
    architectures: tuple[str, ...] = ()

    def __post_init__(self) -> None:  # noqa: D105 - the class says it
        assert self.state in STATES
        assert self.level in LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisoryRecord:
    """A publisher's notice.

    ``severity`` is one of ours or empty; ``cvss_vector`` rates the one CVE of the notice.  ``aliases`` are other
    publishers' ids of the same flaw that are no CVE ids (GHSA, PYSEC).  ``supersedes`` are ids of notices of the same
    feed that this one replaces as a whole: they are closed.  A second notice on the same update (USN-1-2 after
    USN-1-1) replaces nothing.
    """

    ref: str
    title: str
    details: str
    severity: str
    published_at: datetime | None
    modified_at: datetime | None
    withdrawn_at: datetime | None
    cves: tuple[str, ...]
    cvss_vector: str
    affected: tuple[AffectedPackage, ...]
    aliases: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()


def speaks_of_one_cve(ref: str, cves: Sequence[str]) -> bool:
    """Say whether a notice is about one flaw, so that its text and rating are the flaw's, and not about an update.

    >>> speaks_of_one_cve("DEBIAN-CVE-2024-0001", ["CVE-2024-0001"]), speaks_of_one_cve("DSA-1-1", ["CVE-2024-0001"])
    (True, False)
    """
    return len(cves) == 1 and ref.endswith(cves[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldUpdate:
    """A security update that hosts were offered."""

    stream: str
    source_name: str
    source_version: str
    source_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldNote:
    """A changelog entry that a host read; its text stays where it is."""

    stream: str
    source_name: str
    version: str
    key: bytes
    dated: str
    cves: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRange:
    """Every version of the source below ``version`` in the stream lacks what the entry brings."""

    stream: str
    source_name: str
    version: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAdvisory:
    """A notice that follows from what our own hosts told: ``ref`` is "SOURCE VERSION".

    ``note`` is the changelog entry whose text is the notice's, None while nobody has read it.
    """

    ref: str
    title: str
    note: ToldNote | None
    published_at: datetime | None
    cves: tuple[str, ...]
    ranges: tuple[ToldRange, ...]


def host_advisories(updates: Iterable[ToldUpdate], notes: Iterable[ToldNote]) -> tuple[HostAdvisory, ...]:
    """Return one notice for each security update, and one for each changelog entry up to it that names a CVE.

    A security update whose notes name none, or are not known yet, is a notice all the same: the repository's own word
    that it is a security update is enough.  What follows from more updates or notes is never less, so nothing that a
    host tells later takes a notice back.  One ref in two streams is one notice with two ranges.
    """
    newest: dict[tuple[str, str], bytes] = {}
    ranges: dict[tuple[str, str, str], ToldRange] = {}
    for update in updates:
        place = (update.stream, update.source_name)
        newest[place] = max(newest.get(place, b""), update.source_key)
        ranges[(*place, update.source_version)] = ToldRange(
            stream=update.stream,
            source_name=update.source_name,
            version=update.source_version,
            key=update.source_key,
        )
    told: dict[tuple[str, str, str], ToldNote] = {}
    for note in notes:
        identity = (note.stream, note.source_name, note.version)
        if note.key > newest.get((note.stream, note.source_name), b""):
            continue
        if note.cves or identity in ranges:
            told[identity] = note
            ranges[identity] = ToldRange(
                stream=note.stream, source_name=note.source_name, version=note.version, key=note.key
            )
    return _grouped(ranges, told)


def _grouped(
    ranges: Mapping[tuple[str, str, str], ToldRange], told: Mapping[tuple[str, str, str], ToldNote]
) -> tuple[HostAdvisory, ...]:
    by_ref: dict[str, list[tuple[str, str, str]]] = {}
    for identity in sorted(ranges):
        by_ref.setdefault(f"{identity[1]} {identity[2]}"[:REF_LENGTH_MAX], []).append(identity)
    return tuple(
        _host_advisory(ref, [ranges[each] for each in own], [told[each] for each in own if each in told])
        for ref, own in by_ref.items()
    )


def _host_advisory(ref: str, ranges: Sequence[ToldRange], notes: Sequence[ToldNote]) -> HostAdvisory:
    return HostAdvisory(
        ref=ref,
        title=f"{ranges[0].source_name} security update"[:TITLE_LENGTH_MAX],
        note=notes[0] if notes else None,
        published_at=_instant(notes[0].dated) if notes else None,
        cves=tuple(dict.fromkeys(cve for note in notes for cve in note.cves)),
        ranges=tuple(ranges),
    )


def _instant(text: str) -> datetime | None:
    """Return the instant of a changelog's RFC 5322 date, None where it is none."""
    try:
        instant = parsedate_to_datetime(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
