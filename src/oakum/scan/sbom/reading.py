"""Read a bill of materials, whatever its format: the one door to its packages."""

from __future__ import annotations

from dataclasses import replace

from oakum.scan.inventory import Inventory
from oakum.scan.sbom import cyclonedx_json, cyclonedx_xml, spdx, spdx_tag_value
from oakum.scan.sbom.documents import CYCLONEDX, JSON, TAG_VALUE, format_of_json, json_of, load, syntax_of
from oakum.scan.sbom.packages import inventory_of
from oakum.scan.sbom.values import Bom, Source


def read_sbom(path: str) -> Inventory:
    """Return the packages that a document lists, and by name and reason what it lists that cannot be assessed.

    ``path`` may be ``-`` for standard input.  A document is read whole or refused whole.

    Raises:
        SbomError: it cannot be read, is cut or corrupt, of a format or version that is not read, or beyond a limit.
    """
    return inventory_of(bom_of(load(path)))


def bom_of(source: Source) -> Bom:
    """Return what a document lists.

    Raises:
        SbomError: as ``read_sbom``.
    """
    syntax = syntax_of(source)
    if syntax == TAG_VALUE:
        parsed = spdx_tag_value.parse(source)
        bom = spdx.read(source, parsed.document, syntax=TAG_VALUE)
        entries = (replace(each, place=f"line {parsed.lines[each.place]}") for each in bom.entries)
        return replace(bom, entries=tuple(entries))
    if syntax != JSON:
        return cyclonedx_xml.read(source)
    document = json_of(source)
    if format_of_json(source, document) == CYCLONEDX:
        return cyclonedx_json.read(source, document)
    return spdx.read(source, document, syntax=JSON)
