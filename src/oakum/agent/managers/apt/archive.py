"""Read the changelog out of a .deb, as a stream, without unpacking it and without running anything of it.

Sizes are bounded at every step, because a package is other people's data: the archive's members, what is decompressed
of the changelog, and the time it takes.
"""

from __future__ import annotations

import gzip
import posixpath
import re
import subprocess
import tarfile
import threading
import zlib
from dataclasses import dataclass, field
from typing import IO

from oakum.agent.command import ENVIRONMENT

MEMBER_COUNT_MAX = 200_000
# The newest entries come first; 4 MB hold ten years of most packages.
CHANGELOG_BYTES_MAX = 4 * 1024 * 1024
STREAM_SECONDS_MAX = 180.0

_DOC = "usr/share/doc/"
_CHANGELOG = re.compile(r"^usr/share/doc/(?P<directory>[^/]+)/changelog(?P<kind>\.Debian(?:\.[a-z0-9-]+)?)?\.gz$")


@dataclass
class DocFiles:
    """What was found under usr/share/doc: changelogs by path (their text cut at the limit), and links by path."""

    texts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def read_doc_files(path: str) -> DocFiles:
    """Read the changelogs of the .deb at ``path``.

    Raises:
        ValueError: it is no package that can be read; the text says why.
    """
    argv = ("dpkg-deb", "--fsys-tarfile", path)
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        )
    except OSError as error:
        raise ValueError(f"dpkg-deb cannot be started: {error.strerror}") from error
    assert child.stdout is not None
    # The stream can neither be waited for nor sized beforehand; a timer that kills the child bounds both.
    timer = threading.Timer(STREAM_SECONDS_MAX, child.kill)
    timer.start()
    try:
        with child.stdout:
            return _scan(child.stdout)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"the package cannot be read: {error}") from error
    finally:
        timer.cancel()
        child.kill()
        child.wait()


def _scan(stream: IO[bytes]) -> DocFiles:
    found = DocFiles()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for index, member in enumerate(archive):
            # A streamed archive remembers its members; a kernel has thousands.
            archive.members = []  # type: ignore[attr-defined]
            if index >= MEMBER_COUNT_MAX:
                raise ValueError(f"the package has more than {MEMBER_COUNT_MAX} files")
            name = posixpath.normpath(member.name.lstrip("/"))
            if not name.startswith(_DOC):
                continue
            if member.issym() or member.islnk():
                base = posixpath.dirname(name) if member.issym() else ""
                found.links[name] = posixpath.normpath(posixpath.join(base, member.linkname))
            elif member.isfile() and _CHANGELOG.match(name):
                content = archive.extractfile(member)
                found.texts[name] = _read_changelog(content) if content else ""
    return found


def _read_changelog(content: IO[bytes]) -> str:
    """Decompress at most CHANGELOG_BYTES_MAX; the newest entries come first, so the cut end is the oldest."""
    with gzip.GzipFile(fileobj=content) as unpacked:
        return unpacked.read(CHANGELOG_BYTES_MAX).decode("utf-8", "replace")


def choose_changelogs(found: DocFiles, package: str) -> tuple[str, ...]:
    """Return the texts to read for ``package``: those of rebuilds (changelog.Debian.ARCH.gz) first, then its own.

    Empty when it has none, or only a link to another package's (``linked_package``).
    """
    for directory in (package, *sorted(_directories(found) - {package})):
        rebuilt: list[str] = []
        own: list[tuple[bool, str]] = []
        for path in sorted({*found.texts, *found.links}):
            match = _CHANGELOG.match(path)
            text = found.texts.get(found.links.get(path, path))
            if match is None or match["directory"] != directory or text is None:
                continue
            if (match["kind"] or "").count(".") > 1:
                rebuilt.append(text)
            else:
                own.append((match["kind"] is None, text))
        if own:
            # Both are there when upstream has a changelog of its own; Debian's is the one to read.
            return (*rebuilt, min(own)[1])
    return ()


def linked_package(found: DocFiles, package: str) -> str:
    """Return the package whose documentation directory ``package`` links to, "" if it links to none."""
    for path, target in sorted(found.links.items()):
        if (path == _DOC + package or path.startswith(f"{_DOC}{package}/changelog")) and target.startswith(_DOC):
            other = target[len(_DOC) :].partition("/")[0]
            if other != package:
                return other
    return ""


def _directories(found: DocFiles) -> set[str]:
    return {match["directory"] for match in map(_CHANGELOG.match, found.texts) if match}
