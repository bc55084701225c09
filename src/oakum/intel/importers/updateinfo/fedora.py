"""Fedora's updates as its own update system gives them (Bodhi): a page of updates, or one update.

Bodhi names what was built, so packages are source packages; updateinfo.xml names the installed ones and is to be
preferred where it can be had.  Only stable security updates are advisories.  Updates for EPEL are for hosts of a dozen
distributions: they are counted and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AFFECTED, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import CVE_COUNT_MAX
from oakum.core.ratings import severity_of_word
from oakum.core.streams import SOURCE, stream_of
from oakum.core.versions import RPM, InvalidVersion
from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.updateinfo.updates import SECURITY, cves_of
from oakum.intel.importers.values import Read, parse_instant, too_large, unreadable
from oakum.intel.importers.vendor import INVALID_RANGE, checked_ref, details_of, is_name, title_of, versions_below

BUILD_COUNT_MAX: Final = 5_000  # of one update; some desktops bring 300

_BUILD_LENGTH_MAX: Final = 500
_RELEASE: Final = re.compile(r"F([0-9]{2,3})[CM]?\Z")
_BUILD: Final = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<release>[^-]+)\Z")


class FedoraImporter:
    """Reads Bodhi's JSON."""

    kind = "fedora"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a page of updates, or one."""
        del path
        return b'"alias"' in head and b'"FEDORA-' in head and (b'"notes"' in head or b'"updates"' in head)

    def default_name(self, path: Path) -> str:
        """Return ``fedora``, with the file's name for one update, which is not the whole."""
        name = path.name.lower().removesuffix(".json")
        return name[:60] if name.startswith("fedora-") else "fedora"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each update."""
        for document in documents(path):
            content = plain_object(document.json())
            for update in plain_list(content.get("updates")) if "updates" in content else [content]:
                yield read_update(document, plain_object(update))


def read_update(document: Document, update: Mapping[str, Any]) -> Read:
    """Return what Bodhi says of one update.

    Raises:
        FeedError: it has no alias, names what is no build, or is beyond a limit.
    """
    ref = checked_ref(document.path, document.place, plain_text(update.get("alias")))
    kind, status = plain_text(update.get("type")), plain_text(update.get("status"))
    if kind != SECURITY:
        return Read(record=None, skipped=(f"updates of type {kind[:20] or 'unknown'}",))
    if status != "stable":
        return Read(record=None, skipped=(f"updates that are {status[:20] or 'in no repository'}",))
    name = plain_text(plain_object(update.get("release")).get("name"))
    release = _RELEASE.match(name)
    if release is None:
        return Read(record=None, skipped=(f"updates for {name[:40] or 'no release'}, which is no release of Fedora",))
    builds = plain_list(update.get("builds"))
    if len(builds) > BUILD_COUNT_MAX:
        raise too_large(document.path, document.at(ref), f"it names more than {BUILD_COUNT_MAX} builds")
    stream, skipped = stream_of("fedora", release.group(1)), list[str]()
    affected = tuple(
        package for build in builds for package in _affected(document, ref, stream, plain_object(build), skipped)
    )
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("security updates that name no package",))
    return Read(record=_advisory(update, ref, affected), skipped=tuple(dict.fromkeys(skipped)))


def _affected(
    document: Document, ref: str, stream: str, build: Mapping[str, Any], skipped: list[str]
) -> Iterator[AffectedPackage]:
    text, epoch = plain_text(build.get("nvr")), build.get("epoch")
    found = _BUILD.match(text) if len(text) <= _BUILD_LENGTH_MAX else None
    if found is None or not is_name(found["name"]):
        raise unreadable(document.path, document.at(ref), f"{text[:60]!r} is no build's name, version and release")
    number = f"{epoch}:" if isinstance(epoch, int) and epoch else ""
    try:
        interval = versions_below(RPM, f"{number}{found['version']}-{found['release']}")
    except InvalidVersion as error:
        skipped.append(f"{INVALID_RANGE} ({ref}, {found['name']}: {error})")
        return
    yield AffectedPackage(
        stream=stream, name=found["name"], scheme=RPM, intervals=(interval,), state=AFFECTED, level=SOURCE
    )


def _advisory(update: Mapping[str, Any], ref: str, affected: tuple[AffectedPackage, ...]) -> AdvisoryRecord:
    title, notes = plain_text(update.get("display_name")), plain_text(update.get("notes"))
    bugs = [plain_text(plain_object(each).get("title")) for each in plain_list(update.get("bugs"))]
    return AdvisoryRecord(
        ref=ref,
        title=title_of(title, plain_text(update.get("title")), ref),
        details=details_of(notes, ()),
        severity=severity_of_word(plain_text(update.get("severity"))),
        published_at=parse_instant(update.get("date_stable")) or parse_instant(update.get("date_submitted")),
        modified_at=parse_instant(update.get("date_modified")),
        withdrawn_at=None,
        cves=tuple(cves_of(bugs, [title, notes]))[:CVE_COUNT_MAX],
        cvss_vector="",
        affected=affected,
    )
