"""Headers out of rpm's own database format, ndb (``Packages.db``; SUSE).

Little-endian throughout.  The file begins with pages of slots, each naming a package's number and where its blob lies
(in blocks of 16 bytes); a blob has a head and a tail.  Format: rpm's source, lib/backend/ndb.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from oakum.scan.readers.rpm.header import HEADER_BYTES_MAX, Budget, Damaged
from oakum.scan.root import Root

PAGE_BYTES: Final = 4096
PAGE_COUNT_MAX: Final = 2048  # of slots: half a million packages
BLOCK_BYTES: Final = 16

_HEAD: Final = struct.Struct("<4sIII")  # magic, version, generation, pages of slots
_SLOT: Final = struct.Struct("<4sIII")  # magic, package number (0: free), first block, number of blocks
_BLOB: Final = struct.Struct("<4sIII")  # magic, package number, generation, length
_SLOTS_OF_HEAD: Final = 2  # the file's head takes the place of the first ones


def headers(root: Root, place: str) -> Iterator[bytes | Damaged]:
    """Yield the headers by their packages' numbers, and what is wrong with one in its place.

    Raises:
        Absent: there is no such file.
        Unreadable: it may not be read.
        Damaged: it is no such database, or broken.
    """
    with root.open(place) as file:
        slots = sorted(_slots(file))
        budget = Budget(os.fstat(file.fileno()).st_size)
        for number, block, count in slots:
            try:
                yield _blob(file, number, block, count, budget)
            except Damaged as error:
                yield error


def _slots(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size or not head.startswith(b"RpmP"):
        raise Damaged("it is no ndb database")
    _, version, _, page_count = _HEAD.unpack(head)
    if version != 0 or not 0 < page_count <= PAGE_COUNT_MAX:
        raise Damaged(f"an ndb database of version {version} with {page_count} pages of slots is not known")
    file.seek(0)
    pages = file.read(page_count * PAGE_BYTES)
    if len(pages) < page_count * PAGE_BYTES:
        raise Damaged("the ndb database is cut in its slots")
    for index, (magic, number, block, count) in enumerate(_SLOT.iter_unpack(pages)):
        if index < _SLOTS_OF_HEAD:
            continue
        if magic != b"Slot":
            raise Damaged(f"slot {index} of the ndb database is damaged")
        if number:
            yield number, block, count


def _blob(file: BinaryIO, number: int, block: int, count: int, budget: Budget) -> bytes:
    length_max = min(count * BLOCK_BYTES, HEADER_BYTES_MAX)
    place = block * BLOCK_BYTES
    if place + _BLOB.size > os.fstat(file.fileno()).st_size:
        raise Damaged(f"the blob of package {number} lies beyond the file")
    file.seek(place)
    head = file.read(_BLOB.size)
    magic, own_number, _, length = _BLOB.unpack(head)
    if magic != b"BlbS" or own_number != number or length > length_max:
        raise Damaged(f"the blob of package {number} is damaged")
    budget.take(length)
    content = file.read(length)
    if len(content) < length:
        raise Damaged(f"the blob of package {number} is cut")
    return content
