"""OpenVEX 0.0.1 and 0.2.0 (openvex.dev): statements on products, by package URL.

The first edition names vulnerability, products and subcomponents by plain texts, the second by objects.  A product that
is no package (an image, an application) stands for its subcomponents; where it is one, the statement is on itself.
A statement without a date has the document's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from oakum.core.vex import STATUSES
from oakum.intel.importers.documents import Document
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, parse_instant, unreadable
from oakum.intel.importers.vex.statements import (
    NO_PACKAGE,
    NO_VULNERABILITY,
    Claim,
    Counted,
    Head,
    Place,
    aliases_of,
    head,
    justification_of,
    place_of,
    reads_of,
    reasoned,
    vulnerability_of,
    words_of,
)

_CONTEXT: Final = re.compile(r"https?://openvex\.dev/ns(?:/|\Z)")


def is_own(content: Mapping[str, Any]) -> bool:
    """Say whether a document is OpenVEX: by its context, which some keep apart with the rest of its head."""
    context = content.get("@context", plain_object(content.get("metadata")).get("@context"))
    return any(_CONTEXT.match(plain_text(each)) for each in (context, *plain_list(context)))


def head_of(document: Document, content: Mapping[str, Any]) -> Head:
    """Return the document's head.

    Raises:
        FeedError: it names no author: whose word it is decides what it is worth.
    """
    told = plain_object(content.get("metadata")) or content
    author = plain_text(told.get("author")).strip()
    if not author:
        raise unreadable(document.path, document.place, "it names no author")
    said_at = parse_instant(told.get("last_updated")) or parse_instant(told.get("timestamp"))
    return head(plain_text(told.get("@id") or content.get("@id")), author, said_at, otherwise=document.name)


def reads(document: Document, content: Mapping[str, Any], own: Head) -> Iterator[Read]:
    """Yield each statement.

    Raises:
        FeedError: there are none, or they name too many products.
    """
    statements = content.get("statements")
    if not isinstance(statements, list):
        raise unreadable(document.path, document.place, "it has no list of statements")
    counted = Counted(document=document)
    for each in statements:
        statement = plain_object(each)
        yield from reads_of(_claim(statement), [*_places(statement, own.stream, counted)], own)


def _claim(statement: Mapping[str, Any]) -> Claim | str:
    told = statement.get("vulnerability")
    fields = plain_object(told)
    names = (plain_text(told), plain_text(fields.get("name")), plain_text(fields.get("@id")))
    vulnerability = next(filter(None, map(vulnerability_of, names)), "")
    if not vulnerability:
        return NO_VULNERABILITY
    status = plain_text(statement.get("status"))
    if status not in STATUSES:
        return f"statements with a status that is none ({status[:40]!r})"
    words = (plain_text(statement.get(name)) for name in ("impact_statement", "action_statement", "status_notes"))
    return reasoned(
        Claim(
            vulnerability=vulnerability,
            aliases=aliases_of(vulnerability, plain_list(fields.get("aliases"))),
            status=status,
            justification=justification_of(plain_text(statement.get("justification"))),
            statement=words_of(*words),
            said_at=parse_instant(statement.get("last_updated")) or parse_instant(statement.get("timestamp")),
        )
    )


def _places(statement: Mapping[str, Any], stream: str, counted: Counted) -> Iterator[Place | str]:
    # In the first edition they stand beside the products, and are parts of each.
    common = plain_list(statement.get("subcomponents"))
    for product in plain_list(statement.get("products")):
        counted.take()
        purl = _purl(product)
        place = place_of(purl, stream=stream) if purl else NO_PACKAGE
        parts = [*plain_list(plain_object(product).get("subcomponents")), *common]
        if isinstance(place, Place) or not parts:
            yield place
            continue
        for part in parts:
            counted.take()
            part_purl = _purl(part)
            yield place_of(part_purl, stream=stream, product=purl or _id(product)) if part_purl else NO_PACKAGE


def _purl(product: object) -> str:
    """Return a product's package URL: it is told apart, or the id is one."""
    told = plain_text(plain_object(plain_object(product).get("identifiers")).get("purl"))
    own = _id(product)
    return told or (own if own.lower().startswith("pkg:") else "")


def _id(product: object) -> str:
    return (plain_text(product) or plain_text(plain_object(product).get("@id"))).strip()
