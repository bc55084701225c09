"""Headers out of rpm's former database format, a hash of Berkeley DB (``Packages``; RHEL 8 and older).

The file is an array of pages.  Pages of the hash hold pairs of key and value; a header, which fits no page, lies in a
chain of overflow pages.  Order does not matter here, so pages are read from the first to the last, and buckets are not.
Format: Berkeley DB's source, dbinc/db_page.h.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from oakum.scan.readers.rpm.header import HEADER_BYTES_MAX, Budget, Damaged
from oakum.scan.root import Root

DATABASE_BYTES_MAX: Final = 4 * 1024 * 1024 * 1024
PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))  # 512 to 65,536
PAGE_HEAD_BYTES: Final = 26

_MAGIC: Final = 0x061561  # of a hash
_META_BYTES: Final = 72
_HASH_UNSORTED, _HASH, _OVERFLOW, _HASH_META = 2, 13, 7, 8
_IN_PAGE, _OFF_PAGE = 1, 3
_OFF_PAGE_BYTES: Final = 12
_FIRST_KEY: Final = bytes(4)  # rpm keeps its highest number there


def headers(root: Root, place: str) -> Iterator[bytes | Damaged]:
    """Yield the headers, in no particular order, and what is wrong with one in its place.

    Raises:
        Absent: there is no such file.
        Unreadable: it may not be read.
        Damaged: it is no such database, or broken.
    """
    with root.open(place) as file:
        yield from _Hash(file).values()


class _Hash:
    """An open database; every page number is checked against the file before it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        meta = file.read(_META_BYTES)
        if len(meta) < _META_BYTES:
            raise Damaged("it is cut")
        self._order = next((each for each in "<>" if struct.unpack_from(f"{each}I", meta, 12) == (_MAGIC,)), "")
        if not self._order or meta[25] != _HASH_META:
            raise Damaged("it is no hash of Berkeley DB")
        if meta[24]:
            raise Damaged("the Berkeley DB is encrypted")
        self._page_bytes = struct.unpack_from(f"{self._order}I", meta, 20)[0]
        if self._page_bytes not in PAGE_SIZES:
            raise Damaged(f"the Berkeley DB has pages of {self._page_bytes} bytes")
        size = os.fstat(file.fileno()).st_size
        if size > DATABASE_BYTES_MAX:
            raise Damaged(f"the Berkeley DB is larger than {DATABASE_BYTES_MAX:,} bytes")
        self._page_count = size // self._page_bytes
        self._budget = Budget(size)

    def values(self) -> Iterator[bytes | Damaged]:
        """Yield the value of every pair but rpm's own first one."""
        for number in range(1, self._page_count):
            page = self._page(number)
            if page[25] in {_HASH, _HASH_UNSORTED}:
                yield from self._pairs(page, number)

    def _page(self, number: int) -> bytes:
        if not 0 < number < self._page_count:
            raise Damaged(f"a page points to page {number} of {self._page_count}")
        self._file.seek(number * self._page_bytes)
        page = self._file.read(self._page_bytes)
        if len(page) < self._page_bytes:
            raise Damaged(f"page {number} of the Berkeley DB is cut")
        return page

    def _pairs(self, page: bytes, number: int) -> Iterator[bytes | Damaged]:
        count = struct.unpack_from(f"{self._order}H", page, 20)[0]
        if count % 2 or PAGE_HEAD_BYTES + 2 * count > len(page):
            yield Damaged(f"page {number} of the Berkeley DB says {count} entries")
            return
        places = struct.unpack_from(f"{self._order}{count}H", page, PAGE_HEAD_BYTES)
        # Items lie from the end of the page backwards: each ends where the former one begins.
        ends = (len(page), *places)
        for index in range(0, count, 2):
            key = page[places[index] + 1 : ends[index]]
            if key == _FIRST_KEY:
                continue
            try:
                yield self._value(page, places[index + 1], places[index], number)
            except Damaged as error:
                yield error

    def _value(self, page: bytes, start: int, end: int, number: int) -> bytes:
        if not PAGE_HEAD_BYTES <= start < end <= len(page):
            raise Damaged(f"an entry lies beyond page {number} of the Berkeley DB")
        if page[start] == _IN_PAGE:
            return page[start + 1 : end]
        if page[start] != _OFF_PAGE or end - start < _OFF_PAGE_BYTES:
            raise Damaged(f"an entry of page {number} of the Berkeley DB is of an unknown kind")
        first, length = struct.unpack_from(f"{self._order}II", page, start + 4)
        return self._overflow(first, length)

    def _overflow(self, number: int, length: int) -> bytes:
        if length > HEADER_BYTES_MAX:
            raise Damaged(f"an entry of the Berkeley DB says {length:,} bytes")
        self._budget.take(length)
        parts: list[bytes] = []
        got = 0
        while number and got < length:
            page = self._page(number)
            used = struct.unpack_from(f"{self._order}H", page, 22)[0]
            part = page[PAGE_HEAD_BYTES : PAGE_HEAD_BYTES + used]
            got += len(part)
            # All but the last are full; if they need not be, a chain that turns in a circle would read for hours.
            if page[25] != _OVERFLOW or (got < length and used != self._page_bytes - PAGE_HEAD_BYTES):
                raise Damaged(f"page {number} of the Berkeley DB is no full overflow page")
            parts.append(part)
            number = struct.unpack_from(f"{self._order}I", page, 16)[0]
        if got < length:
            raise Damaged("an entry of the Berkeley DB is cut")
        return b"".join(parts)[:length]
