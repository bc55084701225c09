"""rpm's database, in each of its three formats: SQLite, ndb and Berkeley DB.

The formats give headers (``sqlite``, ``ndb``, ``bdb``), ``header`` reads what we need of one.  Nothing is verified:
signatures and digests are the package manager's business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

from oakum.scan.readers.rpm import bdb, ndb, sqlite
from oakum.scan.readers.rpm.header import Damaged, Header
from oakum.scan.root import Absent, Root, Unreadable
from oakum.scan.values import DAMAGED, INCOMPLETE, RPM, Found, FoundPackage, Note

# Fedora and its family moved the database; where both exist one is a link to the other.
DIRECTORIES: Final = ("usr/lib/sysimage/rpm", "var/lib/rpm")
_FORMATS: Final[Mapping[str, Callable[[Root, str], Iterator[bytes | Damaged]]]] = {
    "rpmdb.sqlite": sqlite.headers,
    "Packages.db": ndb.headers,
    "Packages": bdb.headers,
}
_DATABASES: Final = tuple(
    (f"{directory}/{name}", headers) for directory in DIRECTORIES for name, headers in _FORMATS.items()
)
_KEY: Final = "gpg-pubkey"  # a trusted key, kept as if it were a package


def read(root: Root) -> Iterator[Found]:
    """Yield what rpm has installed, in the order of its database."""
    for each in _headers(root):
        if isinstance(each, Note):
            yield each
            continue
        place, content = each
        try:
            header = Header(content)
            if header.text("name") != _KEY:
                yield _package(header, place)
        except Damaged as error:
            yield Note(kind=DAMAGED, place=place, reason=f"a package's header is damaged: {error}")


def owners(root: Root, places: Collection[str]) -> Iterator[tuple[str, str] | Note]:
    """Yield the packages that own the places, by the lists of files in their headers."""
    by_name: dict[str, set[str]] = {}
    for wanted in places:
        by_name.setdefault(wanted.rpartition("/")[2], set()).add(wanted)
    for each in _headers(root):
        if isinstance(each, Note):
            yield Note(kind=INCOMPLETE, place=each.place, reason=each.reason)
            continue
        place, content = each
        try:
            header = Header(content)
            package = header.text("name")
            for directory, name in header.files(by_name.keys()):
                file = f"{directory}{name}".strip("/")
                if file in by_name[name]:
                    yield file, package
        except Damaged as error:
            yield Note(kind=INCOMPLETE, place=place, reason=f"a package's list of files is damaged: {error}")


def _headers(root: Root) -> Iterator[tuple[str, bytes] | Note]:
    """Yield the database's headers with its place; a Note where they end too soon."""
    for place, headers in _DATABASES:
        count = 0
        try:
            for content in headers(root, place):
                if isinstance(content, Damaged):
                    yield Note(kind=DAMAGED, place=place, reason=str(content))
                    continue
                count += 1
                yield place, content
        except Absent:
            continue
        except (Damaged, Unreadable) as error:
            reason = error.reason if isinstance(error, Unreadable) else str(error)
            yield Note(kind=DAMAGED, place=place, reason=f"{reason} (after {count} packages)")
        return


def _package(header: Header, place: str) -> FoundPackage:
    name, version, release = header.text("name"), header.text("version"), header.text("release")
    if not name or not version:
        raise Damaged("it has no name or no version")
    epoch = header.number("epoch")
    source_name, source_version = parse_source_rpm(header.text("sourcerpm"))
    return FoundPackage(
        kind=RPM,
        name=name,
        version=f"{f'{epoch}:' if epoch else ''}{version}{f'-{release}' if release else ''}",
        architecture=header.text("arch"),
        source_name=source_name,
        source_version=source_version,
        module=header.text("modularitylabel"),
        vendor=header.text("vendor"),
        place=place,
    )


def parse_source_rpm(text: str) -> tuple[str, str]:
    """Return the name and version of a source rpm's file name (which has no epoch), empty where it is none.

    >>> parse_source_rpm("openssl-3.0.7-27.el9.src.rpm"), parse_source_rpm("(none)")
    (('openssl', '3.0.7-27.el9'), ('', ''))
    """
    parts = text.removesuffix(".rpm").rpartition(".")[0].rsplit("-", 2)
    return (parts[0], f"{parts[1]}-{parts[2]}") if len(parts) == 3 else ("", "")  # noqa: PLR2004 - name, version, release
