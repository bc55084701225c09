"""Who is speaking: ``Authorization: Oakum HOST_ID.SECRET``.

The server keeps SHA-256 of a host's secret.  A host's secret never changes (who enrols anew becomes another host), so a
hash once read may be remembered; whether the host may speak at all is not remembered but read with its row each time.
It grants nothing: it only tells that the sender holds that host's secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from oakum.fleet.models import Host
from oakum.sql import among

SCHEME = b"oakum "
HEADER_LENGTH_MAX = 300
# 100,000 entries take about 20 MB; a fleet beyond that reads some hashes again.
KNOWN_HOST_COUNT_MAX = 100_000
FORGET_COUNT = 10_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the sender says it is, and the hash of the secret that it showed."""

    host_id: UUID
    secret_hash: str


def parse_authorization(header: bytes) -> Credentials | None:
    """Return what an Authorization header says, None if it is not of the form above."""
    if len(header) > HEADER_LENGTH_MAX or header[: len(SCHEME)].lower() != SCHEME:
        return None
    host_id, separator, secret = header[len(SCHEME) :].strip().partition(b".")
    if not separator or not secret:
        return None
    try:
        return Credentials(UUID(host_id.decode("ascii")), hashlib.sha256(secret).hexdigest())
    except ValueError:
        return None


class KnownHosts:
    """Secret hashes read before, by host.  A miss is a question to the database, an unknown host is not remembered."""

    def __init__(self) -> None:
        """Start knowing nobody."""
        self._hashes: dict[UUID, str] = {}

    def judge(self, credentials: Credentials) -> bool | None:
        """Say whether the secret is the host's; None when this host's hash has not been read yet."""
        known = self._hashes.get(credentials.host_id)
        if known is None:
            return None
        return hmac.compare_digest(known, credentials.secret_hash)

    def learn(self, host_ids: Collection[UUID]) -> None:
        """Read the hashes of those of ``host_ids`` that are hosts; one query, none if all are known."""
        missing = [host_id for host_id in host_ids if host_id not in self._hashes]
        if not missing:
            return
        found = dict(Host.objects.filter(id__in=among(missing)).values_list("id", "secret_hash"))
        if len(self._hashes) + len(found) > KNOWN_HOST_COUNT_MAX:
            for host_id in list(self._hashes)[: FORGET_COUNT + len(found)]:  # the oldest first: dicts keep order
                del self._hashes[host_id]
        self._hashes.update(found)
