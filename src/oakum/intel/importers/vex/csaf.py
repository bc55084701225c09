"""CSAF 2.0 (OASIS) as VEX: what anybody says of packages that he names by package URL.

The distributions' own documents, whose products are packages of their releases by CPE name, are advisories and read by
``importers.csaf``.  Here a product is what its identification helper's package URL says; a relationship's is its
package's, as a part of the platform.  A version that the URL lacks is its branch's.

Why a product is not affected is told by a flag or an impact, beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from oakum.core.advisories import AFFECTED, NOT_AFFECTED, UNDER_INVESTIGATION
from oakum.core.vex import FIXED
from oakum.intel.importers.documents import Document
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import Read, parse_instant, unreadable
from oakum.intel.importers.vex.statements import (
    NO_PACKAGE,
    NO_PRODUCT,
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
    with_range,
    with_version,
    words_of,
)

RELATIONSHIP_DEPTH_MAX: Final = 8  # a product of a product of a product
UNKNOWN_PRODUCT: Final = "products that the document does not describe"

_STATUSES: Final = {
    "known_not_affected": NOT_AFFECTED,
    "known_affected": AFFECTED,
    "first_affected": AFFECTED,
    "last_affected": AFFECTED,
    "fixed": FIXED,
    "first_fixed": FIXED,
    "under_investigation": UNDER_INVESTIGATION,
}
_VERSION: Final = "product_version"
_RANGE: Final = "product_version_range"
_IMPACT: Final = "impact"


def is_own(content: Mapping[str, Any]) -> bool:
    """Say whether a document is CSAF."""
    return "csaf_version" in plain_object(content.get("document"))


def head_of(document: Document, content: Mapping[str, Any]) -> Head:
    """Return the document's head.

    Raises:
        FeedError: it names no publisher: whose word it is decides what it is worth.
    """
    told = plain_object(content.get("document"))
    author = plain_text(plain_object(told.get("publisher")).get("name")).strip()
    if not author:
        raise unreadable(document.path, document.place, "it names no publisher")
    tracking = plain_object(told.get("tracking"))
    said_at = parse_instant(tracking.get("current_release_date")) or parse_instant(tracking.get("initial_release_date"))
    return head(plain_text(tracking.get("id")), author, said_at, otherwise=document.name)


def reads(document: Document, content: Mapping[str, Any], own: Head) -> Iterator[Read]:
    """Yield what is said of each vulnerability.

    Raises:
        FeedError: it names too many products.
    """
    counted = Counted(document=document)
    tree = _tree(plain_object(content.get("product_tree")), own.stream)
    for each in plain_list(content.get("vulnerabilities")):
        yield from _vulnerability(plain_object(each), tree, own, counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Product:
    """A product as the tree tells it; ``version`` and ``range_`` are its branch's."""

    name: str
    purl: str
    version: str = ""
    range_: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relationship:
    """A product that is one product as a part of, or installed on, another one."""

    product: _Product
    part: str
    whole: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """The products by their ids in the document."""

    products: Mapping[str, _Product]
    relationships: Mapping[str, _Relationship]
    groups: Mapping[str, tuple[str, ...]]
    stream: str

    def place(self, product_id: str) -> Place | str:
        """Return the package that a product is, or why it is none."""
        whole = ""
        for _ in range(RELATIONSHIP_DEPTH_MAX):
            relationship = self.relationships.get(product_id)
            if relationship is None:
                break
            whole = whole or self._shown(relationship.whole)
            if relationship.product.purl:
                return self._of(relationship.product, whole)
            product_id = relationship.part
        product = self.products.get(product_id)
        return UNKNOWN_PRODUCT if product is None else self._of(product, whole)

    def _of(self, product: _Product, whole: str) -> Place | str:
        if not product.purl:
            return NO_PACKAGE
        place = place_of(product.purl, stream=self.stream, product=whole)
        if isinstance(place, str) or place.versions:
            return place
        if product.range_:
            return with_range(place, product.range_)
        return with_version(place, product.version) if product.version else place

    def _shown(self, product_id: str) -> str:
        product = self.products.get(product_id)
        return (product.purl or product.name) if product else product_id


