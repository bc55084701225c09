"""Debian's security tracker as JSON: source package, then vulnerability, then what holds in each release.

It knows what the DSA and DLA feeds do not: flaws without a fix, and why there is none.  Each vulnerability is an
advisory ``DEBIAN-CVE-...``, as OSV calls it; the tracker's TEMP ids stay.  The tracker's own words become states:

- ``no-dsa`` and ``postponed`` deferred, ``ignored`` will not fix, ``end-of-life`` and ``undetermined`` as they say;
- ``unimportant`` (the flaw does not reach the packages, or is none in practice) and fixed version 0: not affected.

The words themselves stand in the details.  Releases without a number (sid) are counted and left out: hosts that follow
them say no release either.  The tracker's own source files (``CVE/list``, ``DSA/list``) are another format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
    AdvisoryRecord,
    AffectedPackage,
)
from oakum.core.changelog import find_cves
from oakum.core.streams import SOURCE, stream_of
from oakum.core.versions import DEB, InvalidVersion
from oakum.intel.importers.documents import Document, documents
from oakum.intel.importers.json_members import object_members
from oakum.intel.importers.plain import plain_object, plain_text
from oakum.intel.importers.spool import Spool
from oakum.intel.importers.values import Read, too_large, unreadable
from oakum.intel.importers.vendor import (
    ALL_VERSIONS,
    INVALID_RANGE,
    checked_ref,
    details_of,
    highest_severity,
    is_name,
    title_of,
    versions_below,
)

PACKAGE_COUNT_MAX: Final = 5_000  # that share one vulnerability; some 200 embed one library
RELEASE_COUNT_MAX: Final = 100  # some six are supported at once

# Debian publishes codenames; hosts tell VERSION_ID of os-release(5), which is the number.  A new release is added here.
RELEASES: Final = {
    "sarge": "3.1",
    "etch": "4",
    "lenny": "5",
    "squeeze": "6",
    "wheezy": "7",
    "jessie": "8",
    "stretch": "9",
    "buster": "10",
    "bullseye": "11",
    "bookworm": "12",
    "trixie": "13",
    "forky": "14",
    "duke": "15",
}

_UNIMPORTANT: Final = "unimportant"
_NEVER_AFFECTED: Final = "0"


class DebianTrackerImporter:
    """Reads the security tracker's JSON."""

    kind = "debian-tracker"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is the tracker's JSON."""
        del path
        return head.lstrip().startswith(b"{") and b'"releases"' in head and b'"urgency"' in head

    def default_name(self, path: Path) -> str:
        """Return ``debian-tracker``."""
        del path
        return "debian-tracker"

    def record_count(self, path: Path) -> int | None:
        """Return None: what belongs to one vulnerability stands in many places."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each vulnerability once, with all its source packages."""
        with Spool(path) as spool:
            for document in documents(path):
                _collect(document, spool)
            for ref, parts in spool.groups():
                if len(parts) > PACKAGE_COUNT_MAX:
                    raise too_large(path, ref, f"it names more than {PACKAGE_COUNT_MAX} packages")
                yield read_vulnerability(ref, parts)


def _collect(document: Document, spool: Spool) -> None:
    for name, vulnerabilities in object_members(document):
        place = document.at(f"source package {name[:80]!r}")
        if not is_name(name) or not isinstance(vulnerabilities, dict):
            raise unreadable(document.path, place, "it is no source package with its vulnerabilities")
        for ref, entry in vulnerabilities.items():
            releases = plain_object(plain_object(entry).get("releases"))
            if len(releases) > RELEASE_COUNT_MAX:
                raise too_large(document.path, place, f"{ref[:40]} names more than {RELEASE_COUNT_MAX} releases")
            description = plain_text(plain_object(entry).get("description"))
            told = [name, description, {codename: _told(each) for codename, each in releases.items()}]
            spool.add(checked_ref(document.path, place, ref), told)


