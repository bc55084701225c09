"""Read XML that others wrote, element by element, in bounded memory and without what XML can be made to do.

A document type, and with it every entity of its own, is refused: no feed needs one, and with them come entities that
grow without end or read files.  Namespaces are dropped: the formats read here do not repeat a name in two of them.
What an element means is for the importers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final
from xml.etree.ElementTree import Element  # the tree alone: the parser below is told what to refuse
from xml.parsers.expat import ExpatError, ParserCreate

from oakum.intel.importers.documents import Document
from oakum.intel.importers.values import too_large, unreadable

DEPTH_MAX: Final = 64
ELEMENT_SIZE_MAX: Final = 16 * 1024**2  # characters of names, attributes and text of one element that is handed out
TAG_BYTES_MAX: Final = 4 * 1024**2
CHILD_COUNT_MAX: Final = 200_000  # elements inside of one that is handed out

_NAMESPACE_MARK: Final = "|"


def elements(document: Document, tags: Collection[str]) -> Iterator[Element]:
    """Yield each element of one of these names, outermost first seen, whole and in the document's order.

    Names are without namespace.  What stands outside of such elements is passed over.  An element may be kept; the
    reader forgets it.

    Raises:
        FeedError: the document is cut, corrupt, has a document type or an entity of its own, or is beyond a limit; the
            line is named.
    """
    reader = _Reader(document, frozenset(tags))
    for chunk in document.chunks():
        reader.feed(chunk, is_last=False)
        yield from reader.taken()
    reader.feed(b"", is_last=True)
    yield from reader.taken()


class _Reader:
    """expat's callbacks."""

    def __init__(self, document: Document, tags: frozenset[str]) -> None:
        self._document, self._tags = document, tags
        self._open: list[Element] = []  # from the element that will be handed out down to the one being read
        self._depth = self._size = self._count = self._fed = 0
        self._done: list[Element] = []
        parser = ParserCreate(namespace_separator=_NAMESPACE_MARK)
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._refuse_type
        parser.EntityDeclHandler = self._refuse_entity
        self._parser = parser

    def feed(self, chunk: bytes, *, is_last: bool) -> None:
        """Parse the next piece."""
        try:
            self._parser.Parse(chunk, is_last)
        except ExpatError as error:
            raise unreadable(self._document.path, self._place(), f"it is cut or no XML ({error})") from error
        except (ValueError, LookupError) as error:  # an encoding that expat or Python does not have
            raise unreadable(self._document.path, self._place(), f"it is no XML ({error})") from error
        # A tag that never ends is held, and scanned from its beginning with every piece.
        self._fed += len(chunk)
        if self._fed - self._parser.CurrentByteIndex > TAG_BYTES_MAX:
            raise too_large(self._document.path, self._place(), f"a tag has more than {TAG_BYTES_MAX} bytes")

    def taken(self) -> list[Element]:
        """Return what is whole and forget it."""
        done, self._done = self._done, []
        return done

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise too_large(self._document.path, self._place(), f"elements are nested more than {DEPTH_MAX} deep")
        tag = _local(name)
        if not self._open:
            if tag not in self._tags:
                return
            self._size = self._count = 0
        element = Element(tag, {_local(key): value for key, value in attributes.items()})
        self._count += 1
        self._grow(len(tag) + sum(len(key) + len(value) for key, value in attributes.items()))
        if self._count > CHILD_COUNT_MAX:
            raise too_large(self._document.path, self._place(), f"an element holds more than {CHILD_COUNT_MAX} others")
        if self._open:
            self._open[-1].append(element)
        self._open.append(element)

    def _end(self, name: str) -> None:
        del name
        self._depth -= 1
        if self._open:
            element = self._open.pop()
            if not self._open:
                self._done.append(element)

    def _text(self, text: str) -> None:
        if not self._open:
            return
        self._grow(len(text))
        element = self._open[-1]
        if len(element):
            element[-1].tail = (element[-1].tail or "") + text
        else:
            element.text = (element.text or "") + text

    def _grow(self, length: int) -> None:
        self._size += length
        if self._size > ELEMENT_SIZE_MAX:
            raise too_large(
                self._document.path, self._place(), f"an element has more than {ELEMENT_SIZE_MAX} characters"
            )

    def _refuse_type(self, *_: object) -> None:
        raise unreadable(self._document.path, self._place(), "it has a document type (DOCTYPE), which is refused")

    def _refuse_entity(self, *_: object) -> None:
        raise unreadable(self._document.path, self._place(), "it has an entity of its own, which is refused")

    def _place(self) -> str:
        return self._document.at(f"line {self._parser.CurrentLineNumber}")


def _local(name: str) -> str:
    return name.rpartition(_NAMESPACE_MARK)[2]
