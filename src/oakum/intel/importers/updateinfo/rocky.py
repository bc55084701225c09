"""Rocky Linux's advisories as its own API gives them (``/api/v3/advisories``), page by page.

Only security updates are advisories; others are counted and left out.  Unlike Rocky's OSV records these name the binary
packages, and the module of each.  A folder of pages is one feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from oakum.core.streams import stream_of
from oakum.intel.importers.documents import Document
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.spool import Spool
from oakum.intel.importers.updateinfo.listed import packages_of, read_listed
from oakum.intel.importers.updateinfo.updates import SECURITY, ToldPackage, cves_of, plain_update
from oakum.intel.importers.values import Read, unreadable
from oakum.intel.importers.vendor import checked_ref, is_name

PACKAGE_COUNT_MAX: Final = 200_000  # of one advisory: packages times architectures times minor releases

_HEAD: Final = re.compile(rb'"advisories"\s*:\s*\[')
_PRODUCT: Final = re.compile(r"Rocky Linux ([0-9]{1,2})(?:\.[0-9]+)?(?: |\Z)")
_PACKAGE: Final = re.compile(
    r"(?P<name>.+)-(?:(?P<epoch>[0-9]+):)?(?P<version>[^-:]+)-(?P<release>[^-:]+)\.(?P<arch>\w+)\Z"
)
_NEVRA_LENGTH_MAX: Final = 500
_TEXT_LENGTH_MAX: Final = 20_000


class RockyImporter:
    """Reads Rocky's API pages."""

    kind = "rocky"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a page of Rocky's API."""
        del path
        return bool(_HEAD.search(head)) and b'"synopsis"' in head and b'"red_hat_advisory_id"' in head

    def default_name(self, path: Path) -> str:
        """Return ``rocky``."""
        del path
        return "rocky"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each security update once, in whichever pages it stands."""
        return read_listed(path, "advisories", _collect)


def _collect(document: Document, advisory: Mapping[str, Any], spool: Spool) -> Sequence[str]:
    """Spool what an advisory says; return why parts of it are left out."""
    ref = checked_ref(document.path, document.place, plain_text(advisory.get("name")))
    packages = packages_of(document, ref, advisory, PACKAGE_COUNT_MAX)
    skipped: list[str] = []
    told = [found for each in packages for found in _package(document, ref, each, skipped)]
    kind = plain_text(advisory.get("kind"))
    if kind.lower() != SECURITY:
        return (f"updates of type {kind[:20].lower() or 'unknown'}",)
    cves = [plain_object(each) for each in plain_list(advisory.get("cves"))]
    title = plain_text(advisory.get("synopsis"))
    spool.add(
        ref,
        plain_update(
            title=title,
            details=plain_text(advisory.get("description"))[:_TEXT_LENGTH_MAX],
            severity=plain_text(advisory.get("severity")),
            published=plain_text(advisory.get("published_at")),
            modified=plain_text(advisory.get("updated_at")),
            cves=cves_of([plain_text(each.get("cve")) for each in cves], [title]),
            vector=plain_text(cves[0].get("cvss3_scoring_vector")) if len(cves) == 1 else "",
            packages=told,
        ),
    )
    return skipped


def _package(document: Document, ref: str, package: Mapping[str, Any], skipped: list[str]) -> Iterator[ToldPackage]:
    text = plain_text(package.get("nevra")).removesuffix(".rpm")
    found = _PACKAGE.match(text) if len(text) <= _NEVRA_LENGTH_MAX else None
    if found is None or not is_name(found["name"]):
        raise unreadable(
            document.path, document.at(ref), f"{text[:60]!r} is no package's name, version and architecture"
        )
    product = _PRODUCT.match(plain_text(package.get("product_name")))
    if product is None:
        skipped.append(f"packages of {plain_text(package.get('product_name'))[:60]!r}, which is no release of Rocky's")
        return
    name, stream = plain_text(package.get("module_name")), plain_text(package.get("module_stream"))
    yield ToldPackage(
        streams=(stream_of("rocky", product.group(1)),),
        collection="",
        name=found["name"],
        epoch=found["epoch"],
        version=found["version"],
        release=found["release"],
        architecture=found["arch"],
        module=f"{name}:{stream}" if name else "",
    )
