"""Read a table with a header (CSV) row by row, each with its place.

A row that has not as many columns as the header is a cut file; what the columns mean is for the importers.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

from oakum.intel.importers.documents import Document
from oakum.intel.importers.values import too_large, unreadable

COMMENT = "#"


def table_rows(
    document: Document, *, columns: frozenset[str], count_max: int, comments: list[str] | None = None
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each row's place and its cells by the header's names.

    ``columns`` are those that must be there.  Lines that begin with "#" before the header are added to ``comments``.

    Raises:
        FeedError: the document is cut, no CSV or not UTF-8, lacks a column, or has more than ``count_max`` rows.
    """
    lines = _Lines(document, comments)
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if not columns <= set(header):
            missing = " and no ".join(sorted(columns - set(header)))
            raise unreadable(document.path, lines.place, f"the header has no {missing}")
        for count, row in enumerate(reader, start=1):
            if count > count_max:
                raise too_large(document.path, lines.place, f"it lists more than {count_max} rows")
            if len(row) != len(header):
                reason = f"it has {len(row)} columns where {len(header)} are due"
                raise unreadable(document.path, lines.place, reason)
            yield lines.place, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise unreadable(document.path, lines.place, f"it is cut or no CSV ({error})") from error


class _Lines:
    """The document's lines as text, remembering where the last one stood."""

    def __init__(self, document: Document, comments: list[str] | None) -> None:
        self._document, self._comments = document, comments
        self._lines = document.lines()
        self._is_data = False
        self.place = document.at("line 1")

    def __iter__(self) -> Iterator[str]:
        for place, line in self._lines:
            self.place = place
            try:
                text = line.decode("utf-8" if self._is_data else "utf-8-sig")
            except UnicodeDecodeError as error:
                raise unreadable(self._document.path, place, "it is not UTF-8") from error
            if not self._is_data and self._comments is not None and text.startswith(COMMENT):
                self._comments.append(text)
                continue
            self._is_data = True
            yield f"{text}\n"
