"""Photon OS's vulnerability data (``cve_data_photon5.0.json``): one entry a package and vulnerability.

Packages are the installed ones.  Each vulnerability is an advisory ``PHOTON-CVE-...``; what has no CVE id keeps
Photon's own name (``PHOTON-BDSA-...``).  The release is told by the file's name, or by the tag of the version that has
the patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, UNDER_INVESTIGATION, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import find_cves
from oakum.core.streams import BINARY, stream_of
from oakum.core.versions import RPM, InvalidVersion
from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.json_members import array_items
from oakum.intel.importers.plain import plain_object, plain_text
from oakum.intel.importers.spool import Spool
from oakum.intel.importers.values import Read, too_large, unreadable
from oakum.intel.importers.vendor import (
    ALL_VERSIONS,
    INVALID_RANGE,
    checked_ref,
    is_name,
    title_of,
    versions_below,
)

PART_COUNT_MAX: Final = 20_000  # of one vulnerability: packages times releases

_HEAD: Final = re.compile(rb'\A\s*\[\s*\{\s*"cve_id"\s*:')
_FILE_NAME: Final = re.compile(r"photon[-_ ]?([0-9]\.[0-9])")
_NUMBER: Final = re.compile(r"[0-9]")
_TAG: Final = re.compile(r"\.ph([0-9])\Z")
_NOT_TOLD: Final = frozenset({"", "NA", "N/A"})
_STATES: Final = {
    "fixed": AFFECTED,
    "affected": AFFECTED,
    "not fixed": AFFECTED,
    "not affected": NOT_AFFECTED,
    "under investigation": UNDER_INVESTIGATION,
}


class PhotonImporter:
    """Reads Photon's JSON."""

    kind = "photon"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is Photon's JSON."""
        del path
        return bool(_HEAD.match(head)) and b'"res_ver"' in head

    def default_name(self, path: Path) -> str:
        """Return ``photon`` and the release that the file's name tells, so that two releases are two feeds."""
        told = _FILE_NAME.search(path.name.lower())
        return f"photon-{told.group(1)}" if told else "photon"

    def record_count(self, path: Path) -> int | None:
        """Return None: what belongs to one vulnerability stands in many places."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each vulnerability once, with all packages and releases."""
        with Spool(path) as spool:
            for document in documents(path):
                for entry in array_items(document):
                    reason = _collect(document, plain_object(entry), spool)
                    if reason:
                        yield Read(record=None, skipped=(reason,))
            for ref, parts in spool.groups():
                if len(parts) > PART_COUNT_MAX:
                    raise too_large(path, ref, f"it names more than {PART_COUNT_MAX} packages")
                yield read_vulnerability(ref, parts)


def _collect(document: Document, entry: Mapping[str, Any], spool: Spool) -> str | None:
    """Spool what an entry says; return why it is not for us."""
    ref = checked_ref(document.path, document.place, plain_text(entry.get("cve_id")).strip())
    if not _NUMBER.search(ref):
        return f"entries whose id is none ({ref[:40]!r})"
    name, version = plain_text(entry.get("pkg")), plain_text(entry.get("res_ver")).strip()
    if not is_name(name):
        raise unreadable(document.path, document.at(ref[:60]), f"{name[:40]!r} is no name of a package")
    tag, file_name = _TAG.search(version), _FILE_NAME.search(document.name)
    release = f"{tag.group(1)}.0" if tag else file_name.group(1) if file_name else ""
    if not release:
        return f"entries of which the release is not told ({ref}: {name})"
    spool.add(ref, [stream_of("photon", release), name, plain_text(entry.get("status")).lower(), version])
    return None


def read_vulnerability(ref: str, parts: Sequence[tuple[str, str, str, str]]) -> Read:
    """Return what the data says of one vulnerability: stream, package, status and patched version of each part."""
    skipped: list[str] = []
    told = (package for part in parts for package in _affected(*part, skipped))
    affected = tuple(dict.fromkeys(told))
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)))
    names = ", ".join(dict.fromkeys(each.name for each in affected[:3]))
    cves = find_cves(ref)
    record = AdvisoryRecord(
        ref=f"PHOTON-{ref}",
        title=title_of(f"{names}: {ref}"),
        details="",
        severity="",
        published_at=None,
        modified_at=None,
        withdrawn_at=None,
        cves=cves,
        cvss_vector="",
        affected=affected,
        aliases=() if cves else (ref,),
    )
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _affected(stream: str, name: str, status: str, version: str, skipped: list[str]) -> Iterator[AffectedPackage]:
    state = _STATES.get(status)
    if state is None:
        skipped.append(f"states that Oakum does not know ({status[:40]!r})")
        return
    interval = ALL_VERSIONS
    if state == AFFECTED and version not in _NOT_TOLD:
        try:
            interval = versions_below(RPM, version)
        except InvalidVersion as error:
            skipped.append(f"{INVALID_RANGE} ({name}: {error})")
            return
    yield AffectedPackage(stream=stream, name=name, scheme=RPM, intervals=(interval,), state=state, level=BINARY)
