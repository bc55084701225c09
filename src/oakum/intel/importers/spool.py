"""Bring together what a file says of one advisory in many places, in bounded memory.

Trackers list by package what we keep by vulnerability, and one advisory may stand in several repositories' files.  What
was said waits in a temporary file; memory holds only where.  It reads no format and writes no database.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from oakum.intel.importers.values import too_large

KEY_COUNT_MAX = 2_000_000
PART_COUNT_MAX = 8_000_000
SPOOL_BYTES_MAX = 16 * 1024**3


class Spool:
    """Parts by key, given back together, the keys in the order of their first part; use it in a ``with``."""

    def __init__(self, path: Path) -> None:
        """Begin empty; ``path`` names the feed's file in faults."""
        self._path = path
        self._file = tempfile.TemporaryFile(prefix="oakum-feed-")  # noqa: SIM115 - closed by __exit__
        self._places: dict[str, array[int]] = {}
        self._part_count = 0

    def __enter__(self) -> Self:
        """Return the spool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file."""
        self._file.close()

    def __len__(self) -> int:
        """Return how many keys there are."""
        return len(self._places)

    def add(self, key: str, part: object) -> None:
        """Keep a part, made of what JSON can carry.

        Raises:
            FeedError: there are more keys, parts or bytes than any honest feed has.
        """
        self._part_count += 1
        place = self._file.tell()
        if len(self._places) > KEY_COUNT_MAX or self._part_count > PART_COUNT_MAX or place > SPOOL_BYTES_MAX:
            raise too_large(
                self._path, "", f"it says more than {self._part_count - 1} things of {len(self)} advisories"
            )
        self._places.setdefault(key, array("q")).append(place)
        self._file.write(json.dumps(part, separators=(",", ":")).encode("ascii") + b"\n")

    def groups(self) -> Iterator[tuple[str, Sequence[Any]]]:
        """Yield each key with its parts in the order in which they came."""
        self._file.flush()
        for key, places in self._places.items():
            yield key, [self._part(place) for place in places]

    def _part(self, place: int) -> Any:
        self._file.seek(place)
        return json.loads(self._file.readline())
