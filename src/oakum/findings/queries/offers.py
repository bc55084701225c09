"""What hosts' own repositories offer them, by source package: typed, and remembered while a host is offered the same.

It judges nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from oakum.catalogue.models import PackageVersion
from oakum.findings.queries.risk import chunks, cure_key
from oakum.fleet.models import Host, HostState

HOST_COUNT_MAX = 5_000  # in one statement
DIGEST_LENGTH = 16

UpdateKey = tuple[str, str, str]  # stream, source name, source version


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVersion:
    """A package version on offer, and the source it was built from."""

    name: str
    version: str
    stream: str
    source_name: str
    source_version: str
    source_key: bytes
    scheme: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOffer:
    """One update as one host is offered it: its binary packages together.

    ``brings`` pairs binary packages with their new versions, ``replaces`` with the old ones; one that is new has none.
    ``kept_back`` says why an upgrade would not take it, empty when installable.  Fixes are compared with ``cure_key``.
    """

    key: UpdateKey
    source_key: bytes
    cure_key: bytes
    brings: tuple[tuple[str, str], ...]
    replaces: tuple[tuple[str, str], ...]
    kept_back: str


# By a digest of the offers as stored: package versions never change, so what they amount to does not either.
KnownOffers = MutableMapping[bytes, tuple[SourceOffer, ...]]


def load_offers(
    *, organisation_id: UUID, known: KnownOffers, host_ids: Collection[UUID] | None = None
) -> dict[UUID, tuple[SourceOffer, ...]]:
    """Return what each of these hosts (None: every host that is not retired) was offered when it last could tell."""
    digests, texts = _read(organisation_id, known, host_ids)
    lines = {digest: json.loads(text) for digest, text in texts.items()}
    versions = load_versions(line["id"] for offers in lines.values() for line in offers)
    for digest, offers in lines.items():
        known[digest] = _by_source(offers, versions)
    return {host_id: known[digest] for host_id, digest in digests.items()}


def _read(
    organisation_id: UUID, known: KnownOffers, host_ids: Collection[UUID] | None
) -> tuple[dict[UUID, bytes], dict[bytes, str]]:
    """Return each host's digest, and the stored texts of those digests that are not known yet."""
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED)
    digests: dict[UUID, bytes] = {}
    texts: dict[bytes, str] = {}
    for chunk in _host_chunks(host_ids):
        asked = rows if chunk is None else rows.filter(id__in=chunk)
        for host_id, text in asked.annotate(text=Cast("offers", TextField())).values_list("id", "text"):
            digest = hashlib.blake2b(text.encode(), digest_size=DIGEST_LENGTH).digest()
            digests[host_id] = digest
            if digest not in known:
                texts[digest] = text
    return digests, texts


def _by_source(
    offers: Iterable[Mapping[str, object]], versions: Mapping[int, OfferedVersion]
) -> tuple[SourceOffer, ...]:
    lines: dict[UpdateKey, list[tuple[OfferedVersion, str, str]]] = {}
    for offer in offers:
        version_id = offer["id"]
        version = versions.get(version_id) if isinstance(version_id, int) else None
        if version is not None:
            key = (version.stream, version.source_name, version.source_version)
            lines.setdefault(key, []).append((version, str(offer["from"]), str(offer["kept_back"])))
    return tuple(
        SourceOffer(
            key=key,
            source_key=own[0][0].source_key,
            cure_key=_cure_key(own[0][0]),
            brings=tuple(sorted({(version.name, version.version) for version, _, _ in own})),
            replaces=tuple(sorted({(version.name, replaced) for version, replaced, _ in own if replaced})),
            kept_back=next((kept_back for _, _, kept_back in own if kept_back), ""),
        )
        for key, own in lines.items()
    )


def _cure_key(version: OfferedVersion) -> bytes:
    return cure_key(
        scheme=version.scheme,
        source_name=version.source_name,
        source_version=version.source_version,
        source_key=version.source_key,
    )


def _host_chunks(host_ids: Collection[UUID] | None) -> Iterable[list[UUID] | None]:
    if host_ids is None:
        return (None,)
    wanted = list(host_ids)
    return [wanted[start : start + HOST_COUNT_MAX] for start in range(0, len(wanted), HOST_COUNT_MAX)]


def load_versions(ids: Iterable[int]) -> dict[int, OfferedVersion]:
    """Return the package versions of these ids."""
    found: dict[int, OfferedVersion] = {}
    for chunk in chunks(sorted(set(ids))):
        rows = PackageVersion.objects.filter(id__in=chunk)
        for row in rows.values_list(
            "id", "name", "version", "stream", "source_name", "source_version", "source_order_key", "scheme"
        ):
            found[row[0]] = OfferedVersion(
                name=row[1],
                version=row[2],
                stream=row[3],
                source_name=row[4],
                source_version=row[5],
                source_key=bytes(row[6]),
                scheme=row[7],
            )
    return found
