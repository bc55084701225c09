"""All that is installed on one host, with what names each package elsewhere: for documents, which have no pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from oakum.catalogue.models import PackageVersion
from oakum.core.errors import NotFoundError, OperatorError
from oakum.fleet.models import Host
from oakum.fleet.sets import load_set
from oakum.protocol.inventory import UNKNOWN

_ID_COUNT_MAX = 5_000  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledVersion:
    """An installed package version; ``scheme`` orders it, ``running_old``: older code of it still runs."""

    scheme: str
    stream: str
    name: str
    version: str
    architecture: str
    purl: str
    held: bool
    running_old: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A host's packages by name, as of its last inventory report."""

    hostname: str
    os_name: str
    stream: str
    inventory_at: datetime | None
    packages: tuple[InstalledVersion, ...]


def installed(*, organisation_id: UUID, host_id: UUID) -> Installed:
    """Return what is installed on a host.

    Raises:
        NotFoundError: not a host of this organisation.
        OperatorError: it has not told, or cannot tell, what is installed: an empty list would be a lie.
    """
    host = Host.objects.filter(organisation_id=organisation_id, id=host_id).first()
    if host is None:
        raise NotFoundError(code="host_unknown", sentence="There is no such host.", next_step="See the list of hosts.")
    if host.packages_status == UNKNOWN:
        raise OperatorError(
            code="packages_unknown",
            sentence=f"What is installed on {host.hostname} is not known. {host.packages_reason}".strip(),
            next_step="Wait for its next report, or see why it cannot tell: `oakum host show`.",
        )
    held, running_old = load_set(host.held_set), load_set(host.running_old_set)
    wanted = list(load_set(host.package_set))
    rows: list[PackageVersion] = []
    for start in range(0, len(wanted), _ID_COUNT_MAX):
        chunk = PackageVersion.objects.filter(id__in=wanted[start : start + _ID_COUNT_MAX])
        rows += chunk.defer("order_key", "source_order_key")
    rows.sort(key=lambda each: (each.name, each.architecture, each.version, each.id))
    return Installed(
        hostname=host.hostname,
        os_name=host.os_name,
        stream=host.stream,
        inventory_at=host.inventory_at,
        packages=tuple(
            InstalledVersion(
                scheme=each.scheme,
                stream=each.stream,
                name=each.name,
                version=each.version,
                architecture=each.architecture,
                purl=each.purl,
                held=each.id in held,
                running_old=each.id in running_old,
            )
            for each in rows
        ),
    )
