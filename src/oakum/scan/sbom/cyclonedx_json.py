"""Read CycloneDX in JSON (ECMA-424; versions 1.2 to 1.7): what it is of, and every component, nested ones too.

Read are ``components`` and those in ``metadata.component``.  The tools that made it, services, pedigrees and
formulations name components that are not installed, so they are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from oakum.scan.sbom.documents import CYCLONEDX, JSON
from oakum.scan.sbom.values import ENTRY_COUNT_MAX, NESTING_MAX, Bom, Entry, Source, invalid, too_large

VERSIONS: Final = ("1.2", "1.3", "1.4", "1.5", "1.6", "1.7")
PROPERTY_COUNT_MAX: Final = 1_000  # of one component


def read(source: Source, document: Mapping[str, Any]) -> Bom:
    """Return what the document lists, in its order.

    Raises:
        SbomError: its version is none of VERSIONS, or something is not of its type; nothing is half read.
    """
    version = document.get("specVersion")
    if version not in VERSIONS:
        raise invalid(source, "/specVersion", f"{version!r} is no version that is read ({', '.join(VERSIONS)})")
    metadata = _Value(source, document, "").child("metadata")
    subject = metadata.child("component")
    entries: list[Entry] = []
    for each in (*_nested(subject), *_nested(_Value(source, document, ""))):
        if len(entries) >= ENTRY_COUNT_MAX:
            raise too_large(source, each.place, f"it lists more than {ENTRY_COUNT_MAX} components")
        entries.append(_entry(each))
    return Bom(
        format=f"{CYCLONEDX} {version} ({JSON})",
        list_name="components",
        subject=_entry(subject) if subject.value else None,
        entries=tuple(entries),
    )


class _Value:
    """An object of the document and its place, whose members are looked at by their type; null is absent."""

    __slots__ = ("_source", "place", "value")

    def __init__(self, source: Source, value: Mapping[str, Any], place: str) -> None:
        self._source = source
        self.value = value
        self.place = place

    def child(self, name: str) -> _Value:
        found = self.value.get(name)
        if found is not None and not isinstance(found, dict):
            raise invalid(self._source, f"{self.place}/{name}", "an object is expected")
        return _Value(self._source, found or {}, f"{self.place}/{name}")

    def children(self, name: str) -> list[_Value]:
        found = self.value.get(name)
        if found is None:
            return []
        if not isinstance(found, list):
            raise invalid(self._source, f"{self.place}/{name}", "a list is expected")
        for number, each in enumerate(found):
            if not isinstance(each, dict):
                raise invalid(self._source, f"{self.place}/{name}/{number}", "an object is expected")
        return [_Value(self._source, each, f"{self.place}/{name}/{number}") for number, each in enumerate(found)]

    def text(self, name: str) -> str:
        found = self.value.get(name)
        if found is not None and not isinstance(found, str):
            raise invalid(self._source, f"{self.place}/{name}", "a text is expected")
        return found or ""

    def too_deep(self) -> Exception:
        return too_large(self._source, self.place, f"components are nested more than {NESTING_MAX} deep")


def _nested(top: _Value) -> Iterator[_Value]:
    """Yield the components under one, each before its own."""
    waiting = [(each, 1) for each in reversed(top.children("components"))]
    while waiting:
        each, depth = waiting.pop()
        yield each
        own = each.children("components")
        if own and depth >= NESTING_MAX:
            raise each.too_deep()
        waiting += [(inner, depth + 1) for inner in reversed(own)]


def _entry(component: _Value) -> Entry:
    occurrences = component.child("evidence").children("occurrences")
    return Entry(
        place=component.place,
        type_=component.text("type"),
        group=component.text("group"),
        name=component.text("name"),
        version=component.text("version"),
        purl=component.text("purl"),
        location=occurrences[0].text("location") if occurrences else "",
        properties={
            each.text("name"): each.text("value") for each in component.children("properties")[:PROPERTY_COUNT_MAX]
        },
    )
