"""The fleet side of an organisation's findings: every host's package set, when it was heard of, how it is exposed.

Loaded once a request, two blobs a host.  It knows nothing of advisories.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pyroaring import BitMap

from oakum.fleet.context import HostContext
from oakum.fleet.models import Group, Host, HostState
from oakum.fleet.queries import contexts, presence_of
from oakum.fleet.sets import load_set

DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HostLine:
    """One host as far as findings go.  ``index`` is its place by enrolment: the order in which deadlines fall.

    ``packages`` and ``running_old`` are serialised bitmaps; ``digest`` names what they hold.
    """

    index: int
    id: UUID
    hostname: str
    enrolled_at: datetime
    last_seen_at: datetime | None
    inventory_at: datetime | None
    presence: str
    packages_status: str
    packages_reason: str
    stale_status: str
    kernel_running: str
    facts_hash: str
    offers_status: str
    packages: bytes
    running_old: bytes
    digest: bytes
    context: HostContext
    groups: tuple[str, ...]

    @property
    def is_public(self) -> bool:
        """Whether it can be reached from outside; isolated is judged as internal."""
        return self.context.reachability == "public"

    @property
    def knows_packages(self) -> bool:
        """Whether its last inventory report could tell its packages."""
        return self.packages_status == "known"

    def package_set(self) -> BitMap:
        """Return what is installed."""
        return load_set(self.packages)


def load_hosts(*, organisation_id: UUID, now: datetime, stale_after: timedelta) -> tuple[HostLine, ...]:
    """Return every host of the organisation that is not retired, in order of enrolment: four queries."""
    told = contexts(organisation_id=organisation_id)
    groups = _groups(organisation_id)
    rows = Host.objects.filter(organisation_id=organisation_id).exclude(state=HostState.RETIRED)
    fields = (
        "id",
        "hostname",
        "enrolled_at",
        "last_seen_at",
        "inventory_at",
        "packages_status",
        "packages_reason",
        "stale_status",
        "kernel_running",
        "facts_hash",
        "offers_status",
        "package_set",
        "running_old_set",
    )
    found = rows.order_by("enrolled_at", "hostname", "id").values_list(*fields)
    # A host that was enrolled between two of these queries is seen by the next request.
    known = [row for row in found if row[0] in told]
    return tuple(
        HostLine(
            index=index,
            id=row[0],
            hostname=row[1],
            enrolled_at=row[2],
            last_seen_at=row[3],
            inventory_at=row[4],
            presence=presence_of(row[3], now=now, stale_after=stale_after),
            packages_status=row[5],
            packages_reason=row[6],
            stale_status=row[7],
            kernel_running=row[8],
            facts_hash=row[9],
            offers_status=row[10],
            packages=bytes(row[11]),
            running_old=bytes(row[12]),
            digest=hashlib.blake2b(row[11], digest_size=DIGEST_LENGTH).digest(),
            context=told[row[0]],
            groups=groups.get(row[0], ()),
        )
        for index, row in enumerate(known)
    )


def _groups(organisation_id: UUID) -> dict[UUID, tuple[str, ...]]:
    names: dict[UUID, list[str]] = defaultdict(list)
    members = Group.hosts.through.objects.filter(group__organisation_id=organisation_id)
    for host_id, name in members.order_by("group__name").values_list("host_id", "group__name"):
        names[host_id].append(name)
    return {host_id: tuple(each) for host_id, each in names.items()}
