"""Assess an inventory with the imported feeds: the scan's answer, as a value.

Package versions are compared by ``core.matching`` alone; here their ranges are read, kernels that do not run and
packages that a distribution's own feed speaks for are left out, and what is known of each vulnerability is put beside
the finding.  A stream of which no feed speaks is said to be unassessed: silence is no clean answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from oakum.core.matching import Match, RangeFacts, RangeIndex, VersionFacts, match, names_of
from oakum.core.priority import rate_severity
from oakum.core.streams import base_stream
from oakum.core.vex import StatementIndex, judged
from oakum.scan import kernels
from oakum.scan.facts import Facts, facts_of
from oakum.scan.inventory import Inventory
from oakum.scan.report import (
    MISSING,
    NO_UPDATE,
    OTHER_KERNEL,
    PENDING_REBOOT,
    UNKNOWN,
    ScanFinding,
    ScannedPackage,
    ScanReport,
    Unassessed,
    severity_rank,
)
from oakum.scan.store import AdvisoryFacts, FeedState, Store, Threat

NO_FEED: Final = "no feed for it: nothing can be said"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the feeds say beside the ranges."""

    advisories: Mapping[int, AdvisoryFacts]
    threats: Mapping[str, Threat]


def assess(
    inventory: Inventory, store: Store | None, *, subject: str, running_kernel: str, now: datetime
) -> ScanReport:
    """Return what the feeds say of an inventory.

    ``store`` None means that no feed was ever imported; ``running_kernel`` is "" where nobody can know.
    """
    facts = facts_of(inventory.packages, stream=inventory.distribution.stream)
    chosen = kernels.choose(facts.found, running=running_kernel)
    packages = tuple(
        replace(package, left_out=reason, left_out_kind=OTHER_KERNEL)
        if (reason := chosen.left_out.get(found, "")) and not package.left_out
        else package
        for package, found in zip(facts.packages, facts.found, strict=True)
    )
    feeds_of = _feeds_of(store, {each.stream for each in facts.versions})
    matches = _matches(store, facts.versions, feeds_of) if store is not None else ()
    known = _known(store, matches)
    findings = [_finding(each, packages[each.package_version_id], known) for each in matches]
    judged = [each for each in findings if each.package.left_out_kind != OTHER_KERNEL]
    pending = _pending_reboot(facts, chosen.judged_release, findings)
    used = {name for names in feeds_of.values() for name in names}
    return ScanReport(
        subject=subject,
        title=inventory.distribution.title,
        stream=inventory.distribution.stream,
        scanned_at=now,
        kernel=chosen.judged_release,
        packages=packages,
        findings=tuple(sorted((_with_remedy(each, pending) for each in judged), key=_order)),
        unassessed=(*inventory.unassessed, *facts.unassessed, *_without_feed(facts.versions, packages, feeds_of)),
        notes=inventory.notes,
        remarks=(chosen.remark,) if chosen.remark else (),
        feeds=tuple(each for each in _feeds(store) if each.name in used),
    )


def _feeds(store: Store | None) -> tuple[FeedState, ...]:
    return store.feeds() if store is not None else ()


def _feeds_of(store: Store | None, streams: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return which feeds speak of each stream; of a module's packages those that speak of its release."""
    if store is None:
        return dict.fromkeys(streams, ())
    bases = {each: store.feeds_of(each) for each in sorted({base_stream(stream) for stream in streams})}
    return {stream: bases[base_stream(stream)] for stream in streams}


def _matches(
    store: Store, versions: Iterable[VersionFacts], feeds_of: Mapping[str, Collection[str]]
) -> tuple[Match, ...]:
    by_stream: dict[str, list[VersionFacts]] = defaultdict(list)
    for version in versions:
        if feeds_of[version.stream]:
            by_stream[version.stream].append(version)
    return tuple(found for stream, own in by_stream.items() for found in _matches_in(store, stream, own))


def _matches_in(store: Store, stream: str, versions: Collection[VersionFacts]) -> Iterator[Match]:
    """Yield the matches in a stream, with the states that VEX and the distribution's own records leave them."""
    names = sorted(names_of(versions))
    ranges = tuple(store.ranges(stream, names))
    statements = StatementIndex(store.statements(stream, names))
    by_name: dict[str, list[RangeFacts]] = defaultdict(list)
    for each in ranges:
        by_name[each.name].append(each)
    index = RangeIndex(ranges)
    seen: set[object] = set()
    for version in versions:
        # A package may stand here under several names (a jar's groups), and an advisory may speak of each.
        found = [each for each in match((version,), index) if each.key not in seen]
        seen.update(each.key for each in found)
        records = [each for name in sorted(names_of((version,))) for each in by_name[name]] if found else []
        yield from judged(version, found, statements=statements, records=records)


def _known(store: Store | None, matches: Collection[Match]) -> _Known:
    if store is None or not matches:
        return _Known(advisories={}, threats={})
    advisories = store.advisories(sorted({each.advisory_id for each in matches}))
    cves = {cve for advisory in advisories.values() for cve in advisory.cves}
    return _Known(advisories=advisories, threats=store.threats(sorted(cves)))


def _finding(found: Match, package: ScannedPackage, known: _Known) -> ScanFinding:
    advisory = known.advisories[found.advisory_id]
    threats = tuple(known.threats[cve] for cve in advisory.cves)
    stated = [
        rate_severity(told=advisory.severity, told_by=found.ref, rating=each.rating, rated_by=each.rated_by)
        for each in threats or (Threat(cve=""),)
    ]
    worst = max(stated, key=lambda each: severity_rank(each.value or UNKNOWN))
    return ScanFinding(
        package=package,
        ref=found.ref,
        feed=found.feed_name,
        title=advisory.title,
        state=found.state,
        state_author=found.state_author,
        fixed_version=found.fixed_version,
        evidence=found.evidence,
        severity=worst.value or UNKNOWN,
        severity_source=worst.source,
        threats=threats,
        published_at=advisory.published_at,
        remedy=MISSING if found.fixed_version else NO_UPDATE,
    )


def _pending_reboot(facts: Facts, judged_release: str, findings: Iterable[ScanFinding]) -> frozenset[tuple[str, str]]:
    """Return the advisories (feed, ref) that hold the judged kernel and not the newest installed one."""
    newest = kernels.choose(facts.found, running="").judged_release
    if not judged_release or newest == judged_release:
        return frozenset()
    of_release: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for each in findings:
        release = kernels.release_of(facts.found[each.package.id])
        of_release[release].add((each.feed, each.ref))
    return frozenset(of_release[judged_release] - of_release[newest])


def _with_remedy(finding: ScanFinding, pending: Collection[tuple[str, str]]) -> ScanFinding:
    return replace(finding, remedy=PENDING_REBOOT) if (finding.feed, finding.ref) in pending else finding


def _order(finding: ScanFinding) -> tuple[object, ...]:
    exploited, severity, epss, cvss = finding.risk
    return (not exploited, -severity, -epss, -cvss, finding.package.stream, finding.package.name, finding.ref)


def _without_feed(
    versions: Iterable[VersionFacts], packages: tuple[ScannedPackage, ...], feeds_of: Mapping[str, Collection[str]]
) -> tuple[Unassessed, ...]:
    without: dict[str, set[int]] = defaultdict(set)
    for version in versions:
        if not feeds_of[version.stream] and not packages[version.id].left_out:
            without[base_stream(version.stream)].add(version.id)
    return tuple(Unassessed(subject=each, package_count=len(without[each]), reason=NO_FEED) for each in sorted(without))
