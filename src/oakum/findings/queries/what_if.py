"""What an advisory would do before it is imported: which hosts it would reach, where, and by which comparison.

The file is read by the importers and matched by ``core.matching`` as an import would; then the very view that pages are
made of is built on what would be found, so kernels, old code and deadlines are judged as they would be.  Nothing is
stored.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.advisories import AdvisoryRecord
from oakum.core.errors import FeedError, OperatorError
from oakum.core.matching import Match, RangeFacts, RangeIndex, VersionFacts, match
from oakum.findings.models import MatchTarget
from oakum.findings.queries.host_findings import page_of
from oakum.findings.queries.risk import chunks
from oakum.findings.queries.risk_load import suppose_risk
from oakum.findings.queries.values import EMPTY_FILTER, FindingPage, Rules
from oakum.findings.queries.view import View, load_view, view_of_risk
from oakum.intel.importers import importer_for
from oakum.intel.models import Advisory

FILE_BYTES_MAX = 700_000  # an advisory has a few KB; a whole feed is imported
ADVISORY_COUNT_MAX = 200  # of one file
VERSION_COUNT_MAX = 100_000  # package versions under the names that the file speaks of
SHOWN_COUNT_MAX = 200  # package versions that are shown with their evidence
NAME_COUNT = 500  # in one statement
FEED_NAME = "what-if"
_NAME_PATTERN = re.compile(r"[^A-Za-z0-9._-]+")
_FACTS = (
    *("id", "stream", "scheme", "name", "version", "order_key"),
    *("source_name", "source_version", "source_order_key", "architecture"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupposedAdvisory:
    """One advisory of the file.  ``is_imported``: a feed here says it already, so importing it may change nothing."""

    ref: str
    title: str
    severity: str
    cves: tuple[str, ...]
    packages: tuple[str, ...]
    is_withdrawn: bool
    is_imported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SupposedVersion:
    """A package version that hosts have and an advisory of the file speaks of, with the comparison that holds."""

    stream: str
    package: str
    version: str
    architecture: str
    ref: str
    state: str
    fixed_version: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What the file would do.  ``findings`` lists the hosts by package, soonest deadline first.

    ``skipped`` says what of the file is not for us, and how often.  ``version_count`` package versions that some host
    has are affected, of which ``versions`` are the first.
    """

    advisories: tuple[SupposedAdvisory, ...]
    skipped: tuple[tuple[str, int], ...]
    versions: tuple[SupposedVersion, ...]
    version_count: int
    host_count: int
    by_group: tuple[tuple[str, int], ...]
    by_environment: tuple[tuple[str, int], ...]
    findings: FindingPage


def what_if(
    *,
    organisation_id: UUID,
    name: str,
    content: bytes,
    rules: Rules,
    now: datetime,
    kind: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> WhatIf:
    """Return which hosts the advisories in a file's ``content`` would reach; ``name`` helps to tell its format.

    Raises:
        OperatorError: the file is too large, of no known format, cut, corrupt, or holds more than ADVISORY_COUNT_MAX
            advisories; says which and where.
    """
    records, skipped = _read(name, content, kind)
    view = load_view(organisation_id=organisation_id, rules=rules, now=now)
    matches = tuple(_matches(records))
    risk = suppose_risk(
        organisation_id=organisation_id,
        package_version_ids=view.risk.covered,
        records=records,
        matches=(each for each in matches if each.package_version_id in view.risk.covered),
        now=now,
    )
    supposed = view_of_risk(view, risk)
    hosts = BitMap().union(*(one.members for one in supposed.slices))
    versions = [each for each in matches if each.package_version_id in risk.affected]
    return WhatIf(
        advisories=tuple(_advisories(records)),
        skipped=skipped,
        versions=tuple(_versions(versions[:SHOWN_COUNT_MAX])),
        version_count=len({each.package_version_id for each in versions}),
        host_count=len(hosts),
        by_group=_counted(supposed.fleet.by_group().items(), hosts),
        by_environment=_counted(supposed.fleet.by_environment().items(), hosts),
        findings=_page(supposed, organisation_id, limit, offset),
    )


def _page(view: View, organisation_id: UUID, limit: int, offset: int) -> FindingPage:
    return page_of(view, organisation_id=organisation_id, wanted=EMPTY_FILTER, limit=limit, offset=offset)


def _read(name: str, content: bytes, kind: str | None) -> tuple[list[AdvisoryRecord], tuple[tuple[str, int], ...]]:
    """Read the file as an import would."""
    if len(content) > FILE_BYTES_MAX:
        raise OperatorError(
            code="advisory_too_large",
            sentence=f"The file has {len(content):,} bytes; at most {FILE_BYTES_MAX:,} can be tried out.",
            next_step="Give the advisory alone, or import the whole feed with `oakum feed import`.",
        )
    records: list[AdvisoryRecord] = []
    skipped: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="oakum-what-if-") as folder:
        # Only the end of the name tells anything, and nothing of it may lead out of the folder.
        path = Path(folder) / (_NAME_PATTERN.sub("-", name)[-100:].lstrip(".-") or "advisory")
        path.write_bytes(content)
        try:
            for read in importer_for(path, kind).records(path):
                skipped.update(read.skipped)
                records += (each for each in read.records if isinstance(each, AdvisoryRecord))
                if len(records) > ADVISORY_COUNT_MAX:
                    raise _too_many()
        except FeedError as error:
            raise OperatorError(code=error.code, sentence=error.sentence, next_step=error.next_step) from error
    if not records:
        raise OperatorError(
            code="no_advisory",
            sentence="The file holds no advisory for a system that Oakum knows.",
            next_step="Check that it is an advisory in one of the formats of `oakum feed import`.",
        )
    return records, tuple(sorted(skipped.items()))


