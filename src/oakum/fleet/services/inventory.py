"""Store what a host says of itself.

A well-formed report is stored whole or not at all.  One package whose version the scheme refuses (a local build forced
in with dpkg's help) must not blind us to the other six hundred: it is left out of the set, named in the section's
reason, and the section stays known.  More than ODD_COUNT_MAX such packages are no oddity but garbage: refused.

It does not judge what is installed (``findings``) and elects nobody to fetch release notes (``catalogue``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import transaction
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.catalogue.services import see_updates
from oakum.core.errors import HostError
from oakum.core.inventory import KNOWN, PackageKey, fingerprint, running_old
from oakum.core.streams import scheme_of_stream, stream_of
from oakum.core.versions import UnknownStream
from oakum.fleet.reported import Speaker, read_speaker, write_change, write_host
from oakum.fleet.services.door import checked_speaker
from oakum.fleet.services.versions import VersionKey, Versions, find_versions
from oakum.fleet.sets import dump_set, load_set
from oakum.fleet.shape import inventory_problem
from oakum.journal.services import append
from oakum.protocol.codec import from_plain, to_plain
from oakum.protocol.inventory import (
    UNKNOWN,
    FactsSection,
    Offer,
    OffersSection,
    PackagesSection,
)
from oakum.protocol.messages import InventoryUpload

Fingerprint = Callable[[object], str]

# What a package is known by in the catalogue, as a VersionKey.
_INSTALLED_KEY = attrgetter("name", "version", "architecture", "source_name", "source_version")
_NAME_AND_ARCHITECTURE = attrgetter("name", "architecture")

ODD_COUNT_MAX = 20
ODD_NAMED_COUNT_MAX = 5
REASON_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sets:
    """The packages section as ids."""

    packages: BitMap
    held: BitMap
    keys: Mapping[int, PackageKey]
    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offers:
    """The offers section as ids."""

    offers: list[dict[str, Any]]
    status: str
    reason: str


def record_inventory(
    *, host_id: UUID, upload: InventoryUpload, now: datetime, fingerprint: Fingerprint = fingerprint
) -> tuple[str, ...]:
    """Store the sections that came and return their names; the same report again changes nothing.

    Each section's hash is made from what came, never taken from the host's word: the next check-in's claim is compared
    with it, so a host that says one thing and sends another is asked again.  ``fingerprint`` is how it is made; a door
    that has a faster way to the protocol's hash may hand that in.

    Raises:
        HostError: host_unknown, host_retired, host_quarantined; inventory_invalid with the place; facts_missing.
    """
    problem = inventory_problem(upload)
    if problem:
        raise _invalid(problem)
    host = checked_speaker(read_speaker(host_id))
    stream = stream_of(upload.facts.os_id, upload.facts.os_version_id) if upload.facts else host.stream
    if not stream and (upload.packages or upload.offers):
        raise HostError(
            code="facts_missing",
            sentence="Packages were sent before it is known which system they belong to.",
            next_step="Send the facts with them.",
        )
    # Package versions and updates are nobody's: they are stored first, in short transactions of their own, so that the
    # host's row is locked for one write only.  Cut off in between, the host sends the same report again.
    sets = _packages(stream, upload.packages, now) if upload.packages else None
    offers = _offers(host, stream, upload.offers, now) if upload.offers else None
    with transaction.atomic():
        host = checked_speaker(read_speaker(host_id, to_change=True))
        fields: dict[str, Any] = {"reported_at": now}
        if upload.facts:
            fields |= _take_facts(host, upload.facts, stream, now) | {"facts_hash": fingerprint(upload.facts)}
        if upload.packages and sets:
            fields |= _take_packages(host, sets, now) | {"packages_hash": fingerprint(upload.packages)}
        if upload.packages or upload.facts:
            fields |= _running_old(host, upload, sets, stream)
        if upload.offers and offers:
            fields |= _take_offers(upload.offers, offers) | {"offers_hash": fingerprint(upload.offers)}
        write_host(host.id, fields)
    return tuple(name for name in ("packages", "offers", "facts") if getattr(upload, name) is not None)


def _invalid(problem: str) -> HostError:
    return HostError(
        code="inventory_invalid",
        sentence=f"The inventory report cannot be taken: {problem}.",
        next_step="Update the agent on this host; if it stays, look at what its package manager prints.",
    )


def _packages(stream: str, section: PackagesSection, now: datetime) -> _Sets:
    """Turn the packages section into ids."""
    unorderable = _unorderable(stream)
    if section.status != KNOWN or unorderable:
        return _Sets(packages=BitMap(), held=BitMap(), keys={}, status=UNKNOWN, reason=section.reason or unorderable)
    keys: list[VersionKey] = list(map(_INSTALLED_KEY, section.packages))
    versions = find_versions(stream, keys, now=now)
    _refuse_garbage(versions, keys, "packages.packages")
    packages = section.packages
    if versions.odd:
        packages = tuple(package for package, each in zip(packages, versions.ids, strict=True) if each is not None)
    ids = [each for each in versions.ids if each is not None]
    return _Sets(
        packages=BitMap(ids),
        held=BitMap([each for each, package in zip(ids, packages, strict=True) if package.held]),
        keys=dict(zip(ids, map(_NAME_AND_ARCHITECTURE, packages), strict=True)),
        status=KNOWN,
        reason=_odd_reason(versions),
    )


def _offered_key(offer: Offer) -> VersionKey:
    return (offer.name, offer.candidate_version, offer.architecture, offer.source_name, offer.source_version)


def _unorderable(stream: str) -> str:
    """Say in words that the versions of a stream have no known order, "" if they have."""
    try:
        scheme_of_stream(stream)
    except UnknownStream:
        return f"Oakum does not know yet how versions of {stream[:60]} are ordered."
    return ""


def _offers(host: Speaker, stream: str, section: OffersSection, now: datetime) -> _Offers:
    """Turn the offers section into ids, and tell the catalogue of the updates."""
    unorderable = _unorderable(stream)
    if section.status != KNOWN or unorderable:
        return _Offers(offers=[], status=UNKNOWN, reason=section.reason or unorderable)
    keys = [_offered_key(offer) for offer in section.offers]
    versions = find_versions(stream, keys, now=now)
    _refuse_garbage(versions, keys, "offers.offers")
    taken = [(each, offer) for each, offer in zip(versions.ids, section.offers, strict=True) if each is not None]
    see_updates(
        organisation_id=host.organisation_id,
        host_id=host.id,
        stream=stream,
        offers=tuple(offer for _, offer in taken),
        now=now,
    )
    return _Offers(
        offers=[
            {
                "id": version_id,
                "from": offer.installed_version,
                "kept_back": offer.kept_back,
                "download_bytes": offer.download_bytes,
            }
            for version_id, offer in taken
        ],
        status=KNOWN,
        reason=_odd_reason(versions),
    )


def _refuse_garbage(versions: Versions, keys: list[VersionKey], place: str) -> None:
    if versions.broken:
        key, fault = next(iter(versions.broken.items()))
        raise _invalid(f"{place}[{keys.index(key)}].{fault}")
    if len(versions.odd) > ODD_COUNT_MAX:
        key, fault = next(iter(versions.odd.items()))
        raise _invalid(f"{place}[{keys.index(key)}]: {fault}, and {len(versions.odd) - 1} more like it")


def _odd_reason(versions: Versions) -> str:
    if not versions.odd:
        return ""
    named = [f"{key[0]} {key[1]}" for key in versions.odd][:ODD_NAMED_COUNT_MAX]
    left_out = len(versions.odd) - len(named)
    more = f" and {left_out} more" if left_out else ""
    return f"Left out, because their versions cannot be ordered: {', '.join(named)}{more}."[:REASON_LENGTH_MAX]


def _take_facts(host: Speaker, facts: FactsSection, stream: str, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "facts": to_plain(facts),
        "hostname": facts.hostname,
        "machine_id_hash": facts.machine_id_hash,
        "os_id": facts.os_id,
        "os_version_id": facts.os_version_id,
        "os_name": facts.os_name,
        "stream": stream,
        "architecture": facts.architecture,
        "kernel_running": facts.kernel_running,
        "boot_id": facts.boot_id,
        "reboot_required": facts.reboot_required,
        "policy_mode": facts.policy_mode,
        "agent_version": facts.agent_version,
    }
    if host.hostname != facts.hostname:
        _journal(host, "fleet.host_renamed", {"before": host.hostname, "after": facts.hostname}, now)
    if host.stream and host.stream != stream:
        _journal(host, "fleet.host_stream_changed", {"before": host.stream, "after": stream}, now)
        # What was stored is filed under the other release: have the packages sent again if they did not come along.
        fields |= {"packages_hash": "", "offers_hash": ""}
    return fields


def _take_packages(host: Speaker, sets: _Sets, now: datetime) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "packages_status": sets.status,
        "packages_reason": sets.reason[:REASON_LENGTH_MAX],
    }
    if sets.status != KNOWN:
        return fields  # What was known last stays, shown as of then.
    before = load_set(host.package_set)
    added, removed = sets.packages - before, before - sets.packages
    if added or removed:
        write_change(host, at=now, added=dump_set(added), removed=dump_set(removed))
    return fields | {
        "package_set": dump_set(sets.packages),
        "held_set": dump_set(sets.held),
        "inventory_at": now,
    }


def _running_old(host: Speaker, upload: InventoryUpload, sets: _Sets | None, stream: str) -> dict[str, Any]:
    """Work out of which packages older code runs, from the newest of either section."""
    facts = upload.facts
    if facts is None and (stored := host.plain_facts()):
        facts = from_plain(stored, FactsSection)
    if facts is None or _unorderable(stream):
        return {"stale_status": UNKNOWN}
    keys = sets.keys if sets and sets.status == KNOWN else _keys_of(load_set(host.package_set))
    verdict = running_old(keys.values(), facts, scheme=scheme_of_stream(stream))
    running = verdict.packages
    return {
        "running_old_set": dump_set(each for each, key in keys.items() if key in running),
        "stale_status": verdict.restart_status,
    }


def _keys_of(ids: Iterable[int]) -> dict[int, PackageKey]:
    rows = PackageVersion.objects.filter(id__in=list(ids)).values_list("id", "name", "architecture")
    return {version_id: (name, architecture) for version_id, name, architecture in rows}


def _take_offers(section: OffersSection, offers: _Offers) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "offers_status": offers.status,
        "offers_reason": offers.reason[:REASON_LENGTH_MAX],
        "repositories": [dataclasses.asdict(repository) for repository in section.repositories],
    }
    return fields | {"offers": offers.offers} if offers.status == KNOWN else fields


def _journal(host: Speaker, kind: str, payload: dict[str, object], now: datetime) -> None:
    subject = f"host:{host.id}"
    append(
        organisation_id=host.organisation_id,
        kind=kind,
        actor=subject,
        subject=subject,
        payload={"hostname": host.hostname, **payload},
        now=now,
    )
