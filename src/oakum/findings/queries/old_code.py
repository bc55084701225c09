"""Which older, affected versions still run on hosts that have already replaced them on disk.

A host tells of which installed packages older code runs, not which version that was: the log of its changes does.
Every version that the host replaced there counts (within its newest CHANGE_COUNT_MAX changes): which of them a process
still holds cannot be known, and one restart ends them all.  Whether the installed version is affected too is ``view``'s
matter.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Max
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.compliance import OldCode
from oakum.findings.queries.fleet_side import HostLine
from oakum.findings.queries.risk import Risk, chunks
from oakum.fleet.models import Host, HostChange
from oakum.fleet.sets import load_set

CHANGE_COUNT_MAX = 200  # of one host, newest first
HOST_COUNT_MAX = 500  # in one statement
NAME_COUNT_MAX = 1_000

# Ids are given before they are committed: a change with a lower id may show up a moment later.
LATE_ID_COUNT = 1_000


@dataclass(slots=True, kw_only=True)
class Removed:
    """What hosts have replaced or removed, remembered until their next change; and the changes that were noticed."""

    sets: dict[UUID, BitMap] = field(default_factory=dict)
    noticed: set[int] = field(default_factory=set)
    newest_id: int = 0
    # Noticing a change and loading what it left must not be torn apart by another request.
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldVersion:
    """An affected version that was replaced by an installed one, and whether its code still runs."""

    package_version_id: int
    installed_id: int
    old_code: OldCode


def may_run_old_code(host: HostLine) -> bool:
    """Say whether a host reports old code, or could not look: only then does its past matter."""
    return host.stale_status != "known" or bool(load_set(host.running_old))


def removed_versions(organisation_id: UUID, hosts: Iterable[HostLine], known: Removed) -> dict[UUID, BitMap]:
    """Return what each of these hosts has replaced or removed; ``known`` remembers it from request to request."""
    asked = list(hosts)
    with known.lock:
        _forget_changed(organisation_id, known)
        missing = [host for host in asked if host.id not in known.sets]
        for start in range(0, len(missing), HOST_COUNT_MAX):
            _load_removed(organisation_id, missing[start : start + HOST_COUNT_MAX], known)
        return {host.id: known.sets[host.id] - host.package_set() for host in asked}


def _forget_changed(organisation_id: UUID, known: Removed) -> None:
    """Forget the hosts that have changed since the last look."""
    late_id = max(0, known.newest_id - LATE_ID_COUNT)
    rows = HostChange.objects.filter(organisation_id=organisation_id, id__gt=late_id)
    if not known.newest_id:
        known.newest_id = rows.aggregate(newest=Max("id"))["newest"] or 0
        known.sets.clear()
        return
    new = set(rows.values_list("id", flat=True)) - known.noticed
    if len(new) > 2 * LATE_ID_COUNT:
        known.sets.clear()
    elif new:
        changed = HostChange.objects.filter(organisation_id=organisation_id, id__in=new)
        for host_id in changed.values_list("host_id", flat=True):
            known.sets.pop(host_id, None)
    known.noticed |= new
    known.newest_id = max({known.newest_id, *new})
    known.noticed = {change_id for change_id in known.noticed if change_id > known.newest_id - LATE_ID_COUNT}


def _load_removed(organisation_id: UUID, hosts: Sequence[HostLine], known: Removed) -> None:
    changes: dict[UUID, list[BitMap]] = defaultdict(list)
    rows = HostChange.objects.filter(organisation_id=organisation_id, host_id__in=[host.id for host in hosts])
    for host_id, removed in rows.order_by("host_id", "-at", "-id").values_list("host_id", "removed").iterator():
        if len(changes[host_id]) < CHANGE_COUNT_MAX:
            changes[host_id].append(load_set(removed))
    for host in hosts:
        known.sets[host.id] = BitMap().union(*changes[host.id])


def old_versions(
    organisation_id: UUID, risk: Risk, hosts: Sequence[HostLine], removed: Mapping[UUID, BitMap]
) -> dict[UUID, tuple[OldVersion, ...]]:
    """Return the affected old versions of each host whose replacement is installed, unless they surely run no more."""
    affected = {host.id: removed[host.id] & risk.affected for host in hosts}
    keys = {host.id: _memo_key(host, affected[host.id]) for host in hosts}
    new = [host for host in hosts if keys[host.id] not in risk.memo]
    siblings = _siblings(risk, BitMap().union(*(affected[host.id] for host in new)))
    names = reboot_names(organisation_id, [host for host in new if affected[host.id] and load_set(host.running_old)])
    for host in new:
        found = _of_host(risk, host, affected[host.id], siblings, names.get(host.id, frozenset()))
        risk.memo[keys[host.id]] = tuple(found)
    return {host.id: _remembered(risk, keys[host.id]) for host in hosts}


def _memo_key(host: HostLine, affected: BitMap) -> object:
    told = (host.running_old, host.stale_status, host.facts_hash)
    return ("old", host.id, host.digest, affected.serialize(), *told)


def _remembered(risk: Risk, key: object) -> tuple[OldVersion, ...]:
    found = risk.memo[key]
    assert isinstance(found, tuple)
    return found


def _of_host(
    risk: Risk, host: HostLine, affected: BitMap, siblings: Mapping[int, BitMap], by_reboot: frozenset[str]
) -> Iterable[OldVersion]:
    installed, running_old = host.package_set(), load_set(host.running_old)
    for version_id in affected:
        replacements = siblings[version_id] & installed
        if not replacements:
            continue  # The package is gone, or it is a kernel: those stand side by side.
        held = replacements & running_old
        if held:
            name = risk.group_of[version_id].names[version_id]
            old_code = OldCode.KERNEL if name in by_reboot else OldCode.SERVICE
        elif host.stale_status != "known":
            old_code = OldCode.UNKNOWN
        else:
            continue
        yield OldVersion(package_version_id=version_id, installed_id=replacements.max(), old_code=old_code)


def _siblings(risk: Risk, ids: BitMap) -> dict[int, BitMap]:
    """Return, for each package version, all versions of the same package in its stream and architecture."""
    keys: dict[int, tuple[str, str, str]] = {}
    for chunk in chunks(ids):
        rows = PackageVersion.objects.filter(id__in=chunk)
        for row_id, stream, name, architecture in rows.values_list("id", "stream", "name", "architecture"):
            keys[row_id] = (stream, name, architecture)
    members: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for stream in sorted({key[0] for key in keys.values()}):
        wanted = sorted({key[1] for key in keys.values() if key[0] == stream})
        for start in range(0, len(wanted), NAME_COUNT_MAX):
            rows = PackageVersion.objects.filter(stream=stream, name__in=wanted[start : start + NAME_COUNT_MAX])
            for row_id, name, architecture in rows.values_list("id", "name", "architecture"):
                members[(stream, name, architecture)].append(row_id)
    return {row_id: BitMap(members[key]) & risk.covered for row_id, key in keys.items()}


def reboot_names(organisation_id: UUID, hosts: Sequence[HostLine]) -> dict[UUID, frozenset[str]]:
    """Return the packages that each host's distribution lists as needing a reboot."""
    found: dict[UUID, frozenset[str]] = {}
    for start in range(0, len(hosts), HOST_COUNT_MAX):
        ids = [host.id for host in hosts[start : start + HOST_COUNT_MAX]]
        rows = Host.objects.filter(organisation_id=organisation_id, id__in=ids)
        for host_id, names in rows.values_list("id", "facts__reboot_required_packages"):
            found[host_id] = frozenset(name.partition(":")[0] for name in names or ())
    return found