def _too_many() -> OperatorError:
    return OperatorError(
        code="too_many_advisories",
        sentence=f"The file holds more than {ADVISORY_COUNT_MAX} advisories.",
        next_step="Give one advisory, or import the whole feed with `oakum feed import`.",
    )


def _matches(records: Sequence[AdvisoryRecord]) -> Iterator[Match]:
    ranges = [
        each for place, record in enumerate(records) if not record.withdrawn_at for each in _ranges(place, record)
    ]
    yield from match(_candidates(ranges), RangeIndex(ranges))


def _ranges(place: int, record: AdvisoryRecord) -> Iterator[RangeFacts]:
    for package in record.affected:
        for each in package.intervals:
            yield RangeFacts(
                advisory_id=place,
                feed_name=FEED_NAME,
                organisation_id=None,
                ref=record.ref,
                stream=package.stream,
                scheme=package.scheme,
                name=package.name,
                low=each.interval.low,
                high=each.interval.high,
                fixed_version=each.fixed_version,
                state=package.state,
                level=package.level,
                architectures=package.architectures,
                cves=record.cves,
            )


def _candidates(ranges: Sequence[RangeFacts]) -> Iterator[VersionFacts]:
    """Yield the package versions of which publishers speak under the ranges' names."""
    ids = BitMap()
    for stream in sorted({each.stream for each in ranges}):
        names = sorted({each.name for each in ranges if each.stream == stream})
        for start in range(0, len(names), NAME_COUNT):
            rows = MatchTarget.objects.filter(stream=stream, name__in=names[start : start + NAME_COUNT])
            ids.update(rows.values_list("package_version_id", flat=True)[:VERSION_COUNT_MAX])
    for chunk in chunks(ids):
        for row in PackageVersion.objects.filter(id__in=chunk).values_list(*_FACTS):
            yield VersionFacts(
                id=row[0],
                stream=row[1],
                scheme=row[2],
                name=row[3],
                version=row[4],
                key=bytes(row[5]),
                source_name=row[6],
                source_version=row[7],
                source_key=bytes(row[8]),
                architecture=row[9],
            )


def _advisories(records: Sequence[AdvisoryRecord]) -> Iterator[SupposedAdvisory]:
    known = set(Advisory.objects.filter(ref__in={record.ref for record in records}).values_list("ref", flat=True))
    for record in records:
        yield SupposedAdvisory(
            ref=record.ref,
            title=record.title,
            severity=record.severity,
            cves=record.cves,
            packages=tuple(sorted({f"{each.stream} {each.name}" for each in record.affected})),
            is_withdrawn=record.withdrawn_at is not None,
            is_imported=record.ref in known,
        )


def _versions(matches: Sequence[Match]) -> Iterator[SupposedVersion]:
    rows = PackageVersion.objects.in_bulk({each.package_version_id for each in matches})
    for each in sorted(matches, key=lambda one: (one.ref, one.package_version_id)):
        row = rows[each.package_version_id]
        yield SupposedVersion(
            stream=row.stream,
            package=row.name,
            version=row.version,
            architecture=row.architecture,
            ref=each.ref,
            state=each.state,
            fixed_version=each.fixed_version,
            evidence=each.evidence,
        )


def _counted(bitmaps: Iterable[tuple[str, BitMap]], hosts: BitMap) -> tuple[tuple[str, int], ...]:
    """Return how many of the hosts each name has, the most first; names without any are left out."""
    counts = ((name, hosts.intersection_cardinality(own)) for name, own in bitmaps)
    return tuple(sorted(((name, count) for name, count in counts if count), key=lambda pair: (-pair[1], pair[0])))
