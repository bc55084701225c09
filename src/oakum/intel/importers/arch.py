"""Arch Linux's security tracker: its list of vulnerability groups (AVG) as JSON.

A group is an advisory: the packages of one source, the version known to be affected, and the first one that is not.
Arch rolls, so every version below that one is affected.  ``Testing`` means that the patched version is not yet in the
stable repositories: hosts have it affected, and the patch is named.  The advisories proper (ASA) repeat what their
group says; their ids stand in the details.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, UNDER_INVESTIGATION, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import find_cves
from oakum.core.ratings import severity_of_word
from oakum.core.streams import BINARY, stream_of
from oakum.core.versions import ALPM, InvalidVersion
from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.json_members import array_items
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, too_large, unreadable
from oakum.intel.importers.vendor import (
    ALL_VERSIONS,
    INVALID_RANGE,
    checked_ref,
    details_of,
    is_name,
    title_of,
    versions_below,
)

STREAM: Final = stream_of("arch", "")
PACKAGE_COUNT_MAX: Final = 1_000  # of one group; some twenty are built from one source

# ``Vulnerable`` has no patched version, ``Fixed`` and ``Testing`` have one.
_STATES: Final = {
    "vulnerable": AFFECTED,
    "fixed": AFFECTED,
    "testing": AFFECTED,
    "not affected": NOT_AFFECTED,
    "unknown": UNDER_INVESTIGATION,
}
_HEAD: Final = re.compile(rb'\A\s*\[\s*\{[^{}]*"name"\s*:\s*"AVG-')


class ArchTrackerImporter:
    """Reads the tracker's groups."""

    kind = "arch"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a list of groups."""
        del path
        return bool(_HEAD.match(head))

    def default_name(self, path: Path) -> str:
        """Return ``arch``."""
        del path
        return "arch"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each group."""
        for document in documents(path):
            for group in array_items(document):
                yield read_group(document, plain_object(group))


def read_group(document: Document, group: Mapping[str, Any]) -> Read:
    """Return what one group says.

    Raises:
        FeedError: it has no name, names what is no package, or is beyond a limit.
    """
    ref = checked_ref(document.path, document.place, plain_text(group.get("name")))
    names = plain_list(group.get("packages"))
    if len(names) > PACKAGE_COUNT_MAX:
        raise too_large(document.path, document.at(ref), f"it names more than {PACKAGE_COUNT_MAX} packages")
    for name in names:
        if not is_name(name):
            raise unreadable(document.path, document.at(ref), f"{str(name)[:40]!r} is no name of a package")
    status = plain_text(group.get("status"))
    state = _STATES.get(status.lower())
    if state is None or not names:
        return Read(
            record=None, skipped=(f"groups without packages, or of a state unknown to Oakum ({status[:40]!r})",)
        )
    fixed_version = plain_text(group.get("fixed"))
    try:
        interval = versions_below(ALPM, fixed_version) if fixed_version and state == AFFECTED else ALL_VERSIONS
    except InvalidVersion as error:
        return Read(record=None, skipped=(f"{INVALID_RANGE} ({ref}: {error})",))
    affected = tuple(
        AffectedPackage(stream=STREAM, name=name, scheme=ALPM, intervals=(interval,), state=state, level=BINARY)
        for name in dict.fromkeys(names)
    )
    return Read(record=_advisory(group, ref, status, affected))


def _advisory(group: Mapping[str, Any], ref: str, status: str, affected: tuple[AffectedPackage, ...]) -> AdvisoryRecord:
    kind = plain_text(group.get("type"))
    others = ", ".join(plain_text(each) for each in plain_list(group.get("advisories")))
    words = [f"Arch calls it {status.lower()}; known to be affected: {plain_text(group.get('affected')) or 'not told'}"]
    return AdvisoryRecord(
        ref=ref,
        title=title_of(f"{affected[0].name}: {kind}" if kind else "", ref),
        details=details_of(f"Published as {others}." if others else "", words),
        severity=severity_of_word(plain_text(group.get("severity"))),
        published_at=None,
        modified_at=None,
        withdrawn_at=None,
        cves=find_cves(" ".join(plain_text(each) for each in plain_list(group.get("issues")))),
        cvss_vector="",
        affected=affected,
    )
