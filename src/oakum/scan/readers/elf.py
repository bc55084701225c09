"""Sections of an ELF file by name (elf(5)), read by their place, never the whole file.

It neither maps nor runs a program.  Files of another kind, and damaged ones, simply have no sections.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import BinaryIO, Final

SECTION_COUNT_MAX: Final = 4_096
NAMES_BYTES_MAX: Final = 1024 * 1024
SEGMENT_COUNT_MAX: Final = 256
SEARCH_BYTES_MAX: Final = 1024 * 1024

_MAGIC: Final = b"\x7fELF"
_HEAD_BYTES: Final = 64
_WRITABLE, _LOADED = 2, 1


def sections(file: BinaryIO, size_max: Mapping[bytes, int]) -> dict[bytes, bytes]:
    """Return the content of the named sections that the file has, each cut at its maximum."""
    layout = _layout(file.fileno())
    if layout is None:
        return {}
    names = layout.names()
    found: dict[bytes, bytes] = {}
    for name_at, offset, length in layout.sections:
        name = names[name_at : names.find(b"\0", name_at)] if name_at < len(names) else b""
        if name in size_max:
            found[name] = _piece(layout.fd, min(length, size_max[name]), offset)
    return found


def search_data(file: BinaryIO, magic: bytes, size_max: int) -> bytes:
    """Return what begins with ``magic`` in the first writable segment of an ELF file that has no section table.

    Programs are stripped of it; the linker puts the build information first there.
    """
    layout = _layout(file.fileno())
    if layout is None or layout.sections:
        return b""
    for offset, length in layout.writable:
        start = _piece(layout.fd, min(length, SEARCH_BYTES_MAX), offset).find(magic)
        return _piece(layout.fd, min(length - start, size_max), offset + start) if start >= 0 else b""
    return b""


class _Layout:
    """Where the sections and segments of an ELF file lie."""

    def __init__(self, fd: int, head: bytes) -> None:
        self.fd = fd
        self._is_wide = head[4] == 2  # noqa: PLR2004 - ELFCLASS64
        self._order = "<" if head[5] == 1 else ">"
        if self._is_wide:
            places = self._unpack("QQ", head, 32), self._unpack("HHHHH", head, 54)
        else:
            places = self._unpack("II", head, 28), self._unpack("HHHHH", head, 42)
        (segments_at, sections_at), (segment_bytes, segment_count, section_bytes, section_count, names_at) = places
        self.writable = self._segments(segments_at, segment_bytes, min(segment_count, SEGMENT_COUNT_MAX))
        self.sections = self._sections(sections_at, section_bytes, min(section_count, SECTION_COUNT_MAX))
        self._names_at = names_at

    def names(self) -> bytes:
        """Return the table of the sections' names."""
        if self._names_at >= len(self.sections):
            return b""
        _, offset, length = self.sections[self._names_at]
        return _piece(self.fd, min(length, NAMES_BYTES_MAX), offset)

    def _unpack(self, letters: str, content: bytes, start: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{self._order}{letters}", content, start)

    def _rows(self, start: int, size: int, count: int, least: int) -> list[bytes]:
        if size < least:
            return []
        table = _piece(self.fd, size * count, start)
        return [table[at : at + size] for at in range(0, len(table) - size + 1, size)]

    def _sections(self, start: int, size: int, count: int) -> list[tuple[int, int, int]]:
        """Return (place of its name, offset, length) of each section."""
        wide = self._is_wide
        rows = self._rows(start, size, count, 64 if wide else 40)
        letters, place = ("QQ", 24) if wide else ("II", 16)
        found = []
        for row in rows:
            offset, length = self._unpack(letters, row, place)
            found.append((self._unpack("I", row, 0)[0], offset, length))
        return found

    def _segments(self, start: int, size: int, count: int) -> list[tuple[int, int]]:
        """Return (offset, length in the file) of each segment that is loaded and can be written."""
        wide = self._is_wide
        found = []
        for row in self._rows(start, size, count, 56 if wide else 32):
            flags = self._unpack("I", row, 4 if wide else 24)[0]
            offset, length = (self._unpack("Q", row, at)[0] for at in (8, 32)) if wide else self._unpack("I8xI", row, 4)
            if self._unpack("I", row, 0)[0] == _LOADED and flags & _WRITABLE:
                found.append((offset, length))
        return found


def _layout(fd: int) -> _Layout | None:
    head = _piece(fd, _HEAD_BYTES, 0)
    if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC) or head[4] not in {1, 2} or head[5] not in {1, 2}:
        return None
    try:
        return _Layout(fd, head)
    except struct.error:
        return None


def _piece(fd: int, length: int, offset: int) -> bytes:
    try:
        return os.pread(fd, length, offset)
    except (OSError, OverflowError):  # an offset beyond what a file can have
        return b""
