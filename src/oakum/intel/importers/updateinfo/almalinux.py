"""AlmaLinux's updates as its own JSON (``errata.full.json``): one release with all its repositories.

Only security updates are advisories; others are counted and left out.  Packages name their module themselves.  The
release is told by the package's release (``.el9``, ``.module_el8.6.0``) alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from oakum.core.streams import stream_of
from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.json_members import member_items
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.spool import Spool
from oakum.intel.importers.updateinfo.listed import packages_of, read_listed
from oakum.intel.importers.updateinfo.updates import SECURITY, ToldPackage, cves_of, plain_update
from oakum.intel.importers.values import Read, unreadable
from oakum.intel.importers.vendor import checked_ref, is_name

PACKAGE_COUNT_MAX: Final = 100_000  # of one update

_HEAD: Final = re.compile(
    rb'\A\s*\{\s*"schema_version"\s*:\s*"[0-9.]+"\s*,\s*"data"\s*:\s*\[|"id"\s*:\s*"AL[A-Z]{2}-20'
)
_RELEASE: Final = re.compile(r"el([0-9]{1,2})(?:[._+]|\Z)")
_TEXT_LENGTH_MAX: Final = 20_000
_SECONDS_MAX: Final = 2**40


class AlmaLinuxImporter:
    """Reads AlmaLinux's JSON."""

    kind = "almalinux"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is AlmaLinux's JSON."""
        del path
        return bool(_HEAD.search(head)) and b'"issued_date"' in head

    def default_name(self, path: Path) -> str:
        """Return ``almalinux-`` and the release of the first package, so that two releases are two feeds."""
        for document in documents(path):
            for update in member_items(document, "data"):
                for package in map(plain_object, plain_list(plain_object(update).get("packages"))):
                    if told := _RELEASE.search(plain_text(package.get("release"))):
                        return f"almalinux-{told.group(1)}"
        return "almalinux"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each security update."""
        return read_listed(path, "data", _collect)


def _collect(document: Document, update: Mapping[str, Any], spool: Spool) -> Sequence[str]:
    """Spool what an update says; return why nothing of it is for us."""
    ref = checked_ref(document.path, document.place, plain_text(update.get("id")))
    packages = packages_of(document, ref, update, PACKAGE_COUNT_MAX)
    told = [_package(document, ref, each) for each in packages]
    if plain_text(update.get("type")) != SECURITY:
        return (f"updates of type {plain_text(update.get('type'))[:20] or 'unknown'}",)
    references = [plain_object(each) for each in plain_list(update.get("references"))]
    title = plain_text(update.get("title"))
    spool.add(
        ref,
        plain_update(
            title=title,
            details=plain_text(update.get("description"))[:_TEXT_LENGTH_MAX],
            severity=plain_text(update.get("severity")),
            published=_date(update.get("issued_date")),
            modified=_date(update.get("updated_date")),
            cves=cves_of([plain_text(each.get("id")) for each in references if each.get("type") == "cve"], [title]),
            reboot=any(each.get("reboot_suggested") == 1 for each in packages),
            packages=told,
        ),
    )
    return ()


def _package(document: Document, ref: str, package: Mapping[str, Any]) -> ToldPackage:
    name, release = plain_text(package.get("name")), plain_text(package.get("release"))
    number = _RELEASE.search(release)
    if not is_name(name):
        raise unreadable(document.path, document.at(ref), f"{name[:40]!r} is no name of a package")
    streams: Sequence[str] = (stream_of("almalinux", number.group(1)),) if number else ()
    module = plain_text(package.get("module")).split(":")
    return ToldPackage(
        streams=streams,
        collection="",
        name=name,
        epoch=plain_text(package.get("epoch")) or None,
        version=plain_text(package.get("version")),
        release=release,
        architecture=plain_text(package.get("arch")),
        module=":".join(module[:2]),
    )


def _date(value: object) -> str:
    return str(int(value)) if isinstance(value, int | float) and 0 <= value < _SECONDS_MAX else plain_text(value)
