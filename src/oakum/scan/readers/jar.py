"""Java archives (jar, war, ear): Maven coordinates out of ``pom.properties``, else what the manifest says.

Archives within archives are opened, down to a depth.  Every archive is fenced before it is read: the size of its
directory, the size of what is unpacked, and how much is unpacked in all.

A jar built without Maven tells its artifact and version but not its group.  Groups are named after packages of their
classes, so the directories of the classes in the jar are the groups that it may be of: an advisory on
``org.springframework:spring-core`` speaks of a spring-core that holds ``org/springframework``.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import INCOMPLETE, MAVEN, Found, FoundPackage, Note

SUFFIXES: Final = (".jar", ".war", ".ear", ".jpi", ".hpi")
DEPTH_MAX: Final = 4
DIRECTORY_BYTES_MAX: Final = 32 * 1024 * 1024  # of an archive's own table of contents
TEXT_BYTES_MAX: Final = 256 * 1024
NESTED_BYTES_MAX: Final = 128 * 1024 * 1024
# Of one file on the root, in all: what is unpacked (archives, which hardly shrink twice) is about as large as the file.
UNPACKED_BYTES_MAX: Final = 1024 * 1024 * 1024
UNPACKED_BYTES_LEAST: Final = 64 * 1024 * 1024
UNPACKED_FACTOR: Final = 8
ENTRY_COUNT_MAX: Final = 200_000
GROUP_DEPTH_MAX: Final = 4
GROUP_COUNT_MAX: Final = 16

_END: Final = b"PK\x05\x06"
_END_BYTES: Final = 22
_END_COMMENT_BYTES_MAX: Final = 65_535
_POM: Final = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties\Z")
_MANIFEST: Final = "META-INF/MANIFEST.MF"
_NO_GROUPS: Final = frozenset({"META-INF", "BOOT-INF", "WEB-INF"})
_FILE_NAME: Final = re.compile(r"(?P<artifact>.+?)-(?P<version>[0-9][^/]*)\Z")
_GROUP: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)+\Z")
# Where Maven keeps what it fetched: .../repository/GROUP/AS/PATH/ARTIFACT/VERSION/ARTIFACT-VERSION.jar
_REPOSITORY: Final = re.compile(
    r"(?:.*/)?repository/(?P<group>[^!]+)/(?P<artifact>[^/!]+)/(?P<version>[^/!]+)/(?P=artifact)-(?P=version)\.jar\Z"
)
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


@dataclass(slots=True)
class _Budget:
    left: int


class _TooLarge(Exception):  # noqa: N818 - becomes a note
    """An archive that would unpack to more than we take."""


def wants(directory: str, name: str) -> bool:
    """Say whether a file is a Java archive by its name."""
    del directory
    return name.endswith(SUFFIXES)


def read(root: Root, place: str) -> Iterator[Found]:
    """Yield the packages in an archive, at ``PLACE!NESTED`` those in an archive within it."""
    try:
        with root.open(place) as file:
            size = file.seek(0, io.SEEK_END)
            budget = _Budget(min(UNPACKED_BYTES_MAX, UNPACKED_BYTES_LEAST + UNPACKED_FACTOR * size))
            yield from _archive(file, place, budget, depth=1)
    except Absent:
        return
    except Unreadable as error:
        yield Note(kind=INCOMPLETE, place=place, reason=error.reason)


def _archive(file: BinaryIO, place: str, budget: _Budget, *, depth: int) -> Iterator[Found]:
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if len(names) > ENTRY_COUNT_MAX:
                raise _TooLarge(f"it has more than {ENTRY_COUNT_MAX:,} entries")
            yield from _own(archive, names, place, budget)
            for name in names:
                if name.endswith(SUFFIXES):
                    yield from _nested(archive, name, place, budget, depth=depth + 1)
    except _TooLarge as error:
        yield Note(kind=INCOMPLETE, place=place, reason=str(error))
    except _BROKEN as error:
        yield Note(kind=INCOMPLETE, place=place, reason=f"the archive is damaged: {error}")


def _check_directory(file: BinaryIO) -> None:
    """Refuse an archive whose table of contents would fill the memory before the first entry is seen."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _END_BYTES - _END_COMMENT_BYTES_MAX))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise zipfile.BadZipFile("it has no end record")
    # zip64 says 0xFFFFFFFF here: larger than we take in any case.
    if int.from_bytes(tail[at + 12 : at + 16], "little") > DIRECTORY_BYTES_MAX:
        raise _TooLarge("its table of contents is too large")
    file.seek(0)


