"""Package sets as they stand in a row: serialised roaring bitmaps of ``PackageVersion`` ids.

It knows nothing of packages; it turns bytes into bitmaps and back, the same way everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap


def load_set(blob: bytes | memoryview | None) -> BitMap:
    """Return the bitmap in ``blob``; no bytes are the empty set (a host that has not reported)."""
    raw = bytes(blob) if blob else b""
    return BitMap.deserialize(raw) if raw else BitMap()


def dump_set(ids: Iterable[int]) -> bytes:
    """Return the bytes of the set of ``ids``; the same set always gives the same bytes."""
    bitmap = BitMap(ids)
    bitmap.run_optimize()
    raw: bytes = bitmap.serialize()
    return raw