def _tree(told: Mapping[str, Any], stream: str) -> _Tree:
    products: dict[str, _Product] = {}
    waiting = [plain_object(each) for each in plain_list(told.get("branches"))]
    while waiting:
        branch = waiting.pop()
        waiting += (plain_object(each) for each in plain_list(branch.get("branches")))
        _keep(products, branch.get("product"), plain_text(branch.get("category")), plain_text(branch.get("name")))
    for each in plain_list(told.get("full_product_names")):
        _keep(products, each, "", "")
    relationships: dict[str, _Relationship] = {}
    for each in map(plain_object, plain_list(told.get("relationships"))):
        own = plain_object(each.get("full_product_name"))
        relationships[plain_text(own.get("product_id"))] = _Relationship(
            product=_product(own, "", ""),
            part=plain_text(each.get("product_reference")),
            whole=plain_text(each.get("relates_to_product_reference")),
        )
    groups = {
        plain_text(each.get("group_id")): tuple(map(plain_text, plain_list(each.get("product_ids"))))
        for each in map(plain_object, plain_list(told.get("product_groups")))
    }
    return _Tree(products=products, relationships=relationships, groups=groups, stream=stream)


def _keep(products: dict[str, _Product], told: object, category: str, name: str) -> None:
    product = plain_object(told)
    if product_id := plain_text(product.get("product_id")):
        products[product_id] = _product(product, category, name)


def _product(told: Mapping[str, Any], category: str, name: str) -> _Product:
    return _Product(
        name=plain_text(told.get("name")),
        purl=plain_text(plain_object(told.get("product_identification_helper")).get("purl")),
        version=name if category == _VERSION else "",
        range_=name if category == _RANGE else "",
    )


def _vulnerability(told: Mapping[str, Any], tree: _Tree, own: Head, counted: Counted) -> Iterator[Read]:
    """Yield a read for each claim: why, and what to do, is told of some products and not of others."""
    ids = [plain_text(plain_object(each).get("text")) for each in plain_list(told.get("ids"))]
    vulnerability = next(filter(None, map(vulnerability_of, [plain_text(told.get("cve")), *ids])), "")
    if not vulnerability:
        yield Read(record=None, skipped=(NO_VULNERABILITY,))
        return
    aliases = aliases_of(vulnerability, ids)
    flags = _by_product(told.get("flags"), lambda each: plain_text(each.get("label")), tree, counted)
    impacts = _by_product(told.get("threats"), _impact, tree, counted)
    remedies = _by_product(told.get("remediations"), lambda each: plain_text(each.get("details")), tree, counted)
    claims: dict[Claim, list[Place | str]] = {}
    for name, status in _STATUSES.items():
        for product_id in map(plain_text, plain_list(plain_object(told.get("product_status")).get(name))):
            counted.take()
            words = {NOT_AFFECTED: impacts, AFFECTED: remedies}.get(status, {})
            claim = Claim(
                vulnerability=vulnerability,
                aliases=aliases,
                status=status,
                justification=justification_of(flags.get(product_id, "")) if status == NOT_AFFECTED else "",
                statement=words.get(product_id, ""),
                said_at=None,
            )
            claims.setdefault(claim, []).append(tree.place(product_id))
    for claim, places in claims.items():
        yield from reads_of(reasoned(claim), places, own)
    if not claims:
        yield Read(record=None, skipped=(NO_PRODUCT,))


def _impact(told: Mapping[str, Any]) -> str:
    return plain_text(told.get("details")) if told.get("category") == _IMPACT else ""


def _by_product(
    entries: object, text_of: Callable[[Mapping[str, Any]], str], tree: _Tree, counted: Counted
) -> dict[str, str]:
    """Return what is told of each product id, by itself or by its groups; the first word counts."""
    found: dict[str, str] = {}
    for each in map(plain_object, plain_list(entries)):
        text = words_of(text_of(each))
        if not text:
            continue
        groups = (tree.groups.get(plain_text(group), ()) for group in plain_list(each.get("group_ids")))
        for product_id in (*map(plain_text, plain_list(each.get("product_ids"))), *(x for own in groups for x in own)):
            counted.take()
            found.setdefault(product_id, text)
    return found
