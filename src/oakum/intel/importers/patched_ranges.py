"""Two databases that say which versions are patched, in their ecosystems' own syntax: rubysec and the Node.js one.

``rubysec`` (ruby-advisory-db): ``patched_versions`` and ``unaffected_versions`` are lists of RubyGems requirements;
every other version is affected.  ``npm-wg`` (nodejs/security-wg): ``vulnerable_versions`` is a node-semver range.  Both
as JSON, one object a document or a line.  A range that the ecosystem's tool would refuse is left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import (
    AFFECTED,
    DETAILS_LENGTH_MAX,
    REF_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    AdvisoryRecord,
    AffectedPackage,
)
from oakum.core.changelog import CVE_COUNT_MAX, find_cves
from oakum.core.ranges import FixedInterval, Interval, complement, union
from oakum.core.ranges.invalid import InvalidRange
from oakum.core.ranges.parse import intervals_of_native
from oakum.core.ratings import Rating, rate
from oakum.core.streams import BINARY, normal_name, scheme_of_stream
from oakum.core.text import clean_text
from oakum.core.versions import InvalidVersion, order_key
from oakum.intel.importers.documents import json_objects
from oakum.intel.importers.osv_affected import NAME_LENGTH_MAX
from oakum.intel.importers.plain import plain_list, plain_text
from oakum.intel.importers.values import Read, parse_instant, unreadable

REQUIREMENT_COUNT_MAX: Final = 200  # of one advisory
INVALID: Final = "ranges that the ecosystem's tool would not understand"

_GEM: Final = scheme_of_stream("gem")
_NPM: Final = scheme_of_stream("npm")
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+-]{0,100}")


class RubysecImporter:
    """Reads ruby-advisory-db."""

    kind = "rubysec"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether the first document is an advisory of a gem."""
        del path
        return head.lstrip().startswith(b"{") and b'"gem"' in head and b'"title"' in head

    def default_name(self, path: Path) -> str:
        """Return ``rubysec``."""
        del path
        return "rubysec"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each advisory."""
        for place, told in json_objects(path):
            name, id_ = plain_text(told.get("gem")), plain_text(told.get("id")) or _id_of_gem(told)
            _check(path, place, name, id_)
            lists = [*plain_list(told.get("patched_versions")), *plain_list(told.get("unaffected_versions"))]
            yield _read("gem", name, f"{name}/{id_}", told, _outside([plain_text(each) for each in lists]))


class NodeImporter:
    """Reads the Node.js security working group's database of npm packages."""

    kind = "npm-wg"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether the first document is an advisory of an npm package."""
        del path
        return head.lstrip().startswith(b"{") and b'"module_name"' in head

    def default_name(self, path: Path) -> str:
        """Return ``npm-wg``."""
        del path
        return "npm-wg"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each advisory."""
        for place, told in json_objects(path):
            name, id_ = plain_text(told.get("module_name")), str(told.get("id", ""))
            _check(path, place, name, id_)
            patched = plain_text(told.get("patched_versions"))
            yield _read("npm", name, f"NPM-{id_}", told, _inside(plain_text(told.get("vulnerable_versions")), patched))


# The intervals of affected versions, and texts in which the versions that end them are written.
Told = tuple[tuple[Interval, ...], Sequence[str]] | InvalidRange


def _outside(requirements: Sequence[str]) -> Told:
    """Return what none of the requirements holds."""
    try:
        held = [each for text in requirements[:REQUIREMENT_COUNT_MAX] for each in intervals_of_native(_GEM, text)]
    except InvalidRange as error:
        return error
    return complement(union(held)), requirements


def _inside(vulnerable: str, patched: str) -> Told:
    try:
        return intervals_of_native(_NPM, vulnerable), (vulnerable, patched)
    except InvalidRange as error:
        return error


def _id_of_gem(told: Mapping[str, Any]) -> str:
    """Return the id of a record without one, as the database's own file names have it."""
    for key, prefix in (("cve", "CVE"), ("ghsa", "GHSA"), ("osvdb", "OSVDB")):
        if told.get(key):
            return f"{prefix}-{told[key]}"
    return ""


def _check(path: Path, place: str, name: str, id_: str) -> None:
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        raise unreadable(path, place, "the advisory names no package")
    if not id_ or len(id_) + len(name) >= REF_LENGTH_MAX or not id_.isprintable():
        raise unreadable(path, place, "the advisory has no id")


def _read(stream: str, name: str, ref: str, told: Mapping[str, Any], affected: Told) -> Read:
    if isinstance(affected, InvalidRange):
        return Read(record=None, skipped=(f"{INVALID} ({ref}: {affected})",))
    intervals, texts = affected
    if not intervals:
        return Read(record=None, skipped=("advisories that no version is affected by",))
    scheme = scheme_of_stream(stream)
    package = AffectedPackage(
        stream=stream,
        name=normal_name(stream, name),
        scheme=scheme,
        intervals=tuple(_fixed(scheme, intervals, texts)),
        state=AFFECTED,
        level=BINARY,
    )
    return Read(record=_advisory(ref, told, package))


def _fixed(scheme: str, intervals: Sequence[Interval], texts: Sequence[str]) -> Iterator[FixedInterval]:
    """Yield the intervals with the text of the version that ends each, where a text names it."""
    ends: dict[bytes, str] = {}
    for version in (found.group() for text in texts for found in _VERSION.finditer(text)):
        try:
            ends[order_key(scheme, version)] = version
        except InvalidVersion:
            continue  # "2.x" in a range is no version
    for each in intervals:
        yield FixedInterval(interval=each, fixed_version=ends.get(each.high, "") if each.high is not None else "")


def _advisory(ref: str, told: Mapping[str, Any], package: AffectedPackage) -> AdvisoryRecord:
    named = [plain_text(each) for each in plain_list(told.get("cves"))]
    cve = plain_text(told.get("cve"))
    rating = rate(plain_text(told.get("cvss_vector")))
    return AdvisoryRecord(
        ref=ref,
        title=clean_text(plain_text(told.get("title")), length_max=TITLE_LENGTH_MAX) or package.name,
        details=clean_text(
            plain_text(told.get("description")) or plain_text(told.get("overview")), length_max=DETAILS_LENGTH_MAX
        ),
        severity=rating.severity if rating else _severity(told),
        published_at=parse_instant(told.get("date") or told.get("created_at")),
        modified_at=parse_instant(told.get("updated_at")),
        withdrawn_at=None,
        cves=find_cves(" ".join((*named, f"CVE-{cve}" if cve else "")))[:CVE_COUNT_MAX],
        cvss_vector=rating.vector if rating else "",
        affected=(package,),
        aliases=tuple(f"GHSA-{each}" for each in (plain_text(told.get("ghsa")),) if each),
    )


def _severity(told: Mapping[str, Any]) -> str:
    """Return the severity of a score that is told without its vector; the newest standard's counts."""
    for key, version in (("cvss_v4", 4), ("cvss_v3", 3), ("cvss_v2", 2)):
        score = told.get(key)
        if isinstance(score, int | float) and 0 <= score <= 10:  # noqa: PLR2004 - the standard's own bounds
            return Rating(vector="", score=float(score), version=version).severity
    return ""
