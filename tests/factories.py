"""Rows for tests, as the rooms themselves would make them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from pyroaring import BitMap

from oakum.catalogue.models import PackageVersion
from oakum.core.streams import scheme_of_stream
from oakum.core.versions import order_key
from oakum.fleet.models import Host
from oakum.identity.models import Membership, Organisation, Person, Role

Package = tuple[str, str, str, str]  # name, version, source name, source version


def make_organisation(*, now: datetime, name: str = "Test", approvals_required: int = 1) -> Organisation:
    return Organisation.objects.create(name=name, approvals_required=approvals_required, created_at=now)


def make_person(organisation: Organisation, *, now: datetime, name: str = "ann", role: Role = Role.OPERATOR) -> Person:
    person = Person(name=name, created_at=now)
    person.set_unusable_password()
    person.save()
    Membership.objects.create(organisation=organisation, person=person, role=role)
    return person


def make_version(package: Package, *, now: datetime, stream: str = "debian:12") -> PackageVersion:
    name, version, source_name, source_version = package
    scheme = scheme_of_stream(stream)
    row, _ = PackageVersion.objects.get_or_create(
        stream=stream,
        name=name,
        version=version,
        architecture="amd64",
        source_name=source_name,
        source_version=source_version,
        defaults={
            "scheme": scheme,
            "order_key": order_key(scheme, version),
            "source_order_key": order_key(scheme, source_version),
            "purl": f"pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12",
            "first_seen_at": now,
        },
    )
    return row


def make_host(
    organisation: Organisation,
    *,
    now: datetime,
    hostname: str = "web01",
    stream: str = "debian:12",
    packages: Sequence[Package] = (),
    offers: Sequence[tuple[Package, str]] = (),
) -> Host:
    """Make a host that has just reported ``packages`` and is offered ``offers`` (package, version it replaces)."""
    installed = [make_version(package, now=now, stream=stream).id for package in packages]
    offered = [
        {"id": make_version(package, now=now, stream=stream).id, "from": old, "kept_back": "", "download_bytes": 1000}
        for package, old in offers
    ]
    return Host.objects.create(
        organisation=organisation,
        ordinal=Host.objects.count(),
        secret_hash=uuid.uuid4().hex * 2,
        nonce=uuid.uuid4().hex,
        enrolled_at=now,
        last_seen_at=now,
        hostname=hostname,
        os_id=stream.partition(":")[0],
        os_version_id=stream.partition(":")[2],
        stream=stream,
        architecture="amd64",
        policy_mode="apply",
        packages_status="known",
        packages_reason="",
        package_set=BitMap(installed).serialize(),
        running_old_set=BitMap().serialize(),
        held_set=BitMap().serialize(),
        stale_status="known",
        inventory_at=now,
        offers_status="known",
        offers_reason="",
        offers=offered,
        lists_updated_at=now,
    )
