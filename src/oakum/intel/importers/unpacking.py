"""Unpack what feeds are packed in, as streams that refuse bombs: gzip, bzip2, xz, zstd, and the checks of zip and tar.

Every limit is on what comes out, because what goes in says nothing of it.  Which documents there are is for
``documents``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from backports import zstd

from oakum.core.errors import FeedError
from oakum.intel.importers.values import too_large, unreadable

# Honest feeds compress some thirty times, a few repetitive documents a hundred times.
RATIO_MAX: Final = 200
RATIO_CHECKED_FROM_BYTES: Final = 1024**2
TOTAL_BYTES_MAX: Final = 16 * 1024**3
ENTRY_BYTES_MAX: Final = 4 * 1024**3
ENTRY_COUNT_MAX: Final = 500_000
DIRECTORY_BYTES_MAX: Final = 64 * 1024**2  # of a zip: it is read as a whole, a hundred bytes an entry
XZ_MEMORY_BYTES_MAX: Final = 128 * 1024**2  # xz -9 takes 65 MB; the file itself says how much it wants
TAR_HEADER_BYTES_MAX: Final = 64 * 1024  # of long names and pax headers, which tarfile reads as a whole
ZSTD_WINDOW_LOG_MAX: Final = 27  # 128 MB: what zstd itself takes without being asked for more
SHOWN_LENGTH_MAX: Final = 200  # of an entry's name
PACKED_SUFFIXES: Final = (".gz", ".bz2", ".xz", ".zst")

# What the standard library raises on damaged archives, packed streams and files.
FAULTS: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError),
    *(zstd.ZstdError, RuntimeError, NotImplementedError, ValueError, OverflowError),
)

ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BZIP2_MAGIC: Final = b"BZh"
_XZ_MAGIC: Final = b"\xfd7zXZ\x00"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_ZSTD_OPTIONS: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX}
_TAR_MAGIC: Final = b"ustar"
_TAR_MAGIC_AT: Final = 257
_TAR_BLOCK: Final = 512
_BUFFER_BYTES: Final = 64 * 1024
_GIVEN_BYTES: Final = 256 * 1024  # at once, however much is asked for: the limits are checked in between
_ZIP_END: Final = b"PK\x05\x06"
_ZIP64_END: Final = b"PK\x06\x06"
_ZIP_TAIL_BYTES: Final = 66 * 1024  # the end record, its longest comment, and the 64-bit one before it


class Unpacked(io.RawIOBase):
    """What a packed stream holds, refusing to give out more than RATIO_MAX times what went in."""

    def __init__(self, path: Path, place: str, packed: BinaryIO) -> None:
        """Look at the first bytes; a stream that is not packed is given out as it is."""
        self._path, self._place = path, place
        self._source = _Counted(packed)
        buffered = io.BufferedReader(self._source, _BUFFER_BYTES)
        head = buffered.peek(len(_XZ_MAGIC))
        self._is_packed = True
        self._inner: BinaryIO
        if head.startswith(_GZIP_MAGIC):
            self._inner = gzip.GzipFile(fileobj=buffered)  # type: ignore[assignment]
        elif head.startswith(_BZIP2_MAGIC):
            self._inner = bz2.BZ2File(buffered)  # type: ignore[assignment]
        elif head.startswith(_XZ_MAGIC):
            self._inner = io.BufferedReader(_Xz(buffered), _BUFFER_BYTES)
        elif head.startswith(_ZSTD_MAGIC):
            self._inner = zstd.ZstdFile(buffered, options=_ZSTD_OPTIONS)  # type: ignore[assignment]
        else:
            self._inner, self._is_packed = buffered, False
        self._given = 0
        self.tail = b""  # of what was given out, one block of a tar archive

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give out the next bytes.

        Raises:
            FeedError: too much comes out.
        """
        data = self._inner.read(min(len(buffer), _GIVEN_BYTES))
        buffer[: len(data)] = data
        self._given += len(data)
        if data:
            self.tail = (self.tail + data)[-_TAR_BLOCK:] if len(data) < _TAR_BLOCK else data[-_TAR_BLOCK:]
        if self._given > TOTAL_BYTES_MAX:
            raise too_large(self._path, self._place, f"it unpacks to more than {TOTAL_BYTES_MAX} bytes")
        if self._is_packed and self._given > max(RATIO_CHECKED_FROM_BYTES, RATIO_MAX * self._source.count):
            raise too_large(self._path, self._place, f"it unpacks to more than {RATIO_MAX} times its size")
        return len(data)


class _Counted(io.RawIOBase):
    """A stream that counts what was read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


class _Xz(io.RawIOBase):
    """xz with a limit on the memory that the file asks for, which ``lzma.LZMAFile`` does not have."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder: lzma.LZMADecompressor | None = None
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._decoder is None:
                self._rest = (self._rest or self._stream.read(_BUFFER_BYTES)).lstrip(b"\x00")
                if not self._rest:
                    return 0
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES_MAX)
            elif self._decoder.eof:
                self._rest, self._decoder = self._decoder.unused_data, None
                continue
            elif self._decoder.needs_input:
                self._rest = self._stream.read(_BUFFER_BYTES)
                if not self._rest:
                    raise EOFError("the packed data ends too soon")
            data = self._decoder.decompress(self._rest, len(buffer))
            self._rest = b""
            if data:
                buffer[: len(data)] = data
                return len(data)


