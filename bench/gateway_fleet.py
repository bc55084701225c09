"""Hosts for measuring the gateway: a database with many of them, and what they send.

It measures nothing (``bench.gateway``).
"""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import random
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PACKAGE_COUNT = 600  # of a host
DISTINCT_VERSION_COUNT = 50_000  # in the fleet
OFFER_COUNT = 40  # of a host: it makes rows as fat as real ones
OWN_COUNT = 5  # packages that make each report different
INSERT_COUNT = 1_000
SECRET = "a-secret-of-a-benchmark"  # noqa: S105 - protects nothing


@dataclass
class BenchHost:
    """What an agent keeps between two check-ins."""

    id: str
    nonce: str


def add_hosts(first: int, end: int) -> list[BenchHost]:
    """Store hosts number ``first`` up to ``end``, as they are after their first report."""
    from oakum.fleet.models import Host  # noqa: PLC0415
    from oakum.fleet.services.enrolment import hash_secret  # noqa: PLC0415
    from oakum.fleet.sets import dump_set  # noqa: PLC0415
    from oakum.identity.models import Installation, Organisation  # noqa: PLC0415

    now = datetime.now(UTC)
    Installation.objects.get_or_create(id=1, defaults={"created_at": now, "signer_key": "5e" * 32})
    organisation, _ = Organisation.objects.get_or_create(name="Bench", defaults={"created_at": now})
    rng = random.Random(first)
    offers = [{"id": each, "from": "1.0-1", "kept_back": "", "download_bytes": 1} for each in range(OFFER_COUNT)]
    known = {
        "organisation": organisation,
        "secret_hash": hash_secret(SECRET),
        "enrolled_at": now,
        "last_seen_at": now,
        "seen_on": now.date(),
        "inventory_at": now,
        "stream": "debian:12",
        "packages_status": "known",
        "boot_id": "b" * 36,
        "agent_version": "0.1.0",
        "policy_mode": "report_only",
        "packages_hash": "0" * 64,
        "offers_hash": "1" * 64,
        "facts_hash": "2" * 64,
        "offers": offers,
        "facts": make_facts(),
    }
    hosts: list[BenchHost] = []
    for start in range(first, end, INSERT_COUNT):
        rows = [
            Host(
                ordinal=number,
                hostname=f"host{number:06}.example.test",
                nonce=secrets.token_hex(16),
                package_set=dump_set(rng.sample(range(DISTINCT_VERSION_COUNT), PACKAGE_COUNT)),
                **known,
            )
            for number in range(start, min(start + INSERT_COUNT, end))
        ]
        Host.objects.bulk_create(rows)
        hosts += [BenchHost(id=str(row.id), nonce=row.nonce) for row in rows]
    rng.shuffle(hosts)
    return hosts


def make_facts() -> dict[str, Any]:
    """Return the stored facts of a host with a few services."""
    from oakum.protocol.codec import to_plain  # noqa: PLC0415
    from oakum.protocol.inventory import FactsSection, StaleService  # noqa: PLC0415

    texts = {field.name: "a" for field in dataclasses.fields(FactsSection)}
    lists: dict[str, Any] = {"kernels": (), "reboot_required_packages": (), "addresses": ("192.0.2.1",) * 20}
    services = tuple(StaleService(f"unit-{each}.service", (f"package-{each}",), 2) for each in range(20))
    facts = FactsSection(**texts | lists | {"stale_services": services, "stale_status": "known"})
    plain: dict[str, Any] = to_plain(facts)
    return plain


_CHECK_IN = {
    "protocol": 1,
    "boot_id": "b" * 36,
    "agent_version": "0.1.0",
    "policy_mode": "report_only",
    "packages_hash": "0" * 64,
    "offers_hash": "1" * 64,
    "facts_hash": "2" * 64,
    "lists_updated_at": "",
    "generation_max": 0,
    "active": [],
}


_TEMPLATE = json.dumps(_CHECK_IN | {"nonce": "%s", "attempt": "%032x", "sent_at": "%s"})
_attempts = itertools.count(1)


def check_in_body(host: BenchHost) -> bytes:
    """Return the body of the host's next check-in, without compression: it is a few hundred bytes.

    Put together from a template, because the generator's work is on the same clock as the gateway's.
    """
    sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return (_TEMPLATE % (host.nonce, next(_attempts), sent_at)).encode()


def headers_of(host: BenchHost) -> list[tuple[bytes, bytes]]:
    """Return the headers that an agent sends."""
    return [
        (b"authorization", f"Oakum {host.id}.{SECRET}".encode()),
        (b"content-type", b"application/json"),
    ]


def nonce_in(body: bytes) -> str:
    """Return the nonce of a reply; it stands first, and nothing else need be parsed."""
    marker = b'"nonce":"'
    start = body.index(marker) + len(marker)
    return body[start : body.index(b'"', start)].decode()


def make_report(number: int) -> bytes:
    """Return the gzipped body of a host's whole first packages section: 600 packages, 5 of them its own."""
    packages = [
        {
            "name": f"package-{each}" if each >= OWN_COUNT else f"own-{number}-{each}",
            "version": f"1.{each}.0-1+deb12u{each % 7}",
            "architecture": "amd64",
            "source_name": f"source-{each // 2}",
            "source_version": f"1.{each}.0-1+deb12u{each % 7}",
        }
        for each in range(PACKAGE_COUNT)
    ]
    section = {"manager": "apt", "status": "known", "reason": "", "packages": packages}
    body = {"protocol": 1, "observed_at": "2026-11-22T12:00:00Z", "packages": section}
    return gzip.compress(json.dumps(body).encode(), 6)
