"""The products of a CSAF document (OASIS CSAF 2.0, 3.2.2): what each product id stands for, in our words.

A product is a package in a stream, with a version where the id names one.  Publishers tell it in three ways: by package
URLs (Red Hat), by "name-version-release.arch" (SUSE), by a version or range under a product's name (Microsoft).

It reads no statuses (``statuses``) and decides nothing about versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from packageurl import PackageURL

from oakum.core.streams import BINARY, SOURCE, module_stream
from oakum.intel.importers.csaf.platforms import stream_of_cpe, stream_of_microsoft_linux
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import too_large

BRANCH_DEPTH_MAX = 16
PRODUCT_COUNT_MAX = 400_000  # the largest published document has some 40,000
NAME_LENGTH_MAX = 200
_CACHE_COUNT_MAX = 65_536

_SOURCE_ARCHITECTURES = frozenset({"src", "nosrc"})
# "azl3 openssh 9.8p1-4": Microsoft's mark of the distribution, name, version.
_MICROSOFT_RPM = re.compile(r"(?:azl|cbl)[0-9]+ (\S+) (\S+)\Z")
_NEVRA = re.compile(
    r"(?P<name>.+)-(?P<version>[0-9][^-]*)-(?P<release>[0-9][^-]*?)"
    r"(?:\.(?P<arch>noarch|x86_64|aarch64|i[3-6]86|ppc64le|ppc64|s390x|s390|armv[67]hl|ia64|riscv64|src|nosrc))?\Z"
)
_BIARCH = re.compile(r"(?:32|64)bit\Z")  # libfoo-1-32bit is a name, not a release

NOT_OURS = "products that are no package of a release that Oakum matches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A package in a stream.

    ``version`` is empty where the id names none; ``is_bound``: the id means everything below it (Microsoft's
    ``product_version_range``); ``architecture`` is empty where none is told.
    """

    stream: str
    name: str
    version: str = ""
    architecture: str = ""
    level: str = BINARY
    is_bound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A product as the tree tells it."""

    name: str
    parent: str  # the name of the branch around it
    cpe: str
    purl: str


class Products:
    """The products of one document, by id."""

    def __init__(self, path: Path, place: str, document: Mapping[str, Any]) -> None:
        """Read the tree.

        Raises:
            FeedError: it is beyond a limit.
        """
        tree = plain_object(document.get("product_tree"))
        publisher = plain_object(plain_object(document.get("document")).get("publisher"))
        self._is_microsoft = "microsoft" in plain_text(publisher.get("name")).lower()
        self._told: dict[str, _Told] = {}
        self._parts: dict[str, tuple[str, str]] = {}  # product id -> what it is a part of, which part
        for count, (product_id, told) in enumerate(_branches(tree.get("branches"), "", 0), start=1):
            if count > PRODUCT_COUNT_MAX:
                raise too_large(path, place, f"it names more than {PRODUCT_COUNT_MAX} products")
            self._told[product_id] = told
        for each in plain_list(tree.get("relationships"))[:PRODUCT_COUNT_MAX]:
            relation = plain_object(each)
            product_id = plain_text(plain_object(relation.get("full_product_name")).get("product_id"))
            whole, part = relation.get("relates_to_product_reference"), relation.get("product_reference")
            self._parts[product_id] = (plain_text(whole), plain_text(part))

    def find(self, product_id: str) -> Product | None:
        """Return what a product id stands for, None for what is no package of a stream of ours."""
        whole, part = self._parts.get(product_id, ("", product_id))
        told = self._told.get(part)
        if told is None and part in self._parts:
            # A package of a module of a release: the release is one step further out.
            inner_whole, part = self._parts[part]
            whole, told = whole or inner_whole, self._told.get(part)
        if told is None:
            return None
        if not whole:
            return self._of_windows(told) if self._is_microsoft else None
        platform = self._told.get(whole) or self._told.get(self._parts.get(whole, ("", ""))[0])
        return _in_stream(platform, told) if platform else None

    @staticmethod
    def _of_windows(told: _Told) -> Product | None:
        """Return one of Microsoft's own products: its name is the branch, its version the product."""
        bound = told.name.startswith("<") and not told.name.startswith("<=")
        version = told.name.removeprefix("<").strip()
        if not told.parent or not version[:1].isdigit() or len(told.parent) > NAME_LENGTH_MAX:
            return None
        return Product(stream="windows", name=told.parent, version=version, is_bound=bound)


def _branches(branches: object, parent: str, depth: int) -> Iterator[tuple[str, _Told]]:
    if depth > BRANCH_DEPTH_MAX:
        return
    for each in plain_list(branches):
        branch = plain_object(each)
        name = plain_text(branch.get("name"))
        product = plain_object(branch.get("product"))
        product_id = plain_text(product.get("product_id"))
        if product_id:
            helper = plain_object(product.get("product_identification_helper"))
            cpe, purl = plain_text(helper.get("cpe")), plain_text(helper.get("purl"))
            yield product_id, _Told(name=name, parent=parent, cpe=cpe, purl=purl)
        yield from _branches(branch.get("branches"), name, depth + 1)


def _in_stream(platform: _Told, told: _Told) -> Product | None:
    stream = stream_of_cpe(platform.cpe) if platform.cpe else ""
    if not stream:
        stream = stream_of_microsoft_linux(f"{platform.parent} {platform.name}")
        microsoft = _MICROSOFT_RPM.match(told.name.removeprefix("<").strip()) if stream else None
        if microsoft is None:
            return None
        return Product(stream=stream, name=microsoft[1], version=microsoft[2], is_bound=told.name.startswith("<"))
    if told.purl:
        return _of_purl(stream, told.purl)
    return _of_nevra(stream, told.name)


@lru_cache(maxsize=_CACHE_COUNT_MAX)
def _of_purl(stream: str, text: str) -> Product | None:
    try:
        purl = PackageURL.from_string(text)
    except ValueError:
        return None
    if purl.type != "rpm" or len(purl.name) > NAME_LENGTH_MAX:
        return None
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    architecture = qualifiers.get("arch", "")
    epoch = qualifiers.get("epoch", "")
    version = purl.version or ""
    return Product(
        stream=module_stream(stream, qualifiers.get("rpmmod", "")),
        name=purl.name,
        version=f"{epoch}:{version}" if version and epoch else version,
        architecture="" if architecture in _SOURCE_ARCHITECTURES else architecture,
        level=SOURCE if architecture in _SOURCE_ARCHITECTURES else BINARY,
    )


@lru_cache(maxsize=_CACHE_COUNT_MAX)
def _of_nevra(stream: str, text: str) -> Product | None:
    """Return the package of "name-version-release.arch", or of a bare name.

    >>> found = _of_nevra("sles:15.5", "libqt4-32bit-4.8.6-7.1.x86_64")
    >>> (found.name, found.version, found.architecture)
    ('libqt4-32bit', '4.8.6-7.1', 'x86_64')
    >>> _of_nevra("sles:15.5", "libsamba-policy0-python3-32bit").version
    ''
    """
    if not text or len(text) > 2 * NAME_LENGTH_MAX or not text.isprintable():
        return None
    nevra = _NEVRA.match(text)
    if nevra is None or _BIARCH.match(nevra["release"]):
        return Product(stream=stream, name=text) if len(text) <= NAME_LENGTH_MAX else None
    architecture = nevra["arch"] or ""
    is_source = architecture in _SOURCE_ARCHITECTURES
    return Product(
        stream=stream,
        name=nevra["name"],
        version=f"{nevra['version']}-{nevra['release']}",
        architecture="" if is_source else architecture,
        level=SOURCE if is_source else BINARY,
    )
