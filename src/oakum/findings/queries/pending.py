"""Updates as hosts are offered them, and what each would cure where: the shared ground of ``patches`` and ``patch``.

An update is one source package at one version.  It cures a finding of a host that has it pending if the finding's fix
is not newer than the update.  It says nothing of how updates are shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion, ReleaseNote, Update
from oakum.findings.queries.due import Schedule, schedule_of
from oakum.findings.queries.offers import OfferedVersion, load_offers, load_versions
from oakum.findings.queries.risk import Affected, Hit, Risk, make_group
from oakum.findings.queries.view import Presence, Slice, View

NAME_COUNT_MAX = 1_000  # in one statement

Source = tuple[str, str]  # stream, source name
UpdateKey = tuple[str, str, str]  # stream, source name, source version


@dataclass(slots=True, kw_only=True)
class Pending:
    """Where one update is pending: by host index, the version it would replace and why an upgrade would not take it."""

    packages: set[str] = field(default_factory=set)
    hosts: dict[int, PendingOn] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PendingOn:
    """One update on one host; a source's binary packages are one."""

    from_versions: set[tuple[str, str]] = field(default_factory=set)  # binary package name, version
    kept_back: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """What an update would cure of one slice: the findings as a group of their own, and the hosts, ascending."""

    slice: Slice
    group: Affected
    schedule: Schedule
    members: tuple[int, ...]


def pending_updates(
    view: View, *, organisation_id: UUID, host_ids: Collection[UUID] | None = None
) -> dict[UpdateKey, Pending]:
    """Return every update that a host of the view (of ``host_ids``) is offered, with the hosts that are."""
    offers = load_offers(organisation_id=organisation_id, host_ids=host_ids)
    versions = load_versions({line.version_id for lines in offers.values() for line in lines})
    found: dict[UpdateKey, Pending] = defaultdict(Pending)
    for host in view.hosts:
        for line in offers.get(host.id, ()):
            version = versions.get(line.version_id)
            if version is None:
                continue
            pending = found[_key(version)]
            pending.packages.add(version.name)
            on = pending.hosts.get(host.index)
            if on is None:
                on = pending.hosts[host.index] = PendingOn()
            if line.from_version:
                on.from_versions.add((version.name, line.from_version))
            on.kept_back = on.kept_back or line.kept_back
    return found


def _key(version: OfferedVersion) -> UpdateKey:
    return (version.stream, version.source_name, version.source_version)


def slices_by_source(view: View) -> dict[Source, list[Slice]]:
    """Return the slices of installed versions by source package: only these an update can cure."""
    found: dict[Source, list[Slice]] = defaultdict(list)
    for slice_ in view.slices:
        if slice_.presence is Presence.INSTALLED:
            found[(slice_.group.stream, slice_.group.source_name)].append(slice_)
    return found


def cures_of(view: View, slices: Iterable[Slice], *, source_key: bytes, hosts: Collection[int]) -> list[Cure]:
    """Return what an update with this order key would cure on ``hosts``."""
    pending = BitMap(hosts)
    found = []
    for slice_ in slices:
        group = _cured(view.risk, slice_.group, source_key)
        members = tuple(index for index in slice_.members if index in pending) if group else ()
        if group and members:
            schedule = schedule_of(view.risk, group, view.rules.pack, is_public=slice_.is_public)
            found.append(Cure(slice=slice_, group=group, schedule=schedule, members=members))
    return found


def _cured(risk: Risk, group: Affected, source_key: bytes) -> Affected | None:
    """Return ``group`` with only those findings whose fix is not newer than the update; None if there are none."""
    key = ("cured", group, source_key)
    if key not in risk.memo:
        hits = tuple(hit for hit in group.hits if _is_cured(hit, source_key))
        if len(hits) == len(group.hits):
            risk.memo[key] = group
        else:
            risk.memo[key] = make_group(group, group.names, hits) if hits else None
    found = risk.memo[key]
    assert found is None or isinstance(found, Affected)
    return found


def _is_cured(hit: Hit, source_key: bytes) -> bool:
    return hit.fixed_key is not None and hit.fixed_key <= source_key


def late(view: View, cure: Cure) -> tuple[int, ...]:
    """Return the hosts whose deadline for what is cured has passed."""
    due_at = cure.schedule.due_at
    return cure.members[: bisect_left(cure.members, view.now, key=lambda index: due_at(view.hosts[index].enrolled_at))]


def earliest_due(view: View, cures: Iterable[Cure]) -> datetime | None:
    """Return the earliest deadline that an update would meet, NO_DUE_AT included; None without any finding."""
    return min((cure.schedule.due_at(view.hosts[cure.members[0]].enrolled_at) for cure in cures), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    """One changelog entry, as far as lists need it."""

    order_key: bytes
    cves: tuple[str, ...]


def note_lines(organisation_id: UUID, sources: Collection[Source]) -> dict[Source, list[NoteLine]]:
    """Return the changelog entries known of these sources, without their texts."""
    found: dict[Source, list[NoteLine]] = defaultdict(list)
    for stream in sorted({source[0] for source in sources}):
        names = sorted({name for of_stream, name in sources if of_stream == stream})
        for start in range(0, len(names), NAME_COUNT_MAX):
            rows = ReleaseNote.objects.filter(
                organisation_id=organisation_id, stream=stream, source_name__in=names[start : start + NAME_COUNT_MAX]
            )
            for name, key, cves in rows.values_list("source_name", "order_key", "cves"):
                found[(stream, name)].append(NoteLine(order_key=bytes(key), cves=tuple(cves)))
    return found


def installed_keys(view: View, pending: Mapping[UpdateKey, Pending]) -> dict[UpdateKey, bytes]:
    """Return the oldest installed source version's order key per update: notes older than it are no news to anybody.

    An update that only adds packages has none and is left out, as is one whose replaced version was never reported.
    """
    wanted = {
        key: {(key[0], name, version) for on in one.hosts.values() for name, version in on.from_versions}
        for key, one in pending.items()
    }
    known = _source_keys(view.risk, {each for names in wanted.values() for each in names})
    found: dict[UpdateKey, bytes] = {}
    for key, names in wanted.items():
        keys = [known[each] for each in names if each in known]
        if keys:
            found[key] = min(keys)
    return found


def _source_keys(risk: Risk, wanted: set[tuple[str, str, str]]) -> dict[tuple[str, str, str], bytes]:
    missing = {each for each in wanted if ("source_key", *each) not in risk.memo}
    for stream in sorted({each[0] for each in missing}):
        names = sorted({each[1] for each in missing if each[0] == stream})
        for start in range(0, len(names), NAME_COUNT_MAX):
            rows = PackageVersion.objects.filter(stream=stream, name__in=names[start : start + NAME_COUNT_MAX])
            for name, version, key in rows.values_list("name", "version", "source_order_key"):
                risk.memo[("source_key", stream, name, version)] = bytes(key)
    known = ((each, risk.memo.get(("source_key", *each))) for each in wanted)
    return {each: key for each, key in known if isinstance(key, bytes)}


def note_cves(lines: Iterable[NoteLine], *, after: bytes | None, until: bytes) -> set[str]:
    """Return the CVEs that entries name after the installed version (None: from the start), up to the update."""
    return {
        cve
        for line in lines
        if line.order_key <= until and (after is None or line.order_key > after)
        for cve in line.cves
    }


def update_key(update: Update) -> UpdateKey:
    """Return what an update is: source package and version in a stream."""
    return (update.stream, update.source_name, update.source_version)
