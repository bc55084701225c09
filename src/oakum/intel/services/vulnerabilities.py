"""Derive what is known of each CVE from the feeds' records.

A CVE belongs to no generation: what one feed has told of it stays when another is imported.  Facts are only added or
replaced by better ones, never blanked; which rating is shown is ``core.ratings.better``, except that a feed may correct
itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from oakum.core.advisories import speaks_of_one_cve
from oakum.core.ratings import Rating, better, rate
from oakum.intel.models import Advisory, Vulnerability, stands
from oakum.intel.services.generations import Generation
from oakum.intel.services.pace import Pace
from oakum.intel.services.rows import Table, add_missing_rows, update_rows

SUMMARY_LENGTH_MAX = 4_000
PAGE_COUNT = 500
CVE_COUNT = 400  # of one write transaction
_SSVC_FIELDS = ("ssvc_exploitation", "ssvc_automatable", "ssvc_technical_impact")
_FIELDS = ("summary", "cvss_vector", "cvss_score", "cvss_source", *_SSVC_FIELDS, "ssvc_source")
_TABLE: Table = ("intel_vulnerability", ("cve", *_FIELDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class CveFacts:
    """What one feed says of one CVE; ``replaces``: its summary is the flaw's own text, not a stand-in."""

    cve: str
    summary: str = ""
    replaces: bool = False
    rating: Rating | None = None
    exploitation: str = ""
    automatable: str = ""
    technical_impact: str = ""

    @property
    def ssvc(self) -> tuple[str, str, str]:
        """The SSVC points in the order of the columns."""
        return self.exploitation, self.automatable, self.technical_impact


def record_from_advisories(generation: Generation) -> None:
    """Record every CVE that the generation's advisories name."""
    facts = (each for row in _advisories(generation) for each in _facts_of(*row))
    record_facts(facts, source=generation.feed_name, pace=generation.pace)


def _advisories(generation: Generation) -> Iterator[tuple[str, list[str], str, str]]:
    """Yield the generation's advisories, each page read to its end before it is handed on.

    A cursor left open would keep SQLite's snapshot of its beginning, and the first write after somebody else's commit
    would be refused at once, whatever the busy timeout.
    """
    rows = Advisory.objects.filter(feed_id=generation.feed_id, generation=generation.number).order_by("id")
    last_id = 0
    while page := list(
        rows.filter(id__gt=last_id).values_list("id", "ref", "cves", "details", "cvss_vector")[:PAGE_COUNT]
    ):
        for last_id, *row in page:  # noqa: B007 - the last one is where the next page begins
            yield row[0], row[1], row[2], row[3]


def _facts_of(ref: str, cves: Sequence[str], details: str, vector: str) -> Iterator[CveFacts]:
    is_about_one = speaks_of_one_cve(ref, cves)
    for cve in cves:
        yield CveFacts(
            cve=cve,
            summary=details[:SUMMARY_LENGTH_MAX] if is_about_one else "",
            replaces=is_about_one,
            rating=rate(vector) if vector else None,
        )


def record_facts(facts: Iterable[CveFacts], *, source: str, pace: Pace) -> None:
    """Store what ``source`` says of each CVE, in short transactions; saying it again changes nothing."""
    chunk: dict[str, CveFacts] = {}
    for each in facts:
        chunk[each.cve] = _joined(chunk[each.cve], each) if each.cve in chunk else each
        if len(chunk) >= min(CVE_COUNT, pace.row_count):
            _store(chunk, source, pace)
            chunk = {}
    _store(chunk, source, pace)


def _joined(one: CveFacts, other: CveFacts) -> CveFacts:
    """Return what two records of one feed say of one CVE together."""
    ratings = [rating for rating in (one.rating, other.rating) if rating is not None]
    leading = other if other.summary and (other.replaces or not one.summary) else one
    points = other if any(other.ssvc) else one
    return replace(
        leading,
        rating=better(*ratings) if len(ratings) > 1 else next(iter(ratings), None),
        exploitation=points.exploitation,
        automatable=points.automatable,
        technical_impact=points.technical_impact,
    )


def _store(chunk: Mapping[str, CveFacts], source: str, pace: Pace) -> None:
    with pace.transaction():
        known = Vulnerability.objects.in_bulk(list(chunk))
        add_missing_rows(_TABLE, [_new_row(each, source) for cve, each in chunk.items() if cve not in known])
        lowered = [cve for cve, row in known.items() if _is_lowered_by(row, chunk[cve], source)]
        others = _other_ratings(lowered, source)
        changed = [row for cve, row in known.items() if _is_changed_by(row, chunk[cve], source, others.get(cve))]
        update_rows(_TABLE, [[row.cve, *(getattr(row, field) for field in _FIELDS)] for row in changed])


def _new_row(facts: CveFacts, source: str) -> tuple[object, ...]:
    """Return the columns of a CVE of which nothing is known yet: what ``_merged`` makes of an empty row."""
    rating = (facts.rating.vector, facts.rating.score, source[:40]) if facts.rating else ("", None, "")
    return facts.cve, facts.summary, *rating, *facts.ssvc, source[:40] if any(facts.ssvc) else ""


def _is_lowered_by(row: Vulnerability, facts: CveFacts, source: str) -> bool:
    """Say whether a feed takes back how bad it said that a flaw is."""
    known = rate(row.cvss_vector) if row.cvss_vector and row.cvss_source == source[:40] else None
    if known is None or facts.rating is None or known == facts.rating:
        return False
    return better(known, facts.rating) is known


def _other_ratings(cves: Collection[str], source: str) -> dict[str, tuple[Rating, str]]:
    """Return the best rating of each CVE in other feeds' advisories, with the feed.

    They do not tell it again: what has not changed is not read again when its feed is imported.
    """
    found: dict[str, tuple[Rating, str]] = {}
    if not cves:
        return found
    told = Advisory.objects.filter(stands(), advisorycve__cve__in=cves, organisation=None, withdrawn_at=None)
    told = told.exclude(cvss_vector="").exclude(feed__name=source)
    for cve, vector, feed_name in told.values_list("advisorycve__cve", "cvss_vector", "feed__name"):
        rating = rate(vector)
        if rating is not None and (cve not in found or better(found[cve][0], rating) is rating):
            found[cve] = (rating, feed_name)
    return found


def _is_changed_by(row: Vulnerability, facts: CveFacts, source: str, other: tuple[Rating, str] | None) -> bool:
    before = [getattr(row, field) for field in _FIELDS]
    _merged(row, facts, source)
    if other is not None and facts.rating is not None and better(facts.rating, other[0]) is not facts.rating:
        row.cvss_vector, row.cvss_score, row.cvss_source = other[0].vector, other[0].score, other[1][:40]
    return before != [getattr(row, field) for field in _FIELDS]


def _merged(row: Vulnerability, facts: CveFacts, source: str) -> Vulnerability:
    if facts.summary and (facts.replaces or not row.summary):
        row.summary = facts.summary
    if facts.rating is not None:
        known = rate(row.cvss_vector) if row.cvss_vector and row.cvss_source != source else None
        best = better(known, facts.rating) if known else facts.rating
        if best is not known:
            row.cvss_vector, row.cvss_score, row.cvss_source = best.vector, best.score, source[:40]
    # SSVC points are one assessment: those of one source are never mixed with another's.
    if any(facts.ssvc) and row.ssvc_source in {"", source[:40]}:
        row.ssvc_exploitation, row.ssvc_automatable, row.ssvc_technical_impact = facts.ssvc
        row.ssvc_source = source[:40]
    return row