def _own(archive: zipfile.ZipFile, names: list[str], place: str, budget: _Budget) -> Iterator[Found]:
    poms = [name for name in names if _POM.match(name)]
    count = 0
    for name in poms:
        fields = _properties(_unpack(archive, name, TEXT_BYTES_MAX, budget))
        group, artifact, version = (fields.get(key, "") for key in ("groupId", "artifactId", "version"))
        if group and artifact and version and "${" not in f"{group}{artifact}{version}":
            count += 1
            yield FoundPackage(kind=MAVEN, name=f"{group}:{artifact}", version=version, place=place)
    if not count:
        manifest = _unpack(archive, _MANIFEST, TEXT_BYTES_MAX, budget) if _MANIFEST in names else b""
        yield from _by_manifest(_manifest(manifest), place, names)


def _nested(archive: zipfile.ZipFile, name: str, place: str, budget: _Budget, *, depth: int) -> Iterator[Found]:
    inner = f"{place}!{name}"
    if depth > DEPTH_MAX:
        yield Note(kind=INCOMPLETE, place=inner, reason=f"archives within archives, more than {DEPTH_MAX} deep")
        return
    try:
        content = _unpack(archive, name, NESTED_BYTES_MAX, budget)
    except _TooLarge as error:
        yield Note(kind=INCOMPLETE, place=inner, reason=str(error))
    except _BROKEN as error:
        yield Note(kind=INCOMPLETE, place=inner, reason=f"the archive is damaged: {error}")
    else:
        yield from _archive(io.BytesIO(content), inner, budget, depth=depth)


def _unpack(archive: zipfile.ZipFile, name: str, size_max: int, budget: _Budget) -> bytes:
    """Return an entry's content; what the archive says of its size is not believed."""
    limit = min(size_max, budget.left)
    with archive.open(name) as entry:
        content = entry.read(limit + 1)
    budget.left -= len(content)
    if len(content) > limit:
        raise _TooLarge(f"{name} unpacks to more than {limit:,} bytes")
    return content


def _properties(content: bytes) -> dict[str, str]:
    fields = {}
    for line in content.decode("latin-1").splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            fields[key.strip()] = value.strip()
    return fields


def _manifest(content: bytes) -> dict[str, str]:
    """Return the main section's attributes; a line that begins with a blank goes on with the former one."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").partition("\n\n")[0]
    fields = {}
    for line in text.replace("\n ", "").split("\n"):
        key, colon, value = line.partition(":")
        if colon:
            fields[key.strip()] = value.strip()
    return fields


def _by_manifest(fields: dict[str, str], place: str, names: list[str]) -> Iterator[FoundPackage]:
    base = place.rpartition("!")[2].rpartition("/")[2].rpartition(".")[0]
    by_file = _FILE_NAME.match(base)
    artifact = by_file["artifact"] if by_file else fields.get("Implementation-Title", "") or base
    version = by_file["version"] if by_file else fields.get("Implementation-Version") or fields.get("Bundle-Version")
    group = fields.get("Implementation-Vendor-Id", "")
    group = group if _GROUP.match(group) else ""
    fetched = _REPOSITORY.match(place)
    if fetched:
        group, artifact, version = fetched["group"].replace("/", "."), fetched["artifact"], fetched["version"]
    if not artifact or not version or " " in artifact:
        return
    if group:
        yield FoundPackage(kind=MAVEN, name=f"{group}:{artifact}", version=version, place=place)
    else:
        other_names = tuple(f"{each}:{artifact}" for each in _groups(names))
        yield FoundPackage(kind=MAVEN, name=artifact, version=version, place=place, other_names=other_names)


def _groups(names: list[str]) -> list[str]:
    """Return the groups that classes in these directories may be of, those with the most classes first."""
    counts: Counter[str] = Counter()
    for name in names:
        parts = name.split("/")[:-1]
        if name.endswith(".class") and parts and parts[0] not in _NO_GROUPS:
            counts.update(".".join(parts[:depth]) for depth in range(1, min(len(parts), GROUP_DEPTH_MAX) + 1))
    return [group for group, _ in counts.most_common(GROUP_COUNT_MAX)]
