"""Microsoft's monthly CVRF documents (ICASI CVRF 1.1, as the MSRC update API serves them).

Each vulnerability is an advisory; a product is a package of the stream ``windows``, and its versions are builds:
whatever is below the fixed build is affected.  A remedy whose fixed build is not told cannot be compared with anything:
it is counted and left out, but which KB article replaces which is kept all the same.

CSAF documents of the same publisher are read by ``csaf``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from xml.etree.ElementTree import Element

from oakum.core.advisories import AFFECTED, DETAILS_LENGTH_MAX, TITLE_LENGTH_MAX, AdvisoryRecord, AffectedPackage
from oakum.core.changelog import find_cves
from oakum.core.ranges import LOWEST, FixedInterval, Interval
from oakum.core.ratings import SEVERITIES, Rating, better, rate, severity_of_word
from oakum.core.streams import BINARY
from oakum.core.text import clean_text
from oakum.core.versions import WINDOWS, InvalidVersion, order_key
from oakum.intel.importers.documents import XML_SUFFIXES, documents
from oakum.intel.importers.values import Read, SupersedenceRecord, parse_instant, too_large
from oakum.intel.importers.xml import elements

STREAM = "windows"
PRODUCT_COUNT_MAX = 20_000
PAIR_COUNT_MAX = 20_000  # remedies times products of one vulnerability
NAME_LENGTH_MAX = 200

_KB = re.compile(r"(?:KB)?([0-9]{4,10})\Z", re.IGNORECASE)
_NO_BUILD = "remedies whose fixed build is not told"
_BETWEEN = re.compile(r"[;,\s]+")
_MONTH = re.compile(r"[0-9]{4}-[A-Za-z]{3}")
_MARKUP = re.compile(r"<[^>]{0,500}>")


class MsrcImporter:
    """Reads MSRC's CVRF."""

    kind = "msrc"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether it is a CVRF document."""
        del path
        return b"icasi.org/CVRF" in head

    def default_name(self, path: Path) -> str:
        """Return ``msrc`` for an archive or folder of months, else with the month that the file name tells."""
        month = _MONTH.search(path.name)
        return f"msrc-{month[0].lower()}" if month and path.is_file() else self.kind

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading tells."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield each vulnerability of each month."""
        for document in documents(path, suffixes=XML_SUFFIXES):
            products: dict[str, str] = {}
            for element in elements(document, ("FullProductName", "Vulnerability")):
                if element.tag == "Vulnerability":
                    yield read_vulnerability(element, products)
                    continue
                if len(products) >= PRODUCT_COUNT_MAX:
                    raise too_large(document.path, document.place, f"it names more than {PRODUCT_COUNT_MAX} products")
                products[element.get("ProductID", "")] = _name(element)


def read_vulnerability(element: Element, products: Mapping[str, str]) -> Read:
    """Return what one ``Vulnerability`` says: the advisory, and which update replaces which.

    ``products`` maps product ids to names.
    """
    skipped: list[str] = []
    replaced: dict[SupersedenceRecord, None] = {}
    lowest: dict[str, tuple[bytes, str]] = {}
    for remedy, product in islice(_remedies(element, products), PAIR_COUNT_MAX):
        replaced.update(dict.fromkeys(_supersedences(remedy, product)))
        build = _text(remedy, "FixedBuild")
        if not build[:1].isdigit():
            skipped.append(_NO_BUILD)
            continue
        try:
            key = order_key(WINDOWS, build)
        except InvalidVersion as error:
            skipped.append(f"fixed builds that are no version ({product}: {error})")
            continue
        # Two builds for one product (a hotpatch beside the full update): either cures, so the lower one counts.
        lowest[product] = min(lowest.get(product, (key, build)), (key, build))
    cves = find_cves(_text(element, "CVE"))
    if not (cves and lowest) and not skipped:
        skipped.append("vulnerabilities without a CVE id or a remedy")
    return Read(
        record=_advisory(element, cves[0], lowest) if cves and lowest else None,
        skipped=tuple(dict.fromkeys(skipped)),
        more=tuple(replaced),
    )


def _remedies(element: Element, products: Mapping[str, str]) -> Iterator[tuple[Element, str]]:
    """Yield each vendor fix with each of its products, by name."""
    for remedy in _all(element, "Remediation"):
        if remedy.get("Type") not in {"Vendor Fix", "2"}:
            continue
        for child in _all(remedy, "ProductID"):
            name = products.get((child.text or "").strip(), "")
            if name:
                yield remedy, name


def _supersedences(remedy: Element, product: str) -> Iterator[SupersedenceRecord]:
    update = _kb(_text(remedy, "Description"))
    for word in _BETWEEN.split(_text(remedy, "Supercedence")):
        replaces = _kb(word)
        if update and replaces and update != replaces:
            yield SupersedenceRecord(update=update, replaces=replaces, product=product)


def _kb(text: str) -> str:
    found = _KB.match(text.strip())
    return f"KB{found[1]}" if found else ""


def _advisory(element: Element, cve: str, lowest: Mapping[str, tuple[bytes, str]]) -> AdvisoryRecord:
    rating = _rating(element)
    title = _text(element, "Title")
    revisions = [parse_instant(_text(each, "Date")) for each in _all(element, "Revision")]
    dates = sorted(each for each in revisions if each is not None)
    return AdvisoryRecord(
        ref=cve,
        title=clean_text(title, length_max=TITLE_LENGTH_MAX) or cve,
        details=_description(element),
        severity=_severity(element) or (rating.severity if rating else ""),
        published_at=dates[0] if dates else None,
        modified_at=dates[-1] if dates else None,
        withdrawn_at=None,
        cves=(cve,),
        cvss_vector=rating.vector if rating else "",
        affected=tuple(_package(name, key, build) for name, (key, build) in sorted(lowest.items())),
    )


def _package(name: str, key: bytes, build: str) -> AffectedPackage:
    interval = FixedInterval(interval=Interval(low=LOWEST, high=key), fixed_version=build)
    return AffectedPackage(
        stream=STREAM, name=name, scheme=WINDOWS, intervals=(interval,), state=AFFECTED, level=BINARY
    )


def _rating(element: Element) -> Rating | None:
    best: Rating | None = None
    for each in _all(element, "ScoreSet"):
        rating = rate(_text(each, "Vector"))
        if rating is not None:
            best = rating if best is None else better(best, rating)
    return best


def _severity(element: Element) -> str:
    """Return the worst severity that any of its products has."""
    words = [
        severity_of_word(_text(each, "Description"))
        for each in _all(element, "Threat")
        if each.get("Type") in {"Severity", "3"}
    ]
    return max(filter(None, words), key=SEVERITIES.index, default="")


def _description(element: Element) -> str:
    for note in _all(element, "Note"):
        if note.get("Type") in {"Description", "2"} and (note.text or "").strip():
            return clean_text(_MARKUP.sub(" ", note.text or "").strip(), length_max=DETAILS_LENGTH_MAX)
    return ""


def _all(element: Element, name: str) -> Iterator[Element]:
    return element.iter(name)


def _name(product: Element) -> str:
    return clean_text((product.text or "").strip(), length_max=NAME_LENGTH_MAX)


def _text(element: Element, name: str) -> str:
    """Return the text of the first child of that name at any depth, empty where there is none."""
    found = next(_all(element, name), None)
    return (found.text or "").strip() if found is not None else ""
