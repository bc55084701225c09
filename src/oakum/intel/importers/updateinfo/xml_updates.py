"""updateinfo.xml, as createrepo publishes it beside the packages of a repository.

Read: what AlmaLinux, Rocky, Red Hat, Oracle, Amazon, Fedora, SUSE, Photon and others write.  Only security updates are
advisories; other types, and updates that were taken back, are counted and left out.  A folder or archive may hold the
files of many repositories: what they say of one update becomes one advisory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element  # the tree alone: parsing is ``xml``'s

from oakum.core.errors import FeedError
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import UnknownStream
from oakum.intel.importers.documents import XML_SUFFIXES, Document, documents
from oakum.intel.importers.spool import Spool
from oakum.intel.importers.updateinfo.distributions import streams_of_names, streams_of_tag
from oakum.intel.importers.updateinfo.updates import (
    SECURITY,
    ToldPackage,
    ToldUpdate,
    cves_of,
    plain_update,
    read_update,
)
from oakum.intel.importers.values import Read, too_large, unreadable
from oakum.intel.importers.vendor import checked_ref, is_name
from oakum.intel.importers.xml import elements

PACKAGE_COUNT_MAX: Final = 100_000  # of one update; TeX Live has some 6,000 by architecture
_TEXT_LENGTH_MAX: Final = 20_000
_WORD_LENGTH_MAX: Final = 300

_HEAD: Final = re.compile(rb"<updates\b[^>]*>|<update\s[^>]*\btype=")
# Every publisher's ids have a number; what has none is a mistake of whoever wrote the file.
_ID: Final = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9:+._-]*\Z")
_WORD: Final = re.compile(r"[a-z0-9._-]+")
_TAKEN_BACK: Final = frozenset({"retracted", "obsolete", "unpushed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateinfoImporter:
    """Reads updateinfo.xml; ``stream`` says what the packages are for where the file does not."""

    stream: str = ""
    kind: str = "updateinfo"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is an updateinfo.xml."""
        del path
        return bool(_HEAD.search(head))

    def default_name(self, path: Path) -> str:
        """Return ``updateinfo-`` and the first collection's name, so that two repositories are two feeds.

        What follows two underscores is a minor release, which changes while the repository stays.  A folder or archive
        is named after distribution and release.
        """
        with suppress(FeedError):
            for document in documents(path, suffixes=XML_SUFFIXES):
                for collection in elements(document, ("collection",)):
                    short = collection.get("short") or collection.findtext("name") or ""
                    streams = (self.stream,) if self.stream else streams_of_names([short])
                    name = short.partition("__")[0]
                    if streams and (document.place or self.stream):
                        name = streams[0] if document.place else f"{streams[0]}-{name}"
                    return f"updateinfo-{'-'.join(_WORD.findall(name.lower()))}"[:60].rstrip("-")
        return "updateinfo"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each security update."""
        given = _checked_stream(path, self.stream)
        with Spool(path) as spool:
            for document in documents(path, suffixes=XML_SUFFIXES):
                for update in elements(document, ("update",)):
                    reason = _collect(document, update, given, spool)
                    if reason:
                        yield Read(record=None, skipped=(reason,))
            for ref, parts in spool.groups():
                yield read_update(ref, parts)


def _checked_stream(path: Path, stream: str) -> Sequence[str]:
    if not stream:
        return ()
    try:
        scheme_of_stream(stream)
    except UnknownStream as error:
        raise FeedError(
            code="feed_stream_unknown",
            sentence=f"{path.name} cannot be imported for {stream[:60]!r}: {error}; nothing was changed.",
            next_step="Name distribution and release as hosts do, like --stream almalinux:9.",
        ) from error
    return (stream,)


def _collect(document: Document, update: Element, given: Sequence[str], spool: Spool) -> str | None:
    """Spool what an update says; return why nothing of it is for us."""
    packages = [(each, package) for each in update.iter("collection") for package in each.iter("package")]
    ref = (update.findtext("id") or "").strip()
    if len(packages) > PACKAGE_COUNT_MAX:
        raise too_large(document.path, document.at(ref[:60]), f"it names more than {PACKAGE_COUNT_MAX} packages")
    if not _ID.match(ref):
        return f"updates whose id is none ({ref[:40]!r})"
    if (update.get("type") or "").strip().lower() != SECURITY:
        return f"updates of type {(update.get('type') or 'unknown').strip()[:20]}"
    if (update.get("status") or "").strip().lower() in _TAKEN_BACK:
        return "updates that were taken back"
    spool.add(checked_ref(document.path, document.place, ref), _told(document, update, ref, packages, given))
    return None


def _told(
    document: Document,
    update: Element,
    ref: str,
    packages: Sequence[tuple[Element, Element]],
    given: Sequence[str],
) -> ToldUpdate:
    references = list(update.iter("reference"))
    title = _text(update, "title")
    description = _text(update, "description")
    ids = [each.get("id") or "" for each in references if (each.get("type") or "").lower() == "cve"]
    reboots = [each.text or "1" for each in update.iter("reboot_suggested")]
    return plain_update(
        title=title,
        details=description or _text(update, "summary"),
        severity=_text(update, "severity") or (update.get("severity") or ""),
        published=_date(update, "issued"),
        modified=_date(update, "updated"),
        cves=cves_of(ids, [title, description, *(each.get("title") or "" for each in references)]),
        reboot=any(each.strip().lower() in {"1", "true", "yes"} for each in reboots),
        packages=[_package(document, update, ref, *each, given) for each in packages],
    )


def _text(update: Element, tag: str) -> str:
    return (update.findtext(tag) or "").strip()[:_TEXT_LENGTH_MAX]


def _date(update: Element, tag: str) -> str:
    found = update.find(tag)
    return "" if found is None else (found.get("date") or found.text or "").strip()[:40]


def _package(
    document: Document, update: Element, ref: str, collection: Element, package: Element, given: Sequence[str]
) -> ToldPackage:
    name, release = (package.get("name") or "").strip(), (package.get("release") or "").strip()
    if not is_name(name):
        raise unreadable(document.path, document.at(ref), f"{name[:40]!r} is no name of a package")
    short = collection.get("short") or ""
    names = [short, collection.findtext("name") or "", _text(update, "release")]
    streams = given or streams_of_names(names) or streams_of_tag(release)
    if not streams:
        raise _stream_not_told(document, ref, next((each for each in names if each.strip()), ""))
    module = collection.find("module")
    told = "" if module is None else f"{module.get('name') or ''}:{module.get('stream') or ''}"
    return ToldPackage(
        streams=streams,
        collection=short[:_WORD_LENGTH_MAX],
        name=name,
        epoch=(package.get("epoch") or "").strip() or None,
        version=(package.get("version") or "").strip(),
        release=release,
        architecture=(package.get("arch") or "").strip()[:40],
        module=told[:_WORD_LENGTH_MAX],
    )


def _stream_not_told(document: Document, ref: str, collection: str) -> FeedError:
    return FeedError(
        code="feed_stream_unknown",
        sentence=(
            f"{document.path.name}, {document.at(ref)}: it does not say which distribution and release it is for"
            f" (collection {collection[:60]!r}); nothing was changed."
        ),
        next_step="Name them with --stream, as hosts do: almalinux:9, rocky:8, fedora:43.",
    )
