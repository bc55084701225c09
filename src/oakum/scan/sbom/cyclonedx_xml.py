"""Read CycloneDX in XML, as a stream: what it is of, and every component, nested ones too.

The same as ``cyclonedx_json`` reads.  A document type, and with it every entity of its own, is refused: CycloneDX needs
none, and with them come entities that grow without end or read files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

from oakum.scan.sbom.cyclonedx_json import PROPERTY_COUNT_MAX, VERSIONS
from oakum.scan.sbom.documents import CYCLONEDX, XML
from oakum.scan.sbom.values import ENTRY_COUNT_MAX, NESTING_MAX, Bom, Entry, Source, invalid, too_large

NAMESPACE: Final = "http://cyclonedx.org/schema/bom/"
DEPTH_MAX: Final = 4 * NESTING_MAX  # of elements: a nested component is two levels, and has levels of its own
ELEMENT_COUNT_MAX: Final = 2_000_000  # the check against the schema holds all of them
TEXT_LENGTH_MAX: Final = 64 * 1024  # of a name, a version, a purl or a property
_CHUNK_BYTES: Final = 256 * 1024
_TAG_BYTES_MAX: Final = 4 * 1024**2
_MARK: Final = "|"

# The elements that are looked into, by the element they stand in.
_CHILDREN: Final = {
    "bom": {"metadata", "components"},
    "metadata": {"component"},
    "components": {"component"},
    "component": {"group", "name", "version", "purl", "components", "properties", "evidence"},
    "properties": {"property"},
    "evidence": {"occurrences"},
    "occurrences": {"occurrence"},
    "occurrence": {"location"},
}
_TEXTS: Final = frozenset({"group", "name", "version", "purl", "location", "property"})


@dataclass(slots=True)
class _Component:
    """A component while it is read."""

    place: str
    type_: str
    texts: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)

    def entry(self) -> Entry:
        return Entry(
            place=self.place,
            type_=self.type_,
            **{name: self.texts.get(name, "") for name in ("group", "name", "version", "purl", "location")},
            properties=self.properties,
        )


def read(source: Source) -> Bom:
    """Return what the document lists, in its order.

    Raises:
        SbomError: it is cut or corrupt, has a document type, is of no version that is read, or is beyond a limit.
    """
    reader = _Reader(source)
    reader.run()
    subjects = [each for each, is_subject in reader.components if is_subject]
    return Bom(
        format=f"{CYCLONEDX} {reader.version} ({XML})",
        list_name="components",
        subject=subjects[0].entry() if subjects else None,
        entries=tuple(each.entry() for each, is_subject in reader.components if not is_subject),
    )


def version_of(source: Source) -> str:
    """Return the version that the root element's namespace names.

    Raises:
        SbomError: as ``read``.
    """
    reader = _Reader(source)
    reader.run()
    return reader.version


class _Reader:
    """expat's callbacks; ``components`` in the document's order, with whether it is what the document is of."""

    def __init__(self, source: Source) -> None:
        self.components: list[tuple[_Component, bool]] = []
        self.version = ""
        self._source = source
        self._path: list[str] = []
        self._open: list[_Component] = []
        self._element_count = 0
        self._passed_over = 0  # depth within an element that is not looked into
        self._text: list[str] | None = None
        self._text_length = 0
        self._property = ""
        self._parser = ParserCreate(namespace_separator=_MARK)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._take
        self._parser.StartDoctypeDeclHandler = self._refuse_type

    def run(self) -> None:
        """Read the whole document."""
        data = memoryview(self._source.data)
        try:
            for at in range(0, len(data), _CHUNK_BYTES):
                self._parser.Parse(bytes(data[at : at + _CHUNK_BYTES]), False)
                # A tag that never ends is held, and scanned from its beginning with every piece.
                if at + _CHUNK_BYTES - self._parser.CurrentByteIndex > _TAG_BYTES_MAX:
                    raise too_large(self._source, self._place(), f"a tag has more than {_TAG_BYTES_MAX} bytes")
            self._parser.Parse(b"", True)
        except ExpatError as error:
            raise invalid(self._source, self._place(), f"it is cut or no XML ({error})") from error
        except (ValueError, LookupError) as error:  # an encoding that expat or Python does not have
            raise invalid(self._source, self._place(), f"it is no XML ({error})") from error

    def _start(self, full_name: str, attributes: dict[str, str]) -> None:
        namespace, _, name = full_name.rpartition(_MARK)
        if len(self._path) + self._passed_over >= DEPTH_MAX:
            raise too_large(self._source, self._place(), f"elements are nested more than {DEPTH_MAX} deep")
        self._element_count += 1
        if self._element_count > ELEMENT_COUNT_MAX:
            raise too_large(self._source, self._place(), f"it has more than {ELEMENT_COUNT_MAX} elements")
        if not self._path:
            self._start_document(namespace, name)
        elif self._passed_over or name not in _CHILDREN.get(self._path[-1], ()):
            self._passed_over += 1
            return
        self._path.append(name)
        if name == "component":
            self._start_component(attributes)
        elif name in _TEXTS:
            self._text, self._text_length = [], 0
            self._property = attributes.get("name", "")

    def _start_document(self, namespace: str, name: str) -> None:
        self.version = namespace.removeprefix(NAMESPACE)
        if name != "bom" or not namespace.startswith(NAMESPACE):
            raise invalid(self._source, self._place(), "its root element is no CycloneDX bom")
        if self.version not in VERSIONS:
            reason = f"{self.version!r} is no version that is read ({', '.join(VERSIONS)})"
            raise invalid(self._source, self._place(), reason)

    def _start_component(self, attributes: dict[str, str]) -> None:
        if len(self._open) >= NESTING_MAX:
            raise too_large(self._source, self._place(), f"components are nested more than {NESTING_MAX} deep")
        if len(self.components) >= ENTRY_COUNT_MAX:
            raise too_large(self._source, self._place(), f"it lists more than {ENTRY_COUNT_MAX} components")
        component = _Component(place=self._place(), type_=attributes.get("type", ""))
        self._open.append(component)
        self.components.append((component, self._path == ["bom", "metadata", "component"]))

    def _end(self, full_name: str) -> None:
        del full_name
        if self._passed_over:
            self._passed_over -= 1
            return
        name = self._path.pop()
        if name == "component":
            self._open.pop()
        elif name in _TEXTS and self._text is not None:
            self._keep(name, "".join(self._text).strip())
            self._text = None

    def _keep(self, name: str, text: str) -> None:
        component = self._open[-1]
        if name != "property":
            component.texts.setdefault(name, text)
        elif len(component.properties) < PROPERTY_COUNT_MAX:
            component.properties[self._property] = text

    def _take(self, text: str) -> None:
        if self._text is None or self._passed_over:
            return
        self._text_length += len(text)
        if self._text_length > TEXT_LENGTH_MAX:
            raise too_large(self._source, self._place(), f"a text is longer than {TEXT_LENGTH_MAX} characters")
        self._text.append(text)

    def _refuse_type(self, *_: object) -> None:
        raise invalid(self._source, self._place(), "it has a document type (DOCTYPE), which is refused")

    def _place(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"
