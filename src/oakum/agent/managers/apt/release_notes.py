"""Fetch an offered version's release notes: download the package, read its changelog, throw the package away.

The distributions' changelog servers are not asked, because a host need reach nothing but its own repositories.  Nothing
of the package is unpacked to disk or run.  apt verifies the download as it does every other.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import tempfile
from pathlib import Path

from oakum.agent.managers.apt.archive import DocFiles, choose_changelogs, linked_package, read_doc_files
from oakum.agent.managers.apt.changelog import parse_changelog
from oakum.agent.managers.apt.run import AptProblem, first_complaint, is_older, read_apt, run_apt
from oakum.protocol.messages import (
    NOTES_ENTRY_COUNT_MAX,
    NOTES_PLAIN_BYTES_MAX,
    PROTOCOL_VERSION,
    ChangelogEntry,
    NotesRequest,
    NotesUpload,
)

DOWNLOAD_BYTES_MAX = 200 * 1024 * 1024
DOWNLOAD_TIMEOUT_SECONDS = 600.0
# Room that must be left on the disk beyond the package itself.
DISK_BYTES_SPARE = 100 * 1024 * 1024
LINK_COUNT_MAX = 1
# Headers and quoting of an upload come on top of the texts.
ENTRIES_BYTES_MAX = NOTES_PLAIN_BYTES_MAX * 3 // 4

SANDBOX_USER = "_apt"

_NAME = re.compile(r"^[a-z0-9][a-z0-9+.-]*$")
_VERSION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9.+:~-]*$")
_URI_LINE = re.compile(r"^'[^']*' \S+ (?P<size>\d+)")


def fetch_release_notes(request: NotesRequest) -> NotesUpload:
    """Return the entries newer than ``request.since_version``, or the problem why there are none."""
    problem = ""
    entries: tuple[ChangelogEntry, ...] = ()
    try:
        entries = _fetch_entries(request)
    except (AptProblem, ValueError, OSError) as error:
        problem = f"The release notes of {request.package_name} {request.package_version} cannot be read: {error}."
    return NotesUpload(
        protocol=PROTOCOL_VERSION,
        source_name=request.source_name,
        source_version=request.source_version,
        problem=problem,
        entries=entries,
    )


def _fetch_entries(request: NotesRequest) -> tuple[ChangelogEntry, ...]:
    _check_request(request)
    package = request.package_name
    for _ in range(LINK_COUNT_MAX + 1):
        found = _read_package(package, request.package_version, request.architecture)
        texts = choose_changelogs(found, package)
        if texts:
            return select_entries(texts, request.since_version)
        # Such a link is allowed between packages of one source and version only (Debian policy 12.3).
        package = linked_package(found, package)
        if not _NAME.match(package):
            raise AptProblem("the package carries no changelog")
    raise AptProblem("the package's documentation is a link that leads to another link")


def _read_package(package: str, version: str, architecture: str) -> DocFiles:
    """Download one package, read its documentation files, and throw it away."""
    query = f"{package}={version}" if architecture == "all" else f"{package}:{architecture}={version}"
    size = _ask_size(query)
    if size > DOWNLOAD_BYTES_MAX:
        raise AptProblem(f"the package has {size} bytes, more than the limit of {DOWNLOAD_BYTES_MAX}")
    directory = tempfile.mkdtemp(prefix="oakum-notes-")
    try:
        if shutil.disk_usage(directory).free < size + DISK_BYTES_SPARE:
            raise AptProblem(f"there is no room for {size} bytes in {directory}")
        return read_doc_files(_download(query, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _check_request(request: NotesRequest) -> None:
    """Refuse what could be an option or a pattern to apt: the server is not trusted to word command lines."""
    words = [(request.package_name, _NAME), (request.package_version, _VERSION), (request.architecture, _NAME)]
    # Empty when nothing was installed before: then every entry is news.
    if request.since_version:
        words.append((request.since_version, _VERSION))
    for text, pattern in words:
        if not pattern.match(text):
            raise AptProblem(f"{text[:60]!r} is no package name or version")


def _ask_size(query: str) -> int:
    text = read_apt(("apt-get", "download", "--print-uris", query))
    sizes = [int(match["size"]) for match in map(_URI_LINE.match, text.splitlines()) if match]
    if len(sizes) != 1:
        raise AptProblem("apt does not name one file for it; its lists may be newer than the request")
    return sizes[0]


def _download(query: str, directory: str) -> str:
    """Let apt download into ``directory``; as root it does so as its own user, who must own the place."""
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):  # An apt without that user downloads as root.
            os.chown(directory, pwd.getpwnam(SANDBOX_USER).pw_uid, -1)
    result = run_apt(
        ("apt-get", "-q", "download", query), timeout_seconds=DOWNLOAD_TIMEOUT_SECONDS, directory=directory
    )
    if result.problem or result.status != 0:
        raise AptProblem(result.problem or f"apt-get download failed: {first_complaint(result)}")
    files = sorted(Path(directory).glob("*.deb"))
    if len(files) != 1:
        raise AptProblem(f"apt-get download left {len(files)} packages where one was asked for")
    return str(files[0])


def select_entries(texts: tuple[str, ...], since_version: str) -> tuple[ChangelogEntry, ...]:
    """Return the entries of ``texts`` that are newer than ``since_version``, each version once, within the limits."""
    entries: list[ChangelogEntry] = []
    seen: set[str] = set()
    room = ENTRIES_BYTES_MAX
    for text in texts:
        for entry in parse_changelog(text.splitlines()):
            if since_version and not is_older(since_version, entry.version):
                break
            room -= len(entry.text.encode("utf-8", "replace"))
            if len(entries) >= NOTES_ENTRY_COUNT_MAX or room < 0:
                break
            if entry.version not in seen:
                seen.add(entry.version)
                entries.append(entry)
    return tuple(entries)
