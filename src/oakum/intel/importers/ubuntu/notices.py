"""Ubuntu Security Notices: the whole database (one object by number) and pages of the notices API.

A notice names the version that has the patch, by source package; old notices name only binaries.  A later number of the
same notice (USN-4321-2, mostly a regression) is a notice of its own.  Kernel livepatch notices (LSN) name no package
that a package manager installs: they are counted and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AFFECTED, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import find_cves
from oakum.core.streams import BINARY, SOURCE
from oakum.core.versions import DEB, InvalidVersion
from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.json_members import object_members
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.ubuntu.releases import archive_of
from oakum.intel.importers.values import Read, parse_instant, too_large, unreadable
from oakum.intel.importers.vendor import INVALID_RANGE, checked_ref, details_of, is_name, title_of, versions_below

PACKAGE_COUNT_MAX: Final = 20_000  # of one notice; kernels have some 2,000 binaries

_DATABASE: Final = re.compile(rb'\A\s*\{\s*"[0-9]{1,6}-[0-9]{1,3}"\s*:\s*\{')
_PAGE: Final = re.compile(rb'\A\s*\{(?:\s*"(?:limit|offset|total_results)"\s*:\s*[0-9]+\s*,)*\s*"notices"\s*:\s*\[')

_Versions = Mapping[str, Mapping[str, str]]  # by codename: package to version


class UbuntuNoticesImporter:
    """Reads USN."""

    kind = "ubuntu-usn"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is the database or a page of notices."""
        del path
        return bool(_DATABASE.match(head) or _PAGE.match(head))

    def default_name(self, path: Path) -> str:
        """Return ``ubuntu-usn``."""
        del path
        return "ubuntu-usn"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each notice."""
        for document in documents(path):
            for member, value in object_members(document):
                if member == "notices":
                    for notice in plain_list(value):
                        yield read_page_notice(document, plain_object(notice))
                elif isinstance(value, dict):
                    yield read_database_notice(document, member, value)


def read_database_notice(document: Document, number: str, notice: Mapping[str, Any]) -> Read:
    """Return what the database says under a number.

    Raises:
        FeedError: it is beyond a limit.
    """
    sources: dict[str, Mapping[str, str]] = {}
    binaries: dict[str, Mapping[str, str]] = {}
    for codename, release in plain_object(notice.get("releases")).items():
        sources[codename] = _versions(plain_object(release).get("sources"))
        found = plain_object(release)
        binaries[codename] = _versions(found.get("allbinaries")) or _versions(found.get("binaries"))
    seconds = notice.get("timestamp")
    return _notice(
        document,
        ref=f"USN-{number}",
        title=plain_text(notice.get("title")),
        text=plain_text(notice.get("description")),
        cves=" ".join(plain_text(each) for each in plain_list(notice.get("cves"))),
        published_at=_instant(seconds) if isinstance(seconds, int | float) else None,
        sources=sources,
        binaries=binaries,
    )


def read_page_notice(document: Document, notice: Mapping[str, Any]) -> Read:
    """Return what a page of the API says of a notice.

    Raises:
        FeedError: it is beyond a limit, or has no id.
    """
    if plain_text(notice.get("type")) not in {"", "USN"}:
        return Read(record=None, skipped=(f"notices of type {plain_text(notice.get('type'))[:20]}",))
    sources: dict[str, dict[str, str]] = {}
    binaries: dict[str, dict[str, str]] = {}
    for codename, packages in plain_object(notice.get("release_packages")).items():
        for package in map(plain_object, plain_list(packages)):
            kind = sources if package.get("is_source") is True else binaries
            kind.setdefault(codename, {})[plain_text(package.get("name"))] = plain_text(package.get("version"))
    return _notice(
        document,
        ref=plain_text(notice.get("id")),
        title=plain_text(notice.get("title")),
        text=plain_text(notice.get("description")),
        cves=" ".join(plain_text(each) for each in plain_list(notice.get("cves_ids"))),
        published_at=parse_instant(notice.get("published")),
        sources=sources,
        binaries=binaries,
    )


def _notice(
    document: Document,
    *,
    ref: str,
    title: str,
    text: str,
    cves: str,
    published_at: datetime | None,
    sources: _Versions,
    binaries: _Versions,
) -> Read:
    checked_ref(document.path, document.place, ref)
    if sum(map(len, sources.values())) + sum(map(len, binaries.values())) > PACKAGE_COUNT_MAX:
        raise too_large(document.path, document.at(ref), f"it names more than {PACKAGE_COUNT_MAX} packages")
    skipped: list[str] = []
    affected = tuple(
        package
        for codename in {**sources, **binaries}
        for package in _affected(document, codename, sources.get(codename, {}), binaries.get(codename, {}), skipped)
    )
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("notices that name no package",))
    record = AdvisoryRecord(
        ref=ref,
        title=title_of(title, ref),
        details=details_of(text, ()),
        severity="",
        published_at=published_at,
        modified_at=None,
        withdrawn_at=None,
        cves=find_cves(cves),
        cvss_vector="",
        affected=affected,
    )
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _affected(
    document: Document, codename: str, sources: Mapping[str, str], binaries: Mapping[str, str], skipped: list[str]
) -> Iterator[AffectedPackage]:
    archive = archive_of(codename)
    if archive is None:
        skipped.append(f"packages of {codename[:40]}, which is no release that Oakum matches")
        return
    told = {name: version for name, version in sources.items() if version}
    level, versions = (SOURCE, told) if told else (BINARY, binaries)
    for name, version in versions.items():
        if not is_name(name):
            raise unreadable(document.path, document.place, f"{name[:40]!r} is no name of a package")
        if not version:
            skipped.append("packages of which no version is told")
            continue
        try:
            interval = versions_below(DEB, version)
        except InvalidVersion as error:
            skipped.append(f"{INVALID_RANGE} ({name}: {error})")
            continue
        yield AffectedPackage(
            stream=archive.stream, name=name, scheme=DEB, intervals=(interval,), state=AFFECTED, level=level
        )


def _versions(packages: object) -> Mapping[str, str]:
    return {name: plain_text(plain_object(told).get("version")) for name, told in plain_object(packages).items()}


def _instant(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
