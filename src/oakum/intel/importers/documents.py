"""The documents of a feed: one file, a folder, or an archive, plain or packed, in bounded memory.

Read: a file; gzip, bzip2 or xz around it; zip; tar, packed or not; a folder with any of the former but archives.
Nothing is unpacked to disk, so a path inside an archive is a name to show and never a place to write; links, devices
and what has another suffix are passed over.  What a document says is for the importers.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from oakum.core.errors import FeedError
from oakum.intel.importers.unpacking import (
    FAULTS,
    PACKED_SUFFIXES,
    is_tar,
    is_zip,
    opened_zip,
    shown,
    tar_members,
    unpacked,
)
from oakum.intel.importers.values import FILE_BYTES_MAX, HEAD_BYTES, check_size, too_large, unreadable

# Debian's whole OSV feed has some 70,000 documents, the whole of cvelistV5 some 300,000.
DOCUMENT_COUNT_MAX: Final = 1_000_000
# Of a document that is parsed as a whole: JSON of small lists takes some thirty times its size in memory.
DOCUMENT_BYTES_MAX: Final = 16 * 1024**2
LINE_BYTES_MAX: Final = 16 * 1024**2
# Of a document that is read as a stream (a repository's updateinfo.xml has some 100 MB).
STREAM_BYTES_MAX: Final = 4 * 1024**3

JSON_SUFFIXES: Final = (".json",)
JSON_LINES_SUFFIXES: Final = (".json", ".jsonl")
XML_SUFFIXES: Final = (".xml",)
FEED_SUFFIXES: Final = (".json", ".jsonl", ".xml", ".csv")  # whose head tells which format a file has

_READ_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document, to be read before the next one is asked for.

    ``place`` says where it is, for a sentence: empty for a file that is the document; ``name`` is its file name
    without folders and without the suffix of its packing.
    """

    path: Path
    place: str
    name: str
    stream: BinaryIO

    def read(self, bytes_max: int = DOCUMENT_BYTES_MAX) -> bytes:
        """Return the whole document.

        Raises:
            FeedError: it is cut, corrupt or larger than ``bytes_max``.
        """
        data = self._read(bytes_max + 1)
        if len(data) > bytes_max:
            raise too_large(self.path, self.place, f"it has more than {bytes_max} bytes")
        return data

    def chunks(self) -> Iterator[bytes]:
        """Yield the document piece by piece.

        Raises:
            FeedError: it is cut, corrupt or larger than STREAM_BYTES_MAX.
        """
        size = 0
        while chunk := self._read(_READ_BYTES):
            size += len(chunk)
            if size > STREAM_BYTES_MAX:
                raise too_large(self.path, self.place, f"it has more than {STREAM_BYTES_MAX} bytes")
            yield chunk

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Yield each line that is not blank, with its place, without its end.

        Raises:
            FeedError: it is cut or corrupt, or a line is longer than LINE_BYTES_MAX.
        """
        number, rest = 0, b""
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                number += 1
                if line.strip():
                    yield self.at(f"line {number}"), line.rstrip(b"\r")
            if len(rest) > LINE_BYTES_MAX:
                raise too_large(self.path, self.at(f"line {number + 1}"), f"it is longer than {LINE_BYTES_MAX} bytes")
        if rest.strip():
            yield self.at(f"line {number + 1}"), rest.rstrip(b"\r")

    def at(self, place: str) -> str:
        """Return a place inside the document, for a sentence."""
        return f"{self.place}, {place}" if self.place else place

    def json(self) -> Any:
        """Return the whole document as JSON.

        Raises:
            FeedError: as ``read``, or it is no JSON.
        """
        return parse_json(self.path, self.place, self.read())

    def _read(self, size: int) -> bytes:
        try:
            return self.stream.read(size)
        except FAULTS as error:
            raise unreadable(self.path, self.place, f"it is cut or corrupt ({error})") from error


def peeked(document: Document) -> tuple[bytes, Document]:
    """Return a document's first bytes, at most HEAD_BYTES, and the same document to be read from its beginning.

    Raises:
        FeedError: it is cut or corrupt.
    """
    stream = io.BufferedReader(document.stream, HEAD_BYTES)  # type: ignore[type-var]
    try:
        return stream.peek(HEAD_BYTES), replace(document, stream=stream)
    except FeedError:
        raise
    except FAULTS as error:
        raise unreadable(document.path, document.place, f"it is cut or corrupt ({error})") from error


def json_objects(path: Path, *, per_line: bytes = b"{") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the JSON objects of a feed whose documents are one object each, or one object a line.

    A document has one object a line where its first line is a whole object that begins with ``per_line``.

    Raises:
        FeedError: as ``documents``, or something is no JSON object.
    """
    for document in documents(path, suffixes=JSON_LINES_SUFFIXES):
        for place, value in _values(document, per_line):
            if not isinstance(value, dict):
                raise unreadable(path, place, "a JSON object is expected")
            yield place, value


def _values(document: Document, per_line: bytes) -> Iterator[tuple[str, Any]]:
    parts: list[bytes] = []
    size = 0
    is_first, is_by_line = True, False
    for place, line in document.lines():
        if is_first:
            is_first, is_by_line = False, line.startswith(per_line) and line.rstrip().endswith(b"}")
        if is_by_line:
            yield place, parse_json(document.path, place, line)
            continue
        parts.append(line)
        size += len(line)
        if size > DOCUMENT_BYTES_MAX:
            raise too_large(document.path, document.place, f"it has more than {DOCUMENT_BYTES_MAX} bytes")
    if parts:
        yield document.place, parse_json(document.path, document.place, b"\n".join(parts))


