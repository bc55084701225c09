"""What hosts' own repositories offer them, by source package: typed, and remembered while a host is offered the same.

It judges nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast
from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.inventory import KNOWN
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


# By a digest of the offers as stored, or by what a host that could tell has sent (stream, hash): package versions never
# change, so what they amount to does not either.
Sent = tuple[str, str]
KnownOffers = MutableMapping[bytes | Sent, tuple[SourceOffer, ...]]


def load_offers(
    *, organisation_id: UUID, known: KnownOffers, host_ids: Collection[UUID] | None = None
) -> dict[UUID, tuple[SourceOffer, ...]]:
    """Return what each of these hosts (None: every host that is not retired) was offered when it last could tell."""
    digests, texts = _read(organisation_id, known, host_ids)
    _understand(known, texts)
    return {host_id: known[digest] for host_id, digest in digests.items()}


def load_offered(*, organisation_id: UUID, known: KnownOffers) -> list[tuple[tuple[SourceOffer, ...], BitMap]]:
    """Return what the hosts that are not retired were offered, each different list once with the hosts' ordinals.

    Hosts of a stream that sent the same are offered the same: their lists are read once for all of them.
    """
    by_sent: dict[Sent, list[int]] = defaultdict(list)
    alone: list[int] = []
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED).order_by()
    told = rows.values_list("ordinal", "stream", "offers_hash", "offers_status")
    for ordinal, stream, sent, status in told.iterator(chunk_size=HOST_COUNT_MAX):
        # What could not be told leaves the former list where it is.
        (by_sent[(stream, sent)] if sent and status == KNOWN else alone).append(ordinal)
    _learn(organisation_id, known, [own[0] for sent, own in by_sent.items() if sent not in known])
    alone += [ordinal for sent, own in by_sent.items() if sent not in known for ordinal in own]  # it moved meanwhile
    found = [(known[sent], BitMap(own)) for sent, own in by_sent.items() if sent in known]
    by_digest: dict[bytes, list[int]] = defaultdict(list)
    for ordinal, digest in _learn(organisation_id, known, alone).items():
        by_digest[digest].append(ordinal)
    return found + [(known[digest], BitMap(own)) for digest, own in by_digest.items()]


def _learn(organisation_id: UUID, known: KnownOffers, ordinals: Sequence[int]) -> dict[int, bytes]:
    """Read these hosts' lists into ``known``, and return each host's digest."""
    rows = Host.objects.filter(organisation_id=organisation_id).annotate(text=Cast("offers", TextField()))
    digests: dict[int, bytes] = {}
    texts: dict[bytes, str] = {}
    sent: dict[Sent, bytes] = {}
    for start in range(0, len(ordinals), HOST_COUNT_MAX):
        own = rows.filter(ordinal__in=ordinals[start : start + HOST_COUNT_MAX])
        for row in own.values_list("ordinal", "text", "stream", "offers_hash", "offers_status"):
            digest = hashlib.blake2b(row[1].encode(), digest_size=DIGEST_LENGTH).digest()
            digests[row[0]] = digest
            if digest not in known:
                texts[digest] = row[1]
            if row[3] and row[4] == KNOWN:
                sent[(row[2], row[3])] = digest
    _understand(known, texts)
    known.update((each, known[digest]) for each, digest in sent.items())
    return digests


def _understand(known: KnownOffers, texts: Mapping[bytes, str]) -> None:
    lines = {digest: json.loads(text) for digest, text in texts.items()}
    versions = load_versions(line["id"] for offers in lines.values() for line in offers)
    for digest, offers in lines.items():
        known[digest] = _by_source(offers, versions)


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
