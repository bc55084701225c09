"""What the VEX formats share: whose word it is, of which package, of which versions, and how it is said.

A statement counts for packages that Oakum assesses, named by package URL (``core.purls``).  Of an image or an
application it counts for the packages in it that it names; the record keeps of what they are a part.

It reads no format and decides nothing about findings (``core.vex``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Final
from urllib.parse import quote

from oakum.core.advisories import NOT_AFFECTED
from oakum.core.changelog import find_cves
from oakum.core.purls import PURL_LENGTH_MAX, PurlRefusal, parse_package
from oakum.core.ranges import EVERYTHING, NOTHING, InvalidRange, Range, parse_range, render_vers
from oakum.core.streams import BINARY, SOURCE
from oakum.core.text import clean_text
from oakum.intel.importers.documents import Document
from oakum.intel.importers.plain import plain_text
from oakum.intel.importers.values import Read, VexRecord, too_large

# The largest published documents (kernels' binaries by release and architecture) name some ten thousand.
PRODUCT_COUNT_MAX: Final = 200_000
ALIAS_COUNT_MAX: Final = 20  # every row of a statement carries them
ID_LENGTH_MAX: Final = 60
DOCUMENT_LENGTH_MAX: Final = 300
AUTHOR_LENGTH_MAX: Final = 200
PRODUCT_LENGTH_MAX: Final = 300
VERSIONS_LENGTH_MAX: Final = 500
JUSTIFICATION_LENGTH_MAX: Final = 60
STATEMENT_LENGTH_MAX: Final = 1_000
EXAMPLE_LENGTH_MAX: Final = 80
RECORD_COUNT: Final = 100  # of one read
_READ_LENGTH_MAX: Final = 20_000  # of a text, before its blanks are gone
_CACHE_COUNT_MAX: Final = 4_096

UNNAMED: Final = "unnamed author"
NO_PACKAGE: Final = "products without a package URL"
NO_PRODUCT: Final = "statements on no product"
NO_VULNERABILITY: Final = "statements on no vulnerability"
NO_REASON: Final = "statements that something is not affected, without saying why"

_ID: Final = re.compile(r"[!-~]+\Z")
_SOURCES: Final = frozenset({"source", "src", "nosrc"})
_EVERY_ARCHITECTURE: Final = frozenset({"all", "any", "noarch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A document's own id, whose word it is and since when.

    ``stream`` is what distributions' packages are for that do not tell it.
    """

    document: str
    author: str
    said_at: datetime | None
    stream: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is said, before it is known of which package.  ``said_at`` is None where the document's date counts."""

    vulnerability: str
    aliases: tuple[str, ...]
    status: str
    justification: str
    statement: str
    said_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A package of which something is said; ``versions`` is a VERS range, empty: all."""

    stream: str
    scheme: str
    name: str
    level: str
    architecture: str
    versions: str
    product: str = ""


@dataclass(slots=True, kw_only=True)
class Counted:
    """Counts a document's products, so that a small document cannot become a large import."""

    document: Document
    count: int = 0

    def take(self) -> None:
        """Count one more.

        Raises:
            FeedError: there are more than PRODUCT_COUNT_MAX.
        """
        self.count += 1
        if self.count > PRODUCT_COUNT_MAX:
            reason = f"it names more than {PRODUCT_COUNT_MAX} products"
            raise too_large(self.document.path, self.document.place, reason)


def head(document: str, author: str, said_at: datetime | None, *, otherwise: str) -> Head:
    """Return a document's head; without an id of its own it is called ``otherwise``."""
    return Head(
        document=clean_text(document.strip() or otherwise, length_max=DOCUMENT_LENGTH_MAX),
        author=clean_text(" ".join(author.split()), length_max=AUTHOR_LENGTH_MAX) or UNNAMED,
        said_at=said_at,
    )


def vulnerability_of(text: str) -> str:
    """Return a vulnerability's id, empty where the text is none: a CVE id, on a page of which it may stand, or a word.

    >>> vulnerability_of("cve-2024-1234"), vulnerability_of("https://example.test/vuln/CVE-2024-1234")
    ('CVE-2024-1234', 'CVE-2024-1234')
    >>> vulnerability_of("GHSA-jfh8-c2jp-5v3q"), vulnerability_of("two words")
    ('GHSA-jfh8-c2jp-5v3q', '')
    """
    word = text.strip()
    cves = find_cves(word[:PURL_LENGTH_MAX])
    if len(cves) == 1:
        return cves[0]
    return word if len(word) <= ID_LENGTH_MAX and _ID.match(word) else ""


def aliases_of(vulnerability: str, told: Iterable[object]) -> tuple[str, ...]:
    """Return the further ids of a vulnerability, each once, the first ALIAS_COUNT_MAX."""
    found: dict[str, None] = {}
    for each in told:
        alias = vulnerability_of(plain_text(each))
        if alias and alias != vulnerability:
            found[alias] = None
        if len(found) == ALIAS_COUNT_MAX:
            break
    return tuple(found)