def parse_json(path: Path, place: str, data: bytes | str) -> Any:
    """Return what a JSON text says.

    Raises:
        FeedError: it is no JSON, too deep, or holds a number that is none for JSON (NaN) or of absurd length.
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, place, f"it is not JSON ({error})") from error


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no number")


def documents(path: Path, *, suffixes: Sequence[str] = JSON_SUFFIXES) -> Iterator[Document]:
    """Yield the documents of a file, folder or archive, in the order of the archive or of their names.

    A file that is no archive is one document whatever its name; in archives and folders only what ends in one of
    ``suffixes``, packed or not, is.

    Raises:
        FeedError: the file is cut, corrupt, packed in a way that is not read, or beyond a limit, or it holds no
            document.
    """
    count = 0
    for document in _documents(path, tuple(suffixes)):
        count += 1
        if count > DOCUMENT_COUNT_MAX:
            raise too_large(path, "", f"it holds more than {DOCUMENT_COUNT_MAX} documents")
        yield document
    if not count:
        raise unreadable(path, "", f"it holds no file that ends in {' or '.join(suffixes)}")


def document_count(path: Path, *, suffixes: Sequence[str] = JSON_SUFFIXES) -> int | None:
    """Return how many documents there will be where that can be told without reading all, else None.

    Raises:
        FeedError: as ``documents``.
    """
    if path.is_dir():
        return len(_files(path, tuple(suffixes)))
    if not is_zip(path):
        return None
    with opened_zip(path) as archive:
        return sum(1 for entry in archive.infolist() if _is_wanted(entry.filename, tuple(suffixes)))


def head_of(path: Path) -> bytes:
    """Return the first bytes of the first document, empty where there is none: what tells a format.

    Raises:
        FeedError: the file is cut or corrupt in its first bytes, or beyond a limit.
    """
    for document in _documents(path, FEED_SUFFIXES):
        try:
            return document.stream.read(HEAD_BYTES)
        except FeedError:
            raise
        except FAULTS as error:
            raise unreadable(path, document.place, f"it is cut or corrupt ({error})") from error
    return b""


def _documents(path: Path, suffixes: tuple[str, ...]) -> Iterator[Document]:
    if path.is_dir():
        for each in _files(path, suffixes):
            yield from _of_file(each, f"file {shown(str(each.relative_to(path)))}")
        return
    check_size(path, FILE_BYTES_MAX)
    if is_zip(path):
        yield from _of_zip(path, suffixes)
        return
    try:
        with path.open("rb") as file:
            stream, raw = unpacked(path, "", file)
            if not _is_tar(path, stream):
                yield Document(path=path, place="", name=_bare(path.name), stream=stream)
                return
            for member, content in tar_members(path, stream, raw):
                if _is_wanted(member.name, suffixes):
                    yield _packed_document(path, member.name, content)
    except OSError as error:
        raise unreadable(path, "", f"it cannot be read ({error.strerror or error})") from error


def _of_file(file: Path, place: str) -> Iterator[Document]:
    """Yield a folder's file; an archive in a folder is a feed of its own."""
    check_size(file, FILE_BYTES_MAX)
    try:
        with file.open("rb") as opened:
            stream, _ = unpacked(file, place, opened)
            yield Document(path=file.parent, place=place, name=_bare(file.name), stream=stream)
    except OSError as error:
        raise unreadable(file, "", f"it cannot be read ({error.strerror or error})") from error


def _of_zip(path: Path, suffixes: tuple[str, ...]) -> Iterator[Document]:
    with opened_zip(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or not _is_wanted(entry.filename, suffixes):
                continue
            place = f"entry {shown(entry.filename)}"
            try:
                content = archive.open(entry)
            except FAULTS as error:
                raise unreadable(path, place, f"it is cut or corrupt ({error})") from error
            with content:
                yield _packed_document(path, entry.filename, content)  # type: ignore[arg-type]


def _packed_document(path: Path, name: str, content: BinaryIO) -> Document:
    """Return an archive's entry as a document; one that is packed once more is unpacked."""
    place = f"entry {shown(name)}"
    stream: BinaryIO = unpacked(path, place, content)[0] if name.endswith(PACKED_SUFFIXES) else content
    return Document(path=path, place=place, name=_bare(name.rpartition("/")[2]), stream=stream)


def _is_tar(path: Path, stream: Any) -> bool:
    try:
        return is_tar(stream)
    except FeedError:
        raise
    except FAULTS as error:
        raise unreadable(path, "", f"it is cut or corrupt ({error})") from error


def _files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return a folder's files in the order of their names, links not followed: they may lead anywhere."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(place, name) for name in sorted(names) if _is_wanted(name, suffixes)]
        if len(found) > DOCUMENT_COUNT_MAX:
            raise too_large(folder, "", f"it holds more than {DOCUMENT_COUNT_MAX} documents")
    return [file for file in found if not file.is_symlink() and file.is_file()]


def _is_wanted(name: str, suffixes: tuple[str, ...]) -> bool:
    # A name that begins with a dot is a file system's own note (macOS puts one beside each file of a zip).
    return _bare(name).endswith(suffixes) and not name.rpartition("/")[2].startswith(".")


def _bare(name: str) -> str:
    """Return a name without the suffix of its packing, in lower case."""
    lower = name.lower()
    return next((lower.removesuffix(suffix) for suffix in PACKED_SUFFIXES if lower.endswith(suffix)), lower)
