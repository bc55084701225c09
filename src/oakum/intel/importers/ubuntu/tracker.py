"""Ubuntu's CVE tracker: its text files (``active/CVE-2024-1234``) and pages of the CVE API.

Each is an advisory ``UBUNTU-CVE-...``, as OSV calls it, with a state for every package and release.  ``upstream`` and
``devel`` are no releases that hosts run; FIPS and the other special archives are counted and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AdvisoryRecord
from oakum.core.changelog import find_cves
from oakum.core.ratings import rate, severity_of_word
from oakum.intel.importers.documents import Document, documents, parse_json
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.ubuntu.releases import archive_of
from oakum.intel.importers.ubuntu.statuses import Status, affected_packages
from oakum.intel.importers.values import Read, parse_instant, too_large, unreadable
from oakum.intel.importers.vendor import checked_ref, details_of, is_name, title_of

FILE_BYTES_MAX: Final = 4 * 1024**2  # a kernel's file with all its flavours has some 100 kB
STATUS_COUNT_MAX: Final = 50_000  # of one vulnerability: packages times releases

_PAGE: Final = re.compile(rb'\A\s*\{(?:\s*"(?:limit|offset|total_results)"\s*:\s*[0-9]+\s*,)*\s*"cves"\s*:\s*\[')
_FILE_NAME: Final = re.compile(r"cve-[0-9]{4}-[0-9n]{1,10}\Z")
_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z-]*):(.*)")
_STATUS: Final = re.compile(r"([a-z][a-z0-9./-]*)_([a-z0-9][a-z0-9+.-]*):\s*([A-Za-z-]+)\s*(?:\((.*)\))?\s*\Z")
_VECTOR: Final = re.compile(r"CVSS:[34]\S+")


class UbuntuTrackerImporter:
    """Reads the CVE tracker."""

    kind = "ubuntu-cve"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a checkout of the tracker, one of its files, or a page of the API."""
        if path.is_dir():
            return (path / "active").is_dir() and (path / "retired").is_dir()
        return bool(_PAGE.match(head)) or (b"\nCandidate:" in b"\n" + head and b"\nPublicDate:" in b"\n" + head)

    def default_name(self, path: Path) -> str:
        """Return ``ubuntu-cve``, with the file's name for one file of the tracker, which is not the whole."""
        name = path.name.lower()
        return f"ubuntu-{name}"[:60] if _FILE_NAME.match(name) else "ubuntu-cve"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each vulnerability."""
        found = False
        for document in documents(path, suffixes=("",)):
            if _FILE_NAME.match(document.name):
                found = True
                yield read_file(document, document.read(FILE_BYTES_MAX).decode("utf-8", "replace"))
            elif document.name.endswith(".json") or not document.place:
                data = document.read()
                if not _PAGE.match(data):
                    continue
                found = True
                page = parse_json(document.path, document.place, data)
                for entry in plain_list(plain_object(page).get("cves")):
                    yield read_entry(document, plain_object(entry))
        if not found:
            raise unreadable(path, "", "it holds no file named CVE-... and no page of CVEs")


def read_file(document: Document, text: str) -> Read:
    """Return what a text file of the tracker says.

    Raises:
        FeedError: it names no CVE, or is beyond a limit.
    """
    fields: dict[str, list[str]] = {}
    lines: list[tuple[str, str, str, str]] = []
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith((" ", "\t")):
            current.append(line.strip())
            continue
        current = []
        status, field = _STATUS.match(line), _FIELD.match(line)
        if status:
            lines.append((status.group(2), status.group(1), status.group(3), (status.group(4) or "").strip()))
        elif field:
            current = fields.setdefault(field.group(1), [])
            current.append(field.group(2).strip())
    vectors = _VECTOR.findall(" ".join(fields.get("CVSS", ())))
    return _vulnerability(
        document,
        name=" ".join(fields.get("Candidate", ())),
        text=" ".join(fields.get("Ubuntu-Description", ())).strip() or " ".join(fields.get("Description", ())).strip(),
        priority=(fields.get("Priority") or [""])[0],
        vector=vectors[0] if vectors else "",
        published_at=parse_instant((fields.get("PublicDate") or [""])[0].replace(" UTC", "+00:00")),
        modified_at=None,
        lines=lines,
    )


def read_entry(document: Document, entry: Mapping[str, Any]) -> Read:
    """Return what a page of the API says of one vulnerability.

    Raises:
        FeedError: it names no CVE, or is beyond a limit.
    """
    lines = [
        (
            plain_text(package.get("name")),
            "/".join([plain_text(told.get("release_codename")), *_pocket(told)]),
            plain_text(told.get("status")),
            plain_text(told.get("description")),
        )
        for package in map(plain_object, plain_list(entry.get("packages")))
        for told in map(plain_object, plain_list(package.get("statuses")))
    ]
    metric = plain_object(plain_object(plain_object(entry.get("impact")).get("baseMetricV3")).get("cvssV3"))
    return _vulnerability(
        document,
        name=plain_text(entry.get("id")),
        text=plain_text(entry.get("description")).strip(),
        priority=plain_text(entry.get("priority")),
        vector=plain_text(metric.get("vectorString")),
        published_at=parse_instant(entry.get("published")),
        modified_at=parse_instant(entry.get("updated_at")),
        lines=lines,
    )


def _pocket(told: Mapping[str, Any]) -> Sequence[str]:
    pocket = plain_text(told.get("pocket"))
    return () if pocket in {"", "security", "updates"} else (pocket,)


def _vulnerability(
    document: Document,
    *,
    name: str,
    text: str,
    priority: str,
    vector: str,
    published_at: datetime | None,
    modified_at: datetime | None,
    lines: Sequence[tuple[str, str, str, str]],
) -> Read:
    if not name.startswith("CVE-"):
        raise unreadable(document.path, document.place, f"it names no CVE ({name[:40]!r})")
    ref = checked_ref(document.path, document.place, f"UBUNTU-{name}")
    if len(lines) > STATUS_COUNT_MAX:
        raise too_large(document.path, document.at(name), f"it has more than {STATUS_COUNT_MAX} states")
    words: list[str] = []
    skipped: list[str] = []
    affected = tuple(affected_packages(_statuses(document, lines, skipped), words, skipped))
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)) or ("vulnerabilities of no package",))
    rating = rate(vector) if vector else None
    record = AdvisoryRecord(
        ref=ref,
        title=title_of(text, name),
        details=details_of(text, words),
        severity=severity_of_word(priority),
        published_at=published_at,
        modified_at=modified_at,
        withdrawn_at=None,
        cves=find_cves(name),
        cvss_vector=rating.vector if rating else "",
        affected=affected,
    )
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _statuses(document: Document, lines: Sequence[tuple[str, str, str, str]], skipped: list[str]) -> Iterator[Status]:
    for name, release, word, note in lines:
        if not is_name(name):
            raise unreadable(document.path, document.place, f"{name[:40]!r} is no name of a source package")
        archive = archive_of(release)
        if archive is None:
            skipped.append(f"what is said of {release[:40]}, which is no release that Oakum matches")
        else:
            yield Status(name=name, archive=archive, word=word, note=note)