def shortened(text: str, length_max: int) -> str:
    """Return a text fit to keep, without looking at more of it than that."""
    return clean_text(text[: length_max + 1], length_max=length_max)


def words_of(*parts: str) -> str:
    """Return what an author says in prose, in one text."""
    told = " ".join(part[:_READ_LENGTH_MAX] for part in parts)
    return clean_text(" ".join(told.split()), length_max=STATEMENT_LENGTH_MAX)


def justification_of(text: str) -> str:
    """Return a justification, whatever the format calls it."""
    return shortened(text.strip(), JUSTIFICATION_LENGTH_MAX)


def place_of(purl: str, *, stream: str, product: str = "") -> Place | str:
    """Return the package that a package URL names, or the reason why it is none of ours.

    Its version is the only one that is spoken of; without one it is every version.
    """
    place = _place(purl[: PURL_LENGTH_MAX + 1], stream)
    return replace(place, product=shortened(product, PRODUCT_LENGTH_MAX)) if isinstance(place, Place) else place


# The statements of a document mostly name the same products.
@lru_cache(maxsize=_CACHE_COUNT_MAX)
def _place(purl: str, stream: str) -> Place | str:
    found = parse_package(purl, stream=stream, needs_version=False)
    if isinstance(found, PurlRefusal):
        return f"products: {found.reason.partition(' (')[0]} ({shortened(purl, EXAMPLE_LENGTH_MAX)})"
    source = found.architecture in _SOURCES
    place = Place(
        stream=found.stream,
        scheme=found.scheme,
        name=found.name,
        level=SOURCE if source else BINARY,
        architecture="" if source or found.architecture in _EVERY_ARCHITECTURE else found.architecture,
        versions="",
    )
    return with_version(place, found.version) if found.version else place


def with_version(place: Place, version: str) -> Place | str:
    """Return a package with one version as the only one, or the reason why it is none."""
    return with_range(place, f"vers:{_kind(place)}/{quote(version, safe='')}")


def with_range(place: Place, versions: str) -> Place | str:
    """Return a package with a VERS range as the versions that are spoken of, or the reason why it is none."""
    if not versions.startswith("vers:"):
        return f"version ranges that are no VERS ({shortened(versions, EXAMPLE_LENGTH_MAX)})"
    try:
        found = parse_range(place.scheme, versions)
        text = "" if found.intervals == EVERYTHING and not found.spelled else _rendered(found, versions)
    except InvalidRange as error:
        return f"versions of {place.stream.partition(':')[0]} that are none ({place.name}: {error})"[:300]
    if found.intervals == NOTHING and not found.spelled:
        return "version ranges without a version"
    if len(text) > VERSIONS_LENGTH_MAX:
        return f"version ranges longer than {VERSIONS_LENGTH_MAX} characters"
    return replace(place, versions=text)


def _kind(place: Place) -> str:
    return place.scheme.partition(".")[0]


def _rendered(found: Range, told: str) -> str:
    try:
        return render_vers(found)
    except ValueError:  # a bound without a text of its own; it was read, so it can be read again
        return told


def reasoned(claim: Claim) -> Claim | str:
    """Return a claim, or that it is none: OpenVEX and CSAF demand a reason why something is not affected.

    Such a statement silences findings, so what its own format calls invalid is not taken.
    """
    is_bare = claim.status == NOT_AFFECTED and not claim.justification and not claim.statement
    return NO_REASON if is_bare else claim


def reads_of(claim: Claim | str, places: Sequence[Place | str], head_: Head) -> Iterator[Read]:
    """Yield what one statement amounts to: a record for each package, and why the others are left out.

    A claim that is a text is the reason why the whole statement is left out.
    """
    if isinstance(claim, str):
        yield Read(record=None, skipped=(claim,))
        return
    reasons = tuple(place for place in places if isinstance(place, str)) or (() if places else (NO_PRODUCT,))
    if reasons:
        yield Read(record=None, skipped=reasons)
    records = _records(claim, places, head_)
    # Whoever stores them holds some hundred reads in memory at once.
    while part := tuple(islice(records, RECORD_COUNT)):
        yield Read(record=part[0], more=part[1:])


def _records(claim: Claim, places: Sequence[Place | str], head_: Head) -> Iterator[VexRecord]:
    for place in dict.fromkeys(places):
        if isinstance(place, str):
            continue
        yield VexRecord(
            document=head_.document,
            author=head_.author,
            vulnerability=claim.vulnerability,
            aliases=claim.aliases,
            stream=place.stream,
            name=place.name,
            level=place.level,
            versions=place.versions,
            architecture=place.architecture,
            product=place.product,
            status=claim.status,
            justification=claim.justification,
            statement=claim.statement,
            said_at=claim.said_at or head_.said_at,
        )