def unpacked(path: Path, place: str, packed: BinaryIO) -> tuple[io.BufferedReader, Unpacked]:
    """Return a stream's content, unpacked where it is packed, and beside it what counts it.

    Raises:
        FeedError: it is packed in a way that is not read, or cut or corrupt in its first bytes.
    """
    try:
        raw = Unpacked(path, place, packed)
        return io.BufferedReader(raw, _BUFFER_BYTES), raw
    except FAULTS as error:
        raise unreadable(path, place, f"it is cut or corrupt ({error})") from error


def is_zip(path: Path) -> bool:
    """Say whether a file is a zip archive by its first bytes.

    Raises:
        FeedError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(4) in ZIP_MAGICS
    except OSError as error:
        raise unreadable(path, "", f"it cannot be read ({error.strerror or error})") from error


def is_tar(stream: io.BufferedReader) -> bool:
    """Say whether a stream is a tar archive, by its first block."""
    return stream.peek(_TAR_BLOCK)[_TAR_MAGIC_AT:].startswith(_TAR_MAGIC)


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive, its limits checked by what it says of itself; ``zipfile`` holds each entry to that.

    Raises:
        FeedError: it is cut or corrupt, or beyond a limit.
    """
    try:
        _check_directory(path)
        archive = zipfile.ZipFile(path)
    except FeedError:
        raise
    except FAULTS as error:
        raise unreadable(path, "", f"the zip archive is cut or corrupt ({error})") from error
    with archive:
        entries = archive.infolist()
        if len(entries) > ENTRY_COUNT_MAX:
            raise too_large(path, "", f"it holds {len(entries)} entries, more than {ENTRY_COUNT_MAX}")
        total = sum(entry.file_size for entry in entries)
        if total > TOTAL_BYTES_MAX:
            raise too_large(path, "", f"it unpacks to more than {TOTAL_BYTES_MAX} bytes")
        for entry in entries:
            _check_entry(path, entry)
        if total > max(RATIO_CHECKED_FROM_BYTES, RATIO_MAX * path.stat().st_size):
            raise too_large(path, "", f"it unpacks to more than {RATIO_MAX} times its size")
        yield archive


def _check_directory(path: Path) -> None:
    """Refuse a zip whose directory alone would fill the memory."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _ZIP_TAIL_BYTES))
        tail = file.read(_ZIP_TAIL_BYTES)
    at, at_64 = tail.rfind(_ZIP_END), tail.rfind(_ZIP64_END)
    size = int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0
    if at_64 >= 0:
        size = max(size if size != 2**32 - 1 else 0, int.from_bytes(tail[at_64 + 40 : at_64 + 48], "little"))
    if size > DIRECTORY_BYTES_MAX:
        raise too_large(path, "", f"its directory has more than {DIRECTORY_BYTES_MAX} bytes")


def _check_entry(path: Path, entry: zipfile.ZipInfo) -> None:
    reason = ""
    if entry.file_size > ENTRY_BYTES_MAX:
        reason = f"it unpacks to more than {ENTRY_BYTES_MAX} bytes"
    elif entry.file_size > max(RATIO_CHECKED_FROM_BYTES, RATIO_MAX * max(1, entry.compress_size)):
        reason = f"it unpacks to more than {RATIO_MAX} times its size"
    if reason:
        raise too_large(path, f"entry {shown(entry.filename)}", reason)
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        reason = "it is packed in a way that is not read (only deflate is)"
        raise unreadable(path, f"entry {shown(entry.filename)}", reason)


class _CheckedTarInfo(tarfile.TarInfo):
    """A member whose name and headers are of a reasonable length."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > TAR_HEADER_BYTES_MAX and not self.isreg() and not self.isdir():
            raise tarfile.ReadError(f"a header has {self.size} bytes, more than {TAR_HEADER_BYTES_MAX}")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found


def tar_members(path: Path, stream: io.BufferedReader, raw: Unpacked) -> Iterator[tuple[tarfile.TarInfo, BinaryIO]]:
    """Yield the files of a tar archive with their content, to be read before the next one is asked for.

    Raises:
        FeedError: it is cut or corrupt, or beyond a limit.
    """
    place = ""
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_CheckedTarInfo) as archive:
            for count, member in enumerate(archive, start=1):
                place = f"entry {shown(member.name)}"
                if count > ENTRY_COUNT_MAX:
                    raise too_large(path, "", f"it holds more than {ENTRY_COUNT_MAX} entries")
                if member.size > ENTRY_BYTES_MAX:
                    raise too_large(path, place, f"it unpacks to more than {ENTRY_BYTES_MAX} bytes")
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield member, content  # type: ignore[misc]
                archive.members = []  # type: ignore[attr-defined]  # it would keep every header until the end
        while stream.read(_BUFFER_BYTES):  # to the end of the packing, whose sum is checked there
            pass
    except FeedError:
        raise
    except FAULTS as error:
        raise unreadable(path, place, f"the tar archive is cut or corrupt ({error})") from error
    if raw.tail.strip(b"\x00"):
        raise unreadable(path, place, "the tar archive is cut (its end is missing)")


def shown(name: str) -> str:
    """Return an archive's or folder's name of an entry fit for a sentence."""
    cut = name[:SHOWN_LENGTH_MAX]
    fit = cut if cut.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in cut)
    return fit or "without a name"