def _told(release: object) -> Sequence[str]:
    fields = plain_object(release)
    nodsa = plain_text(fields.get("nodsa")) if "nodsa" in fields else None
    return [
        plain_text(fields.get("status")),
        plain_text(fields.get("fixed_version")),
        plain_text(fields.get("urgency")).rstrip("*"),  # which marks a rating taken over from NVD
        _nodsa_word(nodsa, plain_text(fields.get("nodsa_reason"))),
        nodsa or "",
    ]


def _nodsa_word(nodsa: str | None, reason: str) -> str:
    """Return why no advisory of Debian's will come of it, empty where one may."""
    return "" if nodsa is None else reason or "no-dsa"


def read_vulnerability(ref: str, parts: Sequence[tuple[str, str, Mapping[str, Sequence[str]]]]) -> Read:
    """Return what the tracker says of one vulnerability: source package, description and releases of each part."""
    skipped: list[str] = []
    words: list[str] = []
    affected = tuple(
        package
        for name, _, releases in parts
        for codename, told in releases.items()
        for package in _affected(name, codename, told, words, skipped)
    )
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("vulnerabilities of no release",))
    description = next((text for _, text, _ in parts if text), "")
    record = AdvisoryRecord(
        ref=f"DEBIAN-{ref}",
        title=title_of(description, f"{parts[0][0]}: {ref}"),
        details=details_of(description, words),
        severity=highest_severity(told[2] for _, _, releases in parts for told in releases.values()),
        published_at=None,
        modified_at=None,
        withdrawn_at=None,
        cves=find_cves(ref),
        cvss_vector="",
        affected=affected,
        aliases=() if find_cves(ref) else (ref,),
    )
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _affected(
    name: str, codename: str, told: Sequence[str], words: list[str], skipped: list[str]
) -> Iterator[AffectedPackage]:
    number = RELEASES.get(codename)
    if number is None:
        skipped.append(f"what is said of {codename[:40]}, which is no numbered release")
        return
    _, fixed_version, _, _, reason = told
    state, word = judge_release(*told[:4])
    if not state:
        skipped.append(f"states that Oakum does not know ({word[:40]!r})")
        return
    if word:
        words.append(f"{name} in Debian {number}: {word}" + (f" ({reason})" if reason else ""))
    try:
        interval = ALL_VERSIONS if fixed_version in {"", _NEVER_AFFECTED} else versions_below(DEB, fixed_version)
    except InvalidVersion as error:
        skipped.append(f"{INVALID_RANGE} ({name}: {error})")
        return
    yield AffectedPackage(
        stream=stream_of("debian", number), name=name, scheme=DEB, intervals=(interval,), state=state, level=SOURCE
    )


def judge_release(status: str, fixed_version: str, urgency: str, nodsa: str) -> tuple[str, str]:
    """Return our state for what holds in a release, and Debian's word where it says more than ours.

    No state where the status is none that the tracker is known to have.

    >>> judge_release("open", "", "not yet assigned", "postponed"), judge_release("resolved", "1.2-3", "low", "")
    (('deferred', 'postponed'), ('affected', ''))
    """
    if status not in {"open", "resolved", "undetermined"} or (status == "resolved" and not fixed_version):
        return "", status
    if fixed_version == _NEVER_AFFECTED:
        return NOT_AFFECTED, _UNIMPORTANT if urgency == _UNIMPORTANT else ""
    if urgency == _UNIMPORTANT:
        return NOT_AFFECTED, _UNIMPORTANT
    if status == "resolved":
        return AFFECTED, ""
    if status == "undetermined":
        return UNDER_INVESTIGATION, status
    if urgency == END_OF_LIFE.replace("_", "-"):
        return END_OF_LIFE, urgency
    if nodsa:
        return (WILL_NOT_FIX if nodsa == "ignored" else DEFERRED), nodsa
    return AFFECTED, ""
