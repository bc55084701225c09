"""Paragraphs of a text, as dpkg's and apk's databases are made of: lines, with blank lines between.

One at a time, so that a database made of nothing but ends of lines fills no memory.  It knows no field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PARAGRAPH_LENGTH_MAX: Final = 8 * 1024 * 1024  # the longest real ones list 20,000 files in 2 MB

# One blank line a match: a group that repeats would keep a state for each of them.
_BLANK_LINE: Final = re.compile(r"\n[ \t]*\n")


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs that are not blank; of one beyond PARAGRAPH_LENGTH_MAX the beginning."""
    start = 0
    for blank in _BLANK_LINE.finditer(text):
        yield from _paragraph(text, start, blank.start())
        start = blank.end()
    yield from _paragraph(text, start, len(text))


def _paragraph(text: str, start: int, end: int) -> Iterator[str]:
    content = text[start : min(end, start + PARAGRAPH_LENGTH_MAX)].lstrip("\n")
    if content and not content.isspace():
        yield content
