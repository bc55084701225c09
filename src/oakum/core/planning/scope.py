"""Which hosts a rollout covers, with which exact versions, and who is left out for what reason.

Every host installs what its own repositories offer it; every version is pinned once for all hosts of a stream and
architecture, so that later rings get the very versions that the first one proved.  It forms no rings (``rings``) and
reads no rows: candidates and the updates asked for come in as values.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from oakum.core.planning.values import ChangeSet, ChangeSetIndex, HostId, LeftOut, Target
from oakum.protocol.orders import PACKAGE_CHANGE_COUNT_MAX, PackageChange

# Worded once.  Reasons of the first kind keep a host out altogether, the second kind one source package of it.
SENTENCES = {
    "quarantined": "The host is quarantined: two hosts spoke with one identity.",
    "retired": "The host is retired.",
    "local": "The host is the one that Oakum itself runs on.",
    "never_seen": "The host has never spoken.",
    "silent": "The host is silent: what is known of it may no longer hold.",
    "report_only": "The host's own policy is report-only.",
    "inventory_unknown": "What is installed on the host is not known.",
    "offers_unknown": "What the host's repositories offer is not known.",
    "too_many_changes": "The change is bigger than an order may be.",
    "in_other_rollout": "Another rollout is bringing a package of it to the host.",
    "held": "A package of it is held back on the host.",
    "other_version": "The host is offered another version than the one this rollout carries.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One change that a host's package manager would make, of a source package that was asked for.

    ``order_key`` and ``source_order_key`` are order-preserving bytes (``core.versions``).  ``from_version`` is empty
    for a package that the update adds.  ``kept_back`` says why an upgrade would not take it, empty if it would.
    """

    package: str
    architecture: str
    from_version: str
    to_version: str
    order_key: bytes
    source: str
    source_version: str
    source_order_key: bytes
    kept_back: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A host that was asked for.

    ``offers`` are only those asked for; ``risk`` grows with what the loss would mean; ``taken`` are packages (name,
    architecture) that another rollout is bringing to it.
    """

    host_id: HostId
    name: str
    stream: str
    risk: int
    obstacle: str
    offers: tuple[Offer, ...]
    taken: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the fleet knows of a host, as far as it decides whether a rollout may count on it."""

    state: str  # active, quarantined, retired
    is_local: bool
    policy_mode: str
    packages_status: str
    offers_status: str
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the rollout covers: ``change_sets`` are distinct, each target names its own by index."""

    change_sets: tuple[ChangeSet, ...]
    targets: tuple[Target, ...]
    risks: Mapping[HostId, int]
    left_out: tuple[LeftOut, ...]
    untouched_count: int  # hosts in order that none of it applies to


def obstacle_of(standing: Standing, *, stale_after: timedelta, now: datetime) -> str:
    """Return the first reason (a key of SENTENCES) why a rollout cannot count on the host, empty if it can."""
    if standing.state != "active":
        return "retired" if standing.state == "retired" else "quarantined"
    if standing.is_local:
        return "local"
    if standing.last_seen_at is None:
        return "never_seen"
    if now - standing.last_seen_at > stale_after:
        return "silent"
    if standing.policy_mode != "apply":
        return "report_only"
    if standing.packages_status != "known":
        return "inventory_unknown"
    return "" if standing.offers_status == "known" else "offers_unknown"


def choose_scope(candidates: Iterable[Candidate], *, first: frozenset[HostId] = frozenset()) -> Scope:
    """Pin one version of every package and return who gets what.

    Of two versions on offer the one wins that more hosts of ``first`` (ring 0, where it is known already) are offered,
    then more hosts altogether, then the newer: one host with odd repositories must not set the version for the fleet.
    A host that is offered another version of a source package gets nothing of that source package, and is told.
    """
    able: list[Candidate] = []
    left_out: list[LeftOut] = []
    for candidate in sorted(candidates, key=lambda each: each.host_id.int):
        if candidate.obstacle:
            left_out.append(_left_out(candidate, "", candidate.obstacle))
        else:
            able.append(candidate)
    pins = _pins(able, first)
    indexes: dict[ChangeSet, ChangeSetIndex] = {}
    targets: list[Target] = []
    untouched_count = 0
    for candidate in able:
        changes, missed = _changes(candidate, pins)
        left_out += missed
        if changes:
            change_set = ChangeSet(stream=candidate.stream, changes=changes)
            index = indexes.setdefault(change_set, ChangeSetIndex(len(indexes)))
            targets.append(Target(host_id=candidate.host_id, change_set=index))
        elif not missed:
            untouched_count += 1
    chosen = {target.host_id for target in targets}
    return Scope(
        change_sets=tuple(indexes),
        targets=tuple(targets),
        risks={candidate.host_id: candidate.risk for candidate in able if candidate.host_id in chosen},
        left_out=tuple(left_out),
        untouched_count=untouched_count,
    )


@dataclass(slots=True)
class _Pins:
    sources: dict[tuple[str, str], str]  # (stream, source) -> source version
    packages: dict[tuple[str, str, str], str]  # (stream, architecture, package) -> version


def _pins(able: list[Candidate], first: frozenset[HostId]) -> _Pins:
    """Pin sources first, then their packages: packages of one source belong together at one source version."""
    sources: dict[tuple[str, str], Counter[tuple[str, bytes, bool]]] = defaultdict(Counter)
    for host in able:
        seen = {(each.source, each.source_version, each.source_order_key) for each in host.offers if not each.kept_back}
        for source, version, key in seen:
            sources[host.stream, source][version, key, host.host_id in first] += 1
    chosen = {place: _most_offered(votes) for place, votes in sources.items()}
    packages: dict[tuple[str, str, str], Counter[tuple[str, bytes, bool]]] = defaultdict(Counter)
    for host in able:
        for offer in host.offers:
            if not offer.kept_back and chosen[host.stream, offer.source] == offer.source_version:
                place = (host.stream, offer.architecture, offer.package)
                packages[place][offer.to_version, offer.order_key, host.host_id in first] += 1
    return _Pins(sources=chosen, packages={place: _most_offered(votes) for place, votes in packages.items()})


def _most_offered(votes: Counter[tuple[str, bytes, bool]]) -> str:
    in_first: Counter[tuple[bytes, str]] = Counter()
    in_all: Counter[tuple[bytes, str]] = Counter()
    for (version, key, is_first), count in votes.items():
        in_all[key, version] += count
        in_first[key, version] += count if is_first else 0
    _, version = max(in_all, key=lambda each: (in_first[each], in_all[each], each))
    return version


def _changes(host: Candidate, pins: _Pins) -> tuple[tuple[PackageChange, ...], list[LeftOut]]:
    """Return the host's transaction, and the source packages that it has to do without."""
    by_source: dict[str, list[Offer]] = defaultdict(list)
    for offer in host.offers:
        by_source[offer.source].append(offer)
    changes: dict[tuple[str, str], PackageChange] = {}
    missed: list[LeftOut] = []
    for source, offers in sorted(by_source.items()):
        reason, detail = _reason_against(host, offers, pins)
        if reason:
            missed.append(_left_out(host, source, reason, detail))
            continue
        for offer in offers:
            changes[offer.package, offer.architecture] = PackageChange(
                name=offer.package,
                architecture=offer.architecture,
                from_version=offer.from_version,
                to_version=offer.to_version,
            )
    if len(changes) > PACKAGE_CHANGE_COUNT_MAX:
        return (), [*missed, _left_out(host, "", "too_many_changes", f"It would be {len(changes)} packages.")]
    return tuple(change for _, change in sorted(changes.items())), missed


def _reason_against(host: Candidate, offers: list[Offer], pins: _Pins) -> tuple[str, str]:
    for offer in offers:
        if (offer.package, offer.architecture) in host.taken:
            return "in_other_rollout", ""
        if offer.kept_back:
            return "held", f"{offer.package}: {offer.kept_back}."
    for offer in offers:
        pinned_source = pins.sources[host.stream, offer.source]
        if offer.source_version != pinned_source:
            return "other_version", f"Offered: {offer.source_version}; the rollout's: {pinned_source}."
        pinned = pins.packages[host.stream, offer.architecture, offer.package]
        if offer.to_version != pinned:
            return "other_version", f"{offer.package}, offered: {offer.to_version}; the rollout's: {pinned}."
    return "", ""


def _left_out(host: Candidate, source: str, reason: str, detail: str = "") -> LeftOut:
    return LeftOut(
        host_id=host.host_id,
        name=host.name,
        source=source,
        reason=reason,
        sentence=f"{SENTENCES[reason]} {detail}".strip(),
    )
