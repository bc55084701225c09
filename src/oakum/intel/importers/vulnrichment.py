"""CISA's vulnrichment: the SSVC points and ratings that CISA gives CVEs.

Read: CVE records (CVE JSON 5) with CISA's own container, one a document as CISA publishes them; and the same as one
short JSON object a line.  CISA writes its answers in any letter case.  What the CNA says of products is not read: the
distributions' own feeds say what is affected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from oakum.core.changelog import find_cves
from oakum.core.text import clean_text
from oakum.intel.importers.documents import json_objects
from oakum.intel.importers.plain import plain_list, plain_object, plain_text
from oakum.intel.importers.values import CveFactsRecord, Read, unreadable

VECTOR_COUNT_MAX: Final = 20
VECTOR_LENGTH_MAX: Final = 200
SUMMARY_LENGTH_MAX: Final = 4_000
NO_RECORD: Final = "documents of the archive that are no CVE records"
REJECTED: Final = "CVE ids that were rejected"
UNTOLD: Final = "CVE records in which CISA says nothing"
UNKNOWN_ANSWER: Final = "SSVC answers that are none"

_SHORT: Final = b'{"cve"'
_CISA: Final = "cisa-adp"
_ANSWERS: Final = {
    "exploitation": frozenset({"none", "poc", "active"}),
    "automatable": frozenset({"yes", "no"}),
    "technical_impact": frozenset({"partial", "total"}),
}


class VulnrichmentImporter:
    """Reads vulnrichment."""

    kind = "vulnrichment"

    def recognises(self, path: Path, head: bytes) -> bool:
        """Say whether the first document is a CVE record, or lines of our short form."""
        del path
        start = head.lstrip()
        is_short = start.startswith(_SHORT) and b'"state"' in head
        return start.startswith(b"{") and (is_short or b"CVE_RECORD" in head or b'"cveMetadata"' in head)

    def default_name(self, path: Path) -> str:
        """Return ``vulnrichment``."""
        del path
        return "vulnrichment"

    def record_count(self, path: Path) -> int | None:
        """Return None: only reading can tell."""
        del path
        return None

    def records(self, path: Path) -> Iterator[Read]:
        """Yield what is said of each CVE."""
        for place, record in json_objects(path, per_line=_SHORT):
            yield _read(path, place, record)


def _read(path: Path, place: str, told: Mapping[str, Any]) -> Read:
    metadata = plain_object(told.get("cveMetadata"))
    cve = plain_text(metadata.get("cveId") or told.get("cve")).strip().upper()
    if find_cves(cve) != (cve,):
        if place.startswith(("entry ", "file ")) and not metadata:
            return Read(record=None, skipped=(NO_RECORD,))
        raise unreadable(path, place, "it is no CVE record: it has no CVE id")
    if plain_text(metadata.get("state") or told.get("state")).upper() == "REJECTED":
        return Read(record=None, skipped=(REJECTED,))
    points, vectors = _of_containers(told) if metadata else _of_short(told)
    skipped = tuple(
        f"{UNKNOWN_ANSWER} ({cve}: {key})" for key, value in points.items() if value and not _is(key, value)
    )
    fit = {key: value if _is(key, value) else "" for key, value in points.items()}
    if not any(fit.values()) and not vectors:
        return Read(record=None, skipped=(*skipped, UNTOLD))
    return Read(
        record=CveFactsRecord(
            cve=cve,
            summary=_summary(told),
            exploitation=fit.get("exploitation", ""),
            automatable=fit.get("automatable", ""),
            technical_impact=fit.get("technical_impact", ""),
            cvss_vectors=vectors,
        ),
        skipped=skipped,
    )


def _is(key: str, value: str) -> bool:
    return value in _ANSWERS[key]


Told = tuple[dict[str, str], tuple[str, ...]]


def _of_short(told: Mapping[str, Any]) -> Told:
    ssvc = plain_object(told.get("ssvc"))
    vectors = (plain_text(plain_object(each).get("vector")) for each in plain_list(told.get("cvss")))
    return {key: plain_text(ssvc.get(key)).strip().lower() for key in _ANSWERS}, _fit(vectors)


def _of_containers(told: Mapping[str, Any]) -> Told:
    """Return CISA's points, and every rating: the CNA's own and CISA's."""
    containers = plain_object(told.get("containers"))
    added = [plain_object(each) for each in plain_list(containers.get("adp"))]
    own = [each for each in added if _provider(each) == _CISA]
    metrics = [
        plain_object(metric)
        for container in (plain_object(containers.get("cna")), *own)
        for metric in plain_list(container.get("metrics"))
    ]
    vectors = (
        plain_text(plain_object(value).get("vectorString"))
        for metric in metrics
        for key, value in metric.items()
        if key.startswith("cvss")
    )
    points = dict.fromkeys(_ANSWERS, "")
    for container in own:
        for metric in plain_list(container.get("metrics")):
            points.update(_points(plain_object(plain_object(metric).get("other"))))
    return points, _fit(vectors)


def _provider(container: Mapping[str, Any]) -> str:
    return plain_text(plain_object(container.get("providerMetadata")).get("shortName")).lower()


def _points(other: Mapping[str, Any]) -> dict[str, str]:
    """Return the answers of one SSVC assessment: ``{"Technical Impact": "total"}`` among its options."""
    if plain_text(other.get("type")).lower() != "ssvc":
        return {}
    options = [plain_object(each) for each in plain_list(plain_object(other.get("content")).get("options"))]
    answers = {key.lower().replace(" ", "_"): plain_text(value) for each in options for key, value in each.items()}
    return {key: value.strip().lower() for key, value in answers.items() if key in _ANSWERS}


def _fit(vectors: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in vectors if 0 < len(each) <= VECTOR_LENGTH_MAX))[:VECTOR_COUNT_MAX]


def _summary(told: Mapping[str, Any]) -> str:
    """Return the CNA's English description, empty where there is none."""
    cna = plain_object(plain_object(told.get("containers")).get("cna"))
    for each in map(plain_object, plain_list(cna.get("descriptions"))):
        if plain_text(each.get("lang")).lower().startswith("en"):
            return clean_text(plain_text(each.get("value")), length_max=SUMMARY_LENGTH_MAX)
    return ""
