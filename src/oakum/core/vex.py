"""What others say of a finding: VEX statements, and a distribution's own records of single vulnerabilities.

A statement changes a finding's state and never opens one, and whoever said it is shown.  Of one author the latest word
counts; of several the package's publisher is heard before third parties, then the latest.  An advisory on several
vulnerabilities is closed only where each of them is.

A notice about an update (DSA-5417-1) is coarser than the records that the same distribution keeps of single
vulnerabilities: where these say of every vulnerability of the notice that a version is not affected or has its fix,
the notice is closed for that version.  Otherwise each advisory stands alone.

Pure.  It reads no document (``intel.importers.vex``) and matches no versions with advisories (``core.matching``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, UNDER_INVESTIGATION, speaks_of_one_cve
from oakum.core.matching import ANY_ARCHITECTURE, EVIDENCE_LENGTH_MAX, Match, RangeFacts, VersionFacts, targets_of
from oakum.core.ranges import InvalidRange, Range, parse_range
from oakum.core.versions import InvalidVersion

# The four of every VEX format; three of them are states of ours too.
FIXED: Final = "fixed"
STATUSES: Final = (AFFECTED, UNDER_INVESTIGATION, FIXED, NOT_AFFECTED)  # the first leaves the most to do
CLOSING: Final = frozenset({NOT_AFFECTED, FIXED})

AUTHOR_LENGTH_MAX: Final = 200  # of all authors of one state together
_RANGE_COUNT_MAX: Final = 4_096  # ranges remembered as read: a document repeats the same few

# What the publishers of distributions call themselves in VEX documents.  An author's name is his own claim: whoever
# imports a document vouches for it.
_PUBLISHERS: Final = {
    "debian": ("debian",),
    "ubuntu": ("canonical", "ubuntu"),
    "rhel": ("red hat", "redhat"),
    "centos": ("red hat", "redhat", "centos"),
    "fedora": ("fedora", "red hat"),
    "almalinux": ("almalinux",),
    "rocky": ("rocky", "resf"),
    "ol": ("oracle",),
    "amzn": ("amazon", "aws"),
    "sles": ("suse",),
    "sled": ("suse",),
    "sle-micro": ("suse",),
    "opensuse-leap": ("suse", "opensuse"),
    "opensuse-tumbleweed": ("suse", "opensuse"),
    "alpine": ("alpine",),
    "wolfi": ("chainguard", "wolfi"),
    "chainguard": ("chainguard",),
    "arch": ("arch linux",),
    "photon": ("vmware", "broadcom"),
    "azurelinux": ("microsoft",),
    "windows": ("microsoft",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an author says of a vulnerability in a package; empty ``versions`` (VERS) and ``architecture``: all.

    ``product`` is of what the package is a part where that is spoken of.  ``number`` tells what was said later of two
    statements of one instant.
    """

    number: int
    author: str
    vulnerability: str
    aliases: tuple[str, ...]
    stream: str
    name: str
    level: str
    architecture: str
    product: str
    versions: str
    status: str
    justification: str
    said_at: datetime

    def __post_init__(self) -> None:  # noqa: D105 - the class says it
        assert self.status in STATUSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What counts of all that is said of one vulnerability in one package version."""

    status: str
    author: str
    reason: str = ""


class StatementIndex:
    """Statements by package."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        """Sort the statements."""
        self._by_name: dict[tuple[str, str, str], list[Statement]] = {}
        for each in statements:
            self._by_name.setdefault((each.stream, each.level, each.name), []).append(each)

    def words_on(self, version: VersionFacts) -> dict[str, Word]:
        """Return what counts of each vulnerability, by id and alias in upper case, as far as anybody speaks of it."""
        said: dict[str, list[Statement]] = {}
        for target in targets_of(version) if self._by_name else ():
            for each in self._by_name.get((version.stream, target.level, target.name), ()):
                if _speaks_of(each, version, target.version):
                    for id_ in {each.vulnerability.upper(), *(alias.upper() for alias in each.aliases)}:
                        said.setdefault(id_, []).append(each)
        return {id_: _word(own, version.stream) for id_, own in said.items()}


def _speaks_of(each: Statement, version: VersionFacts, text: str) -> bool:
    if each.architecture and version.architecture not in {each.architecture, *ANY_ARCHITECTURE}:
        return False
    if not each.versions:
        return True
    range_ = _range(version.scheme, each.versions)
    try:
        return range_ is not None and range_.contains(text)
    except InvalidVersion:
        return False


@lru_cache(maxsize=_RANGE_COUNT_MAX)
def _range(scheme: str, text: str) -> Range | None:
    """Return a range, None where it is none: then it is not known of which versions the statement speaks."""
    try:
        return parse_range(scheme, text)
    except InvalidRange:
        return None


def _word(said: Collection[Statement], stream: str) -> Word:
    """Choose among all that is said of one vulnerability in one package version."""
    latest: dict[str, Statement] = {}
    for each in sorted(said, key=lambda one: (one.said_at, one.number)):
        latest[each.author] = each
    chosen = max(
        latest.values(),
        key=lambda one: (is_publisher(one.author, stream), one.said_at, -STATUSES.index(one.status), one.author),
    )
    author = f"{chosen.author} (of {chosen.product})" if chosen.product else chosen.author
    return Word(status=chosen.status, author=author, reason=chosen.justification)


def is_publisher(author: str, stream: str) -> bool:
    """Say whether an author is the publisher of a stream's packages, by the name he goes by.

    >>> is_publisher("Red Hat Product Security", "rhel:9"), is_publisher("Acme", "rhel:9")
    (True, False)
    """
    names = _PUBLISHERS.get(re.split(r"[:+]", stream, maxsplit=1)[0], ())
    return any(re.search(rf"\b{re.escape(name)}\b", author, re.IGNORECASE) for name in names)


def words_of_records(version: VersionFacts, records: Iterable[RangeFacts]) -> dict[str, Word]:
    """Return what a distribution's records of single vulnerabilities say of a package version, by CVE.

    A version at or above a record's fix has it.  Where one record of a CVE still holds the version, it is affected.
    """
    found: dict[str, Word] = {}
    keys = {(target.level, target.name): target.key for target in targets_of(version)}
    for each in records:
        key = keys.get((each.level, each.name))
        if key is None or each.stream != version.stream or not speaks_of_one_cve(each.ref, each.cves):
            continue
        status, cve = _status(each, key), each.cves[0].upper()
        if status and (cve not in found or STATUSES.index(status) < STATUSES.index(found[cve].status)):
            found[cve] = Word(status=status, author=f"feed {each.feed_name}", reason=each.ref)
    return found


def _status(each: RangeFacts, key: bytes) -> str:
    if each.low <= key and (each.high is None or key < each.high):
        return NOT_AFFECTED if each.state == NOT_AFFECTED else AFFECTED
    is_past = each.high is not None and key >= each.high
    return FIXED if is_past and each.fixed_version and each.state != NOT_AFFECTED else ""


def is_notice(found: Match) -> bool:
    """Say whether a finding is of a notice about an update, which records of single vulnerabilities may close."""
    return bool(found.cves) and found.organisation_id is None and not speaks_of_one_cve(found.ref, found.cves)


def judged(
    version: VersionFacts, matches: Collection[Match], *, statements: StatementIndex, records: Collection[RangeFacts]
) -> Iterator[Match]:
    """Yield the matches of a package version with the states that count.

    ``records`` are ranges of its packages, those of single vulnerabilities among them.
    """
    said = statements.words_on(version)
    recorded = words_of_records(version, records) if any(map(may_be_closed, matches)) else {}
    for each in matches:
        words = {**recorded, **said} if is_notice(each) else said
        yield settled(each, words) if words else each


def may_be_closed(found: Match) -> bool:
    """Say whether records of single vulnerabilities may close a finding that nobody has closed."""
    return found.state != NOT_AFFECTED and is_notice(found)


def settled(found: Match, words: Mapping[str, Word]) -> Match:
    """Return a finding with the state that follows from what is said of its vulnerabilities.

    Closed where each of them is said not to be there; under investigation where the rest is looked into and no fix is
    known.  What its own publisher calls not affected stays so.
    """
    subjects = [cve.upper() for cve in found.cves] or [found.ref.upper()]
    told = [word for word in (words.get(found.ref.upper()) or words.get(each) for each in subjects) if word]
    state = _state(found, {word.status for word in told}, is_whole=len(told) == len(subjects))
    if state == found.state:
        return found
    authors = "; ".join(dict.fromkeys(word.author for word in told))
    return replace(
        found,
        state=state,
        state_author=_cut(authors, AUTHOR_LENGTH_MAX),
        evidence=_cut(f"{found.evidence}; {', '.join(_said(told))}", EVIDENCE_LENGTH_MAX),
    )


def _state(found: Match, statuses: Collection[str], *, is_whole: bool) -> str:
    if found.state == NOT_AFFECTED:
        return found.state
    if AFFECTED in statuses:
        return AFFECTED if found.state == UNDER_INVESTIGATION else found.state
    if not is_whole:
        return found.state
    if CLOSING.issuperset(statuses):
        return NOT_AFFECTED
    # Somebody still looks into it: that takes nothing back where the publisher has a fix, or has said that none comes.
    return UNDER_INVESTIGATION if found.state == AFFECTED and not found.fixed_version else found.state


def _said(told: Iterable[Word]) -> Iterator[str]:
    for word in dict.fromkeys(told):
        yield f"{word.author} says {word.status.replace('_', ' ')}{f' ({word.reason})' if word.reason else ''}"


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"
