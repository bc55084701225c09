"""What a CSAF document says of its products, vulnerability by vulnerability, as affected packages.

``fixed`` names the versions that are cured: everything below is affected.  ``known_affected`` without a version is
affected without a fix, in the state that the remediation tells.  ``known_not_affected`` and ``under_investigation`` are
kept as states.  Debug packages hold no code that runs and are left out.

It knows no product tree (``products``) and no advisory (``reading``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from oakum.core.advisories import (
    AFFECTED,
    DEFERRED,
    END_OF_LIFE,
    NOT_AFFECTED,
    UNDER_INVESTIGATION,
    WILL_NOT_FIX,
    AffectedPackage,
)
from oakum.core.ranges import LOWEST, FixedInterval, Interval
from oakum.core.streams import BINARY, scheme_of_stream
from oakum.core.versions import InvalidVersion, order_key
from oakum.intel.importers.csaf.products import NOT_OURS, Product, Products
from oakum.intel.importers.plain import plain_list, plain_object, plain_text

_CURED = ("fixed", "first_fixed", "recommended")  # SUSE names what it recommends to install
_UNCURED = {"known_affected": "", "under_investigation": UNDER_INVESTIGATION, "known_not_affected": NOT_AFFECTED}
_DEBUG_SUFFIXES = ("-debuginfo", "-debugsource", "-debuginfo-common", "-debug-debuginfo")

# Remediation categories (CSAF 2.0, 3.2.3.12.1) and what Red Hat adds in words, lower-case.
_STATES_BY_CATEGORY = {"no_fix_planned": WILL_NOT_FIX, "none_available": AFFECTED}
_STATES_BY_WORDS = {"out of support scope": END_OF_LIFE, "will not fix": WILL_NOT_FIX, "fix deferred": DEFERRED}


class _Place(NamedTuple):
    stream: str
    level: str
    name: str


def affected_packages(
    vulnerability: Mapping[str, Any], products: Products, skipped: list[str]
) -> Iterator[AffectedPackage]:
    """Yield what one vulnerability entry says of packages of ours; reasons for what is left out go to ``skipped``."""
    told = plain_object(vulnerability.get("product_status"))
    cured = [each for status in _CURED for each in _found(told.get(status), products, skipped)]
    bounded: list[Product] = []
    without: dict[_Place, str] = {}
    states = _states(vulnerability)
    for status, state in _UNCURED.items():
        for product_id in plain_list(told.get(status)):
            product = products.find(plain_text(product_id))
            if product is None:
                skipped.append(NOT_OURS)
            elif product.is_bound and not state:
                bounded.append(product)
            elif not product.is_bound and not _is_debug(product):
                place = _Place(product.stream, product.level, product.name)
                without.setdefault(place, state or states.get(plain_text(product_id), AFFECTED))
    fixes = list(_cured_packages([*cured, *bounded], skipped))
    yield from fixes
    done = {_Place(each.stream, each.level, each.name) for each in fixes}
    for place, state in without.items():
        # A binary package that has a fix beside others that have none: the fix is the more exact word.
        if place not in done:
            yield _whole(place, state)


def _found(ids: object, products: Products, skipped: list[str]) -> Iterator[Product]:
    for product_id in plain_list(ids):
        product = products.find(plain_text(product_id))
        if product is None:
            skipped.append(NOT_OURS)
        elif product.version and not product.is_bound and not _is_debug(product):
            yield product


def _is_debug(product: Product) -> bool:
    return product.name.endswith(_DEBUG_SUFFIXES)


def _cured_packages(products: Iterable[Product], skipped: list[str]) -> Iterator[AffectedPackage]:
    """Yield one package per place and version.

    Where several versions cure one architecture the lowest counts: each of them does.  Architectures are told only
    where they differ.  The source package is left out where its binaries are named.
    """
    lowest: dict[_Place, dict[str, tuple[bytes, str]]] = defaultdict(dict)
    for product in products:
        try:
            key = order_key(scheme_of_stream(product.stream), product.version)
        except InvalidVersion as error:
            skipped.append(f"products with a version that is none ({product.name}: {error})")
            continue
        own = lowest[_Place(product.stream, product.level, product.name)]
        own[product.architecture] = min(own.get(product.architecture, (key, product.version)), (key, product.version))
    with_binaries = {place.stream for place in lowest if place.level == BINARY}
    for place, by_architecture in lowest.items():
        if place.level == BINARY or place.stream not in with_binaries:
            yield from _by_version(place, by_architecture)


def _by_version(place: _Place, by_architecture: Mapping[str, tuple[bytes, str]]) -> Iterator[AffectedPackage]:
    versions: dict[tuple[bytes, str], list[str]] = defaultdict(list)
    for architecture, version in by_architecture.items():
        versions[version].append(architecture)
    for (key, text), architectures in versions.items():
        interval = FixedInterval(interval=Interval(low=LOWEST, high=key), fixed_version=text)
        yield AffectedPackage(
            stream=place.stream,
            name=place.name,
            scheme=scheme_of_stream(place.stream),
            intervals=(interval,),
            state=AFFECTED,
            level=place.level,
            architectures=tuple(sorted(filter(None, architectures))) if len(versions) > 1 else (),
        )


def _whole(place: _Place, state: str) -> AffectedPackage:
    """Return a package of which every version is in a state."""
    interval = FixedInterval(interval=Interval(low=LOWEST, high=None), fixed_version="")
    return AffectedPackage(
        stream=place.stream,
        name=place.name,
        scheme=scheme_of_stream(place.stream),
        intervals=(interval,),
        state=state,
        level=place.level,
    )


def _states(vulnerability: Mapping[str, Any]) -> dict[str, str]:
    """Return the state of each product id without a fix, by its remediation."""
    states: dict[str, str] = {}
    for each in plain_list(vulnerability.get("remediations")):
        remediation = plain_object(each)
        category = plain_text(remediation.get("category"))
        if category not in _STATES_BY_CATEGORY:
            continue
        words = plain_text(remediation.get("details")).strip().lower()
        state = _STATES_BY_WORDS.get(words, _STATES_BY_CATEGORY[category])
        for product_id in plain_list(remediation.get("product_ids")):
            states.setdefault(plain_text(product_id), state)
    return states
