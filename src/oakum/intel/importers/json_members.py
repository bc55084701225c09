"""Read a large JSON document member by member, so that it is never in memory as a whole.

For documents that are one object of many members (Debian's tracker) or one object with a long list in it.  It only
finds where each member ends, with the standard decoder; what a member means is for the importers.
"""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any, Final

from oakum.intel.importers.documents import Document
from oakum.intel.importers.values import too_large, unreadable

MEMBER_LENGTH_MAX: Final = 16 * 1024**2  # characters; the tracker's longest member, linux, has some 5 million
_BLANKS: Final = " \t\n\r"
_ENDS: Final = f",:]}}{_BLANKS}"
_NUMBER_REST: Final = 32  # characters behind a value that are no end: then it is no JSON, whatever follows


def object_members(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the members of a document that is one JSON object, each parsed when it is asked for.

    Raises:
        FeedError: it is cut or corrupt, no JSON object, or a member is longer than MEMBER_LENGTH_MAX.
    """
    text = _Text(document)
    text.expect("{", "a JSON object is expected")
    if text.next() == "}":
        text.take()
    else:
        while True:
            if text.next() != '"':
                raise text.fault("a member's name is expected")
            name = text.value()
            text.expect(":", "a colon is expected")
            yield name, text.value()
            if text.next() == "}":
                text.take()
                break
            text.expect(",", "a comma or the object's end is expected")
    if text.next():
        raise text.fault("something follows the object's end")


def array_items(document: Document) -> Iterator[Any]:
    """Yield the items of a document that is one JSON list, each parsed when it is asked for.

    Raises:
        FeedError: as ``object_members``.
    """
    text = _Text(document)
    yield from _items(text)
    if text.next():
        raise text.fault("something follows the list's end")


def member_items(document: Document, member: str) -> Iterator[Any]:
    """Yield the items of the list that one member of a JSON object is, each parsed when it is asked for.

    The object's other members are passed over.

    Raises:
        FeedError: as ``object_members``, or the member is missing or no list.
    """
    text = _Text(document)
    text.expect("{", "a JSON object is expected")
    found = False
    while text.next() != "}":
        name = text.value()
        text.expect(":", "a colon is expected")
        if name == member:
            found = True
            yield from _items(text)
        else:
            text.value()
        if text.next() != "}":
            text.expect(",", "a comma or the object's end is expected")
    text.take()
    if not found:
        raise text.fault(f"a list {member!r} is expected")
    if text.next():
        raise text.fault("something follows the object's end")


def _items(text: _Text) -> Iterator[Any]:
    text.expect("[", "a JSON list is expected")
    if text.next() == "]":
        text.take()
        return
    while True:
        yield text.value()
        if text.next() == "]":
            text.take()
            return
        text.expect(",", "a comma or the list's end is expected")


class _Text:
    """The document's text, of which only what has not been used is kept."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._chunks = document.chunks()
        self._decode = getincrementaldecoder("utf-8-sig")(errors="strict").decode
        self._scan = json.JSONDecoder().raw_decode
        self._text, self._at, self._used = "", 0, 0
        self._is_whole = False

    def next(self) -> str:
        """Return the next character that is no blank, without taking it; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BLANKS:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if self._is_whole:
                return ""
            self._more(1)

    def take(self) -> None:
        """Take one character."""
        self._at += 1

    def expect(self, letter: str, reason: str) -> None:
        """Take a character that must be there."""
        if self.next() != letter:
            raise self.fault(reason)
        self.take()

    def value(self) -> Any:
        """Take the next value, reading on until it is whole."""
        self.next()
        wanted = 0
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if self._is_whole or isinstance(error, RecursionError):
                    raise self.fault(str(error)) from error
                end = len(self._text)
            if self._is_whole or self._ends(end):
                self._at = end
                return value
            held = len(self._text) - self._at
            if held > MEMBER_LENGTH_MAX:
                raise too_large(
                    self._document.path,
                    self._document.at(f"character {self._used + self._at}"),
                    f"a member is longer than {MEMBER_LENGTH_MAX} characters",
                )
            # Twice as much each time: a member is scanned from its beginning again.
            wanted = max(wanted, held)
            self._more(max(1, wanted))

    def _ends(self, end: int) -> bool:
        """Say whether what was read up to there is a whole value: the rest of a number may not have been read yet."""
        rest = self._text[end : end + _NUMBER_REST]
        return bool(rest) and (rest[0] in _ENDS or len(rest) == _NUMBER_REST)

    def _more(self, length: int) -> None:
        """Read at least so many characters more, or to the end."""
        parts, count = [self._text[self._at :]], 0
        self._used, self._at = self._used + self._at, 0
        while count < length and not self._is_whole:
            chunk = next(self._chunks, b"")
            self._is_whole = not chunk
            try:
                part = self._decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise self.fault("it is not UTF-8") from error
            parts.append(part)
            count += len(part)
        self._text = "".join(parts)

    def fault(self, reason: str) -> Exception:
        """Return the fault of what is no such JSON."""
        place = self._document.at(f"character {self._used + self._at}")
        return unreadable(self._document.path, place, f"it is not JSON ({reason})")
