"""The few tags that we need of an rpm header, as rpm's databases keep it: without magic, index first, then data.

Format: rpm's documentation, "RPM v4 header format".  Every offset and count is checked against what is there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

ENTRY_COUNT_MAX: Final = 65_536
HEADER_BYTES_MAX: Final = 64 * 1024 * 1024  # real ones end near 5 MB (kernel headers)
TEXT_COUNT_MAX: Final = 1_000_000  # of one list: files of a package

_TAGS: Final = {
    1000: "name",
    1001: "version",
    1002: "release",
    1003: "epoch",
    1011: "vendor",
    1022: "arch",
    1044: "sourcerpm",
    1116: "dirindexes",
    1117: "basenames",
    1118: "dirnames",
    5096: "modularitylabel",
}
_ENTRY: Final = struct.Struct(">IIII")
_COUNTS: Final = struct.Struct(">II")
_INT32: Final = 4
_TEXT_TYPES: Final = frozenset({6, 8, 9})  # STRING, STRING_ARRAY, I18NSTRING


class Damaged(Exception):  # noqa: N818 - becomes a note
    """A header, or the database around it, is not what its own figures say."""


class Budget:
    """How many bytes a database may still give: entries that share their pages must not multiply it."""

    def __init__(self, file_bytes: int) -> None:
        """Allow twice the file's size: no entry is larger than what holds it."""
        self._left = 2 * file_bytes

    def take(self, count: int) -> None:
        """Count bytes that are about to be read.

        Raises:
            Damaged: they are more than the file can hold.
        """
        self._left -= count
        if self._left < 0:
            raise Damaged("its entries are larger than the file that holds them")


class Header:
    """An rpm header; says ``Damaged`` where it does not hold together."""

    def __init__(self, content: bytes) -> None:
        """Read the index.

        Raises:
            Damaged: the content is shorter than its index and data, or their counts are absurd.
        """
        if len(content) < _COUNTS.size:
            raise Damaged("it is cut")
        entry_count, data_length = _COUNTS.unpack_from(content)
        start = _COUNTS.size + entry_count * _ENTRY.size
        if entry_count > ENTRY_COUNT_MAX or start + data_length > len(content):
            raise Damaged(f"it says {entry_count} entries and {data_length} bytes of data and has {len(content)} bytes")
        self._content = content
        self._start: int = start
        self._end: int = start + data_length
        self._entries: dict[str, tuple[int, int, int]] = {}
        for tag, kind, offset, count in _ENTRY.iter_unpack(content[_COUNTS.size : start]):
            if tag in _TAGS:
                self._entries[_TAGS[tag]] = (kind, offset, count)

    def text(self, name: str) -> str:
        """Return a text, "" where the header has none."""
        if name not in self._entries:
            return ""
        kind, offset, _ = self._entries[name]
        if kind not in _TEXT_TYPES:
            raise Damaged(f"its {name} is no text")
        start = self._place(offset, 1)
        end = self._content.find(b"\0", start, self._end)
        if end < 0:
            raise Damaged(f"its {name} has no end")
        return self._content[start:end].decode("utf-8", "replace")

    def number(self, name: str) -> int:
        """Return a number, 0 where the header has none."""
        found = self._numbers(name)
        return found[0] if found else 0

    def files(self, names: AbstractSet[str]) -> Iterator[tuple[str, str]]:
        """Yield (directory with its slash, name) of the package's files that bear one of the names."""
        basenames = self._texts("basenames")
        if names.isdisjoint(basenames):
            return
        directories = self._texts("dirnames")
        indexes = self._numbers("dirindexes")
        if len(indexes) != len(basenames) or max(indexes, default=0) >= len(directories):
            raise Damaged("its lists of files differ in length")
        for index, name in zip(indexes, basenames, strict=True):
            if name in names:
                yield directories[index], name

    def _place(self, offset: int, length: int) -> int:
        if self._start + offset + length > self._end:
            raise Damaged("an entry lies beyond its data")
        return self._start + offset

    def _numbers(self, name: str) -> tuple[int, ...]:
        if name not in self._entries:
            return ()
        kind, offset, count = self._entries[name]
        if kind != _INT32:
            raise Damaged(f"its {name} is no number")
        start = self._place(offset, count * 4)
        numbers: tuple[int, ...] = struct.unpack_from(f">{count}I", self._content, start)
        return numbers

    def _texts(self, name: str) -> list[str]:
        if name not in self._entries:
            return []
        kind, offset, count = self._entries[name]
        if kind not in _TEXT_TYPES:
            raise Damaged(f"its {name} is no list of texts")
        if count > TEXT_COUNT_MAX:
            raise Damaged(f"its {name} are {count}")
        start = self._place(offset, count)  # each text has at least its end
        # Split no further than the list goes: what follows belongs to other tags.
        parts = self._content[start : self._end].split(b"\0", count)
        if len(parts) <= count:
            raise Damaged(f"its {name} has no end")
        return [part.decode("utf-8", "surrogateescape") for part in parts[:count]]
