"""Alpine's security database (secdb): which package version brought the patch for which vulnerability.

A file is one repository of one release; a folder or archive may hold many.  Packages are named by their origin, the
source package of the build.  Each vulnerability is an advisory ``ALPINE-CVE-...``, as OSV calls it; what Alpine knows
only by another name (``XSA-...``) keeps that name.  Version ``0`` means that the release was never affected.

The database lists patched flaws only: a flaw that Alpine has not patched is not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import find_cves
from oakum.core.streams import SOURCE, STREAM_LENGTH_MAX, stream_of
from oakum.core.versions import APK, InvalidVersion, order_key
from oakum.intel.importers.documents import Document, document_count, documents, parse_json
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
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
PATCH_COUNT_MAX: Final = 20_000  # versions of one package that brought a patch
ALIAS_COUNT_MAX: Final = 100

_NEVER_AFFECTED: Final = "0"
_ID: Final = re.compile(r"[A-Z][A-Za-z]*-[0-9A-Za-z-]{1,60}\Z")  # XSA-295, GHSA-xxxx-xxxx-xxxx
_RELEASE: Final = re.compile(r"v?([0-9]+\.[0-9]+|edge)\Z")
# "CVE_2019-2426" and "CVE 2019-2426" stand in real files.
_CVE_MISWRITTEN: Final = re.compile(r"\bCVE[_ ](?=[0-9]{4}-[0-9])", re.IGNORECASE)


class AlpineSecdbImporter:
    """Reads secdb."""

    kind = "alpine-secdb"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a repository's file."""
        del path
        return b'"distroversion"' in head and b'"apkurl"' in head and b'"reponame"' in head

    def default_name(self, path: Path) -> str:
        """Return ``alpine-secdb``, with release and repository for one file, which is not the whole."""
        if path.is_dir() or document_count(path) is not None:
            return "alpine-secdb"
        content = next((_content(document) for document in documents(path)), {})
        own = f"{plain_text(content.get('distroversion'))}-{plain_text(content.get('reponame'))}".strip("-")
        return f"alpine-secdb-{own}"[:60] if own.isprintable() and own else "alpine-secdb"

    def record_count(self, path: Path) -> int | None:
        """Return None: what belongs to one vulnerability stands in many places."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each vulnerability once, with all packages and releases."""
        with Spool(path) as spool:
            for document in documents(path):
                if (skipped := _collect(document, spool)) is not None:
                    yield Read(record=None, skipped=(skipped,))
            for ref, parts in spool.groups():
                if len(parts) > PART_COUNT_MAX:
                    raise too_large(path, ref, f"it names more than {PART_COUNT_MAX} packages")
                yield read_vulnerability(ref, parts)


def _content(document: Document) -> Mapping[str, Any]:
    return plain_object(parse_json(document.path, document.place, document.read()))


def _collect(document: Document, spool: Spool) -> str | None:
    """Spool what a file says; return why nothing of it is for us."""
    content = _content(document)
    packages = content.get("packages")
    if not isinstance(packages, list):
        raise unreadable(document.path, document.place, "it is no secdb file: it lists no packages")
    release = plain_text(content.get("distroversion"))
    found = _RELEASE.match(release)
    if found is None:
        return f"repositories of {release[:40] or 'no release'}, which is none of Alpine's"
    stream = stream_of("alpine", found.group(1))[:STREAM_LENGTH_MAX]
    for package in packages:
        fields = plain_object(plain_object(package).get("pkg"))
        name = fields.get("name")
        if not is_name(name):
            raise unreadable(document.path, document.place, f"{str(name)[:40]!r} is no name of a package")
        patches = plain_object(fields.get("secfixes"))
        if len(patches) > PATCH_COUNT_MAX:
            raise too_large(
                document.path, document.at(str(name)), f"it has more than {PATCH_COUNT_MAX} patched versions"
            )
        for version, ids in patches.items():
            for text in map(plain_text, plain_list(ids)):
                for ref in _refs(text):
                    spool.add(checked_ref(document.path, document.place, ref), [stream, name, version, text[:200]])
    return None


def _refs(text: str) -> Sequence[str]:
    """Return what one entry is about: each CVE it names, or its first word where it names none.

    >>> _refs("CVE-2019-17349 XSA-295"), _refs("CVE_2019-2426"), _refs("XSA-248")
    (('CVE-2019-17349',), ('CVE-2019-2426',), ('XSA-248',))
    """
    return find_cves(_CVE_MISWRITTEN.sub("CVE-", text)) or tuple(text.split()[:1])


def read_vulnerability(ref: str, parts: Sequence[tuple[str, str, str, str]]) -> Read:
    """Return what the database says of one vulnerability: stream, package, version and entry of each part."""
    skipped: list[str] = []
    patched: dict[tuple[str, str], list[str]] = {}
    for stream, name, version, _ in parts:
        patched.setdefault((stream, name), []).append(version)
    affected = tuple(
        package
        for (stream, name), versions in patched.items()
        for package in _affected(stream, name, versions, skipped)
    )
    if not affected:
        return Read(record=None, skipped=tuple(dict.fromkeys(skipped)))
    names = sorted({each.name for each in affected})
    words = {word.strip("(),;") for _, _, _, entry in parts for word in _CVE_MISWRITTEN.sub("CVE-", entry).split()}
    aliases = tuple(sorted(word for word in words if _ID.match(word) and not find_cves(word)))[:ALIAS_COUNT_MAX]
    record = AdvisoryRecord(
        ref=f"ALPINE-{ref}",
        title=title_of(f"{', '.join(names[:3])}: {ref}"),
        details="",
        severity="",
        published_at=None,
        modified_at=None,
        withdrawn_at=None,
        cves=find_cves(ref),
        cvss_vector="",
        affected=affected,
        aliases=aliases,
    )
    return Read(record=record, skipped=tuple(dict.fromkeys(skipped)))


def _affected(stream: str, name: str, versions: Sequence[str], skipped: list[str]) -> Iterator[AffectedPackage]:
    """Yield one range: where several versions brought the patch, the last one made it whole."""
    numbered = []
    for version in versions:
        if version == _NEVER_AFFECTED:
            continue
        try:
            numbered.append((order_key(APK, version), versions_below(APK, version)))
        except InvalidVersion as error:
            skipped.append(f"{INVALID_RANGE} ({name}: {error})")
    if numbered:
        interval, state = max(numbered, key=lambda pair: pair[0])[1], AFFECTED
    elif _NEVER_AFFECTED in versions:
        interval, state = ALL_VERSIONS, NOT_AFFECTED
    else:
        return
    yield AffectedPackage(stream=stream, name=name, scheme=APK, intervals=(interval,), state=state, level=SOURCE)
